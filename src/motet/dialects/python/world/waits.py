"""Waiting for what is published: from a place in the journal, so that nothing is missed, whichever process waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from motet import questions
from motet.dialects.python.running.limits import raise_if_stopped
from motet.dialects.python.scope import Leaving, Scope
from motet.engine.attempts import World
from motet.interrupts import block
from motet.kernel.events import Json
from motet.ports import Document, Entry

_LOOK_S = 1.0
"""How often one who waits sees whether its run was stopped; what is published wakes at once."""

_AT_ONCE = 1000


def first(host: World, after: int, wanted: Callable[[Entry], bool], until_at: float | None) -> Entry | None:
    """The first event beyond the offset that is wanted, as soon as it is there; None when the time is up before.

    Raises Cancelled where the run that this is part of is stopped.
    """
    woken = threading.Event()
    number = host.tender.listen(woken.set)
    try:
        while True:
            woken.clear()
            entry, after = _look(host, after, wanted)
            left_s = _left_s(host, until_at)
            if entry is not None or left_s <= 0:
                return entry
            raise_if_stopped()
            block(woken, left_s)
    finally:
        host.tender.unlisten(number)


async def first_async(host: World, after: int, wanted: Callable[[Entry], bool], until_at: float | None) -> Entry | None:
    """As `first`, while the event loop goes on."""
    import asyncio

    from motet.dialects.python.waking import Wake

    while True:
        wake = Wake()
        number = host.tender.listen(wake)
        try:
            entry, after = _look(host, after, wanted)
            left_s = _left_s(host, until_at)
            if entry is not None or left_s <= 0:
                return entry
            raise_if_stopped()
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await wake
        finally:
            host.tender.unlisten(number)


def _look(host: World, after: int, wanted: Callable[[Entry], bool]) -> tuple[Entry | None, int]:
    """The first event beyond the offset that is wanted, if it is there; and how far was looked."""
    while entries := host.store.read(after, limit=_AT_ONCE, published=True):
        for entry in entries:
            if wanted(entry):
                return entry, after
        after = entries[-1].offset
    return None, after


def _left_s(host: World, until_at: float | None) -> float:
    return _LOOK_S if until_at is None else min(_LOOK_S, until_at - host.clock.now())


@contextmanager
def told(scope: Scope, body: Json) -> Iterator[Document]:
    """While it lasts, lists show that the run waits, since when, and for what. A resume takes over what is there."""
    host, run = scope.driver.host, scope.driver.run
    try:
        yield questions.ask(host.store, run, scope.key, {"since": host.clock.now()}, body)
    except Leaving:
        raise
    except BaseException:
        forget(scope)
        raise
    forget(scope)


def forget(scope: Scope) -> None:
    """The run waits for that no longer."""
    questions.forget(scope.driver.host.store, scope.driver.run, scope.key)
