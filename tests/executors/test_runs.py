"""Attempts that drive runs: over when their code is, which is asked to end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from motet.executors import current
from motet.executors.runs import RunExecutor
from motet.ports import Attempt, Failure, Outcome, Stopped, Success


class Told:
    """How attempts have ended."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.done = threading.Event()

    def report(self, attempt: Attempt, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.done.set()

    def attempt(self, function: Callable[[], Any]) -> Attempt:
        return Attempt("r", "k", 1, function, (), {}, self.report)


def waiting(begun: threading.Event, *, gives: bool) -> Callable[[], str]:
    """Code that heeds that it is to stop, and then gives a value or raises."""

    def work() -> str:
        here, over = current.get(), threading.Event()
        assert here is not None
        here.at_stop = over.set
        begun.set()
        over.wait()
        if gives:
            return "all the same"
        raise ValueError("it ended")

    return work


@pytest.mark.parametrize(("gives", "kind"), [(False, Stopped), (True, Success)])
def test_an_attempt_is_over_when_its_code_is(gives: bool, kind: type[Any]) -> None:
    executor, told, begun = RunExecutor(10), Told(), threading.Event()
    executor.start(told.attempt(waiting(begun, gives=gives)))
    begun.wait()
    assert executor.stop("r", "k", -1, 2, "another"), "no such attempt"
    assert not told.outcomes
    assert executor.stop("r", "k", -1, 1, "enough")
    told.done.wait()
    assert type(told.outcomes[0]) is kind
    executor.close()


def test_what_fails_by_itself_has_failed() -> None:
    executor, told = RunExecutor(10), Told()
    executor.start(told.attempt(lambda: 1 // 0))
    told.done.wait()
    assert isinstance(told.outcomes[0], Failure)
    executor.close()


def test_closing_waits_or_has_runs_let_go_of() -> None:
    executor, told, begun = RunExecutor(10), Told(), threading.Event()
    executor.start(told.attempt(waiting(begun, gives=False)))
    begun.wait()
    executor.close(kill=True)
    assert told.outcomes == [Stopped("closed")]
    executor.start(told.attempt(lambda: 1))
    assert isinstance(told.outcomes[1], Failure)
