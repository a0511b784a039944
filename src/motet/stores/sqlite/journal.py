"""The journal in the table `records`: one row per commit of a run, one per published event."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from motet.errors import Fenced, NotFound
from motet.ports import Batch, Entry, Publication
from motet.stores.codec import encode
from motet.stores.rows import step_cells
from motet.stores.sqlite.file import Execute
from motet.stores.sqlite.rows import ENTRY_COLUMNS, entries

Values = tuple[Any, ...]
"""The parameters of an INSERT."""

# The fence is part of the insertion: where it does not hold, `run` becomes NULL, which the table refuses.
# (As INSERT ... SELECT it would take a temporary table, since it reads the table that it writes.)
_FENCED_NUMBER = """
    SELECT number FROM runs WHERE id = ?2 AND epoch = ?3
        AND coalesce((SELECT max(last_seq) FROM records WHERE run = number), 0) = ?4
"""

_ADD = f"""
    INSERT INTO records (last_offset, count, run, last_seq, body, steps) VALUES (
        (SELECT coalesce(max(last_offset), 0) FROM records) + ?1, ?1, ({_FENCED_NUMBER}), ?4 + ?1, ?5, ?6)
"""

_PUBLISH = """
    INSERT INTO records (last_offset, count, run, body, about, key, namespace, sender, at, client_key)
    VALUES (?, 1, 0, ?, ?, ?, ?, ?, ?, ?)
"""

_READ = f"SELECT {ENTRY_COLUMNS} FROM records LEFT JOIN runs ON number = run WHERE "

_READ_ALL = _READ + "last_offset > ?1 AND count > 0 ORDER BY last_offset LIMIT ?2"

_READ_PUBLISHED = (
    _READ + "run = 0 AND last_seq IS NULL AND last_offset > ?1 AND count > 0 ORDER BY last_offset LIMIT ?2"
)

_READ_ABOUT = _READ + "about = ?3 AND last_offset > ?1 ORDER BY last_offset LIMIT ?2"

# A run has at most as many events beyond an offset as there are offsets beyond it: max() says so, and spares
# those who follow a long run its beginning.
_READ_RUN = (
    _READ
    + """
    run = ?3 AND last_offset > ?1 AND last_seq > max(0,
        (SELECT max(last_seq) FROM records WHERE run = ?3) - ((SELECT max(last_offset) FROM records) - ?1))
    ORDER BY last_seq LIMIT ?2
"""
)


def record(run: str, epoch: int, expected_seq: int, batch: Batch) -> Values:
    """The record that a batch makes, as `add` takes it."""
    events, steps = batch.events, batch.steps
    if steps and not events:
        raise ValueError("step rows change with events only")
    return (
        len(events), run, epoch, expected_seq, encode(events),
        encode([step_cells(step) for step in steps]) if steps else None,
    )  # fmt: skip


def add(execute: Execute, values: Values) -> int:
    """Add a record, if it has events, in one statement; gives the first one's offset. Raises Fenced."""
    count = values[0]
    if not count:
        if execute(f"SELECT ({_FENCED_NUMBER}), ?1", values[:4]).fetchone()[0] is None:
            raise _fenced(execute, values)
        return head(execute) + 1
    try:
        return (execute(_ADD, values).lastrowid or 0) - count + 1  # type: ignore[no-any-return]
    except sqlite3.IntegrityError:
        raise _fenced(execute, values) from None


def _fenced(execute: Execute, values: Values) -> Fenced | NotFound:
    """Why a record was refused."""
    run, epoch, expected_seq = values[1:4]
    row = execute(
        "SELECT epoch, coalesce((SELECT max(last_seq) FROM records WHERE run = number), 0) FROM runs WHERE id = ?",
        (run,),
    ).fetchone()
    if row is None:
        return NotFound(f"There is no run {run}.", "`motet ls` lists the runs.")
    return Fenced(
        f"Run {run} was written to by another: it is in epoch {row[0]} after event {row[1]}, "
        f"and this writer is in epoch {epoch} after event {expected_seq}.",
        "Whoever took the run over goes on with it; nothing is left to do here.",
    )


def records_after(execute: Execute, run: str, after_seq: int) -> list[tuple[int, int, str]]:
    """The run's next records that have events after number `after_seq`: last number, count, events."""
    return execute(
        "SELECT last_seq, count, body FROM records "
        "WHERE run = (SELECT number FROM runs WHERE id = ?) AND last_seq > ? ORDER BY last_seq LIMIT 500",
        (run, after_seq),
    ).fetchall()


def head(execute: Execute) -> int:
    """The offset of the newest event."""
    return int(execute("SELECT coalesce(max(last_offset), 0) FROM records").fetchone()[0])


def read(execute: Execute, after: int, limit: int, run: str | None, published: bool) -> list[Entry]:
    """See `Store.read`."""
    if run is None:
        return _take(execute(_READ_PUBLISHED if published else _READ_ALL, (after, limit)), after, limit)
    found = _take(execute(_READ_ABOUT, (after, limit, run)), after, limit)
    if published:
        return found
    number = execute("SELECT number FROM runs WHERE id = ?", (run,)).fetchone()
    if number is not None:
        found += _take(execute(_READ_RUN, (after, limit, *number)), after, limit)
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
        known = _offset_of(execute, key) if key else 0
        if not known:
            offset += 1
            about = event.run or None
            execute(_PUBLISH, (offset, body, about, event.key, event.namespace, event.sender, event.at, key))
        offsets.append(known or offset)
    return offsets, offset - first


def _offset_of(execute: Execute, client_key: str) -> int:
    row = execute("SELECT last_offset FROM records WHERE client_key = ?", (client_key,)).fetchone()
    return row[0] if row else 0
