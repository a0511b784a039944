"""Live updates: what a listener is told, in order, once, without gaps; and that a slow one harms nobody."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from functools import partial

import pytest
import uvicorn
from tests.server.conftest import Served
from uvicorn.server import ServerState

from motet.ports import LogLine, Publication
from motet.server import live, serving
from motet.server.live import _QUEUE, Hub, Listener, Message
from motet.server.table import Role


def published(served: Served, count: int, run: str = "") -> int:
    events = [Publication(f"k{number}", number, run=run) for number in range(count)]
    return served.site.store.publish(events)[-1]


async def heard(stream: AsyncIterator[bytes], until: int) -> list[int]:
    """The offsets that the stream tells, up to that one."""
    found: list[int] = []
    async for message in stream:
        if message.startswith(b"id: "):
            head, kind, body, *_ = message.decode().split("\n")
            assert kind == "event: changes"
            found += [each["offset"] for each in json.loads(body.removeprefix("data: "))]
            assert head == f"id: {found[-1]}"
            if found[-1] >= until:
                break
    await stream.aclose()  # type: ignore[attr-defined]
    return found


def test_whoever_comes_back_misses_nothing_and_hears_nothing_twice(served: Served) -> None:
    async def go() -> None:
        hub = Hub(served.site)
        end = published(served, 50)
        for after in (0, end - 7, end):
            listening = asyncio.create_task(heard(hub.stream("", after, lambda: True), end + 30))
            while not hub.count:
                await asyncio.sleep(0)
            for _ in range(30):
                last = await asyncio.to_thread(published, served, 1)
            assert await listening == list(range(after + 1, end + 31))
            assert last == end + 30
            assert hub.count == 0
            end = last
        hub.close()

    asyncio.run(go())


def test_a_listener_to_one_run_hears_that_run_alone(served: Served) -> None:
    served.make("one")
    served.make("two")

    async def go() -> list[int]:
        hub = Hub(served.site)
        stream = hub.stream("one", None, lambda: True)
        assert (await anext(stream)).startswith(b":")
        published(served, 3, "two")
        last = published(served, 3, "one")
        found = await heard(stream, last)
        hub.close()
        return found

    assert len(asyncio.run(go())) == 3


def test_a_listener_to_a_run_hears_that_it_has_written_lines(served: Served) -> None:
    served.make("one")

    async def go() -> bytes:
        hub = Hub(served.site)
        stream = hub.stream("one", None, lambda: True)
        await anext(stream)
        await asyncio.to_thread(served.site.logs.write, "one", [LogLine(1.0, "a", 1, "stdout", "said")])
        found = await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        hub.close()
        return found

    assert asyncio.run(go()).startswith(b"event: lines\n")


def test_a_listener_to_all_runs_hears_which_of_those_it_asked_for_have_written_lines(served: Served) -> None:
    for each in ("one", "two", "three"):
        served.make(each)

    async def go() -> list[bytes]:
        hub = Hub(served.site)
        stream = hub.stream("", None, lambda: True, ["one", "three"])
        await anext(stream)
        heard: list[bytes] = []
        for run in ("one", "two", "three"):
            await asyncio.to_thread(served.site.logs.write, run, [LogLine(1.0, "a", 1, "stdout", "said")])
            if run != "two":
                heard.append(await anext(stream))
        await stream.aclose()  # type: ignore[attr-defined]
        hub.close()
        return heard

    heard = asyncio.run(go())
    assert heard == [f'event: lines\ndata: {{"run": "{run}"}}\n\n'.encode() for run in ("one", "three")]


def test_a_slow_listener_is_let_go_of_and_holds_nothing(served: Served) -> None:
    slow = Listener("")
    for number in range(_QUEUE + 1):
        slow.add(Message(number, number, b"x"))
    assert slow.over
    assert not slow.queue


def test_a_listener_whose_token_ends_is_let_go_of(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_PING_S", 0.01)

    async def go() -> int:
        hub = Hub(served.site)
        found = [each async for each in hub.stream("", None, lambda: False)]
        hub.close()
        return len(found)

    assert asyncio.run(go()) == 1


def test_a_listener_whose_token_ends_is_let_go_of_however_much_happens(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_PING_S", 0.0)

    async def go() -> list[Message | None]:
        hub, listener, answers = Hub(served.site), Listener(""), iter((True, True, False))
        found = []
        async for each in hub._new(listener, lambda: next(answers)):
            found.append(each)
            assert len(found) < 100
            listener.add(Message(1, 1, b"x"))
        return found

    assert asyncio.run(go()).count(None) == 2


def test_an_offset_that_is_no_number_is_refused(served: Served) -> None:
    for wrong in (b"x", b"-1", b"\xb2", b"9" * 19):
        assert served.viewer.get("/api/v1/live", headers=[(b"last-event-id", wrong)]).status_code == 400


async def listens(served: Served) -> asyncio.Server:
    """What takes connections for the application, as the server does."""
    config, state = uvicorn.Config(served.application, http=serving.Connection), ServerState()
    made = partial(serving.Connection, config, state, {})
    return await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)


def test_a_connection_on_which_nothing_is_asked_is_ended(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_SILENT_S", 0.05)

    async def go() -> list[bytes]:
        listening = await listens(served)
        found = []
        for text in (
            b"",
            b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
            b"GET / HTTP/1.1\r\nHost: no.one\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
            writer.write(text)
            found.append(await reader.read())
            writer.close()
        listening.close()
        return found

    silent, slow, answered = asyncio.run(go())
    assert (silent, slow) == (b"", b"")
    assert answered.startswith(b"HTTP/1.1 421")


def test_connections_leave_files_for_the_store(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda of: {resource.RLIMIT_NOFILE: (4, 4)}[of])

    async def go() -> tuple[bytes, bytes]:
        listening = await listens(served)
        place = listening.sockets[0].getsockname()
        first, second = [await asyncio.open_connection(*place) for _ in range(2)]
        beyond, closed = await asyncio.open_connection(*place)
        one_too_many = await beyond.read()
        first[1].write(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await first[0].read()
        for writer in (first[1], second[1], closed):
            writer.close()
        listening.close()
        return answer, one_too_many

    answer, one_too_many = asyncio.run(go())
    assert answer.startswith(b"HTTP/1.1 200")
    assert one_too_many == b""


def test_streams_are_for_who_may_look(served: Served) -> None:
    served.make("r1")
    for path in ("/api/v1/live", "/api/v1/runs/r1/live"):
        assert served.as_(None).get(path).status_code == 401
    assert served.as_(Role.RUN, "r1").get("/api/v1/live").status_code == 403
    assert served.as_(Role.RUN, "r2").get("/api/v1/runs/r1/live").status_code == 403
    bad = served.viewer.get("/api/v1/live", headers={"last-event-id": "x"})
    assert bad.status_code == 400
    served.application.hub.close()  # no more listeners are taken: the answer ends at once
    for client in (served.viewer, served.as_(Role.RUN, "r1")):
        answer = client.get("/api/v1/runs/r1/live")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")


def test_asking_for_the_head_of_a_stream_begins_none(served: Served) -> None:
    assert served.viewer.head("/api/v1/live").status_code == 200
    assert served.application.hub.count == 0
