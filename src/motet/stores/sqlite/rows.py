"""The port's rows as columns of the tables, and back."""

from __future__ import annotations

from typing import Any

from motet.ports import Entry, Owner, RunRow, StepRow
from motet.stores.codec import decode, pack, unpack
from motet.stores.rows import step_of_cells

Row = tuple[Any, ...]

RUN_COLUMNS = """
    id, name, workflow, program, params, status, epoch,
    coalesce((SELECT max(last_seq) FROM records WHERE records.run = runs.number), 0),
    parent, tags, after_offset, created_at, started_at, ended_at, result, error, owner, lease_until, counts
"""

_STEP = [
    "key",
    "task",
    "form",
    "status",
    "parent",
    "name",
    "attempt",
    "added_at",
    "started_at",
    "ended_at",
    "cached",
    "needs",
    "size",
    "done",
    "error",
    "result",
]
STEP_COLUMNS = ", ".join(_STEP)
LIGHT_STEP_COLUMNS = ", ".join(_STEP[:-1]) + ", NULL"

PUT_STEP = (
    f"INSERT INTO steps (run, {STEP_COLUMNS}) VALUES (?{', ?' * len(_STEP)}) "
    "ON CONFLICT (run, key) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _STEP[1:])
)
"""Add a step, or bring the one of that key up to date; its place among the others stays."""

ENTRY_COLUMNS = (
    "last_offset, count, coalesce(runs.id, about, ''), last_seq, body, "
    "records.key, namespace, sender, records.at"
)  # fmt: skip


def run_row(row: Row) -> RunRow:
    """The run of a row of RUN_COLUMNS."""
    (id_, name, workflow, program, params, status, epoch, seq, parent, tags, offset, created_at, started_at,
     ended_at, result, error, owner, lease_until, counts) = row  # fmt: skip
    return RunRow(
        id_, name, workflow, unpack(program), unpack(params), status, epoch, seq, parent, unpack(tags) or [],
        offset, created_at, started_at, ended_at, unpack(result), unpack(error), unpack_owner(owner),
        lease_until, unpack(counts) or {},
    )  # fmt: skip


def pack_owner(owner: Owner) -> str | None:
    """The owner as a column."""
    return pack({name: getattr(owner, name) for name in owner.__match_args__})


def unpack_owner(text: str | None) -> Owner | None:
    """The owner that `pack_owner` wrote."""
    return None if text is None else Owner(**decode(text))


def step_values(run: int, cells: list[Any]) -> Row:
    """The parameters of PUT_STEP."""
    *plain, needs, size, done, error, result = cells
    return (run, *plain, pack(needs or None), size, done, pack(error), pack(result))


def step_row(row: Row) -> StepRow:
    """The step of a row of STEP_COLUMNS or LIGHT_STEP_COLUMNS."""
    *plain, cached, needs, size, done, error, result = row
    return step_of_cells([*plain, bool(cached), unpack(needs) or [], size, done, unpack(error), unpack(result)])


def entries(row: Row, after: int) -> list[Entry]:
    """The events beyond offset `after` of a row of ENTRY_COLUMNS."""
    last_offset, count, run, last_seq, body, key, namespace, sender, at = row
    if last_seq is None:
        return [Entry(last_offset, run, 0, key, namespace, unpack(body), at, sender, True)]
    first, seq = last_offset - count + 1, last_seq - count + 1
    skip = max(0, after + 1 - first)
    return [
        Entry(first + i, run, seq + i, event["event"], "motet", event, event.get("at", 0.0), "", False)
        for i, event in enumerate(decode(body)[skip:], skip)
    ]
