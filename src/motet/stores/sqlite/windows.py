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


_INDEXES = {
    "steps_by_task": ("task", "status"), "steps_in_task": ("task",), "steps_by_parent": ("parent",),
    "steps_by_status": ("status",),
}  # fmt: skip
"""What is looked up by each index: it has the steps of which these columns are given, in order."""

_FEW = 5_000


def page(execute: Execute, run: str, where: StepFilter, start: int | None, limit: int) -> StepPage:
    """See `Pages.step_page`. It shows what is folded, and folds nothing itself. To be read from one state."""
    number, folded_seq, seq = _head(execute, run)
    index = _index_for(execute, number, where)
    wanted = {name: getattr(where, name) for name in ("parent", "task", "status") if getattr(where, name) is not None}
    tests, values = [f"{column} = ?" for column in wanted], [*wanted.values()]
    if where.text is not None:
        text = where.text.lower()
        tests.append(SQL.has_text)
        values += [like(text), text, like(text), text]
    sql = SQL.window.replace("{index}", index).replace("{conditions}", " AND ".join(tests) or "1")
    rows = execute(sql, (number, start or 0, *values, limit + 1)).fetchall()
    shown = rows[:limit]
    following = shown[-1][0] if len(rows) > limit else None
    return StepPage([step_row(cells) for _, *cells in shown], following, seq - folded_seq)


def _index_for(execute: Execute, number: int, where: StepFilter) -> str:
    """The index that finds the fewest steps, so that few are found that something else about them excludes."""
    index, fewest = "steps_in_order", _FEW + 1
    for each, columns in _INDEXES.items():
        values = [getattr(where, column) for column in columns]
        if None in values:
            continue
        conditions = " AND ".join(f"{column} = ?" for column in columns)
        sql = SQL.count.replace("{index}", each).replace("{conditions}", conditions)
        found = execute(sql, (number, *values, _FEW + 1)).fetchone()[0]
        if found < fewest or index == "steps_in_order":
            index, fewest = each, found
    return index


def summary(execute: Execute, run: str) -> Summary:
    """See `Pages.summary`. To be read from one state."""
    number, folded_seq, seq = _head(execute, run)
    tasks: dict[str, dict[str, int]] = {}
    for task, status, count in execute(SQL.tasks, (number,)).fetchall():
        tasks.setdefault(task, {})[status] = count
    return Summary(runs.one(execute, run), tasks, seq - folded_seq)


def attempts(execute: Execute, run: str, key: str) -> list[AttemptRow]:
    """See `Pages.attempts`. To be read from one state."""
    number, folded_seq, _ = _head(execute, run)
    bodies = execute(SQL.events_of, (number, key, folded_seq, f'"key":{encode(key)}')).fetchall()
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
