"""The built page as the server gives it: to everybody, kept by browsers, compressed, and allowed little."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.server.conftest import Served

from motet.server.api import ROUTES
from motet.server.application import Application
from motet.server.gate import Gate
from motet.server.page import Page, is_address

INDEX, SCRIPT = b"<!doctype html><title>Motet</title>", b"export const page = 1;\n" * 50


@pytest.fixture
def client(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    built = tmp_path / "built"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_bytes(INDEX)
    (built / "assets" / "index-Ab12.js").write_bytes(SCRIPT)
    (built / ".stamp").write_text("1 2")
    monkeypatch.setattr("motet.server.application.Page", lambda: Page(str(built)))
    return TestClient(Application(served.site, ROUTES, Gate(served.site)), base_url="http://localhost:4200")


def test_addresses_of_the_page_give_its_frame_to_everybody(client: TestClient) -> None:
    for path in ("/", "/runs", "/runs/quiet-otter/radar", "/runs/a%2Fb?step=c", "/events", "/artifacts/" + "0" * 64):
        answer = client.get(path)
        assert (answer.status_code, answer.content) == (200, INDEX), path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "unsafe" not in policy
    assert client.head("/runs").status_code == 200


def test_what_is_named_by_its_content_is_kept_for_good(client: TestClient) -> None:
    answer = client.get("/assets/index-Ab12.js", headers={"accept-encoding": "identity"})
    assert answer.content == SCRIPT
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_are_compressed_for_those_who_take_it(client: TestClient) -> None:
    with client.stream("GET", "/assets/index-Ab12.js", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert len(raw) < len(SCRIPT) / 4
    assert gzip.decompress(raw) == SCRIPT


def test_what_is_known_already_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/runs").headers["etag"]
    answer = client.get("/runs", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert client.get("/runs", headers={"if-none-match": '"another"'}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/.stamp",
        "/assets/",
        "/assets/other.js",
        "/assets/../index.html.x",
        "/assets/%2e%2e/page.py",
        "/page.py",
        "/runsx",
    ],
)
def test_nothing_else_is_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["cure"] == "See /api/v1/openapi.json."


def test_nothing_is_done_at_addresses_of_the_page(client: TestClient) -> None:
    assert client.post("/runs").status_code == 404


def test_another_host_is_not_shown_the_page(client: TestClient) -> None:
    assert client.get("/runs", headers={"host": "evil.example"}).status_code == 421


def test_a_checkout_without_a_built_page_says_how_to_build_it(tmp_path: Path) -> None:
    found = Page(str(tmp_path / "none")).answer("/runs", packed=False, known="")
    assert found is not None
    assert b"scripts/page" in bytes(found.body)


def test_only_addresses_of_the_page_are_led_on_to() -> None:
    good = ("/", "/runs", "/runs/a?step=b#c", "/compare?runs=a,b", "/waiting/1")
    bad = (
        "",
        "runs",
        "//evil.example",
        "//evil.example/runs",
        "/\\evil.example",
        "/runs\\..",
        "/api/v1/runs",
        "/login?code=1",
    )
    assert [each for each in good if not is_address(each)] == []
    assert [each for each in bad if is_address(each)] == []
