"""Waiting for several futures."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from motet.dialects.python.futures import Future
from motet.interrupts import take

R = TypeVar("R")


class DoneAndNotDone(NamedTuple, Generic[R]):
    """Futures that have their outcomes, and those that do not."""

    done: set[Future[R]]
    not_done: set[Future[R]]


def wait(futures: Iterable[Future[R]], timeout: float | None = None) -> DoneAndNotDone[R]:
    """Block until all have their outcomes, or `timeout` seconds have passed; gives those done and those not."""
    waiting = list(futures)
    until = None if timeout is None else time.monotonic() + timeout
    for each in waiting:
        each.wait(None if until is None else max(0.0, until - time.monotonic()))
    return DoneAndNotDone(done := {each for each in waiting if each.done()}, set(waiting) - done)


class as_completed(Generic[R]):  # noqa: N801
    """The futures in the order in which they get their outcomes, for `for` and for `async for`.

    Raises TimeoutError after `timeout` seconds.
    """

    def __init__(self, futures: Iterable[Future[R]], timeout: float | None = None) -> None:
        self._waiting = list(futures)
        self._until = None if timeout is None else time.monotonic() + timeout
        self._late = TimeoutError(f"Not all of {len(self._waiting)} futures have ended within {timeout or 0:g} s.")

    def _left_s(self) -> float | None:
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def __iter__(self) -> Iterator[Future[R]]:
        from queue import Empty, SimpleQueue

        ended: SimpleQueue[Future[R]] = SimpleQueue()
        for each in self._waiting:
            each.add_done_callback(ended.put)
        for each in self._waiting:
            try:
                with each.idling():
                    found = take(ended, self._left_s())
            except Empty:
                raise self._late from None
            yield found

    async def __aiter__(self) -> AsyncIterator[Future[R]]:
        import asyncio

        loop = asyncio.get_running_loop()
        ended: asyncio.Queue[Future[R]] = asyncio.Queue()

        def put(future: Future[R]) -> None:
            loop.call_soon_threadsafe(ended.put_nowait, future)

        for each in self._waiting:
            each.add_done_callback(put)
        for each in self._waiting:
            try:
                with each.idling():
                    found = await asyncio.wait_for(ended.get(), self._left_s())
            except TimeoutError:
                raise self._late from None
            yield found
