"""The steps of a run: the rows of the table `steps`, and over them newer ones from the journal.

A commit writes the step rows that it changed into its journal record and nowhere else: that halves its cost.
Whoever looks at the steps puts those of the run's newest records over those of the table. When the former
have become many, it also moves them into the table, unless writers are busy: what it sees is the same.
"""

from __future__ import annotations

from motet.errors import StoreFull, StoreUnavailable
from motet.ports import StepRow
from motet.stores.codec import decode
from motet.stores.rules import step_of_cells
from motet.stores.sqlite.file import Database
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import UNREADABLE, check_steps, damaged, step_row, step_values
from motet.typed import Any

SQL = Queries("steps")

_MANY = 500
_AT_ONCE = 2000
_LATE = 1 << 62
_DONE = 13
"""The place of `done` among the cells."""

Newer = dict[str, list[Any]]
"""The cells of each step that changed in records that are not folded yet, in the order in which they came."""


def steps(database: Database, run: str, limit: int | None, status: str | None, whole: bool) -> list[StepRow]:
    """See `Store.steps`."""
    while database.read(many_are_newer, run):
        try:
            if not database.write_soon(fold_some, run):
                break
        except (StoreUnavailable, StoreFull):  # the rows are read where they stand
            break
    return database.snapshot(_steps, run, limit, status, whole)


def step(execute: Execute, run: str, key: str) -> StepRow | None:
    """The step, or None. To be read from one state."""
    newer = _newer(execute, run, -1)[0]
    if key in newer:
        return step_of_cells(newer[key])
    row = execute(SQL.one, (_run(execute, run)[0], key)).fetchone()
    return row and step_row(row)


def _steps(execute: Execute, run: str, limit: int | None, status: str | None, whole: bool) -> list[StepRow]:
    number, folded_seq = _run(execute, run)
    newer = _newer(execute, run, -1)[0]
    found = execute(
        SQL.whole if whole else SQL.light, (number, status, -1 if limit is None else limit + len(newer))
    ).fetchall()
    rows = [(place, step_row(cells)) for place, *cells in found if cells[1] not in newer]
    for i, (key, cells) in enumerate(newer.items()):
        if status is None or cells[3] == status:
            place = _place(execute, number, key) if folded_seq else None
            rows.append((place or _LATE + i, step_of_cells(cells, light=not whole)))
    rows.sort(key=lambda pair: pair[0])
    return [row for _, row in rows[:limit]]


def many_are_newer(execute: Execute, run: str) -> bool:
    """Whether so many records are not folded yet that it is worth while."""
    count = execute(SQL.count_unfolded, (*_run(execute, run), _MANY + 1)).fetchone()[0]
    return bool(count > _MANY)


def is_behind(execute: Execute, run: str) -> bool:
    """Whether any record of the run is not folded yet."""
    number, folded_seq = _run(execute, run)
    return bool(execute(SQL.count_unfolded, (number, folded_seq, 1)).fetchone()[0])


def fold_some(execute: Execute, run: str) -> None:
    """Move the rows of the next records into the table."""
    number = _run(execute, run)[0]
    changed: list[tuple[str, int]] = []
    newer, last_seq = _newer(execute, run, _AT_ONCE, changed)
    for cells in newer.values():
        execute(SQL.put, step_values(number, cells))
    for key, seq in changed:
        execute(SQL.put_change, (number, key, seq))
    execute(SQL.folded, (last_seq, number))


def _run(execute: Execute, run: str) -> tuple[int, int]:
    """The run's number and how far it is folded; (0, 0) where there is none."""
    row: tuple[int, int] | None = execute(SQL.place_of_run, (run,)).fetchone()
    return row or (0, 0)


def _newer(execute: Execute, run: str, limit: int, changed: list[tuple[str, int]] | None = None) -> tuple[Newer, int]:
    """The step rows of the run's next `limit` records (-1: all), and the number of the last event in them.

    `changed` gets the key of each step, with the number of each such record in which the step itself changed.
    """
    newer: Newer = {}
    number, folded_seq = _run(execute, run)
    found = execute(SQL.unfolded, (number, folded_seq, limit)).fetchall()
    for last_seq, count, text, sealed in found:
        try:
            check_steps(sealed, run, last_seq, count, text)
            for cells in decode(text) if text is not None else ():
                before = newer.get(cells[0])
                if changed is not None and (before is None or not _only_counts(before, cells)):
                    changed.append((cells[0], last_seq))
                newer[cells[0]] = cells
        except UNREADABLE as error:
            raise damaged(run, f"the steps that changed with its events up to number {last_seq}") from error
    return newer, found[-1][0] if found else folded_seq


def _only_counts(before: list[Any], cells: list[Any]) -> bool:
    """Whether the change from the one to the other is but that more elements of a map have ended."""
    return before[_DONE] != cells[_DONE] and before[:_DONE] == cells[:_DONE]


def _place(execute: Execute, number: int, key: str) -> int | None:
    """The step's place in the table."""
    row: tuple[int] | None = execute(SQL.place, (number, key)).fetchone()
    return row[0] if row else None
