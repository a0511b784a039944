"""Events: all of the table `records` in the order of commits, and what is published there, one row per event."""

from __future__ import annotations

from collections.abc import Sequence

from motet.ports import Entry, EventFilter, Publication
from motet.stores.codec import references
from motet.stores.sqlite import runs
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import Row, event_seal, take

SQL = Queries("events")

_IN_ONE_RECORD = 256
_LOOKED_THROUGH = 10_000

TERMS = ("key", "namespace", "sender")
"""What published events are found by: in which stretches of offsets there are such is noted."""

_STRETCH_BITS = 10
_AT_ONCE = 20


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
        return take(execute(SQL.read_published if published else SQL.read_all, (after, limit)), after, limit)
    found = take(execute(SQL.read_about, (after, limit, run)), after, limit)
    if published:
        return found
    number = execute(SQL.number_of_run, (run,)).fetchone()
    if number is not None:
        found += take(execute(SQL.read_run, (after, limit, *number)), after, limit)
        found.sort(key=lambda entry: entry.offset)
    return found[:limit]


def _chosen(execute: Execute, after: int, limit: int, run: str | None, where: EventFilter) -> list[Entry]:
    """Published events by what is given: those of a run by an index, others in the stretches that have all of it."""
    given = [(kind, value) for kind in TERMS if (value := getattr(where, kind)) is not None]
    conditions = [f"{kind} = ?" for kind, _ in given]
    values: list[object] = [value for _, value in given]
    if run is not None or not given:
        conditions += ["run = 0", "last_seq IS NULL"] if run is None else ["about = ?"]
        values += [] if run is None else [run]
        sql = SQL.read_chosen
    else:
        (first, *others) = given
        sql = SQL.read_termed.replace("{others}", " AND ".join([SQL.has_term] * len(others)) or "1")
        values = [*first, after >> _STRETCH_BITS, *(each for other in others for each in other), *values]
    sql = sql.replace("{conditions}", " AND ".join(conditions))
    return take(execute(sql, (*values, after, limit)), after, limit)


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


def publish(execute: Execute, events: Sequence[Publication], bodies: Sequence[str | None]) -> tuple[list[int], int]:
    """Add the events whose client key is new; gives the offsets of all, and how many were new."""
    offset = first = head(execute)
    offsets: list[int] = []
    rows: list[Row] = []
    known: dict[str, int] = {}
    terms = set()
    for event, body in zip(events, bodies, strict=True):
        key, about, at = event.client_key or None, event.run, float(event.at)
        if key is not None:
            found = known.get(key) or _offset_of(execute, key)
            if found:
                offsets.append(found)
                continue
            known[key] = offset + 1
        offset += 1
        offsets.append(offset)
        named = event.key, event.namespace, event.sender
        rows.append((offset, body, about or None, *named, at, key, event_seal(offset, about, body, at, named)))
        terms.add((*named, offset >> _STRETCH_BITS))
        if about and event.metric is not None:
            runs.put_metric(execute, about, event.key, event.metric)
    _put(execute, rows)
    for term in terms:
        execute(SQL.put_terms, term)
    return offsets, offset - first


def _offset_of(execute: Execute, client_key: str) -> int:
    found = execute(SQL.offset_of_client_key, (client_key,)).fetchone()
    return found[0] if found else 0


def _put(execute: Execute, rows: Sequence[Row]) -> None:
    """Insert the rows: a statement for many takes two thirds of the time of one for each."""
    at_once = _AT_ONCE if len(rows) >= _AT_ONCE else 1
    sql = SQL.publish.replace("{rows}", ", ".join([SQL.row] * at_once))
    whole = len(rows) - len(rows) % at_once
    for first in range(0, whole, at_once):
        execute(sql, [cell for row in rows[first : first + at_once] for cell in row])
    if rest := rows[whole:]:
        _put(execute, rest)


def keep_from(execute: Execute, listener: str, offset: int, until: float) -> None:
    """See `Events.keep_from`."""
    execute(SQL.keep_from, (listener, offset, until))
