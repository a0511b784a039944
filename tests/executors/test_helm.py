"""Who waits for an outcome hears the workers itself, and nobody depends on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from motet.executors import current
from motet.executors.processes import ProcessExecutor
from motet.interrupts import block
from motet.ports import Attempt, Outcome, Stopped, Success
from motet.testing.executor_tasks import Outcomes, double, wait_for_file

ROUNDS = 50


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    opened = ProcessExecutor(2)
    yield opened
    opened.close(kill=True)


class Rounds:
    """Attempts, one after the other; `by` notes which thread has reported each, `within` as part of which attempt."""

    def __init__(self, executor: ProcessExecutor) -> None:
        self.by: list[int] = []
        self.within: list[current.Current | None] = []
        self._executor = executor

    def go(self, number: int) -> None:
        """Start one, and wait for its outcome as the engine does."""
        done = self._executor.arrival()

        def report(attempt: Attempt, outcome: Outcome) -> None:
            assert isinstance(outcome, Success)
            self.by.append(threading.get_ident())
            self.within.append(current.get())
            done.set()

        self._executor.start(Attempt("run", f"step-{number}", 1, double, (number,), {}, report))
        assert block(done)


def test_whoever_waits_one_step_after_the_other_hears_the_worker_itself(executor: ProcessExecutor) -> None:
    rounds = Rounds(executor)
    for number in range(100 * ROUNDS):
        rounds.go(number)
        if rounds.by[-1] == threading.get_ident():
            return
    pytest.fail("somebody else has always been there first")


def test_what_is_done_while_waiting_is_no_part_of_the_attempt_that_waits(executor: ProcessExecutor) -> None:
    rounds = Rounds(executor)
    token = current.running.set(current.Current({}))
    try:
        for number in range(100 * ROUNDS):
            rounds.go(number)
            if rounds.by[-1] == threading.get_ident():
                break
    finally:
        current.running.reset(token)
    assert rounds.by[-1] == threading.get_ident()
    assert set(rounds.within) == {None}


def test_several_threads_that_wait_all_get_their_outcomes(executor: ProcessExecutor) -> None:
    rounds = Rounds(executor)

    def work(first: int) -> None:
        for number in range(first, first + ROUNDS):
            rounds.go(number)

    threads = [threading.Thread(target=work, args=(1000 * at,)) for at in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(rounds.by) == 4 * ROUNDS


def test_what_nobody_waits_for_is_heard_too(executor: ProcessExecutor) -> None:
    rounds, outcomes = Rounds(executor), Outcomes()
    for number in range(ROUNDS):
        rounds.go(number)
        executor.start(outcomes.attempt(double, number, element=number))
    outcomes.wait(ROUNDS)
    outcomes.assert_each_once(ROUNDS)


def test_another_thread_ends_the_wait_of_who_has_the_helm(executor: ProcessExecutor, tmp_path: Path) -> None:
    rounds, outcomes = Rounds(executor), Outcomes()
    for number in range(ROUNDS):
        rounds.go(number)
    executor.start(outcomes.attempt(wait_for_file, str(tmp_path / "begun"), str(tmp_path / "never"), element=7))
    done = executor.arrival()
    threading.Timer(0.05, done.set).start()
    assert done.wait()
    assert not executor.arrival().wait(0.05)
    executor.stop("run", "step", 7, 1, "enough")
    assert isinstance(outcomes.wait(1)[0], Stopped)
