"""The port's rows as columns of the tables, and back."""

from __future__ import annotations

from typing import Any

from motet.ports import Entry, Owner, RunRow, StepRow
from motet.stores.codec import decode, pack, unpack
from motet.stores.rules import step_of_cells

Row = tuple[Any, ...]


def run_row(row: Row) -> RunRow:
    """The run of a row of the columns in `runs.sql`."""
    (id_, name, workflow, program, params, status, epoch, seq, parent, tags, offset, created_at, started_at,
     ended_at, result, error, owner, lease_until, counts) = row  # fmt: skip
    return RunRow(
        id_, name, workflow, unpack(program), unpack(params), status, epoch, seq, parent, unpack(tags) or [],
        offset, created_at, started_at, ended_at, unpack(result), unpack(error), unpack_owner(owner),
        lease_until, unpack(counts) or {},
    )  # fmt: skip


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
    *plain, needs, size, done, error, result = cells
    return (run, *plain, pack(needs or None), size, done, pack(error), pack(result))


def step_row(row: Row) -> StepRow:
    """The step of a row of the columns in `steps.sql`."""
    *plain, cached, needs, size, done, error, result = row
    return step_of_cells([*plain, cached, unpack(needs) or [], size, done, unpack(error), unpack(result)])


def entries(row: Row, after: int) -> list[Entry]:
    """The events beyond offset `after` of a row of the columns in `events.sql`."""
    last_offset, count, run, last_seq, body, key, namespace, sender, at = row
    if last_seq is None:
        return [Entry(last_offset, run, 0, key, namespace, unpack(body), at, sender, True)]
    first, seq = last_offset - count + 1, last_seq - count + 1
    skip = max(0, after + 1 - first)
    return [
        Entry(first + i, run, seq + i, event["event"], "motet", event, event.get("at", 0.0), "", False)
        for i, event in enumerate(decode(body)[skip:], skip)
    ]
