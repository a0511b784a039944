"""Published events on their way into a run: what its rules listen for, and what steers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from motet.failpoints import hit
from motet.kernel.events import EventReceived, RunCancelling
from motet.kernel.transitions import CANCELLING, ENDED
from motet.ports import Entry

if TYPE_CHECKING:
    from motet.engine.driver import Driver

STEERING = "motet"
"""The namespace of events that steer runs; users' own events may not be published in it."""

_AT_ONCE = 1000


def take_in(driver: Driver) -> None:
    """Read on from the session's cursor and feed what concerns the run. The driver's lock is held."""
    session = driver.session
    while True:
        entries = driver.host.store.read(session.cursor, limit=_AT_ONCE, published=True)
        if not entries:
            return
        heard = [_received(entry) for entry in entries if entry.key in session.state.listening]
        session.cursor = entries[-1].offset
        hit("heard.before")
        if heard:
            driver.carry_out(session.feed(heard))
        hit("heard.after")
        _steer(driver, entries)


def _received(entry: Entry) -> EventReceived:
    return EventReceived(entry.at, entry.offset, entry.key, entry.namespace, entry.value, entry.sender)


def _steer(driver: Driver, entries: Sequence[Entry]) -> None:
    state = driver.session.state
    for entry in entries:
        if entry.namespace != STEERING or entry.run != driver.run.id or entry.key != "run.stop":
            continue
        if state.status not in ENDED and state.status != CANCELLING:
            reason = entry.value if isinstance(entry.value, str) else "on request"
            # Its offset is recorded with what it led to, so that a run that is reopened does not stop again.
            commands = driver.session.record(_received(entry), commit=False)
            stopping = RunCancelling(driver.host.clock.now(), reason)
            driver.carry_out([*commands, *driver.session.record(stopping)])
