"""Searches for the best parameters of a task, within a flow.

    from motet import artifact, flow, task
    from motet.search import Choice, Pruning, Range, Search

    @task
    def train(rate, layers):
        ...
        artifact.metric("loss", loss, step=epoch)
        return loss

    @flow
    def tune():
        space = {"rate": Range(1e-4, 1e-1, "log"), "layers": Choice([1, 2, 3])}
        return Search(space, trials=30, parallel=4, seed=7, pruning=Pruning(first=3), metric="loss").run(train).best

What is tried next is recorded as a step, and so is each trial: a run that is resumed goes on where it stood, and no
trial that has ended is run again. The table of all trials, and pictures, are published as artifacts of the flow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from motet import app as app  # puts the parts together, so that flows find where to run
from motet.artifact import publishing
from motet.dialects.python.cache_policies import NO_CACHE
from motet.dialects.python.futures import Future
from motet.dialects.python.hosting import host
from motet.dialects.python.running.about import here
from motet.dialects.python.tasks import Task, task
from motet.errors import Cancelled, UsageError
from motet.interrupts import take
from motet.records import Record
from motet.searching import spaces
from motet.searching import trials as studies
from motet.searching.spaces import Choice, Range, Space
from motet.searching.trials import FAILED, FINISHED, PRUNED, Pruning, Study, Trial

__all__ = ["Choice", "Found", "Pruning", "Range", "Search", "Trial"]

_LOOK_S = 0.5
"""How often it is seen whether a trial is to be given up."""


class Found(Record):
    """What a search has found: all trials in the order in which they began, and the best, None where none succeeded."""

    trials: Sequence[Trial]
    best: Trial | None


class Search(Record):
    """What is searched, and how.

    space      {parameter: Choice or Range}
    trials     how many; of a grid all there are, whatever stands here
    parallel   how many at once
    method     "bayesian": each is chosen by what is known of the others (TPE of Optuna); "random"; "grid"
    direction  "minimize" or "maximize": what is best
    seed       which search of all those that chance might have made
    pruning    which trials are given up early, by the points of `metric` that they publish; None: none
    metric     what is looked at of a task that returns a mapping, and the name of its points
    """

    space: Space
    trials: int = 20
    parallel: int = 1
    method: str = "bayesian"
    direction: str = "minimize"
    seed: int = 0
    pruning: Pruning | None = None
    metric: str = "value"

    def run(self, tried: Task[Any, Any], **fixed: Any) -> Found:
        """Search: each trial is a call of the task with its parameters beside `fixed`, submitted. It gives a number, or
        a mapping with one under the name of the metric. A trial that fails is one without a value.

        Raises UsageError for what cannot be searched, or outside of a flow.
        """
        told = here()
        if told is None or told.flow_run is None:
            raise UsageError("A search is part of a flow.", "Call it within a function with @flow.")
        self._check(fixed)
        course = _Course(self, tried, fixed, str(told.flow_run.id))
        course.follow()
        return course.published()

    def _check(self, fixed: Mapping[str, Any]) -> None:
        spaces.checked(self.space)
        if self.method not in ("bayesian", "random", "grid"):
            raise UsageError(f"There is no search {self.method!r:.80}.", "bayesian, random or grid.")
        if self.trials < 1 or self.parallel < 1:
            raise UsageError("A search needs a trial at least, and one at a time.", "Give numbers above 0.")
        if self.pruning is not None and self.method != "bayesian":
            raise UsageError(f"A {self.method} search gives up no trial.", 'Leave out pruning, or say "bayesian".')
        if both := set(fixed) & set(self.space):
            raise UsageError(f"{', '.join(sorted(both))} cannot be searched and be given.", "Leave out one.")


class _Course:
    """One search that is under way."""

    def __init__(self, search: Search, tried: Task[Any, Any], fixed: Mapping[str, Any], run: str) -> None:
        self._search = search
        self._tried = tried
        self._fixed = fixed
        self._run = run
        self._trials: list[Trial] = []
        self._active: dict[Future[Any], Trial] = {}
        self._ended: SimpleQueue[Future[Any]] = SimpleQueue()
        self._offset = 0
        self._grid = list(spaces.grid(search.space)) if search.method == "grid" else []
        self._study = None
        if search.method == "bayesian":
            self._study = Study(
                search.space, direction=search.direction, seed=search.seed, pruning=search.pruning
            )  # fmt: skip

    def follow(self) -> None:
        """Begin the trials, as many at once as may be, until all have ended."""
        for number in range(len(self._grid) or self._search.trials):
            while len(self._active) >= self._search.parallel:
                self._settle(self._next_ended())
            params = self._asked(number)
            if self._study is not None:
                self._study.begin(number, params)
            self._trials.append(Trial(number, params))
            future = self._tried.submit(**params, **self._fixed)
            self._active[future] = self._trials[-1]
            future.add_done_callback(self._ended.put)
        while self._active:
            self._settle(self._next_ended())

    def _asked(self, number: int) -> dict[str, Any]:
        """What to try next: recorded, so that it is the same when the run is resumed."""
        if self._grid:
            return self._grid[number]
        study = self._study
        if study is None:
            return spaces.drawn(self._search.space, self._search.seed, number)
        found: dict[str, Any] = task(name="ask", cache_policy=NO_CACHE)(study.ask)()
        return found

    def _next_ended(self) -> Future[Any]:
        look_s = None if self._search.pruning is None else _LOOK_S
        while True:
            try:
                with next(iter(self._active)).idling():
                    ended: Future[Any] = take(self._ended, look_s)
                    return ended
            except Empty:
                self._prune()

    def _prune(self) -> None:
        """Take in the points that trials have published, and give up those that others have left behind."""
        assert self._study is not None
        steps = {future.step_key: (future, trial) for future, trial in self._active.items()}
        for entry in host().store.read(self._offset, run=self._run, published=True, limit=10_000):
            self._offset = entry.offset
            value = entry.value if isinstance(entry.value, dict) else {}
            if value.get("type") != "metric" or entry.key != self._search.metric or value.get("step") not in steps:
                continue
            future, trial = steps[value["step"]]
            point = value["preview"]
            trial.value = float(point["value"])
            if not trial.ended and self._study.report(trial.number, int(point["x"]), trial.value):
                trial.ended = PRUNED
                future.cancel()

    def _settle(self, future: Future[Any]) -> None:
        if self._search.pruning is not None:
            self._prune()  # what it has published counts for the others, however soon it has ended
        trial = self._active.pop(future)
        try:
            trial.value, trial.ended = self._value(future.result()), FINISHED
        except Cancelled:
            trial.ended = PRUNED
        except Exception:  # noqa: BLE001 - boundary: the code of a trial, whose failure its step tells
            trial.ended = FAILED
        if self._study is not None:
            self._study.tell(trial.number, trial.value, trial.ended)

    def _value(self, given: Any) -> float | None:
        number = given.get(self._search.metric) if isinstance(given, Mapping) else given
        try:
            value = float(number)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            told = f"Give a number, or one as {self._search.metric!r}."
            raise UsageError(f"A trial has given {given!r:.80}.", told) from None
        return value if math.isfinite(value) else None

    def published(self) -> Found:
        """What was found; the table and the pictures are artifacts of the flow."""
        for each in self._trials:
            if each.ended == FINISHED and each.value is None:
                each.ended = FAILED
        rows = [
            {"trial": each.number, "ended": each.ended, "value": each.value, **each.params} for each in self._trials
        ]
        publishing.table("search", rows)
        if self._study is not None:
            for name, picture in studies.pictures(self._study).items():
                publishing.image(f"search-{name}", picture)
        return Found(self._trials, studies.best(self._trials, self._search.direction))
