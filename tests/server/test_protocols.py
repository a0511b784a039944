"""Further protocols, by entry point."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import IO, Any

import pytest
from tests.server.conftest import Served

from motet.errors import UsageError
from motet.ports.routes import OPERATE, PUBLIC, READ, Call, Caller, Refused, Role, Stream, get, post, put
from motet.server import audit, tokens
from motet.server.api import ROUTES
from motet.server.application import Application
from motet.server.gate import Gate
from motet.server.serving import asked_for


def test_a_protocol_is_found_and_opens_its_port(served: Served) -> None:
    pytest.importorskip("grpc")
    ((protocol, options),) = asked_for(["notification=127.0.0.1:0"])
    close = protocol.start(served.site, options)
    close()


def test_one_that_is_not_installed_is_told(served: Served) -> None:
    with pytest.raises(UsageError, match="no protocol 'notifications'"):
        asked_for(["notifications"])


# ---------------------------------------------------------------- routes that a protocol brings


class Echo:
    """A protocol that shows what its routes are given."""

    name = "echo"

    def __init__(self) -> None:
        self.routes = (
            put("/echo/{name}", OPERATE, self.kept, in_file=True, consumes="text/plain", most_bytes=3 * 2**20),
            get("/echo/{name}", READ, self.shown, by_password=True),
            post("/echo/{name}/looked", READ, self.looked, only_looks=True),
            post("/echo/{name}/runs", OPERATE, self.by_code, by_runs=True),
            post("/echo/in", PUBLIC, self.entered),
            get("/echo/{name}/parts", READ, self.parts),
        )

    def kept(self, call: Call, name: str, body: IO[bytes]) -> dict[str, Any]:
        """How much was sent."""
        return {"name": name, "bytes": len(body.read())}

    def shown(self, call: Call, name: str) -> dict[str, Any]:
        """Who asks, with which header."""
        return {"user": call.caller.user, "header": call.headers.get("x-said", "")}

    def looked(self, call: Call, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """What was asked."""
        return body

    def by_code(self, call: Call, name: str) -> dict[str, Any]:
        """Which run asks."""
        return {"run": call.caller.run}

    def entered(self, call: Call, body: dict[str, str]) -> dict[str, Any]:
        """Let somebody in whose token is known."""
        if call.site.known(body["token"]) is None:
            raise Refused(401, "Nobody has that token.", "Send another.")
        return body

    def parts(self, call: Call, name: str) -> Stream:
        """Two parts, with a header."""

        async def said() -> AsyncIterator[bytes]:
            for each in (b"one\n", b"two\n"):
                yield each

        return Stream(said(), {"X-Kind": name})

    def start(self, site: Any, options: Mapping[str, str]) -> Any:
        """Nothing to open."""
        return lambda: None


@pytest.fixture
def echoing(served: Served) -> Served:
    brought = [replace(each, brought_by="echo") for each in Echo().routes]
    return Served(served.site, Application(served.site, [*ROUTES, *brought], Gate(served.site)))


def test_its_routes_are_let_in_to_and_noted_as_the_servers_own_are(echoing: Served) -> None:
    assert echoing.as_(None).get("/echo/a").status_code == 401
    assert echoing.viewer.post("/echo/a/runs").status_code == 403
    assert echoing.viewer.post("/echo/a/looked", json={"x": 1}).json() == {"x": 1}
    assert echoing.operator.put("/echo/a", content="abc", headers={"content-type": "text/plain"}).json()["bytes"] == 3
    day = time.strftime("%Y-%m-%d", time.gmtime())
    noted = [(each.route, each.status) for each in audit.of_day(echoing.site.store, day)]
    assert ("echo.kept", 200) in noted
    assert ("echo.by_code", 403) in noted
    assert "echo.looked" not in [route for route, _ in noted], "what changes nothing is not noted"
    told = echoing.viewer.get("/api/v1/openapi.json").json()["paths"]["/echo/{name}"]
    assert told["put"]["x-permission"] == "operate"


def test_a_large_body_is_a_file_and_has_its_limit(echoing: Served) -> None:
    kind = {"content-type": "text/plain"}
    assert echoing.operator.put("/echo/a", content=b"x" * (2 * 2**20 + 5), headers=kind).json()["bytes"] == 2097157
    assert echoing.operator.put("/echo/a", content=b"x" * (3 * 2**20 + 1), headers=kind).status_code == 413
    assert echoing.operator.put("/echo/a", content=b"x", headers={"content-type": "text/html"}).status_code == 415


def test_a_token_may_come_as_a_password_where_a_route_says_so(echoing: Served) -> None:
    _, text = tokens.create(echoing.site.store, "ada", Role.VIEWER)
    nobody = echoing.as_(None)
    assert nobody.get("/echo/a").headers["www-authenticate"].startswith("Basic ")
    assert nobody.get("/echo/a", auth=("git", text), headers={"x-said": "hi"}).json() == {"user": "ada", "header": "hi"}
    assert nobody.get("/echo/a", auth=("git", "wrong")).status_code == 401
    assert nobody.get("/echo/a/parts", auth=("git", text)).status_code == 401, "not where it does not"
    for odd in ("Basic", "Basic !!!", "Basic Z2l0", "Basic " + base64.b64encode("git:\xe9".encode()).decode()):
        assert nobody.get("/echo/a", headers={"authorization": odd}).status_code == 401


def test_a_token_for_one_place_is_good_for_nothing_else(echoing: Served) -> None:
    made, _ = tokens.create(echoing.site.store, "ada", Role.OPERATOR)
    ada = Caller("ada", Role.OPERATOR, token=made.id)
    text = echoing.site.issue(ada, "for one", 60.0, "/echo/a/")
    asker = echoing.as_(None, headers={"authorization": f"Bearer {text}"})
    assert asker.get("/echo/a/parts").text == "one\ntwo\n"
    assert asker.get("/echo/a/parts").headers["x-kind"] == "a"
    for other in ("/echo/a", "/echo/b/parts", "/api/v1/runs", "/echo/b/..%2fa/parts", "/echo/b/../a/../b/parts"):
        assert asker.get(other).status_code in (403, 404), other
    assert asker.post("/api/v1/links").status_code == 403
    assert tokens.revoke(echoing.site.store, "ada").id == made.id, "it is none of the user's own"
    assert asker.get("/echo/a/parts").status_code == 401


def test_code_of_any_run_may_ask_where_a_route_says_so(echoing: Served) -> None:
    echoing.make("r1")
    code = echoing.as_(Role.RUN, "r1")
    assert code.post("/echo/a/runs").json() == {"run": "r1"}
    assert code.get("/echo/a").status_code == 403


def test_who_shows_wrong_tokens_to_a_public_route_is_counted(echoing: Served) -> None:
    nobody = echoing.as_(None)
    tried = [nobody.post("/echo/in", json={"token": f"motet_{n}_x"}).status_code for n in range(25)]
    assert tried[:19] == [401] * 19
    assert tried[-1] == 429
    _, right = tokens.create(echoing.site.store, "ada", Role.VIEWER)
    assert nobody.post("/echo/in", json={"token": right}).status_code == 200
