"""The table `runs`, as lists and pages show it."""

from __future__ import annotations

from collections.abc import Sequence

from motet.kernel.events import Json
from motet.ports import NewRun, RunRow
from motet.stores.codec import pack
from motet.stores.rules import no_run, terms_of
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import listed, run_row, seal

SQL = Queries("runs")


def create(execute: Execute, run: NewRun) -> bool:
    """See `Directory.create_run`."""
    voice = run.program.get("voice", "") if isinstance(run.program, dict) else ""
    cells = (
        run.id, run.name, run.workflow, pack(run.program), pack(run.params), run.parent, pack(list(run.tags)),
        run.offset, float(run.created_at),
    )  # fmt: skip
    made = execute(SQL.create, (*cells, seal(*cells), voice))
    if made.rowcount == 1:
        index(execute, made.lastrowid or 0, run.params, run.tags, f"{run.id}\n{run.name}\n{run.workflow}")
    return made.rowcount == 1


def relabel(execute: Execute, run: str, name: str, tags: Sequence[str]) -> None:
    """See `Directory.relabel`. Raises StoreCorrupt for a damaged run."""
    found = one(execute, run)
    number, *texts = execute(SQL.sealed, (run,)).fetchone()
    workflow, program, params, parent, after_offset, created_at = texts
    cells = (run, name, workflow, program, params, parent, pack(list(tags)), after_offset, created_at)
    execute(SQL.relabel, (name, cells[6], seal(*cells), number))
    execute(SQL.forget_text, (number,))
    execute(SQL.forget_tags, (number,))
    index(execute, number, found.params, tags, f"{run}\n{name}\n{workflow}")


def index(execute: Execute, number: int, params: Json, tags: Sequence[str], text: str) -> None:
    """Let the run be found by its tags, parameters and text."""
    execute(SQL.put_text, (number, text))
    for kind, name, value in terms_of(params, tags):
        execute(SQL.put_term, (kind, name, value, number))


def number_of(execute: Execute, run: str) -> int:
    """The number of the run. Raises NotFound."""
    row: tuple[int] | None = execute(SQL.number, (run,)).fetchone()
    if row is None:
        raise no_run(run)
    return row[0]


def put_metric(execute: Execute, run: str, name: str, value: float) -> None:
    """Let the run be found by the last point of that metric, if there is such a run."""
    row = execute(SQL.number, (run,)).fetchone()
    if row is not None:
        execute(SQL.forget_metric, (*row, name))
        execute(SQL.put_term, ("metric", name, value, *row))


def forget(execute: Execute, number: int) -> None:
    """Forget what the run was found by."""
    execute(SQL.forget_text, (number,))
    execute(SQL.forget_terms, (number,))


def one(execute: Execute, run: str) -> RunRow:
    """The run. Raises NotFound."""
    row = execute(SQL.one, (run,)).fetchone()
    if row is None:
        raise no_run(run)
    return run_row(row)


def numbered(execute: Execute, number: int) -> RunRow:
    """The run of that number, which there is."""
    return listed(execute(SQL.numbered, (number,)).fetchone())


def any_one(execute: Execute, run: str) -> RunRow:
    """The run, however damaged. Raises NotFound."""
    row = execute(SQL.one, (run,)).fetchone()
    if row is None:
        raise no_run(run)
    return listed(row)


def named(execute: Execute, text: str) -> list[RunRow]:
    """See `Directory.find_runs`."""
    rows = execute(SQL.named, (text,)).fetchall() or execute(SQL.begun, (text,)).fetchall()
    return [listed(row) for row in rows]


def newest(execute: Execute, status: str | None, before: float | None, limit: int) -> list[RunRow]:
    """See `Directory.runs`."""
    return [listed(row) for row in execute(SQL.newest, (status, before, limit)).fetchall()]
