"""Browsers: the link, the cookie, and pages of other sites; hosts that the server does not go by."""

from __future__ import annotations

import os
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient
from tests.server.conftest import Served

from motet.server import tokens
from motet.server.api import ROUTES
from motet.server.application import Application
from motet.server.gate import Gate
from motet.server.table import Role

OURS = "http://localhost:4200"


def test_a_link_lets_one_browser_in_once(served: Served) -> None:
    browser = served.as_(None, follow_redirects=False)
    path = served.operator.post("/api/v1/links").json()["path"]
    assert browser.head(path).status_code == 405  # as programs look at links before anybody follows them
    answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/runs"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert browser.get("/api/v1/me").json() == {"user": "a-operator", "role": "operator"}
    assert served.as_(None, follow_redirects=False).get(path).status_code == 401
    assert served.as_(None).get("/login?code=x_y").status_code == 401


def test_a_browser_is_let_in_no_longer_than_the_token_that_its_link_came_from(served: Served) -> None:
    store = served.site.store
    made, text = tokens.create(store, "ada", Role.VIEWER, for_s=3600.0)
    asker = served.as_(None, headers={"authorization": f"Bearer {text}"})
    paths = [asker.post("/api/v1/links").json()["path"] for _ in range(3)]
    browser, second = (served.as_(None, follow_redirects=False) for _ in range(2))
    browser.get(paths[0])
    further = browser.post("/api/v1/links", headers={"origin": OURS}).json()["path"]
    second.get(further)
    lasting = [each.until for each in tokens.every(store)]
    assert len(lasting) == 3
    assert all(until is not None and made.until is not None and until <= made.until + 1 for until in lasting)
    callers = [served.application.gate._caller(_request(each)) for each in (browser, second)]
    assert all(each is not None and tokens.still(store, each) for each in callers)
    assert tokens.revoke(store, "ada").id == made.id
    assert [browser.get("/api/v1/me").status_code, second.get("/api/v1/me").status_code] == [401, 401]
    assert not any(each is not None and tokens.still(store, each) for each in callers)
    assert served.as_(None, follow_redirects=False).get(paths[1]).status_code == 401


def _request(browser: TestClient) -> Request:
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})


def test_what_has_ended_is_forgotten_in_time(served: Served) -> None:
    tokens.create(served.site.store, "ada", Role.VIEWER, for_s=-1.0)
    tokens.create(served.site.store, "eve", Role.VIEWER)
    tokens.link_code(served.site.store, "eve", Role.VIEWER)
    assert [each.user for each in tokens.every(served.site.store)] == ["eve"]


def test_a_cookie_acts_only_for_pages_of_the_server(served: Served) -> None:
    browser = served.as_(None)
    browser.get(served.operator.post("/api/v1/links").json()["path"])
    body = {"key": "k"}
    for headers in ({}, {"origin": "null"}, {"origin": "http://evil.example"}, {"origin": "http://localhost:4201"},
                    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):  # fmt: skip
        assert browser.post("/api/v1/events", json=body, headers=headers).status_code == 403, headers
    assert browser.post("/api/v1/events", json=body, headers={"origin": OURS}).status_code == 201
    assert browser.post("/api/v1/events", json=body, headers={"sec-fetch-site": "same-origin"}).status_code == 201
    assert browser.post("/api/v1/events", json=body, headers={"origin": "https://localhost:4200"}).status_code == 201
    assert browser.post("/api/v1/logout", headers={"origin": OURS}).status_code == 204
    assert browser.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_site_is_refused_whatever_it_carries(served: Served, method: str) -> None:
    answer = served.admin.request(method, "/api/v1/tokens", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


def test_a_host_that_the_server_does_not_go_by_is_refused(served: Served) -> None:
    client = served.admin
    for host in (
        "evil.example",
        "evil.example:4200",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "",
        "[::1",
        "a@localhost",
    ):
        for path in ("/", "/api/v1/me", "/api/v1/health"):
            assert client.get(path, headers={"host": host}).status_code == 421, (host, path)
    for host in ("localhost", "localhost:80", "LOCALHOST.", "127.0.0.1:4200", "[::1]:4200", "10.1.2.3"):
        assert client.get("/api/v1/me", headers={"host": host}).status_code == 200, host


def test_a_link_leads_to_the_address_that_it_was_made_for_and_to_no_other_site(served: Served) -> None:
    browser = served.as_(None, follow_redirects=False)
    path = served.operator.post("/api/v1/links").json()["path"]
    for other in ("//evil.example/runs", "https://evil.example/", "/\\evil.example"):
        assert browser.get(f"{path}&{urlencode({'to': other})}").status_code == 400
    to = "/runs/quiet-otter?step=train[3]#\r\nSet-Cookie: a=b"
    answer = browser.get(f"{path}&{urlencode({'to': to})}")
    assert (answer.status_code, answer.headers["set-cookie"].count("a=b")) == (303, 0)
    assert answer.headers["location"].startswith("/runs/quiet-otter?step=train%5B3%5D#%0D%0A")


def test_the_description_names_the_cookie_of_this_server(served: Served) -> None:
    application = Application(served.site, ROUTES, Gate(served.site, cookie="motet_session_4201"))
    described = TestClient(application, base_url=OURS).get("/api/v1/openapi.json").json()
    assert described["components"]["securitySchemes"]["cookie"]["name"] == "motet_session_4201"


def test_the_owner_has_a_token_in_a_file_of_his_own(served: Served) -> None:
    text = tokens.own(served.site.store, served.site.home)
    assert tokens.own(served.site.store, served.site.home) == text
    caller = tokens.caller_of(served.site.store, served.site.home, text)
    assert caller is not None
    assert caller.role is Role.ADMIN
    with open(tokens.own_file(served.site.home)) as file:
        assert file.read() == f"{text}\n"
        assert not os.fstat(file.fileno()).st_mode & 0o077
