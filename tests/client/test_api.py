"""`motet.client`: a server asked from Python by functions that are its own routes."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from itertools import islice
from pathlib import Path

import pytest
from tests.client.conftest import Elsewhere

from motet import owners
from motet.client import AsyncClient, Client
from motet.client.api import taken
from motet.client.connection import Address, Connection
from motet.errors import MotetError, NotFound, StoreUnavailable, UsageError
from motet.server.api import ROUTES, runs, steering


@pytest.fixture
def client(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("MOTET_HOME", str(elsewhere.home))
    return Client(elsewhere.url)


def test_each_route_of_the_table_is_a_method(client: Client) -> None:
    for each in ROUTES:
        assert each.name in dir(client)
        assert getattr(client, each.name).__doc__ == each.answer.__doc__
        assert set(each.named) <= set(taken(each))


def test_runs_are_listed_and_read(client: Client) -> None:
    with client:
        assert {each["name"] for each in client.runs(status="failed")["runs"]} >= {"bad-one"}
        assert client.run("good-one")["result"] == client.run(run="good-one")["result"] == 5
        found = client.call(runs.step, "good-one", "square-0")
        assert found["key"] == "good/square-0"
        assert len(client.compare(["good-one", "good-two"], same=True)["runs"]) == 2


def test_errors_are_those_of_the_server_with_their_cures(client: Client) -> None:
    with pytest.raises(NotFound, match="no run 'nothing'") as raised:
        client.run("nothing")
    assert "motet ls" in raised.value.cure
    with pytest.raises(UsageError, match="is the beginning of"):
        client.run("good")
    with pytest.raises(UsageError, match="takes no 'statu'") as wrong:
        client.runs(statu="failed")
    assert "status" in wrong.value.cure
    with pytest.raises(UsageError, match="needs run"):
        client.run()
    with pytest.raises(AttributeError, match="Did you mean run"):
        client.runz()
    with pytest.raises(MotetError):
        client.runs(limit=0)


def test_events_are_published_and_followed(client: Client) -> None:
    offset = client.call(steering.publish, body=steering.Event("from-python", {"n": 1}))["offset"]
    client.publish("from-python", value=2, namespace="n")
    heard = client.live(after=offset - 1)
    assert [(each["offset"], each["key"]) for each in islice(heard, 2)] == [
        (offset, "from-python"), (offset + 1, "from-python"),
    ]  # fmt: skip
    heard.close()


def test_content_comes_as_bytes(client: Client) -> None:
    one = next(each for each in client.artifacts("good-one") if each["type"] == "markdown")
    if "artifact" in one["content"]:
        assert client.artifact(one["content"]["artifact"]) == b"# Notes"
    assert b"motet_runs" in client.metrics()


def test_the_same_can_be_awaited(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_HOME", str(elsewhere.home))

    async def ask() -> None:
        async with AsyncClient(elsewhere.url) as client:
            one, two = await asyncio.gather(client.run("good-one"), client.call(runs.run, "good-two"))
            assert (one["name"], two["name"]) == ("good-one", "good-two")
            with pytest.raises(NotFound):
                await client.run("nothing")
            offset = (await client.publish("awaited"))["offset"]
            async for each in client.live(after=offset - 1):
                assert each["key"] == "awaited"
                break

    asyncio.run(ask())


def test_without_a_server_or_a_token_it_is_told_what_to_do(elsewhere: Elsewhere) -> None:
    with pytest.raises(UsageError, match="token"):
        Client(elsewhere.url, "motet_a_b").runs()
    with pytest.raises(UsageError, match="token"):  # this test's home has none
        Client(elsewhere.url).runs()
    with pytest.raises(StoreUnavailable, match="motet server"):
        Client("http://127.0.0.1:1", "motet_a_b").runs()
    with pytest.raises(StoreUnavailable, match="motet server"):
        next(Client("http://127.0.0.1:1", "motet_a_b").live())
    for url in ("ftp://a", "http://", "http://a:b", "http://user@host"):
        with pytest.raises(UsageError, match="no address"):
            Client(url)


def test_the_owners_token_is_shown_to_servers_of_the_home_alone(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTET_HOME", str(elsewhere.home))
    port = int(elsewhere.url.rpartition(":")[2])
    token = (elsewhere.home / "server.token").read_text().strip()
    named = Address(f"http://localhost:{port}")
    assert (named.token, named.host, named.url) == (token, "127.0.0.1", elsewhere.url)
    assert Address(elsewhere.url).token == token
    for other in (f"[::1]:{port}", f"127.0.0.2:{port}", f"127.0.0.1:{port ^ 1}", f"runs.example.org:{port}"):
        assert Address(f"http://{other}").token == ""


def test_who_listened_is_known_until_it_ends(tmp_path: Path) -> None:
    home = str(tmp_path)
    assert owners.own_server(home, "127.0.0.1", 4200) == ""
    first, second = (owners.note_server(home, "0.0.0.0", 4200) for _ in range(2))
    os.close(first)
    assert [owners.own_server(home, host, 4200) for host in ("localhost", "127.0.0.1", "::1")] == ["127.0.0.1"] * 2 + [
        ""
    ]
    os.close(second)
    assert owners.own_server(home, "localhost", 4200) == ""


def test_what_is_no_token_and_what_is_no_server_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_TOKEN", "abc\r\n")
    assert Address("http://127.0.0.1:1").token == "abc"
    for wrong in ("a\r\nHost: elsewhere", "a\u20ac"):
        monkeypatch.setenv("MOTET_TOKEN", wrong)
        with pytest.raises(UsageError, match="no token"):
            Address("http://127.0.0.1:1")
    monkeypatch.setenv("MOTET_TOKEN", "abc")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connection = Connection(Address(f"http://127.0.0.1:{listening.getsockname()[1]}"))
        answering = threading.Thread(target=_answer_once, args=(listening,))
        answering.start()
        with pytest.raises(StoreUnavailable, match="no word of Motet's"):
            connection.ask("GET", "/api/v1/health")
        answering.join()
        connection.close()


def _answer_once(listening: socket.socket) -> None:
    taken, _ = listening.accept()
    with taken:
        taken.recv(65536)
        taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(UsageError, match="httpx2") as raised:
        Client("http://127.0.0.1:4200")
    assert "motet[client]" in raised.value.cure
