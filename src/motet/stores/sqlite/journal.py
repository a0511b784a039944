"""The journal: who owns a run, and its events in the table `records`, one row per commit."""

from __future__ import annotations

import _sqlite3 as sqlite3
from collections.abc import Mapping, Sequence

from motet.kernel.events import Json
from motet.ports import Batch, Checkpoint, Owner, RunRow, StepRow
from motet.stores import rules
from motet.stores.codec import decode, encode, pack, unpack
from motet.stores.sqlite import runs
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import UNREADABLE, check, check_body, damaged, outcome_seal, pack_owner, record_seal, seal
from motet.typed import Any

SQL = Queries("journal")

Values = tuple[Any, ...]
"""The parameters of the query `append`."""

_AT_MOST = 256
"""So many events are in one record."""

_REFERENCE = '"artifact":'
_AS_JSON = {"result", "error"}


def claim(execute: Execute, run: str, owner: Owner, now: float, lease_s: float, force: bool) -> RunRow:
    """See `Journal.claim`."""
    row = runs.any_one(execute, run)  # a damaged run can be ended, too
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
    a record's events decodes it whole. The row of a step stands in each record that tells of the step. Raises
    ValueError for what no batch may hold.
    """
    events, steps = batch.events, batch.steps
    if batch.run or not events:
        rules.check_batch(batch)
    counts = None if batch.counts is None else encode(batch.counts)
    count = len(events)
    if count <= _AT_MOST:
        return [_record(run, epoch, expected_seq, events, steps, counts)]
    rows = {step.key: step for step in steps}
    found = []
    for first in range(0, count, _AT_MOST):
        some = events[first : first + _AT_MOST]
        told = [rows[key] for key in dict.fromkeys(event.get("key") for event in some) if key in rows] if rows else []
        found.append((first, some, told))
    anywhere = {step.key for *_, told in found for step in told}
    found[-1][2].extend(step for step in steps if step.key not in anywhere)
    return [_record(run, epoch, expected_seq + first, some, told, counts) for first, some, told in found]


def _record(
    run: str, epoch: int, seq: int, events: Sequence[Json], steps: Sequence[StepRow], counts: str | None
) -> Values:
    body, count = encode(events), len(events)
    cells = encode([rules.step_cells(step) for step in steps]) if steps else None
    return count, run, epoch, seq, body, cells, counts, record_seal(run, seq + count, count, body, cells)


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
        cells = {name: pack(value) if name in _AS_JSON else value for name, value in changed.items()}
        cells["outcome_seal"] = outcome_seal(run, cells)
        execute(f"UPDATE runs SET {', '.join(f'{name} = ?' for name in cells)} WHERE id = ?", (*cells.values(), run))


def events_after(execute: Execute, run: str, after_seq: int) -> tuple[list[Json], int]:
    """The run's next events after number `after_seq`, some of them, and the number of the last. Raises StoreCorrupt."""
    found: list[Json] = []
    after_seq = max(0, after_seq)
    for last_seq, count, body, sealed in execute(SQL.records_after, (run, after_seq)).fetchall():
        events = record_events(run, body, last_seq, count, sealed)
        if last_seq - count > after_seq:
            raise damaged(run, f"its events {after_seq + 1} to {last_seq - count}, which are gone,")
        found += events[after_seq - (last_seq - count) :]
        after_seq = last_seq
    return found, after_seq


def record_events(run: str, body: str, last_seq: int, count: int, sealed: int | None) -> list[Json]:
    """The events of a record. Raises StoreCorrupt."""
    try:
        check_body(sealed, run, last_seq, count, body)
        events: list[Json] = decode(body)
        return events[:count]
    except UNREADABLE as error:
        raise damaged(run, f"its events up to number {last_seq}") from error


def save_checkpoint(execute: Execute, run: str, epoch: int, seq: int, state: str | None) -> None:
    """See `Journal.save_checkpoint`."""
    _check_epoch(execute, run, epoch)
    execute(SQL.save_checkpoint, (run, seq, state, seal(f"{run} {seq}", state)))


def load_checkpoint(execute: Execute, run: str) -> Checkpoint | None:
    """See `Journal.load_checkpoint`."""
    row = execute(SQL.load_checkpoint, (run,)).fetchone()
    if row is None:
        return None
    seq, state, sealed = row
    try:
        check(sealed, run, "its checkpoint", f"{run} {seq}", state)
        return Checkpoint(seq, unpack(state))
    except UNREADABLE as error:
        raise damaged(run, "its checkpoint") from error


def _check_epoch(execute: Execute, run: str, epoch: int) -> None:
    row = execute(SQL.epoch, (run,)).fetchone()
    rules.check_epoch(run, row and row[0], epoch)


def _check_place(execute: Execute, values: Values) -> None:
    """Raise Fenced unless the record of these values fits there."""
    run, epoch, expected_seq = values[1:4]
    found, seq = execute(SQL.place, (run,)).fetchone() or (None, 0)
    rules.check_epoch(run, found, epoch)
    rules.check_place(run, seq, expected_seq)
