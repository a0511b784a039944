"""Waiting for what is published, from a place in the journal on, outside of any run: in runs, steps wait; and what is
then given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from motet.interrupts import block
from motet.ports import Clock, Entry, Store, Timers
from motet.rules import OnEvent
from motet.typed import Any, Protocol

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

_AT_ONCE = 1000


@dataclass(frozen=True)
class Event:
    """What was published: its key and value, whose it is, who sent it, when, and its place in the journal; and the run
    that it was meant for, "" for all that listen.
    """

    key: str
    value: Any
    namespace: str
    sender: str
    at: float
    offset: int
    run: str = ""


def event_of(entry: Entry) -> Event:
    """The published event as it stands in the journal, for who listens."""
    return Event(entry.key, entry.value, entry.namespace, entry.sender, entry.at, entry.offset, entry.run)


class Hosts(Protocol):
    """What is used of a host by who listens."""

    store: Store
    clock: Clock

    @property
    def tender(self) -> Timers:
        """What tells that something was published."""
        ...


def from_now(host: Hosts, rule: OnEvent, timeout_s: float | None) -> Listening:
    """Looks on for the first event from now on that the rule wants."""
    until_at = None if timeout_s is None else host.clock.now() + timeout_s
    after = host.store.head()
    return Listening(
        host.store, host.tender, host.clock, after, lambda entry: rule.meets(entry.received_by("")), until_at
    )


class Listening:
    """Looks on from the offset `after` for the first event that is `wanted`; `timers` tell of what is published.

    until_at  when to give up, None for never
    """

    def __init__(
        self, store: Store, timers: Timers, clock: Clock, after: int, wanted: Callable[[Entry], bool],
        until_at: float | None,
    ) -> None:  # fmt: skip
        self._store = store
        self._timers = timers
        self._clock = clock
        self._after = after
        self._wanted = wanted
        self._until_at = until_at

    def first(self) -> Entry | None:
        """The event, as soon as it is there; None when the time is up before."""
        woken = threading.Event()
        number = self._timers.listen(woken.set)
        try:
            while True:
                woken.clear()
                found, left_s = self._look()
                if found is not None or (left_s is not None and left_s <= 0):
                    return found
                block(woken, left_s)
        finally:
            self._timers.unlisten(number)

    async def first_async(self) -> Entry | None:
        """As `first`, while the event loop goes on."""
        import asyncio

        loop = asyncio.get_running_loop()
        while True:
            woken: Future[None] = loop.create_future()
            number = self._timers.listen(partial(_tell, loop, woken))
            try:
                found, left_s = self._look()
                if found is not None or (left_s is not None and left_s <= 0):
                    return found
                await asyncio.wait([woken], timeout=left_s)
            finally:
                self._timers.unlisten(number)

    def _look(self) -> tuple[Entry | None, float | None]:
        """The event, if it is there; and how many seconds are left."""
        left_s = None if self._until_at is None else self._until_at - self._clock.now()
        while entries := self._store.read(self._after, limit=_AT_ONCE, published=True):
            for entry in entries:
                if self._wanted(entry):
                    return entry, left_s
            self._after = entries[-1].offset
        return None, left_s


def _tell(loop: AbstractEventLoop, woken: Future[None]) -> None:
    """From any thread."""
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_wake, woken)


def _wake(woken: Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
