"""The port's rows as columns of the tables, sealed, and back.

SQLite checks how its pages hang together, not what stands in them. So each row that a result may come from is sealed
with a CRC over its texts, and over what it is about: what a disk or a program has changed in the file, or put in
another's place, is told, and never taken for a result. A row without a seal was written by an earlier version, and is
taken as it is.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterable, Mapping
from contextlib import suppress

from motet.errors import StoreCorrupt
from motet.ports import Entry, Owner, RunRow, StepRow
from motet.stores.codec import decode, pack, unpack
from motet.stores.rules import TICKS, seconds, step_of_cells
from motet.typed import Any

Row = tuple[Any, ...]

DAMAGED = "record.damaged"
"""The key of what stands in the place of events that cannot be read."""


def run_row(row: Row) -> RunRow:
    """The run of a row of the columns in `runs.sql`. Raises StoreCorrupt."""
    (id_, name, workflow, program, params, status, epoch, seq, parent, tags, offset, created_at, started_at,
     ended_at, result, error, owner, lease_until, counts, sealed, outcome_sealed) = row  # fmt: skip
    try:
        begun = (name, workflow, program, params, parent, tags, offset, created_at)
        check(sealed, id_, "what it was begun with", id_, *begun)
        check(outcome_sealed, id_, "its outcome", id_, status, started_at, ended_at, result, error)
        return RunRow(
            id_, name, workflow, unpack(program), unpack(params), status, epoch, seq, parent, unpack(tags) or [],
            offset, created_at, started_at, ended_at, unpack(result), unpack(error), unpack_owner(owner),
            lease_until, unpack(counts) or {},
        )  # fmt: skip
    except UNREADABLE as wrong:
        raise damaged(str(id_), "its row") from wrong


def listed(row: Row) -> RunRow:
    """As `run_row`, but of a damaged run no more than a list needs, with an error that says so: others are sound."""
    try:
        return run_row(row)
    except StoreCorrupt as error:
        id_, name, workflow, status, parent = map(str, (*row[:3], row[5], row[8]))
        at = row[11] if isinstance(row[11], float) else 0.0
        told = {"type": "StoreCorrupt", "module": "motet.errors", "message": str(error)}
        found = RunRow(
            id_, name, workflow, {}, None, status, _whole(row[6]), _whole(row[7]), parent, created_at=at, error=told
        )
        with suppress(*UNREADABLE):
            found.owner, found.lease_until = unpack_owner(row[16]), row[17] and float(row[17])
        return found


def _whole(cell: object) -> int:
    return cell if isinstance(cell, int) else 0


OUTCOME = ("status", "started_at", "ended_at", "result", "error")
"""The columns of a run that its `outcome_seal` covers."""


def outcome_seal(run: str, cells: Mapping[str, Any]) -> int | None:
    """The seal of these columns of the run's row; None if they are not all that it covers."""
    if cells.keys() < set(OUTCOME):
        return None
    return seal(run, *[_stored(cells[name]) for name in OUTCOME])


def _stored(cell: object) -> object:
    """The cell as the column gives it back: times are floats."""
    return float(cell) if isinstance(cell, int) else cell


def like(text: str) -> str:
    """A LIKE pattern for what has the text in it, and for a little more: indexes know no escapes."""
    return "%" + text.replace("%", "_") + "%"


def pack_owner(owner: Owner) -> str | None:
    """The owner as a column."""
    return pack({name: getattr(owner, name) for name in owner.__match_args__})


def unpack_owner(text: str | None) -> Owner | None:
    """The owner that `pack_owner` wrote."""
    return None if text is None else Owner(**decode(text))


def step_values(run: int, cells: list[Any]) -> Row:
    """The parameters of the query `put`."""
    *plain, added_at, started_at, ended_at, cached, needs, size, done, error, result = cells
    times = map(seconds, (added_at, started_at, ended_at))
    row = (*plain, *times, cached, pack(needs or None), size, done, pack(error), pack(result))
    return (run, *row, seal(f"{run}", *map(_shape, row)))


def step_row(row: Row) -> StepRow:
    """The step of a row of the columns in `steps.sql`, whose seal is None if it is not whole. Raises StoreCorrupt."""
    run, *cells, sealed = row
    try:
        check(sealed, "", f"step {cells[0]} of run number {run}", f"{run}", *map(_shape, cells))
        *plain, cached, needs, size, done, error, result = cells
        return step_of_cells([*plain, cached, unpack(needs) or [], size, done, unpack(error), unpack(result)])
    except UNREADABLE as wrong:
        raise damaged("", f"step {cells[0]} of run number {run}") from wrong


def _shape(cell: object) -> object:
    """The cell as its column gives it back, whatever kind of number it was."""
    return float(cell) if isinstance(cell, int | float) else cell


def take(rows: Iterable[Row], after: int, limit: int) -> list[Entry]:
    """The first `limit` events beyond offset `after` of rows of the columns in `events.sql`; in the place of those that
    are damaged, one that says so.
    """
    taken: list[Entry] = []
    for row in rows:
        try:
            if row[3] is None:
                taken.append(_published(row))
            else:
                taken += _recorded(row, after)
        except (StoreCorrupt, *UNREADABLE) as error:
            run = str(row[2])
            told = {"error": {"type": "StoreCorrupt", "message": str(error)}, "run": run}
            taken.append(Entry(row[0], run, 0, DAMAGED, "motet", told, 0.0, "", row[3] is None))
        if len(taken) >= limit:
            break
    return taken[:limit]


def _published(row: Row) -> Entry:
    offset, _, run, _, body, key, namespace, sender, at, sealed = row
    if sealed is not None and sealed != event_seal(offset, run, body, at, (key, namespace, sender)):
        raise damaged(run, "a published event")
    return Entry(offset, run, 0, key, namespace, unpack(body), at, sender, True)


def _recorded(row: Row, after: int) -> list[Entry]:
    last_offset, count, run, last_seq, body, *_, sealed = row
    check_body(sealed, run, last_seq, count, body)
    first, seq = last_offset - count + 1, last_seq - count + 1
    skip = max(0, after + 1 - first)
    return [
        Entry(first + i, run, seq + i, event["event"], "motet", event, event.get("at", 0.0), "", False)
        for i, event in enumerate(decode(body)[skip:], skip)
    ]


# ---------------------------------------------------------------- seals

_BODY_BITS = 0x7FFFFFFF
"""A record has two checksums in one column, so that steps can be read without events; the sign is left out."""

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What reading a row may raise that is not what was written: rows are not trusted."""

CURE = "Put a backup in its place; `motet doctor` reads all that is kept. Other runs are not concerned."


def seal(about: str, *cells: object) -> int:
    """The checksum of the cells of a row, texts most of them."""
    return crc32("".join([about, *map(str, cells)]).encode())


def record_seal(run: str, last_seq: int, count: int, body: str, steps: str | None) -> int:
    """The seal of a record of an engine."""
    about = crc32(f"{run} {last_seq} {count}".encode())
    return (crc32(body.encode(), about) & _BODY_BITS) << 32 | (crc32(steps.encode(), about) if steps else 0)


def event_seal(offset: int, run: str, body: str | None, at: float, named: tuple[str, str, str]) -> int:
    """The seal of a published event of this key, namespace and sender."""
    key, namespace, sender = named
    return crc32(f"{offset} {run}{body}{key}{namespace}{sender}{int(at * TICKS)}".encode())


def check_body(sealed: int | None, run: str, last_seq: int, count: int, body: str) -> None:
    """Raise StoreCorrupt if the events of a record are not what was written."""
    if sealed is not None:
        found = crc32(body.encode(), crc32(f"{run} {last_seq} {count}".encode())) & _BODY_BITS
        if found != sealed >> 32:
            raise damaged(run, f"its events up to number {last_seq}")


def check_steps(sealed: int | None, run: str, last_seq: int, count: int, steps: str | None) -> None:
    """Raise StoreCorrupt if the step rows of a record are not what was written."""
    if sealed is not None:
        found = crc32(steps.encode(), crc32(f"{run} {last_seq} {count}".encode())) if steps else 0
        if found != sealed & 0xFFFFFFFF:
            raise damaged(run, f"the steps that changed with its events up to number {last_seq}")


def check(sealed: int | None, run: str, place: str, about: str, *cells: object) -> None:
    """Raise StoreCorrupt, naming run and place, if the cells are not those that were sealed."""
    if sealed is not None and seal(about, *cells) != sealed:
        raise damaged(run, place)


def damaged(run: str, place: str) -> StoreCorrupt:
    """Something of a run (or of none) is not what was written."""
    where = f"Run {run} is damaged in the store" if run else "The store is damaged"
    return StoreCorrupt(f"{where}: {place} cannot be read as written.", CURE)
