"""The directory of a store that has little to show: what is asked for is picked from all that there is.

So they say what each filter means; a store that has indexes must choose the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from motet import ports
from motet.kernel.events import Json
from motet.records import Record, field
from motet.stores.attempts import attempts_of
from motet.stores.codec import decode, encode, references
from motet.stores.rules import DURATIONS_S, Term, bounds_of, no_run, no_step, step_of_cells, terms_of, uses_in, width_of


class Kept(Record):
    """A run and all that is its own. Events, steps (by key) and the checkpoint are JSON texts.

    So what was given can be changed afterwards, as with a store on disk.
    """

    row: ports.RunRow
    events: list[str] = field(default_factory=list)
    steps: dict[str, str] = field(default_factory=dict)
    checkpoint: str | None = None
    last_offset: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    def shown(self) -> ports.RunRow:
        """A copy of the row that shares nothing with it."""
        row = self.row
        return replace(
            row, program=copied(row.program), params=copied(row.params), tags=list(row.tags),
            result=copied(row.result), error=copied(row.error), owner=row.owner and replace(row.owner),
            counts=copied(row.counts),
        )  # fmt: skip

    def step_rows(self, *, light: bool) -> list[ports.StepRow]:
        """The steps in the order in which they were added."""
        return [step_of_cells(decode(text), light=light) for text in self.steps.values()]

    def terms(self) -> list[Term]:
        """What the run is found by besides its columns."""
        return terms_of(self.row.params, self.row.tags) + [("metric", *point) for point in self.metrics.items()]

    def artifacts(self) -> set[str]:
        """The digests of the artifacts that are referred to, but for those in events."""
        row = self.row
        texts = [encode([row.program, row.params, row.result, row.error]), self.checkpoint]
        return references([*texts, *self.steps.values()])


def copied(value: Json) -> Json:
    """A copy that shares nothing with the value."""
    return decode(encode(value))


class PlainDirectory:
    """The part of the port `Directory` that reads, over `runs`."""

    def __init__(self) -> None:
        self._runs: dict[str, Kept] = {}

    def run(self, run: str) -> ports.RunRow:
        """See `Directory`."""
        return self._known(run).shown()

    def find_runs(self, text: str) -> list[ports.RunRow]:
        """See `Directory`."""
        found = [run.shown() for run in self._newest_first()]
        whole = [row for row in found if text in (row.id, row.name)]
        return whole or [row for row in found if row.id.startswith(text) or row.name.startswith(text)]

    def runs(self, *, limit: int = 50, status: str | None = None, before: float | None = None) -> list[ports.RunRow]:
        """See `Directory`."""
        found = [run for run in self._newest_first() if status is None or run.row.status == status]
        return [run.shown() for run in found if before is None or run.row.created_at < before][:limit]

    def steps(
        self, run: str, *, limit: int | None = None, status: str | None = None, whole: bool = False
    ) -> list[ports.StepRow]:
        """See `Directory`."""
        rows = self._runs[run].step_rows(light=not whole) if run in self._runs else []
        return [row for row in rows if status is None or row.status == status][:limit]

    def step(self, run: str, key: str) -> ports.StepRow:
        """See `Directory`."""
        text = self._runs[run].steps.get(key) if run in self._runs else None
        if text is None:
            raise no_step(run, key)
        return step_of_cells(decode(text))

    def run_page(self, where: ports.RunFilter, *, start: str | None = None, limit: int = 50) -> ports.RunPage:
        """See `Pages`."""
        found = [run.shown() for run in self._newest_first() if chooses_run(where, run)]
        first = int(start or 0)
        return ports.RunPage(found[first : first + limit], str(first + limit) if first + limit < len(found) else None)

    def run_counts(self) -> Mapping[str, int]:
        """See `Pages`."""
        return Counter(run.row.status for run in self._runs.values())

    def density(self, since: float, until: float, columns: int) -> list[ports.Cell]:
        """See `Pages`."""
        width_s, beforehand = width_of(since, until, columns)
        origin = 0.0 if beforehand else since
        first, last = (since - origin) // width_s, (until - origin) // width_s
        cells: Counter[tuple[float, int, str]] = Counter()
        for row in (run.row for run in self._runs.values()):
            cell = (row.created_at - origin) // width_s
            if first <= cell <= last and (beforehand or since <= row.created_at < until):
                took_s = max(0.0, (row.ended_at or 0.0) - (row.started_at or row.ended_at or 0.0))
                place = -1 if row.ended_at is None else bisect_right(DURATIONS_S, took_s) - 1
                cells[origin + cell * width_s, place, row.status] += 1
        return [
            ports.Cell(at, width_s, None if place < 0 else DURATIONS_S[place], status, count)
            for (at, place, status), count in sorted(cells.items())
        ]

    def summary(self, run: str) -> ports.Summary:
        """See `Pages`."""
        found = self._known(run)
        tasks: dict[str, Counter[str]] = {}
        for step in found.step_rows(light=True):
            tasks.setdefault(step.task, Counter())[step.status] += 1
        return ports.Summary(found.shown(), tasks)

    def step_page(
        self, run: str, where: ports.StepFilter, *, start: int | None = None, limit: int = 50
    ) -> ports.StepPage:
        """See `Pages`."""
        found = [step for step in self._known(run).step_rows(light=True) if chooses_step(where, step)]
        first = start or 0
        return ports.StepPage(found[first : first + limit], first + limit if first + limit < len(found) else None)

    def attempts(self, run: str, key: str) -> list[ports.AttemptRow]:
        """See `Pages`."""
        events = [event for event in self._events(run) if event.get("key") == key and event.get("element", -1) < 0]
        needs = [*events[0].get("needs", ()), *events[0].get("after", ())] if events else []
        ends = [self.step(run, need).ended_at or 0.0 for need in needs]
        return attempts_of(events, max(ends, default=None))

    def uses(self, digest: str) -> list[ports.Use]:
        """See `Pages`."""
        return [
            ports.Use(run, key, given)
            for run in self._runs
            for digest_, key, given in sorted(uses_in(self._events(run)))
            if digest_ == digest
        ]

    def artifacts_of(self, run: str, key: str) -> tuple[list[str], list[str]]:
        """See `Pages`."""
        found = sorted({(digest, given) for digest, key_, given in uses_in(self._events(run)) if key_ == key})
        return [digest for digest, given in found if given], [digest for digest, given in found if not given]

    def _known(self, run: str) -> Kept:
        if run not in self._runs:
            raise no_run(run)
        return self._runs[run]

    def _events(self, run: str) -> list[Any]:
        return [decode(text) for text in self._known(run).events]

    def _newest_first(self) -> list[Kept]:
        newest_first = list(reversed(self._runs.values()))
        newest_first.sort(key=lambda run: -run.row.created_at)
        return newest_first


def chooses_run(where: ports.RunFilter, run: Kept) -> bool:
    """Whether the filter chooses the run."""
    row = run.row
    voice = row.program.get("voice", "") if isinstance(row.program, dict) else ""
    columns = (
        (where.status, row.status),
        (where.workflow, row.workflow),
        (where.voice, voice),
        (where.parent, row.parent),
    )
    return (
        all(wanted is None or wanted == found for wanted, found in columns)
        and (where.text is None or where.text.lower() in f"{row.id}\n{row.name}\n{row.workflow}".lower())
        and (where.since is None or row.created_at >= where.since)
        and (where.until is None or row.created_at < where.until)
        and all(
            any(kind == kind_ and name == name_ and _between(low, value, high) for kind_, name_, value in run.terms())
            for kind, name, low, high in bounds_of(where)
        )
    )


def chooses_step(where: ports.StepFilter, step: ports.StepRow) -> bool:
    """Whether the filter chooses the step."""
    columns = ((where.parent, step.parent), (where.task, step.task), (where.status, step.status))
    return all(wanted is None or wanted == found for wanted, found in columns) and (
        where.text is None or where.text.lower() in f"{step.key}\n{step.name}".lower()
    )


def chooses_event(where: ports.EventFilter | None, event: ports.Publication) -> bool:
    """Whether the filter chooses the published event."""
    wanted = where or ports.EventFilter()
    columns = ((wanted.key, event.key), (wanted.namespace, event.namespace), (wanted.sender, event.sender))
    return all(each is None or each == found for each, found in columns)


def _between(low: Json, value: Json, high: Json) -> bool:
    """Whether the value is one of that kind, text or number, within the bounds."""
    return isinstance(value, str) == isinstance(low, str) and bool(low <= value <= high)
