"""Searches by Optuna: which parameters to try next, which trial to give up. Nothing else imports Optuna.

A study is made anew from what has happened: the same trials, told in the same order, give the same next one, so a
search that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motet.errors import UsageError
from motet.records import Record
from motet.searching.spaces import Choice, Range, Space, checked

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial as Underway

FINISHED, PRUNED, FAILED = "finished", "pruned", "failed"
"""How a trial ended: with a value; given up since others were better at that point; without a value."""

DIRECTIONS = ("minimize", "maximize")


class Pruning(Record, frozen=True):
    """Which trials are given up: of those that have come to 1, 3, 9, ... times `first` steps, the best third goes on,
    without one waiting for another (successive halving, asynchronous: ASHA).

    first   at which step they are compared first
    factor  one in how many goes on, and how many times as far to the next comparison
    """

    first: int = 1
    factor: int = 3


class Trial(Record):
    """A trial of a search: its parameters; its value, None while there is none; how it ended, "" while it has not."""

    number: int
    params: Mapping[str, Any]
    value: float | None = None
    ended: str = ""
    run: str = ""


class Study:
    """What a search has seen of its trials. Their numbers are 0, 1, 2, ..., in the order in which they are begun."""

    def __init__(
        self, space: Space, *, direction: str = "minimize", seed: int = 0, startup: int = 10,
        pruning: Pruning | None = None,
    ) -> None:  # fmt: skip
        optuna = _optuna()
        if direction not in DIRECTIONS:
            raise UsageError(f"There is no direction {direction!r:.80}.", "minimize or maximize.")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = checked(space)
        self._seed, self._startup = seed, startup
        self._kinds = {name: _distribution(optuna, each) for name, each in space.items()}
        pruner = optuna.pruners.NopPruner()
        if pruning is not None:
            pruner = optuna.pruners.SuccessiveHalvingPruner(
                min_resource=pruning.first, reduction_factor=pruning.factor
            )  # fmt: skip
        self.inner = optuna.create_study(direction=direction, sampler=self._sampler(0), pruner=pruner)
        self._begun: list[Underway] = []

    def ask(self) -> dict[str, Any]:
        """The parameters of the next trial, which counts as begun."""
        self.inner.sampler = self._sampler(len(self._begun))
        self._begun.append(self.inner.ask(self._kinds))
        found = self._begun[-1].params
        return {name: _outer(each, found[name]) for name, each in self._space.items()}

    def begin(self, number: int, params: Mapping[str, Any]) -> None:
        """Count the trial of that number as begun, with these parameters: one that was asked for by another process."""
        if number == len(self._begun):
            self.inner.enqueue_trial({name: _inner(each, params[name]) for name, each in self._space.items()})
            self._begun.append(self.inner.ask(self._kinds))

    def report(self, number: int, step: int, value: float) -> bool:
        """Take in that a trial has come to a step, with a value; gives whether it is to be given up."""
        if math.isnan(value):
            return False
        trial = self._begun[number]
        trial.report(value, step)
        return bool(trial.should_prune())

    def tell(self, number: int, value: float | None, ended: str = FINISHED) -> None:
        """Take in how a trial ended. One without a finite value counts as failed. Safe to repeat."""
        optuna = _optuna()
        if ended == FINISHED and (value is None or not math.isfinite(value)):
            ended = FAILED
        state = {FINISHED: "COMPLETE", PRUNED: "PRUNED", FAILED: "FAIL"}[ended]
        self.inner.tell(
            self._begun[number].number, value if ended == FINISHED else None,
            state=optuna.trial.TrialState[state], skip_if_finished=True,
        )  # fmt: skip

    def _sampler(self, number: int) -> Any:
        """One that chooses the trial of that number the same way whatever this process has chosen before."""
        optuna = _optuna()
        return optuna.samplers.TPESampler(
            seed=(self._seed * 1_000_003 + number) % 2**32, n_startup_trials=self._startup, constant_liar=True
        )  # fmt: skip


def pictures(study: Study) -> dict[str, bytes]:
    """How the search went, as PNG images by name; none where there is nothing to see yet, or no matplotlib."""
    try:
        import matplotlib.pyplot as plt
        from optuna.visualization import matplotlib as drawn
    except ImportError:
        return {}
    if not any(each.value is not None for each in study.inner.trials):
        return {}
    found = {}
    draws: dict[str, Any] = {"history": drawn.plot_optimization_history, "parameters": drawn.plot_slice}
    for name, draw in draws.items():
        with warnings.catch_warnings(action="ignore"):  # that these drawings may change
            drawing = draw(study.inner)
        figure = (drawing if hasattr(drawing, "figure") else drawing[0]).figure
        out = io.BytesIO()
        figure.savefig(out, format="png")
        plt.close(figure)
        found[name] = out.getvalue()
    return found


def best(trials: Sequence[Trial], direction: str = "minimize") -> Trial | None:
    """The trial with the best value; None while there is none."""
    ended = [each for each in trials if each.ended == FINISHED and each.value is not None]
    sign = -1 if direction == "maximize" else 1
    return min(ended, key=lambda each: (sign * (each.value or 0.0), each.number), default=None)


def table(trials: Sequence[Trial]) -> str:
    """The trials as CSV: number, how each ended, value, and a column for each parameter."""
    names = list(dict.fromkeys(name for each in trials for name in each.params))
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["trial", "run", "ended", "value", *names])
    for each in trials:
        value = "" if each.value is None else repr(each.value)
        rows.writerow([each.number, each.run, each.ended, value, *(each.params.get(name, "") for name in names)])
    return out.getvalue()


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise UsageError(
            "A search that learns from its trials needs Optuna, which is not installed here.",
            'Install it: pip install "motet[search]"; or search a grid, or at random.',
        ) from None
    return optuna


def _distribution(optuna: Any, each: Choice | Range) -> BaseDistribution:
    kinds = optuna.distributions
    if isinstance(each, Choice):
        found: BaseDistribution = kinds.CategoricalDistribution(range(len(each.values)))
    elif each.whole:
        found = kinds.IntDistribution(math.ceil(each.low), math.floor(each.high), log=each.scale != "linear")
    else:
        found = kinds.FloatDistribution(each.low, each.high, log=each.scale != "linear")
    return found


def _outer(each: Choice | Range, given: Any) -> Any:
    """What Optuna has chosen, as the trial gets it: a choice is by place, since it may be of any type."""
    return each.values[given] if isinstance(each, Choice) else each.turned(given)


def _inner(each: Choice | Range, given: Any) -> Any:
    return list(each.values).index(given) if isinstance(each, Choice) else each.turned(given)
