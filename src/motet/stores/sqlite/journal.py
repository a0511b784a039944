"""The journal: who owns a run, and its events in the table `records`, one row per commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from motet.ports import Batch, Checkpoint, Owner, RunRow
from motet.stores import rules
from motet.stores.codec import encode, pack, unpack
from motet.stores.sqlite import runs
from motet.stores.sqlite.file import Execute
from motet.stores.sqlite.queries import Queries
from motet.stores.sqlite.rows import pack_owner

SQL = Queries("journal")

Values = tuple[Any, ...]
"""The parameters of the query `append`."""

_AS_JSON = {"result", "error", "counts"}


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


def record(run: str, epoch: int, expected_seq: int, batch: Batch) -> Values:
    """The record that a batch makes, as `add` takes it. Raises ValueError for what no batch may hold."""
    events, steps = batch.events, batch.steps
    if batch.run or not events:
        rules.check_batch(batch)
    return (
        len(events), run, epoch, expected_seq, encode(events),
        encode([rules.step_cells(step) for step in steps]) if steps else None,
    )  # fmt: skip


def add(execute: Execute, values: Values) -> None:
    """Add a record in one statement. Raises Fenced."""
    try:
        execute(SQL.append, values)
    except sqlite3.IntegrityError:
        _check_place(execute, values)
        raise


def append(execute: Execute, values: Values, run: str, changed: Mapping[str, Any]) -> None:
    """Add the record, if it has events, and change the run's columns. Raises Fenced."""
    if values[0]:
        add(execute, values)
    else:
        _check_place(execute, values)
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
