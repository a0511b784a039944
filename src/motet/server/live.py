"""What happens, told to listeners as it does: one reader of the journal in a process, whatever the number of listeners.

The reader wakes by commits, waits a moment for more, reads what is new once, and encodes each message once for all who
want it. Each listener has a queue with bounds. Who is too slow for it is let go of, and comes back with the offset that
it has seen last (`Last-Event-ID`): so nobody waits for anybody, and nothing is missed.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from motet.errors import StoreError
from motet.kernel.events import Json
from motet.ports import Entry, Follower
from motet.server.site import Site

_MOMENT_S = 0.06
_PING_S = 15.0
_LOOK_S = 0.5
_AT_ONCE = 1000
_QUEUE = 256
_MOST = 5_000
_HELLO = b": here\n\n"
_PING = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class Message:
    """Events from the offset `first` to `last`, encoded for a stream; no events where `last` is 0."""

    first: int
    last: int
    encoded: bytes


@dataclass(eq=False, slots=True)
class Listener:
    """One who listens, to all runs or to one ("": all), and for lines that some of them write. `over` once it was let
    go of.
    """

    run: str
    lines: frozenset[str] = frozenset()
    queue: deque[Message] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    def add(self, message: Message) -> None:
        """Hand a message on; let go of a listener that does not keep up."""
        if len(self.queue) >= _QUEUE:
            self.queue.clear()
            self.over = True
        if not self.over:
            self.queue.append(message)
        self.ready.set()


class Hub:
    """The listeners of this process, and the thread that reads for them. Used from the event loop alone."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._listeners: dict[str, set[Listener]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._follower: Follower | None = None
        self._lines: Follower | None = None
        self._closed = False

    @property
    def count(self) -> int:
        """How many listen."""
        return sum(map(len, self._listeners.values()))

    async def stream(
        self, run: str, after: int | None, valid: Callable[[], bool], lines: Iterable[str] = ()
    ) -> AsyncIterator[bytes]:
        """What happens in the run ("": in all) beyond that offset (None: from now on), as messages of a stream; and
        that this run, or those in `lines`, have written some.

        It ends when the listener is too slow, when `valid` is no longer so, or with the server.
        """
        if self._closed or self.count >= _MOST:
            return
        listener = self._join(run, frozenset({run, *lines} - {""}))
        try:
            after = await asyncio.to_thread(self._site.store.head) if after is None else after
            yield _HELLO
            async for message in self._backlog(run, after):
                yield message.encoded
                after = message.last
            async for new in self._new(listener, valid):
                if new is None:
                    yield _PING
                elif not new.last:
                    yield new.encoded
                elif new.first > after:
                    yield new.encoded
                    after = new.last
                elif new.last > after:  # a part of it was read before
                    async for message in self._backlog(run, after):
                        yield message.encoded
                        after = message.last
        finally:
            self._leave(listener)

    async def looks(self, run: str, valid: Callable[[], bool]) -> AsyncIterator[None]:
        """Now, and whenever something may have happened in the run, twice a second at least; until a stream ends."""
        told: Any = self.stream(run, None, valid)
        heard: asyncio.Future[bytes] | None = None
        try:
            while True:
                heard = heard or asyncio.ensure_future(anext(told))
                await asyncio.wait({heard}, timeout=_LOOK_S)
                if heard.done():
                    if isinstance(heard.exception(), StopAsyncIteration):
                        return
                    heard = None
                yield
        finally:
            if heard is not None:
                heard.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await heard
            await told.aclose()

    async def _backlog(self, run: str, after: int) -> AsyncIterator[Message]:
        while True:
            found = await asyncio.to_thread(self._site.store.read, after, limit=_AT_ONCE, run=run or None)
            if not found:
                return
            yield _message(found)
            after = found[-1].offset

    async def _new(self, listener: Listener, valid: Callable[[], bool]) -> AsyncIterator[Message | None]:
        """What is handed to the listener; None now and then, when it was seen to be valid still, however much comes."""
        due_at = time.monotonic() + _PING_S
        while True:
            if time.monotonic() >= due_at:
                if not await asyncio.to_thread(valid):
                    return
                due_at = time.monotonic() + _PING_S
                yield None
            if listener.queue:
                yield listener.queue.popleft()
                continue
            if listener.over:
                return
            listener.ready.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(listener.ready.wait(), max(0.0, due_at - time.monotonic()))

    def _join(self, run: str, lines: frozenset[str]) -> Listener:
        listener = Listener(run, lines)
        self._listeners.setdefault(run, set()).add(listener)
        if self._follower is None:
            self._loop, self._follower = asyncio.get_running_loop(), self._site.store.follow()
            start = self._site.store.head()
            self._lines = self._site.logs.follow()
            threading.Thread(target=self._read, args=(self._follower, start), name="motet-live", daemon=True).start()
            threading.Thread(target=self._read_lines, args=(self._lines,), name="motet-lines", daemon=True).start()
        return listener

    def _leave(self, listener: Listener) -> None:
        others = self._listeners.get(listener.run, set())
        others.discard(listener)
        if not others:
            self._listeners.pop(listener.run, None)

    def _read(self, follower: Follower, after: int) -> None:
        """Read what is new, and hand it on; on a thread of its own."""
        pause = threading.Event()
        try:
            while follower.wait(None):
                pause.wait(_MOMENT_S)
                while found := self._site.store.read(after, limit=_AT_ONCE):
                    after = found[-1].offset
                    self._tell(found)
        except StoreError:
            self._call(self._fail)

    def _read_lines(self, follower: Follower) -> None:
        """See which runs have written lines, of those that somebody listens to; on a thread of its own."""
        pause, ends = threading.Event(), dict[str, int]()
        while follower.wait(None):
            pause.wait(_MOMENT_S)
            for run in {run for some in tuple(self._listeners.values()) for each in tuple(some) for run in each.lines}:
                end = self._site.logs.read_back(run, limit=0).position
                if ends.get(run, 0) != end:
                    ends[run] = end
                    self._call(self._tell_lines, run)

    def _call(self, act: Callable[..., None], *given: object) -> None:
        """Have it done by the event loop."""
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop has ended, and so has everybody who listened
            self._loop.call_soon_threadsafe(act, *given)

    def _tell(self, found: list[Entry]) -> None:
        wanted = tuple(self._listeners)
        told = {run: [each for each in found if each.run == run] for run in wanted if run}
        told[""] = found
        messages = {run: _message(entries) for run, entries in told.items() if entries and run in wanted}
        if messages:
            self._call(self._hand_on, messages)

    def _hand_on(self, messages: dict[str, Message]) -> None:
        for run, message in messages.items():
            for listener in self._listeners.get(run, ()):
                listener.add(message)

    def _tell_lines(self, run: str) -> None:
        """Say that the run has written lines; which, its log tells."""
        told = Message(0, 0, f"event: lines\ndata: {json.dumps({'run': run})}\n\n".encode())
        for listener in [each for some in self._listeners.values() for each in some if run in each.lines]:
            listener.add(told)

    def close(self) -> None:
        """Let go of all listeners, and take no more."""
        self._closed = True
        self._fail()

    def _fail(self) -> None:
        """Let go of all listeners: they come back. The next one starts another reader."""
        for listener in [each for some in self._listeners.values() for each in some]:
            listener.over = True
            listener.ready.set()
        if self._follower is not None:
            self._follower.close()
            self._follower = None
        if self._lines is not None:
            self._lines.close()
            self._lines = None


def _message(entries: list[Entry]) -> Message:
    """The events as one message, each in a few words: what changed where."""
    body = json.dumps([_in_short(each) for each in entries], separators=(",", ":"))
    last = entries[-1].offset
    return Message(entries[0].offset, last, f"id: {last}\nevent: changes\ndata: {body}\n\n".encode())


def _in_short(entry: Entry) -> Json:
    told: dict[str, Json] = {"offset": entry.offset, "run": entry.run, "key": entry.key, "at": entry.at}
    if entry.published:
        told |= {"namespace": entry.namespace, "sender": entry.sender}
    elif isinstance(entry.value, dict) and "key" in entry.value:
        told["step"] = entry.value["key"]
    return told
