"""Who is told when runs fail, crash, wait or are late; what fails is tried again, then told as failed."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.scheduling.conftest import World

from motet.errors import UsageError
from motet.registry import definitions, starting
from motet.registry.starting import Place
from motet.scheduling import alerts
from motet.scheduling.alerts import WAITS_S, Alert, Teller


def run(world: World, number: int, **more: Any) -> str:
    new = starting.new_run(
        definitions.find(world.store, "train"), {}, Place(world.store, world.home, world.at), run=f"r{number}", **more
    )
    assert world.store.create_run(new)
    return new.id


def added(world: World, **given: Any) -> Alert:
    return alerts.add(world.store, world.home, Alert(**{"name": "a", **given}), world.at)


def teller(world: World) -> Teller:
    return Teller(world.store, world.home, world.now, world.said.append)


def told(world: World, made: Teller) -> None:
    """See what is to be told, and tell it here."""
    made._threads = _Here()  # type: ignore[assignment]
    made.look()


class _Here:
    def submit(self, call: Any, *args: Any) -> None:
        call(*args)

    def shutdown(self, **_: Any) -> None:
        pass


class _Later(_Here):
    def submit(self, call: Any, *args: Any) -> None:
        pass


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "box"


def by_command(box: Path) -> list[str]:
    return ["sh", "-c", f"cat >> {box}; echo >> {box}"]


def messages(box: Path) -> list[Any]:
    return [json.loads(line) for line in box.read_text().splitlines() if line] if box.exists() else []


def test_a_run_that_fails_is_told_once_without_secrets(
    world: World, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTET_SECRET_DOOR", "sesame-opens")
    world.end(run(world, 0), "failed")
    added(world, command=by_command(box))
    world.end(run(world, 1), "failed", {"type": "ValueError", "message": "with sesame-opens"})
    world.end(run(world, 2), "succeeded")
    made = teller(world)
    for _ in range(3):
        told(world, made)
    (message,) = messages(box)
    assert message["run"]["id"] == "r1" and message["kind"] == "failed"
    assert "ValueError: with ***" in message["text"]
    assert alerts.find(world.store, "a").state == {"delivered": 1}


def test_a_second_teller_goes_on_where_the_first_one_died(world: World, box: Path) -> None:
    added(world, command=by_command(box))
    world.end(run(world, 1), "failed")
    first = teller(world)
    first._threads = _Dead()  # type: ignore[assignment]
    first.look()
    told(world, teller(world))
    assert [each["run"]["id"] for each in messages(box)] == ["r1"]


class _Dead(_Here):
    def submit(self, call: Any, *args: Any) -> None:
        pass


def test_what_is_late_is_told(world: World, box: Path) -> None:
    added(world, command=by_command(box), on=["late"], late_s=100.0)
    run(world, 1)
    made = teller(world)
    told(world, made)
    assert messages(box) == []
    world.at += 101
    told(world, made)
    told(world, made)
    assert [each["kind"] for each in messages(box)] == ["late"]


def test_only_what_is_asked_for(world: World, box: Path) -> None:
    added(world, command=by_command(box), workflow="other*")
    added(world, name="b", command=by_command(box), tag="night")
    world.end(run(world, 1), "failed")
    told(world, teller(world))
    assert messages(box) == []


def test_a_hook_that_fails_is_tried_again_and_then_told_as_failed(world: World) -> None:
    with answering(500) as (address, seen):
        added(world, hook=address)
        world.end(run(world, 1), "failed")
        made = teller(world)
        for wait_s in WAITS_S:
            told(world, made)
            (body,) = alerts.undelivered(world.store)
            assert body["next_at"] == pytest.approx(world.at + wait_s) and "500" in body["error"]
            world.at += wait_s - 1
            told(world, made)  # too early
            world.at += 1
        told(world, made)
        assert len(seen) == len(WAITS_S) + 1
    assert alerts.undelivered(world.store)[0]["next_at"] is None
    assert alerts.find(world.store, "a").state["failed"] == 1
    assert [each.key for each in world.store.read(0, published=True) if each.key == "alert.failed"] == ["alert.failed"]
    assert any("given up" in each for each in world.said)


def test_a_hook_is_given_secrets_by_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_SECRET_HOOK", "token-of-hook")
    with answering(200) as (address, seen):
        with pytest.raises(UsageError, match="A secret stands"):
            added(world, hook=f"{address}/token-of-hook")
        added(world, hook=address + "/{secret:hook}", headers=["Authorization: Bearer {secret:hook}"])
        world.end(run(world, 1), "failed")
        told(world, teller(world))
    (path, headers, body) = seen[0]
    assert path == "/token-of-hook" and headers["Authorization"] == "Bearer token-of-hook"
    assert json.loads(body)["run"]["id"] == "r1"
    assert "token-of-hook" not in json.dumps([each.body for each in world.store.documents("motet", "alert")])


def test_mail(world: World) -> None:
    with post_office() as (address, letters):
        added(world, mail="me@example.org", smtp=address)
        world.end(run(world, 1, name="night"), "failed")
        told(world, teller(world))
    assert len(letters) == 1 and "Subject: train: run night failed" in letters[0]
    assert "To: me@example.org" in letters[0]


def test_a_dead_mail_server_is_an_error_like_any_other(world: World) -> None:
    added(world, mail="me@example.org", smtp="smtp://127.0.0.1:1")
    world.end(run(world, 1), "failed")
    told(world, teller(world))
    assert "refused" in alerts.undelivered(world.store)[0]["error"]


def test_what_was_written_down_for_an_alert_that_is_gone_is_not_told(world: World, box: Path) -> None:
    added(world, command=by_command(box))
    world.end(run(world, 1), "failed")
    made = teller(world)
    made.look()
    made.close(wait=True)
    assert len(messages(box)) == 1
    world.end(run(world, 2), "failed")
    made = teller(world)
    made._threads = _Later()  # type: ignore[assignment]
    made.look()
    alerts.KEPT.remove(world.store, "a", world.at)
    for key in made.due():
        made.tell(key)
    assert len(messages(box)) == 1 and alerts.undelivered(world.store) == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "one way to tell"), ({"hook": "ftp://x"}, "no address"), ({"mail": "nobody"}, "no mail address"),
        ({"mail": "a@b", "smtp": "x"}, "no mail server"), ({"hook": "http://x", "on": ["late"]}, "When is a run late"),
        ({"hook": "http://x", "headers": ["a\r\nb: c"]}, "no header"), ({"hook": "http://x", "mail": "a@b"}, "one way"),
        *(({"hook": each}, "no address") for each in ("http://", "http://x/\ny", "http://x/ y", "http://[x", "http://x:y")),
        *(({"mail": each}, "no mail address") for each in ("@", "a@", "a@b\r\nBcc: c@d", "a@b\0", "a@b, c")),
        ({"mail": "a@b", "sender": "c\nBcc: d@e"}, "no mail address"),
        *(({"mail": "a@b", "smtp": each}, "no mail server") for each in ("smtp://", "smtp://x:y", "smtp://x\n")),
        *(({"hook": "http://x", "headers": [each]}, "no header") for each in ("a b: c", ": c", "a: \0", "a: \u0142")),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused(world: World, given: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        added(world, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"hook": "https://{secret:host}:{secret:port}/a?b={secret:c}", "headers": ["X-Key:{secret:d}"]},
        {"hook": "http://[::1]:8080"},
        {"mail": "Me <me@example.org>, you@example.org", "sender": "Motet <motet@example.org>"},
        {"mail": "me@example.org", "smtp": "smtps://me:{secret:mail}@mail.example.org:465"},
    ],
)
def test_what_may_be_an_address_is_taken(world: World, given: dict[str, Any]) -> None:
    assert added(world, **given).number


@contextmanager
def answering(status: int) -> Iterator[tuple[str, list[Any]]]:
    """A server of the web that answers so, and what it was asked."""
    seen: list[Any] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with closing_server(HTTPServer(("127.0.0.1", 0), Answer)) as port:
        yield f"http://127.0.0.1:{port}", seen


@contextmanager
def post_office() -> Iterator[tuple[str, list[str]]]:
    """A mail server that takes one letter for each connection."""
    letters: list[str] = []

    class Office(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline().strip():
                if line.upper() == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    text = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        text += part
                    letters.append(text.decode())
                self.wfile.write(b"250 well\r\n")

    with closing_server(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Office)) as port:
        yield f"smtp://127.0.0.1:{port}", letters


@contextmanager
def closing_server(server: Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with closing(server.socket):
            yield server.server_address[1]
            server.shutdown()
    finally:
        server.shutdown()
        thread.join()
