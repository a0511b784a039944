"""What a decision costs: what changed, never what exists. Counted in lines of the kernel that were run."""

from __future__ import annotations

import functools
import gc
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from tests.kernel.harness import Run

from motet.kernel import events as ev
from motet.kernel.fold import apply
from motet.kernel.inputs import TimerFired
from motet.kernel.state import RunState
from motet.rules import Absence, AllOf, Count, OnEvent, OnStatus

ONE = {"demands": {"t": 1}}


def lines(work: Callable[[], Any]) -> int:
    """How many lines of the kernel it takes."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        if "/kernel/" not in frame.f_code.co_filename or "/tests/" in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def grown(scenario: Callable[[int], Callable[[], Any]], small: int = 100, large: int = 1000) -> float:
    """How much more the work costs for ten times as many: 10 is linear, 100 quadratic."""
    return lines(scenario(large)) / lines(scenario(small))


# ---------------------------------------------------------------- one more outcome


def crowd(size: int) -> Run:
    """A run of `size` steps of all kinds, ended, waiting, running, in line; and some maps and rules."""
    run = Run({"t": 2, "u": 3})
    run.state.heeding.clear()
    for name, rule in (("w", OnEvent("e")), ("v", OnStatus("failed", task="none")), ("u", Count(OnEvent("f"), 3))):
        run.act(ev.WaitAdded(run.now, name, rule.to_json(), True))
    run.add("blocker", policy={"demands": {"u": 3}})
    run.add("m", size=size, policy=ONE)
    run.add("n", size=size, each=["m"], policy={"demands": {"u": 1}})
    for i in range(size // 4):
        run.add(f"done{i}")
        run.succeed(f"done{i}")
        run.add(f"runs{i}", policy={"timeout_s": 60, "retries": 1})
        run.add(f"waits{i}", needs=[f"runs{i}", f"done{i}"])
        run.add(f"lines{i}", policy={"demands": {"u": 1}})
    run.add("a", policy={"retries": 1, "delays_s": [1]})
    run.add("b", needs=["a"])
    return run


OUTCOMES: dict[str, Callable[[Run], Any]] = {
    "success": lambda run: run.succeed("a"),
    "failure": lambda run: run.fail("a"),
    "addition": lambda run: run.add("x", needs=["done0", "a"], policy=ONE),
    "element": lambda run: run.succeed_elements("m", 0, results=[1]),
    "failed element": lambda run: run.fail("m", 0),
    "stop": lambda run: run.act(ev.StepStopping(run.now, "a", "enough")),
    "stop in line": lambda run: run.act(ev.StepStopping(run.now, "lines0", "enough")),
    "timer": lambda run: run.feed(TimerFired(run.now, "timeout", "runs0", 1)),
    "event": lambda run: run.feed(ev.EventReceived(run.now, 1, "e")),
}


@pytest.mark.parametrize("what", OUTCOMES)
def test_one_more_outcome_costs_the_same_however_large_the_run(what: str) -> None:
    small, large = (lines(functools.partial(OUTCOMES[what], crowd(size))) for size in (100, 10_000))
    # The lines for limits are heaps: they may be passed in steps that grow with the logarithm.
    assert large <= small + 10


def test_one_more_outcome_takes_no_longer_in_a_run_of_100_000_steps() -> None:
    """What is counted above are lines; this is for loops inside one line, which cost a thousand times as much."""

    def best(size: int) -> float:
        state = RunState("r")
        apply(state, ev.RunStarted(0.0, 1, "test"))
        for i in range(size):
            apply(state, ev.StepAdded(0.0, f"s{i}", "t"))
        state.take_changes()
        run = Run()
        run.state = state
        took = []
        for i in range(100):
            run.add(f"x{i}")
            began = time.perf_counter()
            run.succeed(f"x{i}")
            took.append(time.perf_counter() - began)
        return min(took)

    assert best(100_000) <= 100 * best(100)


# ---------------------------------------------------------------- no quadratic traps


def fan_out(size: int) -> Callable[[], Any]:
    run = Run()
    run.add("a")
    for i in range(size):
        run.add(f"x{i}", needs=["a"])
    return lambda: run.succeed("a")


def fan_in(size: int) -> Callable[[], Any]:
    run = Run()
    keys = [f"x{i}" for i in range(size)]
    for key in keys:
        run.add(key)
    run.add("y", needs=keys)
    run.add("z", after=keys)
    return lambda: [run.succeed(key) for key in keys]


def fan_in_of_failures(size: int) -> Callable[[], Any]:
    run = Run()
    keys = [f"x{i}" for i in range(size)]
    for key in keys:
        run.add(key)
    run.add("y", needs=keys)
    run.add("z", after=keys)
    return lambda: [run.fail(key) for key in keys]


def skips(size: int) -> Callable[[], Any]:
    run = Run()
    run.add("x0")
    for i in range(size):
        run.add(f"x{i + 1}", needs=[f"x{i}"])
    return lambda: run.fail("x0")


def resets(size: int) -> Callable[[], Any]:
    run = Run()
    keys = [f"x{i}" for i in range(size)]
    for key in keys:
        run.add(key)
        run.succeed(key)
    run.add("hold")
    run.add("y", needs=["hold", *keys])

    def work() -> None:
        for key in keys:
            run.apply(ev.StepReset(run.now, key))
        run.settle()
        for key in keys:
            run.succeed(key)

    return work


def line(size: int) -> Callable[[], Any]:
    run = Run({"t": 1})
    for i in range(size):
        run.add(f"x{i}", policy=ONE)
    return lambda: [run.succeed(f"x{i}") for i in range(size)]


def leaving_a_line(size: int) -> Callable[[], Any]:
    run = Run({"t": 1})
    for i in range(size):
        run.add(f"x{i}", policy=ONE)
    return lambda: [run.act(ev.StepStopping(run.now, f"x{i}", "enough")) for i in range(1, size)]


def two_lines(size: int) -> Callable[[], Any]:
    run = Run({"t": 1, "u": 1})
    for i in range(size):
        run.add(f"x{i}", policy={"demands": [{"t": 1}, {"u": 1}, {"t": 1, "u": 1}][i % 3]})

    def work() -> None:
        while started := run.started():
            for key in started:
                run.succeed(key)
        assert not run.state.active

    return work


def demands_of_all_kinds(size: int) -> Callable[[], Any]:
    run = Run({"t": 1})
    for i in range(size):
        run.add(f"x{i}", policy={"demands": {"t": 1 + i / size, f"own{i}": 1}})
    return lambda: [run.succeed(f"x{i}") for i in range(size)]


def stopping(size: int) -> Callable[[], Any]:
    run = Run({"t": size // 2})
    run.add("m", size=size, policy=ONE)

    def work() -> None:
        run.act(ev.StepStopping(run.now, "m", "enough"))
        for stop in list(run.stops):
            run.end(stop.key, stop.element)
        assert run.status("m") == "cancelled"
        assert len(run.stops) == size // 2

    return work


def elements_one_by_one(size: int) -> Callable[[], Any]:
    run = Run({"t": 2})
    run.add("m", size=size, policy=ONE)
    run.add("n", size=size, each=["m"])

    def work() -> None:
        for i in range(size):
            run.succeed_elements("m", i)

    return work


def elements_backwards(size: int) -> Callable[[], Any]:
    run = Run()
    run.add("m", size=size)
    run.add("n", size=size, each=["m"])
    return lambda: [run.succeed_elements("m", i) for i in reversed(range(size))]


def failing_elements(size: int) -> Callable[[], Any]:
    run = Run()
    run.add("m", size=size, policy={"retries": 1})
    run.add("n", size=size, each=["m"])
    return lambda: [run.fail("m", i) for i in range(size) for _ in range(2)]


def watched_elements(size: int) -> Callable[[], Any]:
    run = Run()
    run.add("m", size=size)
    for i in range(size):
        run.add(f"x{i}", needs=[f"m[{i}]"])
    return lambda: run.succeed_elements("m", *range(size))


def listeners(size: int) -> Callable[[], Any]:
    run = Run()
    for i in range(size):
        run.act(ev.WaitAdded(run.now, f"w{i}", AllOf((OnEvent("e"), OnEvent(f"e{i}"))).to_json()))

    def work() -> None:
        run.feed(ev.EventReceived(run.now, 1, "e"))
        for i in reversed(range(size)):
            run.feed(ev.EventReceived(run.now, 2 + i, f"e{i}"))

    return work


def deadlines(size: int) -> Callable[[], Any]:
    run = Run()
    for i in range(size):
        run.act(ev.WaitAdded(run.now, f"w{i}", Absence(OnEvent(f"e{i}"), 1 + i).to_json()))

    def work() -> None:
        for timer in list(run.timers):
            run.now = timer.due_at
            run.feed(TimerFired(run.now, timer.what, timer.key, timer.attempt))
        assert len(run.fired) == size

    return work


def restarts(size: int) -> Callable[[], Any]:
    """A streaming task that is restarted again and again: each comes after the one before."""
    run = Run()
    run.add("x0")

    def work() -> None:
        for i in range(size):
            run.act(
                ev.StepStopping(run.now, f"x{i}", "again"), ev.StepAdded(run.now, f"x{i + 1}", "t", after=[f"x{i}"])
            )
            run.end(f"x{i}")

    return work


@pytest.mark.parametrize(
    "scenario",
    [
        fan_out, fan_in, fan_in_of_failures, skips, resets, line, leaving_a_line, two_lines, demands_of_all_kinds,
        stopping, elements_one_by_one, elements_backwards, failing_elements, watched_elements, listeners, deadlines,
        restarts,
    ],
)  # fmt: skip
def test_ten_times_as_many_cost_ten_times_as_much(scenario: Callable[[int], Callable[[], Any]]) -> None:
    assert grown(scenario) < 14


@pytest.mark.parametrize(
    "scenario", [fan_out, fan_in_of_failures, resets, line, leaving_a_line, elements_one_by_one, listeners]
)
def test_nothing_hides_inside_a_line(scenario: Callable[[int], Callable[[], Any]]) -> None:
    """The same in processor time, for a hundred times as many: linear is 100, quadratic is 10,000."""

    def best(size: int) -> float:
        took = []
        for _ in range(2):
            work = scenario(size)
            gc.collect()
            gc.disable()
            began = time.process_time()
            work()
            took.append(time.process_time() - began)
            gc.enable()
        return min(took)

    assert best(10_000) <= 2_000 * best(100)
