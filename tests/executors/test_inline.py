"""The inline executor keeps the contract of all executors, and some promises of its own."""

from __future__ import annotations

import threading

from motet.executors.inline import InlineExecutor
from motet.ports import Executor
from motet.testing.executor_suite import ExecutorSuite
from motet.testing.executor_tasks import Outcomes, value


class TestInlineExecutor(ExecutorSuite):
    def make(self, capacity: int) -> Executor:
        return InlineExecutor()

    def test_an_attempt_has_ended_when_start_returns(self) -> None:
        with self.opened() as (executor, outcomes):
            executor.start(outcomes.attempt(threading.get_ident))
            assert [value(outcome) for _, outcome in outcomes.reports] == [threading.get_ident()]

    def test_an_attempt_may_start_another_and_use_its_value(self) -> None:
        with self.opened() as (executor, outcomes):

            def outer() -> int:
                print("outer begins")
                inner = Outcomes()
                executor.start(inner.attempt(middle, element=7))
                print("outer ends")
                assert inner.texts("stdout", 7) == ["middle"]
                return int(value(inner.reports[0][1])) + 1

            def middle() -> int:
                print("middle")
                return 41

            executor.start(outcomes.attempt(outer))
            assert value(outcomes.reports[0][1]) == 42
            assert outcomes.texts("stdout") == ["outer begins", "outer ends"]
