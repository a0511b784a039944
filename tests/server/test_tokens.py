"""Tokens: made, shown, ended, revoked; and who may do what, for every route of the table."""

from __future__ import annotations

from itertools import product

import pytest
from tests.server.conftest import Served

from motet.server import gate, tokens
from motet.server.api import ROUTES
from motet.server.table import PUBLIC, Call, Permission, Role, Route, Table, get

RUN = "some-run"
ROLES = (None, *Role)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def place(route: Route, run: str = RUN) -> str:
    path = route.path.replace(":path}", "}")
    for name in route.named:
        path = path.replace(f"{{{name}}}", run if name == "run" else "0" * 64)
    return path


def may(route: Route, role: Role | None, *, own: bool) -> bool:
    """Written here once more, in other words than the table's."""
    if route.permission.value == "public":
        return True
    if role is None:
        return False
    if role == "run":
        return route.by_run and own
    return {"viewer": 1, "operator": 2, "admin": 3}[role] >= {"read": 1, "operate": 2, "admin": 3}[
        route.permission.value
    ]


def test_who_may_do_what(served: Served) -> None:
    """Each route, asked with each method by each role: what is not allowed is refused before it is read."""
    served.application.hub.close()  # so streams of events end at once
    clients = {role: served.as_(role, RUN) for role in ROLES}
    other = served.as_(Role.RUN, "another-run")
    wrong = served.as_(None, headers={"authorization": "Bearer motet_0_1"})
    paths = {route.path: route for route in ROUTES}
    methods = {(route.path, route.method) for route in ROUTES}
    for path, method in product(paths, METHODS):
        asked = "GET" if method == "HEAD" else method
        route = next((each for each in ROUTES if (each.path, each.method) == (path, asked)), None)
        if route is None:
            assert (path, asked) not in methods
            assert clients[Role.ADMIN].request(method, place(paths[path])).status_code == 405, (method, path)
            continue
        if route.name == "logout":
            continue  # it ends the token: tests/server/test_doors.py
        for role, client in clients.items():
            status = client.request(method, place(route)).status_code
            refused = status in (401, 403)
            assert refused is not may(route, role, own=True), (method, path, role, status)
            assert status < 500, (method, path, role)
        assert (other.request(method, place(route)).status_code == 403) is not may(route, Role.RUN, own=False), path
        if route.permission is not PUBLIC:
            assert wrong.request(method, place(route)).status_code in (401, 429)


def test_a_route_without_a_permission_cannot_be(served: Served) -> None:
    def answer(call: Call) -> str:
        """Nothing."""
        return ""

    with pytest.raises(TypeError, match="permission"):
        get("/x", None, answer)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="names none"):
        get("/x", Permission.READ, answer, by_run=True)
    with pytest.raises(TypeError, match="two routes"):
        Table([get("/x/{a}", Permission.READ, answer), get("/x/{b}", Permission.READ, answer)])


def test_a_token_lets_in_until_it_is_revoked(served: Served) -> None:
    made = served.admin.post("/api/v1/tokens", json={"user": "ada", "role": "viewer"}).json()
    client = served.as_(None, headers={"authorization": f"Bearer {made['token']}"})
    assert client.get("/api/v1/me").json() == {"user": "ada", "role": "viewer"}
    listed = served.admin.get("/api/v1/tokens").text
    assert "ada" in listed
    assert made["token"].rpartition("_")[2] not in listed
    assert served.admin.delete("/api/v1/tokens/ada").json()["id"] == made["id"]
    assert client.get("/api/v1/me").status_code == 401


def test_a_token_ends_at_its_time(served: Served) -> None:
    _, text = tokens.create(served.site.store, "ada", Role.ADMIN, for_s=-1.0)
    assert tokens.caller_of(served.site.store, served.site.home, text) is None


def test_nothing_that_is_kept_of_a_token_lets_in(served: Served) -> None:
    made, text = tokens.create(served.site.store, "ada", Role.ADMIN)
    kept = served.site.store.document("motet", "token", made.id)
    assert kept is not None
    assert text.rpartition("_")[2] not in str(kept.body)
    for forged in (
        f"motet_{made.id}_{made.digest}",
        f"motet_{made.id}_",
        f"run_{made.id}_{made.digest}",
        "run__",
        "é_a_b",
    ):
        assert tokens.caller_of(served.site.store, served.site.home, forged) is None


def test_wrong_tokens_are_counted_and_right_ones_still_let_in(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_TRIES_S", 1e6)
    client = served.as_(None, headers={"authorization": "Bearer motet_a_b"})
    statuses = [client.get("/api/v1/me").status_code for _ in range(25)]
    assert statuses[:20] == [401] * 20
    assert statuses[20:] == [429] * 5
    assert served.viewer.get("/api/v1/me").status_code == 200


def test_what_is_asked_to_be_done_is_noted_with_the_users_name(served: Served) -> None:
    served.operator.post("/api/v1/tokens", json={"user": "eve", "role": "admin"})
    served.admin.post("/api/v1/tokens", json={"user": "ada", "role": "viewer"})
    lines = served.admin.get("/api/v1/audit").json()
    told = [(each["user"], each["route"], each["status"]) for each in lines]
    assert told == [("a-operator", "token_created", 403), ("a-admin", "token_created", 201)]


def test_who_is_refused_again_and_again_fills_no_trail(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_TRIES_S", 1e6)
    client, other = served.operator, served.operator
    assert {client.get("/api/v1/audit").status_code for _ in range(30)} == {403}
    assert other.get("/api/v1/audit").status_code == 403
    told = [each["token"] for each in served.admin.get("/api/v1/audit").json()]
    assert len(told) == 21, "the first twenty of a token, and the other token's"
    assert len(set(told)) == 2
