"""Published events on their way into a run: what its rules listen for, and what steers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from motet.failpoints import hit
from motet.kernel.events import EventReceived, RunCancelling
from motet.kernel.transitions import CANCELLING, ENDED
from motet.ports import Entry

if TYPE_CHECKING:
    from motet.engine.runloop import RunLoop

STEERING = "motet"
"""The namespace of events that steer runs; users' own events may not be published in it."""

_AT_ONCE = 1000


def take_in(driver: RunLoop) -> None:
    """Read on from the session's cursor and feed what concerns the run, in order. The driver's lock is held."""
    session = driver.session
    while True:
        entries = driver.host.store.read(session.cursor, limit=_AT_ONCE, published=True)
        if not entries:
            return
        listening = session.state.listening
        concerned = [entry for entry in entries if entry.key in listening or _steers(driver, entry)]
        session.cursor = entries[-1].offset
        hit("heard.before")
        _act_on(driver, concerned)
        hit("heard.after")


def _act_on(driver: RunLoop, entries: Sequence[Entry]) -> None:
    """What was published before a request to stop is acted on before it, and what came later after it."""
    heard: list[EventReceived] = []
    for entry in entries:
        if not _steers(driver, entry):
            heard.append(EventReceived(entry.at, entry.offset, entry.key, entry.namespace, entry.value, entry.sender))
            continue
        if heard:
            driver.carry_out(driver.session.feed(heard))
            heard = []
        if driver.state.status not in ENDED and driver.state.status != CANCELLING:
            reason = entry.value if isinstance(entry.value, str) else "on request"
            stopping = RunCancelling(driver.host.clock.now(), reason, entry.offset)
            driver.carry_out(driver.session.record(stopping))
    if heard and driver.state.status not in ENDED:
        driver.carry_out(driver.session.feed(heard))


def _steers(driver: RunLoop, entry: Entry) -> bool:
    """Whether it is a request to stop this run, and none that it was reopened after."""
    return (
        entry.namespace == STEERING
        and entry.key == "run.stop"
        and entry.run == driver.run.id
        and entry.offset > driver.state.steered
    )
