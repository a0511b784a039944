"""Searches for hyperparameters: what is kept of them, how they are begun, how they stand.

A search is a run of its own, without a number, whose code (`motet.dialects.spell.searching`) asks for the runs of the
search as the script of a workflow does. So they are driven by one engine, and a search whose engine has died is taken
up again. What it has come to is a document, which it alone changes after the beginning.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from motet.dialects.spell import words
from motet.dialects.spell.house import House
from motet.dialects.spell.requests import RunRequest
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.records import Record, field
from motet.searching import spaces
from motet.searching.spaces import Choice, Range, Space
from motet.searching.trials import DIRECTIONS, Trial, best

GRID, RANDOM, BAYESIAN = "grid", "random", "bayesian"
AGGREGATES = ("avg", "min", "max", "last")
SEARCH, TRIALS = "search", "trials"

_LOOK_S = 0.1
_BEGUN_S = 600.0


class SearchRequest(Record):
    """What is searched, and how. All of it is JSON.

    kind       grid, random or bayesian
    params     {name: {"values": [...]} or {"min", "max", "scaling", "type"}}
    num_runs   how many runs; of a grid all that there are
    parallel   how many at once; 0: all
    metric, aggregate   what is looked at of a run: avg, min, max or last of the metric's values
    direction  minimize or maximize
    seed       which search of all those that chance might have made
    prune      at which index runs are compared first, and given up that others have left behind; 0: none are
    """

    kind: str
    params: Mapping[str, Json]
    num_runs: int = 0
    parallel: int = 0
    metric: str = ""
    aggregate: str = "last"
    direction: str = "maximize"
    seed: int = 0
    prune: int = 0

    def to_json(self) -> dict[str, Json]:
        """All of it."""
        return {name: getattr(self, name) for name in self.__match_args__}

    @property
    def space(self) -> Space:
        """What may be tried. Raises UsageError for what cannot be searched."""
        return spaces.checked({name: _spec(name, each) for name, each in self.params.items()})

    @property
    def many(self) -> int:
        """How many runs it has in the end."""
        return sum(1 for _ in spaces.grid(self.space)) if self.kind == GRID else self.num_runs

    def check(self) -> None:
        """Raise UsageError for what cannot be searched."""
        space = self.space
        if self.kind == GRID:
            next(spaces.grid(space))
        elif self.num_runs < 1:
            raise UsageError(f"A search of {self.num_runs} runs is none.", "Say how many: --num-runs 20.")
        if self.kind == BAYESIAN and (not self.metric or self.aggregate not in AGGREGATES or self.parallel < 1):
            cure = f"Name a metric, an aggregate ({', '.join(AGGREGATES)}), and how many runs go on at once."
            raise UsageError("A Bayesian search looks at a metric of its runs.", cure)
        if self.direction not in DIRECTIONS:
            raise UsageError(f"There is no direction {self.direction!r:.80}.", "minimize or maximize.")
        if min(self.parallel, self.prune) < 0:
            raise UsageError("A search has fewer than no runs at once, or is pruned before 0.", "Give 1 or more.")
        if self.prune and not self.metric:
            raise UsageError("Runs are given up by a metric.", "Name it: --metric loss.")

    @property
    def learns(self) -> bool:
        """Whether it compares its runs while they go on."""
        return self.kind == BAYESIAN or self.prune > 0


class SearchView(Record):
    """A search as it stands. `runs` are those that it has begun, in order."""

    number: int
    request: SearchRequest
    run: str
    command: str
    creator: str
    asked: Mapping[str, Json]
    trials: list[Trial] = field(default_factory=list)
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    archived: bool = False

    @property
    def runs(self) -> list[int]:
        """The numbers of its runs."""
        return [int(each.run) for each in self.trials if each.run]

    @property
    def status(self) -> str:
        """queued, running or finished."""
        if self.ended_at is not None:
            return "finished"
        return "queued" if not self.trials else "running"


def begin(house: House, request: SearchRequest, run: RunRequest) -> SearchView:
    """Begin a search whose runs are asked for by `run`, and wait until the first of them are there.

    Raises UsageError for what cannot be searched, or run.
    """
    request.check()
    run.check()
    number = house.next_number("searches")
    command = f'exec "$MOTET_PYTHON" -m motet.dialects.spell.searching {number}'
    told: dict[str, Json] = {"search": request.to_json(), "asked": run.to_json(), "at": time.time()}
    keep(house, number, told)
    made = house.new(RunRequest(command, run_type=SEARCH))
    keep(house, number, {**document(house, number), "run": made.run, "creator": made.creator})
    first = min(request.many, request.parallel or request.many)
    until = time.monotonic() + _BEGUN_S
    while (found := find(house, number)).ended_at is None and len(found.runs) < first:
        if time.monotonic() > until:
            break
        time.sleep(_LOOK_S)
    return found


def find(house: House, number: int) -> SearchView:
    """The search of that number. Raises NotFound."""
    return _view(house, number, document(house, number))


def every(house: House) -> list[SearchView]:
    """All searches but those that are archived or were pruned, oldest first."""
    found: list[SearchView] = []
    for key, body in sorted(house.documents(SEARCH).items()):
        with suppress(NotFound):
            found += [] if body.get("archived") else [_view(house, int(key), body)]
    return found


def archive(house: House, number: int) -> None:
    """Leave it out of lists."""
    keep(house, number, {**document(house, number), "archived": True})


def end(house: House, number: int, *, kill: bool = False) -> None:
    """Stop, or kill, its runs, and begin no more."""
    found = find(house, number)
    keep(house, number, {**document(house, number), "ending": True})
    waiting = [each for each in found.runs if house.get(each).status not in words.FINAL]
    if waiting:
        (house.kill if kill else house.stop)(waiting)


def document(house: House, number: int) -> dict[str, Any]:
    """What is kept of the search. Raises NotFound."""
    found = house.document(SEARCH, f"{int(number):012}")
    if not isinstance(found, dict):
        raise _absent(number)
    return found


def _absent(number: int) -> NotFound:
    return NotFound(f"Hyperparameter search {number} does not exist", "`spell hyper list` lists the searches.")


def keep(house: House, number: int, told: Mapping[str, Json]) -> None:
    """Keep that of it."""
    house.put_document(SEARCH, f"{number:012}", dict(told))


def value_of(house: House, number: int, request: SearchRequest) -> float | None:
    """What a run has come to by its metric; None without a finite one."""
    values = [float(each) for _, _, each in house.metrics(number, request.metric) if isinstance(each, int | float)]
    if not values:
        return None
    how = {"avg": lambda: sum(values) / len(values), "min": lambda: min(values), "max": lambda: max(values)}
    found = how.get(request.aggregate, lambda: values[-1])()
    return found if math.isfinite(found) else None


def best_of(view: SearchView) -> Trial | None:
    """The best of its trials by the metric; None while there is none."""
    return best(view.trials, view.request.direction)


def tried(house: House, number: int) -> list[Trial]:
    """The trials of the search so far, in order."""
    found: Any = house.document(TRIALS, f"{number:012}") or ()
    return [Trial(**each) for each in found]


def keep_tried(house: House, number: int, trials: Sequence[Trial]) -> None:
    """Keep that of its trials. The search itself alone does that."""
    told = [{name: getattr(each, name) for name in each.__match_args__} for each in trials]
    house.put_document(TRIALS, f"{number:012}", told)


def _view(house: House, number: int, told: Mapping[str, Any]) -> SearchView:
    trials, asked, run = tried(house, number), told["asked"], told.get("run", "")
    try:
        driven = house.by_id(run) if run else None
    except NotFound:
        raise _absent(number) from None
    return SearchView(
        number, SearchRequest(**told["search"]), run, asked["command"], told.get("creator", ""), asked, trials,
        told["at"], driven.started_at if driven else None, driven.ended_at if driven else None,
        bool(told.get("archived")),
    )  # fmt: skip


def _spec(name: str, told: Any) -> Choice | Range:
    try:
        if "values" in told:
            return Choice(list(told["values"]))
        whole = {"int": True, "float": False}[told.get("type", "float")]
        return Range(told["min"], told["max"], told.get("scaling", "linear"), whole)
    except (KeyError, TypeError):
        raise UsageError(f"Parameter {name!r:.80} cannot be {told!r:.80}.", "Give values, or min and max.") from None
