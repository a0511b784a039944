"""The thread executor keeps the contract of all executors, and some promises of its own."""

from __future__ import annotations

import threading

import pytest

from motet.executors.threads import ThreadExecutor
from motet.ports import Attempt, Executor, Outcome, Stopped
from motet.testing.executor_suite import QueueingExecutorSuite
from motet.testing.executor_tasks import PATIENCE_S, Outcomes, error, nothing, value


class TestThreadExecutor(QueueingExecutorSuite):
    def make(self, capacity: int) -> Executor:
        return ThreadExecutor(capacity)


def test_threads_are_made_on_demand_and_used_again() -> None:
    executor, outcomes = ThreadExecutor(4), Outcomes()
    idents = {value(outcomes.run(executor, threading.get_ident)) for _ in range(20)}
    executor.close()
    # Two, where one was still delivering its report when the next attempt came.
    assert len(idents) <= 2


def test_a_report_may_wait_for_an_attempt_that_it_starts() -> None:
    executor, outcomes = ThreadExecutor(2), Outcomes()
    ended = threading.Event()

    def start_and_wait(attempt: Attempt, outcome: Outcome) -> None:
        executor.start(outcomes.attempt(nothing, element=1))
        assert outcomes.wait(1)
        ended.set()

    executor.start(outcomes.attempt(nothing, report=start_and_wait))
    assert ended.wait(PATIENCE_S)
    executor.close()


def test_closing_by_force_does_not_wait_for_what_never_ends() -> None:
    executor, outcomes = ThreadExecutor(1), Outcomes()
    begun, go = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go.wait()

    executor.start(outcomes.attempt(hang))
    assert begun.wait(PATIENCE_S)
    executor.close(kill=True)
    assert outcomes.wait(1) == [Stopped("closed")]
    go.set()


def test_an_attempt_may_close_its_executor() -> None:
    executor, outcomes = ThreadExecutor(2), Outcomes()
    executor.start(outcomes.attempt(executor.close))
    assert value(outcomes.wait(1)[0]) is None


def test_a_system_without_threads_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    executor, outcomes = ThreadExecutor(2), Outcomes()

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        outcome = outcomes.run(executor, nothing)
    assert "can't start new thread" in error(outcome)["message"]
    assert value(outcomes.run(executor, nothing)) is None
    executor.close()
