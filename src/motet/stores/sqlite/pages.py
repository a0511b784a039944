"""Pages of runs: what they are found by, and figures of all of them.

A page costs about what it shows. Where one of the conditions is rare, the few runs that it names are looked at, however
old they are; else the runs are walked through back in time, as common ones soon turn up, and only so far at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from motet.ports import AttemptRow, Cell, RunFilter, RunPage, StepFilter, StepPage, Summary, Use
from motet.records import Record
from motet.stores import rules
from motet.stores.sqlite import runs, windows
from motet.stores.sqlite.file import Database
from motet.stores.sqlite.folding import Folder
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import like

SQL = Queries("pages")

FEW = 5_000
"""A condition that so many runs fulfil at most is a rare one."""

WALK = 20_000
"""So many runs are looked through at once."""

_TRIGRAM = 3
"""So many letters in a row the index of texts needs."""

_COLUMNS = ("workflow", "voice", "parent", "status")


class SqlitePages:
    """The port `Pages`. `told` is called when what pages show was brought up to date."""

    def __init__(self, database: Database, told: Callable[[], None]) -> None:
        self._database = database
        self._folder = Folder(database, told)

    def run_page(self, where: RunFilter, *, start: str | None = None, limit: int = 50) -> RunPage:
        return self._database.snapshot(page, where, start, limit)

    def run_counts(self) -> Mapping[str, int]:
        return self._database.snapshot(counts)

    def density(self, since: float, until: float, columns: int) -> list[Cell]:
        return self._database.snapshot(density, since, until, columns)

    def summary(self, run: str) -> Summary:
        found = self._database.snapshot(windows.summary, run)
        if found.behind:
            self._folder.want(run)
        return found

    def step_page(self, run: str, where: StepFilter, *, start: int | None = None, limit: int = 50) -> StepPage:
        found = self._database.snapshot(windows.page, run, where, start, limit)
        if found.behind:
            self._folder.want(run)
        return found

    def attempts(self, run: str, key: str) -> list[AttemptRow]:
        return self._database.snapshot(windows.attempts, run, key)

    def uses(self, digest: str) -> list[Use]:
        return self._database.read(uses, digest)

    def artifacts_of(self, run: str, key: str) -> tuple[list[str], list[str]]:
        return self._database.snapshot(artifacts_of, run, key)

    def close(self) -> None:
        """Stop what is done beside readers."""
        self._folder.close()


class _Condition(Record):
    """A condition: as one on a row of `runs`, and as a query of the runs that fulfil it, if an index has these.

    Both take the same values. `columns` are those of the row that the test needs.
    """

    test: str
    rare: str
    values: tuple[Any, ...]
    columns: str = ""
    index: str = ""


def page(execute: Execute, where: RunFilter, start: str | None, limit: int) -> RunPage:
    """See `Pages.run_page`. To be read from one state."""
    conditions = _conditions(where)
    window, values = _window(where, start)
    rarest, count = None, FEW + 1
    for each in (it for it in conditions if it.rare):
        found = execute(SQL.count.replace("{rare}", each.rare), (*each.values, count)).fetchone()[0]
        if found < count:
            rarest, count = each, found
    if rarest is not None:
        tests = [each for each in conditions if each is not rarest]
        sql = SQL.few.replace("{rare}", rarest.rare).replace("{conditions}", _all([window, *(it.test for it in tests)]))
        rows = execute(sql, (*rarest.values, *values, *_values(tests), limit + 1)).fetchall()
        return _page(execute, rows, limit, None)
    return _walk(execute, conditions, (window, values), limit)


def _walk(execute: Execute, conditions: list[_Condition], window: tuple[str, list[Any]], limit: int) -> RunPage:
    driver = next((each for each in conditions if each.index), None)
    tests = [each for each in conditions if each is not driver]
    walked = _all([driver.test, window[0]] if driver else [window[0]])
    index = f"INDEXED BY {driver.index}" if driver else "INDEXED BY runs_by_age"
    values = [*(driver.values if driver else ()), *window[1]]

    columns = "".join(f", {each.columns}" for each in tests if each.columns)
    parts = {"columns": columns, "index": index, "walked": walked, "most": str(WALK)}
    parts["conditions"] = _all([each.test for each in tests])

    def filled(sql: str) -> str:
        for name, text in parts.items():
            sql = sql.replace("{" + name + "}", text)
        return sql

    rows = execute(filled(SQL.walk), (*values, *_values(tests), limit + 1)).fetchall()
    last = None if len(rows) > limit else execute(filled(SQL.walk_ends), values).fetchone()
    return _page(execute, rows, limit, last)


def _page(execute: Execute, rows: list[Any], limit: int, walked_to: tuple[float, int] | None) -> RunPage:
    """The page of the runs that were found, `limit` + 1 of them if there are more."""
    if len(rows) > limit:
        number, created_at = rows[limit - 1]
        walked_to = created_at, number
    shown = [runs.numbered(execute, number) for number, _ in rows[:limit]]
    return RunPage(shown, f"{walked_to[0]!r} {walked_to[1]}" if walked_to else None)


def _conditions(where: RunFilter) -> list[_Condition]:
    found = []
    for column in _COLUMNS:
        if (value := getattr(where, column)) is not None:
            test = f"{column} = ?" if column != "parent" or not value else "parent = ? AND parent <> ''"
            index = f"runs_by_{column}" if column != "parent" or value else ""
            rare = SQL.rare_column.replace("{column} = ?", test)
            found.append(_Condition(test, rare, (value,), column, index))
    found += [_Condition(SQL.has_term, SQL.rare_term, bounds) for bounds in rules.bounds_of(where)]
    if where.text is not None:
        text = where.text.lower()
        indexed = max(map(len, text.replace("%", "_").split("_"))) >= _TRIGRAM
        rare = SQL.rare_text if indexed else ""
        found.append(_Condition(SQL.has_text, rare, (like(text), text), "id, name, workflow"))
    return found


def _window(where: RunFilter, start: str | None) -> tuple[str, list[Any]]:
    """The condition on when runs were created, and its values."""
    tests, values = ["1"], []
    if where.since is not None:
        tests.append("created_at >= ?")
        values.append(where.since)
    if where.until is not None:
        tests.append("created_at < ?")
        values.append(where.until)
    if start is not None:
        at, _, number = start.partition(" ")
        tests.append("(created_at, number) < (?, ?)")
        values += [float(at), int(number)]
    return " AND ".join(tests), values


def _all(tests: list[str]) -> str:
    return " AND ".join(tests) or "1"


def _values(conditions: list[_Condition]) -> list[Any]:
    return [value for each in conditions for value in each.values]


def uses(execute: Execute, digest: str) -> list[Use]:
    """See `Pages.uses`."""
    return [Use(run, key, bool(given)) for run, key, given in execute(SQL.uses, (digest,)).fetchall()]


def artifacts_of(execute: Execute, run: str, key: str) -> tuple[list[str], list[str]]:
    """See `Pages.artifacts_of`."""
    found = execute(SQL.artifacts_of, (runs.number_of(execute, run), key)).fetchall()
    return [digest for digest, given in found if given], [digest for digest, given in found if not given]


def counts(execute: Execute) -> Mapping[str, int]:
    """See `Pages.run_counts`. To be read from one state."""
    found: Counter[str] = Counter()
    for sql in (SQL.ended_counts, SQL.open_counts):
        found.update(dict(execute(sql).fetchall()))
    return found


def density(execute: Execute, since: float, until: float, columns: int) -> list[Cell]:
    """See `Pages.density`. To be read from one state."""
    width_s, beforehand = rules.width_of(since, until, columns)
    origin = 0.0 if beforehand else since
    cells: Counter[tuple[float, int, str]] = Counter()
    if beforehand:
        first, last = since // width_s, until // width_s
        kept_s = max(each for each in rules.WIDTHS_S if each <= width_s)
        wide = int(width_s / kept_s)
        values = (kept_s, wide, first * wide, (last + 1) * wide - 1)
        for cell, took, status, count in execute(SQL.ended_cells, values).fetchall():
            cells[cell, took, status] = count
        since, until = first * width_s, (last + 1) * width_s
        rows = execute(SQL.open_runs, (since, until)).fetchall()
    else:
        rows = [*execute(SQL.ended_runs, (since, until)), *execute(SQL.open_runs, (since, until))]
    for created_at, took, status, count in rows:
        cells[(created_at - origin) // width_s, took, status] += count
    return [
        Cell(origin + cell * width_s, width_s, None if took < 0 else rules.DURATIONS_S[took], status, count)
        for (cell, took, status), count in sorted(cells.items())
    ]
