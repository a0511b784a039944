"""Events: all of the table `records` in the order of commits, and what is published there, one row per event."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from motet.ports import Entry, Publication
from motet.stores.sqlite.file import Execute
from motet.stores.sqlite.queries import Queries
from motet.stores.sqlite.rows import entries

SQL = Queries("events")


def head(execute: Execute) -> int:
    """The offset of the newest event."""
    return int(execute(SQL.head).fetchone()[0])


def read(execute: Execute, after: int, limit: int, run: str | None, published: bool) -> list[Entry]:
    """See `Events.read`."""
    if run is None:
        return _take(execute(SQL.read_published if published else SQL.read_all, (after, limit)), after, limit)
    found = _take(execute(SQL.read_about, (after, limit, run)), after, limit)
    if published:
        return found
    number = execute(SQL.number_of_run, (run,)).fetchone()
    if number is not None:
        found += _take(execute(SQL.read_run, (after, limit, *number)), after, limit)
        found.sort(key=lambda entry: entry.offset)
    return found[:limit]


def _take(cursor: sqlite3.Cursor, after: int, limit: int) -> list[Entry]:
    """The first `limit` events of the records."""
    taken: list[Entry] = []
    for row in cursor:
        taken += entries(row, after)
        if len(taken) >= limit:
            break
    cursor.close()
    return taken[:limit]


def publish(execute: Execute, events: Sequence[Publication], bodies: Sequence[str | None]) -> tuple[list[int], int]:
    """Add the events whose client key is new; gives the offsets of all, and how many were new."""
    offset = first = head(execute)
    offsets: list[int] = []
    for event, body in zip(events, bodies, strict=True):
        key = event.client_key or None
        known = execute(SQL.offset_of_client_key, (key,)).fetchone() if key else None
        if known is None:
            offset += 1
            about = event.run or None
            execute(SQL.publish, (offset, body, about, event.key, event.namespace, event.sender, event.at, key))
        offsets.append(offset if known is None else known[0])
    return offsets, offset - first


def keep_from(execute: Execute, listener: str, offset: int, until: float) -> None:
    """See `Events.keep_from`."""
    execute(SQL.keep_from, (listener, offset, until))
