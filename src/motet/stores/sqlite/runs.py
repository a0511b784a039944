"""The table `runs`, as lists and pages show it."""

from __future__ import annotations

from motet.ports import NewRun, RunRow
from motet.stores.codec import pack
from motet.stores.rules import no_run
from motet.stores.sqlite.file import Execute
from motet.stores.sqlite.queries import Queries
from motet.stores.sqlite.rows import run_row

SQL = Queries("runs")


def create(execute: Execute, run: NewRun) -> bool:
    """See `Directory.create_run`."""
    made = execute(
        SQL.create,
        (run.id, run.name, run.workflow, pack(run.program), pack(run.params), run.parent, pack(list(run.tags)),
         run.offset, run.created_at),
    ).rowcount  # fmt: skip
    return made == 1


def one(execute: Execute, run: str) -> RunRow:
    """The run. Raises NotFound."""
    row = execute(SQL.one, (run,)).fetchone()
    if row is None:
        raise no_run(run)
    return run_row(row)


def named(execute: Execute, text: str) -> list[RunRow]:
    """See `Directory.find_runs`."""
    rows = execute(SQL.named, (text,)).fetchall() or execute(SQL.begun, (text,)).fetchall()
    return [run_row(row) for row in rows]


def newest(execute: Execute, status: str | None, before: float | None, limit: int) -> list[RunRow]:
    """See `Directory.runs`."""
    return [run_row(row) for row in execute(SQL.newest, (status, before, limit)).fetchall()]
