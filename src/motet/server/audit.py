"""The audit trail: who asked for what to be done, when, from where, and with which outcome. One document each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from motet.ports import Document, Store
from motet.server.table import Caller, Route
from motet.values.naming import new_id

_VOICE = "motet"
_PATH_CHARS = 500


@dataclass(frozen=True)
class Line:
    """One thing that was asked.

    `status` is that of the answer; 0 while it is being done, or where the server died then.
    """

    at: float
    user: str
    role: str
    token: str
    method: str
    path: str
    route: str
    address: str
    status: int = 0

    @classmethod
    def of(cls, caller: Caller, route: Route, path: str, address: str) -> Line:
        """What is asked for now."""
        told = path[:_PATH_CHARS]
        return cls(time.time(), caller.user, caller.role.value, caller.token, route.method, told, route.name, address)


@contextmanager
def kept(store: Store, line: Line) -> Iterator[Callable[[int], None]]:
    """While in it, what the line tells of is done: it is written down before. What is given is told the answer's
    status.
    """
    written = _write(store, line)
    status = 500

    def told(given: int) -> None:
        nonlocal status
        status = given

    try:
        yield told
    finally:
        body = {**written.body, "status": status}
        store.put_document(Document(_VOICE, written.kind, written.key, body, written.version))


def _write(store: Store, line: Line) -> Document:
    return store.put_document(Document(_VOICE, _kind(line.at), new_id(line.at), asdict(line), 0))


def refused(store: Store, caller: Caller, route: Route, path: str) -> None:
    """Note that a user asked for what only others may."""
    _write(store, Line(**{**asdict(Line.of(caller, route, path, "")), "status": 403}))


def of_day(store: Store, day: str) -> list[Line]:
    """The lines of that day (UTC, "2026-11-30"), the oldest first."""
    return [Line(**each.body) for each in store.documents(_VOICE, f"audit {day}")]


def _kind(at: float) -> str:
    return f"audit {time.strftime('%Y-%m-%d', time.gmtime(at))}"
