"""Workers die at any moment, attempts are stopped at any moment, and each is reported exactly once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.executors import tasks
from tests.executors.test_processes import children_of, lives

from motet.executors.processes import ProcessExecutor
from motet.ports import Attempt, Failure, Outcome, Stopped, Success
from motet.testing.executor_tasks import Outcomes, double, nothing, take_time, wait_until

ATTEMPTS = 250

KINDS: list[tuple[int, Callable[..., Any], tuple[Any, ...]]] = [
    (40, nothing, ()),
    (10, double, (3,)),
    (10, take_time, (0.01,)),
    (5, tasks.write_raw, (b"line\n" * 5000,)),
    (5, tasks.take, (bytearray(3_000_000),)),
    (2, tasks.exit_at_once, (5,)),
    (2, tasks.kill_oneself, (signal.SIGKILL,)),
    (2, tasks.kill_oneself, (signal.SIGTERM,)),
    (1, tasks.crash, ()),
    (1, tasks.close_all_descriptors, ()),
    (2, tasks.fork_and_return, ()),
    (2, tasks.start_grandchild, ("/dev/null/none",)),
    (2, tasks.take, (threading.Lock(),)),
]


def test_whatever_happens_each_attempt_is_reported_once(seed: str) -> None:
    rng = random.Random(seed)
    before = children_of(os.getpid())
    executor, outcomes = ProcessExecutor(3), Outcomes()
    over = threading.Event()
    murderer = threading.Thread(target=murder, args=(random.Random(f"{seed}/murder"), before, over))
    murderer.start()
    stopped = []
    for element in range(ATTEMPTS):
        _, function, args = rng.choices(KINDS, [weight for weight, *_ in KINDS])[0]
        executor.start(outcomes.attempt(function, *args, element=element, grace_s=rng.choice([0.0, 0.05, 5.0])))
        if rng.random() < 0.2:
            stopped.append(target := rng.randrange(element + 1))
            executor.stop("run", "step", target, 1, "at random")
        if rng.random() < 0.1:
            time.sleep(rng.random() * 0.05)
    outcomes.wait(ATTEMPTS)
    over.set()
    murderer.join()
    executor.close()
    outcomes.assert_each_once(ATTEMPTS)
    for (_, _, element, _), outcome in outcomes.reports:
        assert isinstance(outcome, (Success, Failure)) or (element in stopped and outcome == Stopped("at random"))
    assert not [pid for pid in children_of(os.getpid()) - before if lives(pid)]


def murder(rng: random.Random, spared: set[int], over: threading.Event) -> None:
    """Now and then, kill or halt a worker (or the shell that watches over them)."""
    while not over.wait(rng.random() * 0.05):
        victims = sorted(children_of(os.getpid()) - spared)
        if victims and rng.random() < 0.3:
            number = rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT, signal.SIGHUP])
            try:
                os.kill(rng.choice(victims), number)
            except ProcessLookupError:
                continue


@pytest.mark.parametrize("kill", [False, True])
def test_closing_at_any_moment_reports_all(kill: bool) -> None:
    for delay_s in (0.0, 0.001, 0.01, 0.03, 0.06, 0.1):
        executor, outcomes = ProcessExecutor(2), Outcomes()
        reported_late: list[Outcome] = []

        def late(attempt: Attempt, outcome: Outcome, seen: list[Outcome] = reported_late) -> None:
            seen.append(outcome)

        for element in range(20):
            executor.start(outcomes.attempt(take_time, 0.002, element=element))
        time.sleep(delay_s)
        executor.close(kill=kill)
        assert len(outcomes.reports) == 20
        outcomes.assert_each_once(20)
        executor.start(outcomes.attempt(nothing, report=late))
        assert len(reported_late) == 1


def test_descriptors_and_threads_are_given_back(tmp_path: Path) -> None:
    def in_use() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    before = in_use()
    for _ in range(5):
        executor, outcomes = ProcessExecutor(2), Outcomes()
        outcomes.run(executor, tasks.exit_at_once, 1)
        outcomes.run(executor, nothing)
        executor.close()
    wait_until(lambda: in_use() <= before, "nothing is left open")
