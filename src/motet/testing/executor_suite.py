"""What every executor has to do, as tests: subclass `ExecutorSuite` in a test module and say how to make one.

    class TestMine(ExecutorSuite):
        def make(self, capacity: int) -> Executor:
            return MyExecutor(capacity)

The tests use no limit of time but `PATIENCE_S`, after which something counts as lost.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from motet.executors import current
from motet.ports import Attempt, Executor, Failure, Outcome, Stopped, Success
from motet.testing import executor_tasks
from motet.testing.executor_tasks import (
    Outcomes,
    ask_context,
    double,
    error,
    fail_deep,
    fail_oddly,
    folder,
    leave,
    meet,
    nothing,
    record_logs,
    reverse,
    speak,
    take_time,
    value,
    wait_for_file,
    wait_for_stop,
    wait_until,
)
from motet.values.errors import decode_error


class ExecutorSuite:
    """The conformance suite of `ports.Executor`. `can_kill`: `stop` ends any attempt that runs."""

    can_kill = False

    def make(self, capacity: int) -> Executor:
        """A fresh executor; its own idea of capacity counts."""
        raise NotImplementedError

    @contextmanager
    def opened(self, capacity: int = 2) -> Iterator[tuple[Executor, Outcomes]]:
        """An executor and a receiver, for the time of a test."""
        executor = self.make(capacity)
        try:
            yield executor, Outcomes()
        finally:
            executor.close(kill=True)

    # -- outcomes

    def test_reports_the_value_once(self) -> None:
        with self.opened() as (executor, outcomes):
            outcome = outcomes.run(executor, double, 21, kwargs={"plus": 1})
            assert value(outcome) == 43
            executor.close()
            outcomes.assert_each_once(1)

    def test_none_is_a_value(self) -> None:
        with self.opened() as (executor, outcomes):
            assert value(outcomes.run(executor, nothing)) is None

    def test_a_thousand_attempts_are_each_reported_once(self) -> None:
        with self.opened() as (executor, outcomes):
            for number in range(1000):
                executor.start(outcomes.attempt(double, number, element=number))
            outcomes.wait(1000)
            outcomes.assert_each_once(1000)
            assert {which[2]: value(outcome) for which, outcome in outcomes.reports} == {
                number: 2 * number for number in range(1000)
            }

    def test_large_arguments_and_results(self) -> None:
        content = bytearray(os.urandom(1 << 20)) * 12
        with self.opened() as (executor, outcomes):
            assert value(outcomes.run(executor, reverse, content)) == content[::-1]

    def test_the_context_reaches_the_code(self) -> None:
        context = {"run": "r-1", "attempt": 2}
        with self.opened() as (executor, outcomes):
            assert value(outcomes.run(executor, ask_context, context=context)) == context
        assert current.get() is None

    # -- failures

    def test_an_exception_is_a_failure_that_tells_where(self) -> None:
        with self.opened() as (executor, outcomes):
            record = error(outcomes.run(executor, fail_deep, "so it is"))
        assert (record["type"], record["module"], record["message"]) == ("ValueError", "builtins", "so it is")
        lines = record["traceback"].splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert executor_tasks.__file__ in lines[1]
        assert "in fail_deep" in lines[1]
        assert "KeyError: 'the missing key'" in record["traceback"]
        assert "executors" not in record["traceback"]
        raised = decode_error(record)
        assert type(raised) is ValueError
        assert raised.args == ("so it is",)

    def test_an_exception_that_cannot_be_pickled_is_a_failure(self) -> None:
        with self.opened() as (executor, outcomes):
            record = error(outcomes.run(executor, fail_oddly))
        assert record["type"] == "ErrorWithTwoArguments"
        assert record["message"] == "this and that"
        assert "this and that" in str(decode_error(record))

    def test_exit_and_interrupt_are_failures_and_harm_nothing(self) -> None:
        with self.opened() as (executor, outcomes):
            assert error(outcomes.run(executor, leave, "exit"))["type"] == "SystemExit"
            assert error(outcomes.run(executor, leave, "interrupt"))["type"] == "KeyboardInterrupt"
            assert value(outcomes.run(executor, double, 4)) == 8

    # -- logs

    def test_output_is_logged_in_order_and_complete_when_reported(self) -> None:
        with self.opened() as (executor, outcomes):
            before = time.time()
            outcomes.run(executor, speak, 10_000)
            assert outcomes.texts("stdout") == [f"line {number}" for number in range(10_000)] + ["no end"]
            assert outcomes.texts("stderr") == ["to stderr"]
            times = [at for _, stream, _, at in outcomes.lines if stream == "stdout"]
            assert times == sorted(times)
            assert before - 1 <= times[0] <= times[-1] <= time.time() + 1

    def test_output_goes_to_the_attempt_that_wrote_it(self) -> None:
        with self.opened() as (executor, outcomes):
            for number in range(20):
                executor.start(outcomes.attempt(speak, number, element=number))
            outcomes.wait(20)
            for number in range(20):
                expected = [f"line {line}" for line in range(number)] + ["no end"]
                assert outcomes.texts("stdout", number) == expected

    def test_logging_is_captured_once(self) -> None:
        with self.opened() as (executor, outcomes):
            outcomes.run(executor, record_logs)
            assert len([text for text in outcomes.texts("stderr") if "careful: 3 left" in text]) == 1

    def test_attempts_without_a_log_run_too(self) -> None:
        with self.opened() as (executor, outcomes):
            assert value(outcomes.run(executor, double, 1, log=None)) == 2

    # -- concurrency

    def test_as_many_run_at_once_as_there_is_capacity(self) -> None:
        with self.opened(3) as (executor, outcomes), folder() as place:
            count = executor.capacity
            for number in range(count):
                executor.start(outcomes.attempt(meet, str(place), str(number), count, element=number))
            assert [value(outcome) for outcome in outcomes.wait(count)] == [count] * count

    def test_never_more_run_at_once_than_there_is_capacity(self) -> None:
        with self.opened(2) as (executor, outcomes):
            for number in range(8):
                executor.start(outcomes.attempt(take_time, 0.02, element=number))
            spans = [value(outcome) for outcome in outcomes.wait(8)]
        most = max(sum(begins <= at < ends for begins, ends in spans) for at, _ in spans)
        assert most <= executor.capacity

    def test_a_report_may_start_the_next_attempt(self) -> None:
        with self.opened() as (executor, outcomes):

            def go_on(attempt: Attempt, outcome: Outcome) -> None:
                outcomes.report(attempt, outcome)
                if attempt.element < 2000:
                    executor.start(outcomes.attempt(nothing, element=attempt.element + 1, report=go_on))

            executor.start(outcomes.attempt(nothing, element=1, report=go_on))
            outcomes.wait(2000)
            outcomes.assert_each_once(2000)

    def test_a_report_that_raises_stops_nobody(self, capfd: Any) -> None:
        def refuse(attempt: Attempt, outcome: Outcome) -> None:
            outcomes.report(attempt, outcome)
            raise RuntimeError("the receiver is broken")

        with self.opened(1) as (executor, outcomes):
            executor.start(outcomes.attempt(nothing, element=100, report=refuse))
            outcomes.wait(1)
            assert value(outcomes.run(executor, double, 3)) == 6

    def test_many_threads_may_start_and_stop(self) -> None:
        with self.opened() as (executor, outcomes):

            def hammer(first: int) -> None:
                for element in range(first, first + 100):
                    executor.start(outcomes.attempt(nothing, element=element, grace_s=0.0))
                    if element % 5 == 0:
                        executor.stop("run", "step", element, 1, "hammered")

            threads = [threading.Thread(target=hammer, args=(100 * number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not [outcome for outcome in outcomes.wait(400) if isinstance(outcome, Failure)]
            executor.close()
            outcomes.assert_each_once(400)

    # -- stopping

    def test_stopping_what_is_unknown_or_has_ended_does_nothing(self) -> None:
        with self.opened() as (executor, outcomes):
            executor.stop("run", "nobody", -1, 1, "by mistake")
            outcomes.run(executor, nothing)
            executor.stop("run", "step", 0, 1, "too late")
            assert value(outcomes.run(executor, double, 2)) == 4
            executor.close()
            outcomes.assert_each_once(2)

    def test_stopping_what_runs(self) -> None:
        with self.opened() as (executor, outcomes), folder() as place:
            begun = place / "begun"
            attempt = outcomes.attempt(wait_for_stop, str(begun), grace_s=0.2)
            thread = threading.Thread(target=executor.start, args=(attempt,))
            thread.start()
            wait_until(begun.exists, "the attempt began")
            assert executor.stop("run", "step", 0, 1, "enough") is self.can_kill
            outcome = outcomes.wait(1)[0]
            thread.join()
            if self.can_kill:
                assert outcome == Stopped("enough")
            else:
                assert value(outcome) == "stopped itself: enough"
            assert value(outcomes.run(executor, double, 5)) == 10

    # -- closing

    def test_closing_lets_all_in_hand_end(self) -> None:
        with self.opened() as (executor, outcomes):
            for number in range(10):
                executor.start(outcomes.attempt(take_time, 0.01, element=number))
            executor.close()
            assert len(outcomes.reports) == 10
            outcomes.assert_each_once(10)
            assert all(isinstance(outcome, Success) for _, outcome in outcomes.reports)

    def test_what_is_started_after_closing_fails(self) -> None:
        with self.opened() as (executor, outcomes):
            outcomes.run(executor, nothing)
            executor.close()
            executor.close()
            assert "closed" in error(outcomes.run(executor, nothing))["message"]


class QueueingExecutorSuite(ExecutorSuite):
    """The suite for executors that take attempts in advance and run them later, elsewhere."""

    @staticmethod
    def occupy(executor: Executor, outcomes: Outcomes, place: Path) -> None:
        """Keep the executor's only place busy until the file "go" exists."""
        begun = place / "begun"
        executor.start(outcomes.attempt(wait_for_file, str(begun), str(place / "go"), element=0))
        wait_until(begun.exists, "the attempt began")

    def test_starting_does_not_wait(self) -> None:
        with self.opened(1) as (executor, outcomes), folder() as place:
            for number in range(10):
                executor.start(outcomes.attempt(wait_for_file, str(place / "b"), str(place / "go"), element=number))
            assert outcomes.reports == []
            (place / "go").touch()
            outcomes.wait(10)

    def test_stopping_before_the_beginning(self) -> None:
        with self.opened(1) as (executor, outcomes), folder() as place:
            self.occupy(executor, outcomes, place)
            executor.start(outcomes.attempt(wait_for_file, str(place / "second"), "/never", element=1))
            assert executor.stop("run", "step", 1, 1, "not needed")
            assert outcomes.wait(1) == [Stopped("not needed")]
            (place / "go").touch()
            executor.close()
            outcomes.assert_each_once(2)
            assert not (place / "second").exists()

    def test_closing_by_force_reports_all_in_hand(self) -> None:
        with self.opened(1) as (executor, outcomes), folder() as place:
            self.occupy(executor, outcomes, place)
            for number in range(1, 5):
                executor.start(outcomes.attempt(nothing, element=number))
            executor.close(kill=True)
            assert outcomes.wait(5) == [Stopped("closed")] * 5
            (place / "go").touch()
            time.sleep(0.05)
            outcomes.assert_each_once(5)
