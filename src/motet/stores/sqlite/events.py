"""Events: all of the table `records` in the order of commits, and what is published there, one row per event."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from motet.ports import Entry, EventFilter, Publication
from motet.stores.codec import references
from motet.stores.sqlite import runs
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import entries
from motet.stores.sqlite.seals import seal

SQL = Queries("events")

_IN_ONE_RECORD = 256
_LOOKED_THROUGH = 10_000


def head(execute: Execute) -> int:
    """The offset of the newest event."""
    return int(execute(SQL.head).fetchone()[0])


def referred_to(execute: Execute, after: int) -> tuple[set[str], int]:
    """The digests of the artifacts that some events beyond that offset refer to, and up to which offset these go."""
    rows = execute(SQL.referring, (after, _LOOKED_THROUGH))
    return references(body for (body,) in rows), min(after + _LOOKED_THROUGH, head(execute))


def read(
    execute: Execute, after: int, limit: int, run: str | None, published: bool, where: EventFilter | None
) -> list[Entry]:
    """See `Events.read`."""
    if where is not None:
        return _chosen(execute, after, limit, run, where)
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


def _chosen(execute: Execute, after: int, limit: int, run: str | None, where: EventFilter) -> list[Entry]:
    """Published events by what is given; the first of it is looked up, as each has an index, and the rest compared."""
    given = [("about", run), ("records.key", where.key), ("sender", where.sender), ("namespace", where.namespace)]
    tests = [(column, value) for column, value in given if value is not None]
    conditions = [f"{'+' if i else ''}{column} = ?" for i, (column, _) in enumerate(tests)]
    conditions += ["records.run = 0", "last_seq IS NULL"] if not tests else ["last_offset > ?"]
    if not tests:
        conditions.append("last_offset > ?")
    sql = SQL.read_chosen.replace("{conditions}", " AND ".join(conditions))
    return _take(execute(sql, (*(value for _, value in tests), after, limit)), after, limit)


def offset_at(execute: Execute, at: float) -> int:
    """See `Events.offset_at`. To be read from one state."""
    low, high = 0, head(execute)  # the last record before that time ends after `low` and up to `high`
    while low < high:
        middle = (low + high) // 2 + 1
        row = execute(SQL.time_from, (middle,)).fetchone()
        if row is None or row[0] > high or row[1] >= at:
            high = middle - 1
        else:
            low = row[0]
    for entry in read(execute, low, _IN_ONE_RECORD, None, False, None):
        if entry.at >= at:
            break
        low = entry.offset
    return low


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
            cells = (event.key, event.namespace, event.sender, float(event.at))
            sealed = seal(f"{offset} {event.run}", body, *cells)
            execute(SQL.publish, (offset, body, about, *cells, key, sealed))
            if about and event.metric is not None:
                runs.put_metric(execute, about, event.key, event.metric)
        offsets.append(offset if known is None else known[0])
    return offsets, offset - first


def keep_from(execute: Execute, listener: str, offset: int, until: float) -> None:
    """See `Events.keep_from`."""
    execute(SQL.keep_from, (listener, offset, until))
