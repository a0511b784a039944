"""Single steps: what they wait for, how they fail, retry, time out, stop, and run anew."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kernel.harness import Run

from motet.errors import InvalidTransition, UsageError
from motet.kernel import events as ev
from motet.kernel.decide import SetTimer, StopAttempt
from motet.kernel.inputs import Failed, Succeeded, TimerFired, judge, ring

# ---------------------------------------------------------------- needs and after


def test_a_step_starts_when_all_it_needs_succeeded_and_all_it_comes_after_ended() -> None:
    run = Run()
    for key in ("a", "b", "c"):
        run.add(key)
    run.add("x", needs=["a", "b"], after=["c"])
    assert run.started() == ["a", "b", "c"]
    run.succeed("a")
    run.fail("c")
    assert run.started() == []
    run.succeed("b")
    assert run.started() == ["x"]
    run.check()


@pytest.mark.parametrize("how", ["succeed", "fail", "end", "skip"])
def test_after_means_ended_no_matter_how(how: str) -> None:
    run = Run()
    run.add("zero")
    run.add("a", needs=["zero"])
    run.add("x", after=["a"])
    if how == "skip":
        run.fail("zero")
    else:
        run.succeed("zero")
        getattr(run, how)("a")
    assert run.status("x") == "running"


def test_what_ended_before_a_step_is_added_counts() -> None:
    run = Run()
    run.add("a")
    run.add("b")
    run.succeed("a")
    run.fail("b")
    run.add("x", needs=["a"], after=["b"])
    run.add("y", needs=["b"])
    assert run.statuses("x", "y") == ["running", "skipped"]


def test_a_need_that_is_named_twice_counts_once() -> None:
    run = Run()
    run.add("a")
    run.add("x", needs=["a", "a"], after=["a"])
    run.succeed("a")
    assert run.status("x") == "running"
    run.check()


def test_a_need_is_more_than_an_after() -> None:
    run = Run()
    run.add("a")
    run.add("x", needs=["a"], after=["a"])
    run.fail("a")
    assert run.status("x") == "skipped"


@pytest.mark.parametrize("field", ["needs", "after", "each"])
@pytest.mark.parametrize("key", ["x", "nobody", "m[3]", "m[02]", "m[-1]", "a[0]"])
def test_a_step_can_wait_only_for_what_there_is(field: str, key: str) -> None:
    run = Run()
    run.add("a")
    run.add("m", size=3)
    with pytest.raises(UsageError, match=f"Step x needs {key.replace('[', '.')[:-1]}"):
        run.add("x", size=1, **{field: [key]})
    # Nothing was done: the run goes on as if it had not been asked.
    run.check()
    run.add("x")


def test_failures_skip_all_that_needs_them_however_far() -> None:
    run = Run()
    run.add("top")
    for name in ("left", "right"):
        run.add(name, needs=["top"])
    run.add("bottom", needs=["left", "right"])
    for i in range(50):
        run.add(f"tail{i}", needs=[f"tail{i - 1}" if i else "bottom"])
    run.succeed("top")
    run.fail("left")
    assert run.status("right") == "running"
    assert run.statuses("bottom", "tail0", "tail49") == ["skipped"] * 3
    skips = [(each.key, each.because) for each in run.events if isinstance(each, ev.StepSkipped)]
    assert skips[:3] == [("bottom", "left"), ("tail0", "bottom"), ("tail1", "tail0")]
    assert len(skips) == 51
    run.succeed("right")
    assert not run.state.active
    run.check()


# ---------------------------------------------------------------- failures, retries, timeouts


def test_retries_are_used_up_with_their_delays() -> None:
    run = Run()
    run.add("x", policy={"retries": 2, "delays_s": [10, 20]})
    run.fail("x")
    assert run.status("x") == "retrying"
    run.pass_time(9)
    assert run.started() == ["x"]
    run.pass_time(1)
    assert run.started() == ["x"]
    run.fail("x")
    run.pass_time(19)
    assert run.started() == []
    run.pass_time(1)
    assert run.started() == ["x"]
    run.fail("x")
    assert run.status("x") == "failed"
    assert [each.attempt for each in run.starts] == [1, 2, 3]
    run.check()


def test_a_retry_without_delay_starts_at_once() -> None:
    run = Run()
    run.add("x", policy={"retries": 1})
    run.fail("x")
    assert run.started() == ["x", "x"]


def test_a_failure_may_say_that_trying_again_is_no_use_or_how_long_to_wait() -> None:
    run = Run()
    for key in ("x", "y"):
        run.add(key, policy={"retries": 9, "delays_s": [1]})
    run.fail("x", retry=False)
    assert run.status("x") == "failed"
    run.fail("y", delay_s=300.0)
    run.pass_time(299)
    assert run.status("y") == "retrying"
    run.pass_time(1)
    assert run.status("y") == "running"


def test_a_timer_that_goes_off_early_is_set_again() -> None:
    run = Run()
    run.add("x", policy={"retries": 1, "delays_s": [10]})
    run.fail("x")
    run.timers.clear()
    run.state.changes.steps["x"] = None
    run.settle()
    assert run.timers == [SetTimer(run.now + 10, "retry", "x", 1)]


def test_a_late_timer_starts_the_retry_whatever_the_clock_says() -> None:
    run = Run()
    run.add("x", policy={"retries": 1, "delays_s": [10]})
    run.fail("x")
    (timer,) = run.timers
    run.now -= 3600  # the wall clock was set back; the timer went by another
    run.feed(TimerFired(timer.due_at, timer.what, timer.key, timer.attempt))
    assert run.status("x") == "running"


def test_an_attempt_that_takes_too_long_is_stopped() -> None:
    run = Run()
    run.add("x", policy={"timeout_s": 5, "retries": 1})
    run.pass_time(4)
    assert run.stops == []
    run.pass_time(1)
    assert run.stops == [StopAttempt("x", 1, -1, "timeout")]
    run.fail("x")
    assert run.status("x") == "running"
    run.pass_time(5)
    assert run.stops[1:] == [StopAttempt("x", 2, -1, "timeout")]


def test_the_timer_of_an_attempt_that_ended_does_nothing() -> None:
    run = Run()
    run.add("x", policy={"timeout_s": 5, "retries": 1, "delays_s": [1]})
    run.fail("x")
    run.pass_time(4)
    assert run.status("x") == "running"
    run.pass_time(1)  # the first attempt's timer
    assert run.stops == []
    run.succeed("x")
    run.pass_time(60)
    assert run.stops == []


def test_old_news_is_dropped() -> None:
    run = Run()
    run.add("x", policy={"retries": 1})
    run.fail("x")
    for number in (0, 1, 3):
        assert not run.feed(Succeeded(run.now, "x", number))
    assert not run.feed(Failed(run.now, "nobody", 1, None))
    assert not run.feed(Succeeded(run.now, "x", 2, element=0))
    assert run.feed(Succeeded(run.now, "x", 2))
    assert not run.feed(Failed(run.now, "x", 2, None))
    assert run.status("x") == "succeeded"


def test_a_cached_outcome_needs_no_attempt() -> None:
    run = Run({"one": 1})
    for key in ("a", "x"):
        run.add(key, policy={"demands": {"one": 1}})
    run.add("y", needs=["x"])
    run.act(ev.StepSucceeded(run.now, "x", result=7, cached=True))
    assert run.started() == ["a", "y"]
    assert run.state.steps["x"].cached
    assert run.state.steps["x"].result == 7
    run.succeed("a")
    assert run.started() == []
    run.check()


# ---------------------------------------------------------------- stopping


@pytest.mark.parametrize("status", ["pending", "ready", "retrying"])
def test_a_step_that_does_not_run_ends_as_soon_as_it_is_stopped(status: str) -> None:
    run = Run({"one": 1})
    run.add("a", policy={"demands": {"one": 1}})
    if status == "pending":
        run.add("x", needs=["a"])
    elif status == "ready":
        run.add("x", policy={"demands": {"one": 1}})
    else:
        run.add("x", policy={"retries": 1, "delays_s": [60]})
        run.fail("x")
    run.add("y", after=["x"])
    assert run.status("x") == status
    run.act(ev.StepStopping(run.now, "x", "enough"))
    assert run.statuses("x", "y") == ["cancelled", "running"]
    assert run.stops == []
    run.succeed("a")
    run.pass_time(100)
    assert run.status("x") == "cancelled"
    run.check()


def test_what_runs_is_told_to_stop_once_and_may_yet_succeed() -> None:
    run = Run()
    for key in ("a", "b", "c"):
        run.add(key, policy={"retries": 5})
        run.act(ev.StepStopping(run.now, key, "enough"))
    assert run.stops == [StopAttempt(key, 1, -1, "enough") for key in ("a", "b", "c")]
    run.state.changes.steps["a"] = None
    run.settle()
    assert len(run.stops) == 3
    run.succeed("a")
    run.fail("b")
    run.end("c")
    assert run.statuses("a", "b", "c") == ["succeeded", "cancelled", "cancelled"]
    assert run.state.steps["b"].error == {"type": "Cancelled", "message": "enough"}
    assert not any(step.stopping for step in run.state.steps.values())


def test_a_cancelled_run_starts_nothing_and_stops_everything() -> None:
    run = Run({"one": 1})
    run.add("done")
    run.succeed("done")
    run.add("running")
    run.add("pending", needs=["running"])
    run.add("held", policy={"demands": {"one": 1}})
    run.add("ready", policy={"demands": {"one": 1}})
    run.add("retrying", policy={"retries": 3, "delays_s": [10]})
    run.fail("retrying")
    run.act(ev.RunCancelling(run.now, "ctrl-c"))
    left = ["running", "cancelled", "running", "cancelled", "cancelled"]
    assert run.statuses("running", "pending", "held", "ready", "retrying") == left
    assert {each.key for each in run.stops} == {"running", "held"}
    run.started()
    run.add("late")
    assert run.status("late") == "cancelled"
    run.pass_time(60)
    run.fail("running")
    run.end("held")
    assert run.started() == []
    assert run.status("done") == "succeeded"
    assert not run.state.active
    run.act(ev.RunFinished(run.now, "cancelled"))
    run.check()


# ---------------------------------------------------------------- interruption and reset


def test_an_interrupted_step_runs_again_and_uses_up_no_retry() -> None:
    run = Run()
    run.add("x", policy={"retries": 1})
    for _ in range(5):
        run.act(ev.StepInterrupted(run.now, "x"))
    assert [each.attempt for each in run.starts] == [1, 2, 3, 4, 5, 6]
    run.fail("x")
    assert run.status("x") == "running"
    run.fail("x")
    assert run.status("x") == "failed"


def test_what_was_to_stop_when_its_engine_died_ends_instead_of_starting_again() -> None:
    run = Run()
    run.add("x")
    run.act(ev.StepStopping(run.now, "x", "enough"))
    run.crash(from_events=False)
    assert run.status("x") == "cancelled"
    assert len(run.starts) == 1


def test_a_reopened_run_does_again_what_did_not_succeed() -> None:
    run = Run()
    run.add("a")
    run.add("b", needs=["a"])
    run.add("c", needs=["b"])
    run.succeed("a")
    run.fail("b")
    run.act(ev.RunFinished(run.now, "failed"), ev.RunReopened(run.now))
    for key in ("c", "b"):  # in whatever order
        run.apply(ev.StepReset(run.now, key))
    run.settle()
    assert run.statuses("a", "b", "c") == ["succeeded", "running", "pending"]
    assert run.starts[-1].attempt == 2
    run.check()
    run.succeed("b")
    run.succeed("c")
    assert not run.state.active


def test_whoever_has_yet_to_start_waits_again_for_a_step_that_is_reset() -> None:
    run = Run({"one": 1})
    for key in ("a", "b", "busy"):
        run.add(key, policy={"demands": {"one": 1}} if key == "busy" else {})
    run.add("pending", needs=["a", "b"])
    run.add("ready", needs=["a"], policy={"demands": {"one": 1}})
    run.add("retrying", needs=["a"], policy={"retries": 1, "delays_s": [10]})
    run.add("running", after=["a"])
    run.add("done", needs=["a"])
    run.succeed("a")
    run.fail("retrying")
    run.succeed("done")
    run.act(ev.StepReset(run.now, "a"))
    keys = ("pending", "ready", "retrying", "running", "done")
    assert run.statuses(*keys) == ["pending", "pending", "retrying", "running", "succeeded"]
    run.check()
    run.started()
    run.succeed("b")
    run.succeed("busy")
    run.pass_time(60)
    assert run.started() == []
    run.succeed("a")
    assert sorted(run.started()) == ["pending", "ready", "retrying"]
    assert run.statuses(*keys) == ["running", "running", "running", "running", "succeeded"]
    run.check()


def test_a_step_in_line_for_its_retry_leaves_the_line_when_a_need_is_reset() -> None:
    run = Run({"one": 1})
    run.add("a")
    run.add("x", needs=["a"], policy={"retries": 1, "delays_s": [10], "demands": {"one": 1}})
    run.succeed("a")
    run.fail("x")
    run.add("busy", policy={"demands": {"one": 1}})
    run.pass_time(10)  # x is due, and in line
    run.act(ev.StepReset(run.now, "a"))
    run.started()
    run.succeed("busy")
    assert run.started() == []
    run.succeed("a")
    assert run.started() == ["x"]


def test_an_interrupted_step_waits_for_a_need_that_was_reset_while_it_ran() -> None:
    run = Run()
    run.add("a")
    run.add("x", needs=["a"])
    run.succeed("a")
    run.act(ev.StepReset(run.now, "a"))
    run.crash(from_events=False)
    assert run.statuses("a", "x") == ["running", "pending"]
    run.succeed("a")
    assert run.status("x") == "running"


def test_a_step_that_a_reset_need_leaves_in_the_lurch_is_skipped() -> None:
    run = Run()
    run.add("a")
    run.add("x", needs=["a"], policy={"retries": 1, "delays_s": [10]})
    run.succeed("a")
    run.fail("x")
    run.act(ev.StepReset(run.now, "a"))
    run.fail("a")
    assert run.status("x") == "skipped"


def test_a_reset_puts_the_outcome_aside_and_keeps_counting_attempts() -> None:
    run = Run()
    run.add("x", fingerprint="old", policy={"retries": 1})
    run.fail("x")
    run.succeed("x", result=5)
    run.apply(ev.StepReset(run.now, "x", fingerprint="new"))
    step = run.state.steps["x"]
    assert (step.result, step.error, step.failures, step.fingerprint) == (None, None, 0, "new")
    run.settle()
    assert run.starts[-1].attempt == 3
    run.check()


def test_nothing_starts_before_what_it_needs_to_run_is_there() -> None:
    run = Run({"one": 1})
    for demands in ({}, {"one": 1}):
        key = f"x{len(demands)}"
        run.apply(ev.StepAdded(run.now, key, "t", policy={"demands": demands}))
        run.state.steps[key].bound = False
        run.settle()
        assert run.started() == []
        run.state.steps[key].bound = True
        run.state.changes.steps[key] = None
        run.settle()
        assert run.started() == [key]


# ---------------------------------------------------------------- redefined


def redefined(run: Run, key: str, *before: ev.Event, **fields: Any) -> None:
    run.act(*before, ev.StepRedefined(run.now, key, **{"task": "t", **fields}))


def test_a_redefined_step_needs_and_is_what_it_is_told_to_be() -> None:
    run = Run()
    for key in ("a", "b"):
        run.add(key)
    run.add("x", needs=["a"], after=["b"], fingerprint="old")
    run.succeed("b")
    redefined(run, "x", needs=["b"], fingerprint="new", call={"code": "new"})
    assert run.started() == ["a", "b", "x"]
    run.fail("a")
    run.succeed("x")
    step = run.state.steps["x"]
    assert (step.fingerprint, step.call, step.needs, step.status) == ("new", {"code": "new"}, ("b",), "succeeded")
    run.check()


@pytest.mark.parametrize("size", [None, 0, 1, 3, 5])
def test_a_redefined_map_has_elements_of_its_own(size: int | None) -> None:
    """Elements that had a step of their own are gone with it, whether the new one is smaller, larger or no map."""
    run = Run()
    run.add("a", size=3)
    run.add("m", size=3, each=["a"], policy={"retries": 1})
    run.succeed_elements("a", 0, 1, 2)
    run.succeed_elements("m", 0)
    run.fail("m", 1)
    run.fail("m", 1)
    run.succeed("m", 2)
    assert run.status("m") == "failed"
    redefined(run, "m", ev.StepReset(run.now, "m", anew=True), size=size, form="call" if size is None else "map")
    assert run.state.steps["m"].map is None if size is None else len(run.state.steps["m"].map.results) == size
    run.check()
    for element in [-1] if size is None else range(size):
        run.succeed("m", element)
    assert run.status("m") == "succeeded"
    run.check()


@pytest.mark.parametrize("how", ["ended", "running", "followed"])
def test_no_step_is_redefined_whose_outcome_stands_or_whose_elements_others_take(how: str) -> None:
    run = Run()
    run.add("x", size=2 if how == "followed" else None)
    before: list[ev.Event] = []
    if how == "ended":
        run.succeed("x")
    elif how == "followed":
        run.add("y", size=2, each=["x"])
        run.succeed_elements("x", 0, 1)
        before = [ev.StepReset(run.now, "x", anew=True)]
    with pytest.raises(InvalidTransition):
        redefined(run, "x", *before, size=1)


def test_what_has_changed_of_a_step_takes_the_place_of_its_call_and_moves_nothing() -> None:
    run = Run()
    run.add("x", call={"code": "old"})
    run.succeed("x")
    run.act(ev.StepChanged(run.now, "x", ["its code"], True))
    assert run.state.steps["x"].call == {"code": "old"}
    run.act(ev.StepChanged(run.now, "x", ["its code"], False, {"code": "new"}))
    assert (run.state.steps["x"].call, run.status("x")) == ({"code": "new"}, "succeeded")
    run.check()


def test_judging_changes_nothing_and_ringing_puts_in_line() -> None:
    """So that news can be judged twice, or for somebody who only wants to know."""
    run = Run()
    run.add("a", policy={"retries": 1, "delays_s": [5.0]})
    run.fail("a")
    (timer,) = run.timers
    told = TimerFired(timer.due_at, timer.what, timer.key, timer.attempt)
    run.now = timer.due_at
    judged = [judge(run.state, told) for _ in range(2)]
    assert [each.due and each.due.key for each in judged] == ["a", "a"]
    assert not run.state.take_changes()
    assert run.status("a") == "retrying"
    ring(run.state, judged[0])
    run.settle()
    assert (run.status("a"), run.starts[-1].attempt) == ("running", 2)
