"""Published events on their way into a run: what its rules listen for, and what steers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from motet.errors import UsageError
from motet.failpoints import hit
from motet.kernel.events import EventReceived, RunCancelling
from motet.kernel.transitions import CANCELLING, ENDED
from motet.ports import STEERING, Entry
from motet.values.naming import KEY_CHARS, checked

if TYPE_CHECKING:
    from motet.engine.runloop import RunLoop

_AT_ONCE = 1000


def check_published(key: str, namespace: str = "", client_key: str = "") -> None:
    """Raise UsageError for what a user's event may not be called."""
    if namespace == STEERING:
        raise UsageError(f"The namespace {STEERING!r} is Motet's own.", "Choose another.")
    if not key:
        raise UsageError("An event needs a key.", "Name what happened.")
    for what, text in (("The key", key), ("The namespace", namespace), ("The client key", client_key)):
        checked(text, what, KEY_CHARS)


def take_in(driver: RunLoop) -> None:
    """Read on from the session's cursor and act on what concerns the run, in order. The driver's lock is held."""
    session = driver.session
    while True:
        entries = driver.host.store.read(session.cursor, limit=_AT_ONCE, published=True)
        if not entries:
            return
        hit("heard.before")
        heard: list[Entry] = []
        for entry in entries:
            if _steers(driver, entry):
                _hear(driver, heard, entry.offset - 1)
                heard = []
                _stop(driver, entry)
            elif entry.key in session.state.listening:
                heard.append(entry)
        _hear(driver, heard, entries[-1].offset)
        hit("heard.after")


def _hear(driver: RunLoop, entries: Sequence[Entry], cursor: int) -> None:
    """Feed the events. `cursor` is the offset up to which all was looked at: rules added now hear what comes later."""
    session = driver.session
    session.cursor = cursor
    if entries and session.state.status not in ENDED:
        driver.carry_out(
            session.feed(
                EventReceived(each.at, each.offset, each.key, each.namespace, each.value, each.sender)
                for each in entries
            )
        )


def _stop(driver: RunLoop, entry: Entry) -> None:
    if driver.session.state.status not in ENDED and driver.session.state.status != CANCELLING:
        reason = entry.value if isinstance(entry.value, str) else "on request"
        stopping = RunCancelling(driver.host.clock.now(), reason, entry.offset)
        driver.carry_out(driver.session.record(stopping))


def _steers(driver: RunLoop, entry: Entry) -> bool:
    """Whether it is a request to stop this run, and none that it was reopened after."""
    return (
        entry.namespace == STEERING
        and entry.key == "run.stop"
        and entry.run == driver.run.id
        and entry.offset > driver.state.steered
    )
