"""What all stores agree on, above where each keeps its rows: who may claim, who is fenced off, what may go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf

from motet.errors import Conflict, Fenced, NotFound
from motet.kernel.events import Json
from motet.ports import Batch, Document, Owner, Retention, RunFilter, RunRow, StepRow
from motet.records import Record
from motet.stores.codec import encode, references
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

CHANGEABLE = frozenset({"status", "started_at", "ended_at", "result", "error"})
"""The columns of a run that a batch may change."""

ENDED = ("succeeded", "failed", "cancelled")
"""The statuses of a run that has ended."""

EVERYTHING = 1 << 62
"""An offset beyond all events."""


# -- claims and fences


def check_claim(row: RunRow, owner: Owner, now: float, *, force: bool) -> None:
    """Raise Conflict, naming the owner, while the lease of another one holds and `force` is not given."""
    other = row.owner
    if other is not None and other != owner and (row.lease_until or 0.0) > now and not force:
        raise Conflict(
            f"Run {row.id} is driven by process {other.pid} on {other.host}.", "Wait until it ends, or stop it first."
        )


def check_epoch(run: str, found: int | None, epoch: int) -> None:
    """Raise NotFound for a run that is in no epoch, as there is none; Fenced for one that is in another."""
    if found is None:
        raise no_run(run)
    if found != epoch:
        raise Fenced(
            f"Run {run} was taken over: it is in epoch {found}, and this writer in {epoch}.",
            "Whoever took the run over goes on with it; nothing is left to do here.",
        )


def check_place(run: str, seq: int, expected_seq: int) -> None:
    """Raise Fenced unless the run's last event is number `expected_seq`."""
    if seq != expected_seq:
        raise Fenced(
            f"Run {run} was written to by another: it is after event {seq}, "
            f"and this writer is after event {expected_seq}.",
            "Whoever took the run over goes on with it; nothing is left to do here.",
        )


def check_batch(batch: Batch) -> None:
    """Raise ValueError for what no batch may hold."""
    if batch.steps and not batch.events:
        raise ValueError("step rows change with events only")
    if not batch.run.keys() <= CHANGEABLE:
        raise ValueError(f"not what may change of a run: {sorted(batch.run.keys() - CHANGEABLE)}")


def check_version(document: Document, found: int) -> None:
    """Raise Conflict unless the document stands in the version that is to be replaced (0: does not exist)."""
    if found != document.version:
        name = f"{document.voice}/{document.kind}/{document.key}"
        raise Conflict(f"Document {name} has version {found}, not {document.version}.", "Read it again, then write.")


def check_alias(name: str, run: str, meant: str | None) -> None:
    """Raise Conflict if the name means another run."""
    if meant != run:
        raise Conflict(f"{name} already means run {meant}.", "Choose another name.")


def no_run(run: str) -> NotFound:
    """There is no run of that id."""
    return NotFound(f"There is no run {run}.", "`motet ls` lists the runs.")


def no_step(run: str, key: str) -> NotFound:
    """The run has no step of that key."""
    return NotFound(f"Run {run} has no step {key}.", "`motet show RUN` lists its steps.")


def no_alias(name: str) -> NotFound:
    """No run is called that."""
    return NotFound(f"There is no run called {name}.", "`motet ls` lists the runs.")


# -- pruning


class Listeners(Record):
    """Who has yet to read how far: for each listener the offset that it promised last, and until when that counts.

    `row` finds the run that a listener is, if it is one: a run that is over listens no more.
    """

    promises: Mapping[str, tuple[int, float]]
    row: Callable[[str], RunRow | None]
    now: float

    def horizon(self, runs: Iterable[RunRow] = ()) -> int:
        """The offset beyond which a listener, or one of the runs that has not ended, has yet to read."""
        offsets = [
            offset
            for name, (offset, until) in self.promises.items()
            if until > self.now and ((row := self.row(name)) is None or row.status not in ENDED)
        ]
        offsets += [self.promises.get(row.id, (row.offset,))[0] for row in runs if row.status not in ENDED]
        return min(offsets, default=EVERYTHING)


class Candidate(Record):
    """A run that might go. `last_offset` is that of its last event; `parent_ended` holds also where there is none."""

    id: str
    status: str
    ended_at: float | None
    lease_until: float | None
    parent_ended: bool
    last_offset: int
    tags: Sequence[str]
    size_bytes: int = 0


def may_go(run: Candidate, retention: Retention, now: float, horizon: int) -> bool:
    """Whether the run may be removed, judged alone: it has ended as the retention wants it, nobody drives it, nothing
    above it is under way, and no listener has yet to read its events: `horizon` is the offset from which one has.
    """
    return (
        run.status in (retention.statuses or ENDED)
        and run.status in ENDED
        and run.ended_at is not None
        and (retention.older_than_s is None or run.ended_at < now - retention.older_than_s)
        and (not retention.tags or any(tag in retention.tags for tag in run.tags))
        and (not retention.runs or run.id in retention.runs)
        and (run.lease_until or 0.0) <= now
        and run.parent_ended
        and run.last_offset <= horizon
    )


def chosen(runs: Iterable[Candidate], retention: Retention, now: float, horizon: int) -> list[Candidate]:
    """Those of the runs that go, in the order in which they ended."""
    found = sorted(
        (run for run in runs if may_go(run, retention, now, horizon)), key=lambda run: (run.ended_at or 0.0, run.id)
    )
    found = found[: max(0, len(found) - retention.keep)]
    if retention.free_bytes is None:
        return found
    freed_bytes = count = 0
    for run in found:
        if freed_bytes >= retention.free_bytes:
            break
        freed_bytes += run.size_bytes
        count += 1
    return found[:count]


def events_before(retention: Retention, now: float) -> float:
    """The time before which published events go too: where age alone decides. Else none go."""
    narrowed = (
        retention.keep or retention.statuses or retention.tags or retention.runs or retention.free_bytes is not None
    )
    return -inf if narrowed or retention.older_than_s is None else now - retention.older_than_s


# -- what runs and steps are found by

Term: TypeAlias = tuple[str, str, Json]
"""Kind (tag, param, metric), name, and value: a number or a text."""

WIDTHS_S = (60, 3600, 86400)
"""How wide the cells of a density grid may be, where they are counted beforehand."""

DURATIONS_S = (0.0, *(0.001 * 2 ** (place / 2) for place in range(70)))
"""Where each place of a density grid begins."""

_MOST_TERMS, _LONGEST_TERM = 200, 200


def terms_of(params: Json, tags: Sequence[str]) -> list[Term]:
    """What a new run is found by, besides its columns: its tags, and those parameters that are numbers or texts."""
    found: list[Term] = [("tag", "", tag) for tag in tags]
    for name, value in params.items() if isinstance(params, dict) else ():
        found += [("param", *leaf) for leaf in _leaves(name, value)]
    return found[:_MOST_TERMS]


def _leaves(name: str, value: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{name}.{key}", each)
    elif value is not None and not isinstance(value, list):
        yield name, as_term(value)


def as_term(value: Json) -> Json:
    """A value as runs are found by it: numbers as they are, the beginning of texts, true and false as these words."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value[:_LONGEST_TERM]
    return float(value) if isinstance(value, int) and abs(value) < 2**1000 else value


def bounds_of(where: RunFilter) -> list[tuple[str, str, Json, Json]]:
    """The terms that the filter asks for: kind, name, lowest and highest value."""
    found: list[tuple[str, str, Json, Json]] = []
    if where.tag is not None:
        found.append(("tag", "", where.tag, where.tag))
    found += [("param", name, as_term(value), as_term(value)) for name, value in where.params.items()]
    for name, (low, high) in where.metrics.items():
        found.append(("metric", name, -inf if low is None else low, inf if high is None else high))
    return found


def width_of(since: float, until: float, columns: int) -> tuple[float, bool]:
    """How wide the cells of a density grid are for so many columns in that time, and whether they are made of those
    that are counted beforehand. These begin where time does, others at `since`.
    """
    wanted_s = max(until - since, 1e-3) / max(1, columns)
    fitting = [width_s for width_s in WIDTHS_S if width_s <= wanted_s]
    return (fitting[-1] * (wanted_s // fitting[-1]), True) if fitting else (wanted_s, False)


def uses_in(events: Iterable[Json]) -> set[tuple[str, str, bool]]:
    """The artifacts that events of steps refer to: digest, key of the step, and whether it was given to it."""
    return {
        (digest, event["key"], event["event"] == "step.added")
        for event in events
        if "key" in event
        for digest in references([encode(event)])
    }


# -- rows as lists


TICKS = float(1 << 22)
"""So many in a second: what a clock says, as a float, is a whole number of them."""


def _ticks(at: float | None) -> float | None:
    """The time as a whole number of ticks, which is written in a fifth of the time of a float; or as it is."""
    if at is None:
        return None
    ticks = at * TICKS
    return int(ticks) if ticks.is_integer() else at


def seconds(cell: Any) -> Any:
    """The time that stands in a cell of a step."""
    return cell / TICKS if type(cell) is int else cell


def step_cells(step: StepRow) -> list[Any]:
    """The step as a list, in the order of its columns, times as ticks; `result` is the last."""
    return [
        step.key, step.task, step.form, step.status, step.parent, step.name, step.attempt,
        _ticks(step.added_at), _ticks(step.started_at), _ticks(step.ended_at), step.cached,
        step.needs, step.size, step.done, step.error, step.result,
    ]  # fmt: skip


def step_of_cells(cells: list[Any], *, light: bool = False) -> StepRow:
    """The step that `step_cells` listed; without its result where that is not wanted."""
    (key, task, form, status, parent, name, attempt, added_at, started_at, ended_at, cached,
     needs, size, done, error, result) = cells  # fmt: skip
    return StepRow(
        key, task, form, status, parent, name, attempt, seconds(added_at), seconds(started_at),
        seconds(ended_at), cached, needs, size, done, None if light else result, error,
    )  # fmt: skip
