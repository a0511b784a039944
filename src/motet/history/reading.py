"""Runs, their steps and elements as Python objects."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from shlex import quote
from typing import Any

from motet import app
from motet.errors import NotFound, ResultUnavailable, RunFailed, UsageError
from motet.history import again
from motet.history.artifacts import Artifacts
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED, SUCCEEDED
from motet.ports import LogFilter, RunFilter, RunRow, StepRow
from motet.values.legible import legible
from motet.values.published import published
from motet.values.records import decode, of_step
from motet.views import human, logs, lookup
from motet.views.listing import figures, listed, moment_of
from motet.views.steps import elements, find_step
from motet.views.values import told

_ROUNDED_S = 1e-6
"""So much later than it is may a time be that was read from here, as `datetime` has no finer one."""


class Runs:
    """All runs of the home, newest first: `runs["forty"]` is one, by its id, a unique beginning of it, or its name."""

    def __getitem__(self, run: str) -> Run:
        """The run; of several of that name the newest. Raises NotFound; UsageError for the beginning of several."""
        return Run(lookup.find_run(app.hosts.current().store, run))

    def __iter__(self) -> Iterator[Run]:
        return self.where()

    def __contains__(self, run: object) -> bool:
        try:
            self[str(run)]
        except NotFound:
            return False
        except UsageError:
            return True
        return True

    def where(
        self, *, status: str | None = None, workflow: str | None = None, tag: str | None = None,
        params: Mapping[str, Any] | None = None, metrics: Mapping[str, tuple[float | None, float | None]] | None = None,
        since: str | float | datetime | None = None,
    ) -> Iterator[Run]:  # fmt: skip
        """The runs for which all of that holds, newest first.

        params   parameters by name, those of an object by their path ("model.depth"), with the value that each has
        metrics  by name, the lowest and the highest value (None: any) that its last point may have
        since    when they were created at the earliest: a time, seconds since the epoch, or text as "2d", "2026-11-30"
        """
        at = since.timestamp() - _ROUNDED_S if isinstance(since, datetime) else since
        at = moment_of("since", at, time.time()) if isinstance(at, str) else at
        where = RunFilter(
            status=status, workflow=workflow, tag=tag, params=params or {}, metrics=metrics or {}, since=at
        )  # fmt: skip
        return map(Run, listed(app.hosts.current().store, where))

    def __repr__(self) -> str:
        return f"<runs in {app.home()}>"


runs = Runs()


class Run:
    """A run as the store has it now; see the module. Times are in the time zone of this machine."""

    def __init__(self, row: RunRow) -> None:
        self._row = row
        self._host = app.hosts.current()

    def _now(self) -> RunRow:
        if self._row.status not in ENDED:
            self._row = lookup.with_waits(self._host.store, [self._host.store.run(self._row.id)])[0]
        return self._row

    @property
    def id(self) -> str:
        """Its id."""
        return self._row.id

    @property
    def name(self) -> str:
        """What it is called."""
        return self._row.name

    @property
    def workflow(self) -> str:
        """What its workflow is called."""
        return self._row.workflow

    @property
    def status(self) -> str:
        """As `motet ls` shows it: "running", "waiting", "succeeded", "failed", "cancelled", "crashed", ..."""
        return lookup.status_of(self._now())

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return tuple(self._now().tags)

    @property
    def created_at(self) -> datetime:
        """When it was made."""
        return datetime.fromtimestamp(self._row.created_at).astimezone()

    @property
    def started_at(self) -> datetime | None:
        """When it began."""
        return _time(self._now().started_at)

    @property
    def ended_at(self) -> datetime | None:
        """When it ended."""
        return _time(self._now().ended_at)

    @property
    def duration_s(self) -> float | None:
        """How long it took, or has been taking by now; None if it has not begun."""
        return lookup.duration_of(self._now())

    @property
    def params(self) -> dict[str, Any]:
        """Its parameters. An object whose class cannot be loaded here is told by its class and what it holds."""
        return {name: self._param(record) for name, record in (self._row.params or {}).items()}

    def _param(self, record: Json) -> Any:
        try:
            return decode(record, self._host.artifacts)
        except ResultUnavailable:
            try:
                return legible(record)
            except ValueError:
                return told(record)

    @property
    def result(self) -> Any:
        """What it has returned. Raises RunFailed if it has not succeeded; ResultUnavailable."""
        row = self._now()
        if row.status != SUCCEEDED:
            why = f": {lookup.error_line(row.error)}" if row.error else ""
            raise RunFailed(f"Run {row.name} is {self.status}{why}.", f"Look at it: motet show {row.id}")
        return decode(row.result, self._host.artifacts)

    @property
    def error(self) -> str:
        """What ended it, on one line; "" for nothing."""
        return lookup.error_line(self._now().error)

    @property
    def traceback(self) -> str:
        """The traceback of that, from the user's first frame on."""
        error = self._now().error
        return str(error.get("traceback", "")) if isinstance(error, dict) else ""

    @property
    def steps(self) -> Steps:
        """Its steps by key, in the order in which they were added."""
        return Steps(self)

    @property
    def results(self) -> Results:
        """What its steps have given, by key, those of maps as lists; loaded when it is asked for."""
        return Results(self)

    @property
    def artifacts(self) -> Artifacts:
        """What it has published, by key; `STEP#KEY` where several steps have the key."""
        return Artifacts(self._host.artifacts, published(self._host.store, self.id))

    @property
    def metrics(self) -> dict[str, float]:
        """The last point of each metric that it has published; `artifacts[key].points` has all."""
        return figures(self._host.store, self._row)

    @property
    def logs(self) -> str:
        """What it has printed and logged."""
        return _lines(self, "")

    def refresh(self) -> Run:
        """The same run as the store has it now."""
        return Run(lookup.find_run(self._host.store, self.id))

    def resume(self, *, rerun: Sequence[str] = (), rerun_changed: bool = False) -> Run:
        """See `motet.resume`."""
        return resume(self.id, rerun=rerun, rerun_changed=rerun_changed)

    def fork(self, params: Mapping[str, Any] | None = None, *, anew: Sequence[str] = (), name: str = "") -> Run:
        """See `motet.fork`."""
        return fork(self.id, params, anew=anew, name=name)

    def __repr__(self) -> str:
        row = self._now()
        took = f" after {human.length(self.duration_s)}" if row.ended_at else ""
        error = f": {self.error}" if row.error else ""
        return f"<run {row.name} of {row.workflow}: {self.status}{took}{error}>"


class Steps(Mapping[str, "Step"]):
    """The steps of a run by key, in the order in which they were added. The end of a key, or a task's name, will do."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __getitem__(self, key: str) -> Step:
        """The step. Raises NotFound, which is a KeyError to whoever asks by `in` or `get`."""
        return Step(self._run, find_step(self._run._host.store, self._run._now(), key))

    def __contains__(self, key: object) -> bool:
        return self.get(str(key)) is not None

    def get(self, key: str, default: Any = None) -> Any:
        """The step, or the default."""
        try:
            return self[key]
        except NotFound:
            return default

    def __iter__(self) -> Iterator[str]:
        return (row.key for row in self._run._host.store.steps(self._run.id) if row.form != "element")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{human.counted(len(self), 'step')} of run {self._run.name}: {', '.join(list(self)[:10])}>"


class Results(Mapping[str, Any]):
    """What the steps of a run have given, by key; those without a result, and flows within flows, are left out."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __getitem__(self, key: str) -> Any:
        """The result. Raises NotFound; RunFailed; ResultUnavailable."""
        return self._run.steps[key].result

    def __iter__(self) -> Iterator[str]:
        found = self._run._host.store.steps(self._run.id, status=SUCCEEDED)
        return (step.key for step in found if step.form not in ("element", "flow"))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{human.counted(len(self), 'result')} of run {self._run.name}: {', '.join(list(self)[:10])}>"


class Step:
    """A step of a run, or an element of a map."""

    def __init__(self, run: Run, row: StepRow) -> None:
        self._run = run
        self._row = row

    @property
    def key(self) -> str:
        """Its key."""
        return self._row.key

    @property
    def task(self) -> str:
        """The name of its task."""
        return self._row.task

    @property
    def name(self) -> str:
        """What it is called, "" for nothing; an element by the template of its task, or by its arguments."""
        return self._row.name

    @property
    def status(self) -> str:
        """As `motet show` shows it."""
        return lookup.step_status(self._run._row, self._row)

    @property
    def attempt(self) -> int:
        """How manieth attempt was the last one."""
        return self._row.attempt

    @property
    def cached(self) -> bool:
        """Whether it did not run, because an earlier result stands for it; of a map, for all of its elements."""
        return bool(self._row.cached) and self._row.size in (None, self._row.cached)

    @property
    def duration_s(self) -> float | None:
        """How long it took."""
        return lookup.duration_of(self._row)

    @property
    def error(self) -> str:
        """Why it failed, on one line; "" if it did not."""
        return lookup.error_line(self._row.error)

    @property
    def result(self) -> Any:
        """What it has given; of a map a list, with None for elements that did not succeed.

        Raises RunFailed if it has not succeeded; ResultUnavailable.
        """
        artifacts = self._run._host.artifacts
        if self._row.size is not None:
            return [decode(each._row.result, artifacts) for each in self.elements]
        if self._row.status != SUCCEEDED:
            why = f": {self.error}" if self.error else ""
            raise RunFailed(
                f"Step {self.key} of run {self._run.name} is {self.status}{why}.",
                f"Ask why: motet why {self._run.name} {self.key}",
            )
        try:
            return decode(self._row.result, artifacts)
        except ResultUnavailable as error:
            anew = f"To run this step anew: motet fork {self._run.name} --from {quote(self.key)}"
            raise of_step(error, self.key, anew) from error

    @property
    def elements(self) -> list[Step]:
        """The elements of a map; none of any other step."""
        if self._row.size is None:
            return []
        store = self._run._host.store
        return [Step(self._run, row) for row in elements(store, self._run._row, self._row)]

    @property
    def artifacts(self) -> Artifacts:
        """What it has published."""
        found = published(self._run._host.store, self._run.id)
        return Artifacts(self._run._host.artifacts, [each for each in found if each.step == self.key])

    @property
    def logs(self) -> str:
        """What it, and the steps below it, have printed and logged."""
        return _lines(self._run, self.key)

    def __repr__(self) -> str:
        name = f" ({self.name})" if self.name else ""
        error = f": {self.error}" if self.error else ""
        return f"<step {self.key}{name}: {self.status}{error}>"


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at).astimezone()


def _lines(run: Run, step: str) -> str:
    found = logs.lines(run._host.logs, run.id, LogFilter(step))
    return "".join(f"{logs.shown(line)}\n" for line in found)


# ---------------------------------------------------------------- on and again


def resume(run: str | Run, *, rerun: Sequence[str] = (), rerun_changed: bool = False, at: str = "") -> Run:
    """Carry on with a run in this process from where it stood, to its end; what succeeded is not run again.

    run            its id or name, or the run
    rerun          steps to run anew, with what is around or below them and all that used their results
    rerun_changed  run steps anew that no longer are what was recorded
    at             where the run's file is now, if it was moved

    Gives the run, however it ended. Raises NotFound; UsageError for one that has succeeded; Conflict while another
    process drives it; ReplayMismatch where the code no longer fits what was recorded.
    """
    return runs[again.resume(_id(run), rerun, rerun_changed, at)]


def fork(
    run: str | Run, params: Mapping[str, Any] | None = None, *, anew: Sequence[str] = (), name: str = ""
) -> Run:  # fmt: skip
    """Make a new run like that one, with these parameters changed, and drive it in this process to its end; what does
    not change is taken over, not run again.

    anew  steps to run in any case, with what uses their results; "train-0@12", "train-0@epoch=30", "train-0@last"
          begin from that checkpoint
    name  what the new run is called

    Gives the new run, however it ended. Raises NotFound, UsageError, ParameterError.
    """
    return runs[again.fork(_id(run), params or {}, anew, name)]


def _id(run: str | Run) -> str:
    return run.id if isinstance(run, Run) else run
