"""The journal: who owns a run, and its events in the table `records`, one row per commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from motet.kernel.events import Json
from motet.ports import Batch, Checkpoint, Owner, RunRow, StepRow
from motet.stores import rules
from motet.stores.codec import decode, encode, pack, unpack
from motet.stores.sqlite import runs
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import pack_owner

SQL = Queries("journal")

Values = tuple[Any, ...]
"""The parameters of the query `append`."""

_AT_MOST = 256
"""So many events are in one record."""

_REFERENCE = '"artifact":'
_AS_JSON = {"result", "error"}


def claim(execute: Execute, run: str, owner: Owner, now: float, lease_s: float, force: bool) -> RunRow:
    """See `Journal.claim`."""
    row = runs.one(execute, run)
    rules.check_claim(row, owner, now, force=force)
    row.epoch += 1
    row.owner, row.lease_until = owner, now + lease_s
    execute(SQL.claimed, (row.epoch, pack_owner(owner), row.lease_until, run))
    return row


def renew(execute: Execute, run: str, epoch: int, until: float) -> None:
    """See `Journal.renew`."""
    _check_epoch(execute, run, epoch)
    execute(SQL.renew, (until, run))


def release(execute: Execute, run: str, epoch: int) -> None:
    """See `Journal.release`."""
    execute(SQL.release, (run, epoch))


def records(run: str, epoch: int, expected_seq: int, batch: Batch) -> list[Values]:
    """The records that a batch makes, as `append` takes them: of many events more than one, since whoever reads some of
    a record's events decodes it whole. Raises ValueError for what no batch may hold.
    """
    events, steps = batch.events, batch.steps
    if batch.run or not events:
        rules.check_batch(batch)
    counts = None if batch.counts is None else encode(batch.counts)
    count = len(events)
    if count <= _AT_MOST:
        return [_record(run, epoch, expected_seq, events, steps, counts)]
    share = -(-len(steps) * _AT_MOST // count)
    return [
        _record(
            run, epoch, expected_seq + first, events[first : first + _AT_MOST],
            steps[i * share : (i + 1) * share], counts,
        )
        for i, first in enumerate(range(0, count, _AT_MOST))
    ]  # fmt: skip


def _record(
    run: str, epoch: int, seq: int, events: Sequence[Json], steps: Sequence[StepRow], counts: str | None
) -> Values:
    cells = encode([rules.step_cells(step) for step in steps]) if steps else None
    return len(events), run, epoch, seq, encode(events), cells, counts


def is_plain(records: list[Values], batch: Batch) -> bool:
    """Whether one statement commits the batch: one record, and nothing else changes."""
    return len(records) == 1 and not batch.run and bool(batch.events) and _REFERENCE not in records[0][4]


def add(execute: Execute, values: Values) -> None:
    """Add a record in one statement. Raises Fenced."""
    try:
        execute(SQL.append, values)
    except sqlite3.IntegrityError:
        _check_place(execute, values)
        raise


def append(execute: Execute, records: list[Values], run: str, changed: Mapping[str, Any]) -> None:
    """Add the records, if they have events, and change the run's columns. Raises Fenced."""
    for values in records:
        if not values[0]:
            _check_place(execute, values)
            continue
        add(execute, values)
        if _REFERENCE in values[4]:
            for digest, key, given in rules.uses_in(decode(values[4])):
                execute(SQL.put_use, (digest, run, key, given))
    if changed:
        cells = [pack(value) if name in _AS_JSON else value for name, value in changed.items()]
        execute(f"UPDATE runs SET {', '.join(f'{name} = ?' for name in changed)} WHERE id = ?", (*cells, run))


def records_after(execute: Execute, run: str, after_seq: int) -> list[tuple[int, int, str]]:
    """The run's next records that have events after number `after_seq`: last number, count, events."""
    return execute(SQL.records_after, (run, after_seq)).fetchall()


def save_checkpoint(execute: Execute, run: str, epoch: int, seq: int, state: str | None) -> None:
    """See `Journal.save_checkpoint`."""
    _check_epoch(execute, run, epoch)
    execute(SQL.save_checkpoint, (run, seq, state))


def load_checkpoint(execute: Execute, run: str) -> Checkpoint | None:
    """See `Journal.load_checkpoint`."""
    row = execute(SQL.load_checkpoint, (run,)).fetchone()
    return row and Checkpoint(row[0], unpack(row[1]))


def _check_epoch(execute: Execute, run: str, epoch: int) -> None:
    row = execute(SQL.epoch, (run,)).fetchone()
    rules.check_epoch(run, row and row[0], epoch)


def _check_place(execute: Execute, values: Values) -> None:
    """Raise Fenced unless the record of these values fits there."""
    run, epoch, expected_seq = values[1:4]
    found, seq = execute(SQL.place, (run,)).fetchone() or (None, 0)
    rules.check_epoch(run, found, epoch)
    rules.check_place(run, seq, expected_seq)
