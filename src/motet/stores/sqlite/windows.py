"""Pages of the steps of one run, from the table `steps` as far as it is brought up to date."""

from __future__ import annotations

from motet.ports import AttemptRow, StepFilter, StepPage, Summary
from motet.stores.attempts import attempts_of
from motet.stores.codec import encode
from motet.stores.rules import no_run
from motet.stores.sqlite import runs
from motet.stores.sqlite.journal import record_events
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import like, step_row

SQL = Queries("windows")


def page(execute: Execute, run: str, where: StepFilter, start: int | None, limit: int) -> StepPage:
    """See `Pages.step_page`. It shows what is folded, and folds nothing itself."""
    number, folded_seq, seq = _head(execute, run)
    given = [("parent", where.parent), ("task", where.task), ("status", where.status)]
    wanted = [(column, value) for column, value in given if value is not None]
    tests = [f"{column} = ?{i}" for i, (column, _) in enumerate(wanted, 6)]
    if where.text is not None:
        tests.append(SQL.has_text)
    sql = SQL.window.replace("{conditions}", " AND ".join(tests) or "1")
    text = (where.text or "").lower()
    values = (number, start or 0, like(text), text, limit + 1, *(value for _, value in wanted))
    rows = execute(sql, values).fetchall()
    shown = rows[:limit]
    following = shown[-1][0] if len(rows) > limit else None
    return StepPage([step_row(cells) for _, *cells in shown], following, seq - folded_seq)


def summary(execute: Execute, run: str) -> Summary:
    """See `Pages.summary`. To be read from one state."""
    number, folded_seq, seq = _head(execute, run)
    tasks: dict[str, dict[str, int]] = {}
    for task, status, count in execute(SQL.tasks, (number,)).fetchall():
        tasks.setdefault(task, {})[status] = count
    return Summary(runs.one(execute, run), tasks, seq - folded_seq)


def attempts(execute: Execute, run: str, key: str) -> list[AttemptRow]:
    """See `Pages.attempts`. To be read from one state."""
    number, _, _ = _head(execute, run)
    bodies = execute(SQL.events_of, (number, f'"key":{encode(key)}')).fetchall()
    events = [
        event
        for row in bodies
        for event in record_events(run, *row)
        if event.get("key") == key and event.get("element", -1) < 0
    ]
    needs = [*events[0].get("needs", ()), *events[0].get("after", ())] if events else []
    (last_end,) = execute(SQL.last_end, (number, encode(needs))).fetchone()
    return attempts_of(events, last_end)


def _head(execute: Execute, run: str) -> tuple[int, int, int]:
    """The run's number, how far it is folded, and its last event. Raises NotFound."""
    found: tuple[int, int, int] | None = execute(SQL.head, (run,)).fetchone()
    if found is None:
        raise no_run(run)
    return found
