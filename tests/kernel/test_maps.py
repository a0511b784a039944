"""Maps: many elements, one step."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.kernel.harness import Run

from motet.errors import InvalidTransition, UsageError
from motet.kernel import events as ev
from motet.kernel.decide import SetTimer, StartAttempt, StopAttempt
from motet.kernel.inputs import Ended, Failed, Succeeded
from motet.kernel.state import M_SUCCEEDED


def elements(key: str, *indices: int) -> list[str]:
    return [f"{key}[{index}]" for index in indices]


# ---------------------------------------------------------------- sizes and outcomes


def test_a_map_of_nothing_succeeds_at_once() -> None:
    run = Run()
    run.add("m", size=0)
    run.add("n", size=0, each=["m"])
    run.add("x", needs=["m", "n"])
    assert run.statuses("m", "n", "x") == ["succeeded", "succeeded", "running"]
    assert run.started() == ["x"]


def test_a_map_of_nothing_waits_for_what_it_needs() -> None:
    run = Run()
    run.add("a")
    run.add("m", size=0, needs=["a"])
    assert run.status("m") == "pending"
    run.fail("a")
    assert run.status("m") == "skipped"


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_map_succeeds_when_all_of_its_elements_did(size: int) -> None:
    run = Run()
    run.add("m", size=size)
    assert run.started() == elements("m", *range(size))
    for index in reversed(range(size)):
        assert run.status("m") == "running"
        run.succeed_elements("m", index, results=[index * 10])
    assert run.status("m") == "succeeded"
    assert run.state.steps["m"].map is not None
    assert run.state.steps["m"].map.results == [index * 10 for index in range(size)]
    assert list(run.state.steps) == ["m"]
    run.check()


def test_a_size_below_nothing_is_refused() -> None:
    run = Run()
    with pytest.raises(UsageError, match="has size -1"):
        run.add("m", size=-1)
    assert "m" not in run.state.steps


def test_a_map_fails_when_all_have_ended_and_one_failed() -> None:
    run = Run()
    run.add("m", size=3)
    run.fail("m", 1)
    assert run.status("m") == "running"
    run.succeed_elements("m", 0, 2)
    assert run.status("m") == "failed"
    assert run.state.steps["m"].error == {"type": "MapFailed", "message": "1 of 3 elements did not succeed"}
    assert run.statuses("m[0]", "m[1]", "m[2]") == ["succeeded", "failed", "succeeded"]
    run.check()


def test_elements_retry_by_themselves() -> None:
    run = Run()
    run.add("m", size=3, policy={"retries": 1, "delays_s": [5], "timeout_s": 60})
    run.succeed_elements("m", 0)
    run.fail("m", 1)
    run.fail("m", 2)
    assert run.statuses("m[1]", "m[2]") == ["retrying", "retrying"]
    run.check()
    run.pass_time(5)
    assert run.starts[3:] == [StartAttempt("m", 2, 1), StartAttempt("m", 2, 2)]
    run.succeed("m", 1, result="late")
    assert run.state.steps["m"].map is not None
    assert run.state.steps["m"].map.results == [None, "late", None]
    run.fail("m", 2)
    assert run.statuses("m", "m[1]", "m[2]") == ["failed", "succeeded", "failed"]
    run.check()


def test_an_element_that_takes_too_long_is_stopped() -> None:
    run = Run()
    run.add("m", size=2, policy={"timeout_s": 5, "retries": 1})
    run.fail("m", 1)
    run.pass_time(5)
    assert run.stops == [StopAttempt("m", 1, 0, "timeout"), StopAttempt("m", 2, 1, "timeout")]
    assert SetTimer(run.now, "timeout", "m", 2, 1) not in run.timers


def test_old_news_of_elements_is_dropped() -> None:
    run = Run({"t": 1})
    run.add("m", size=3, policy={"retries": 1, "demands": {"t": 1}})
    for told in (
        Succeeded(run.now, "m", 2, element=0),
        Succeeded(run.now, "m", 1, element=1),
        Succeeded(run.now, "m", 1, element=3),
        Succeeded(run.now, "m", 1),
        Failed(run.now, "m", 0, None, element=0),
    ):
        assert not run.feed(told)
    run.fail("m", 0)
    assert not run.feed(Succeeded(run.now, "m", 1, element=0))
    assert run.succeed("m", 0)
    assert not run.feed(Ended(run.now, "m", 2, "late", element=0))


@pytest.mark.parametrize(
    "event",
    [
        ev.ElementsSucceeded(1.0, "m", [0, 0]),
        ev.ElementsSucceeded(1.0, "m", [1]),
        ev.ElementsStarted(1.0, "m", [1]),
        ev.ElementsStarted(1.0, "m", [0]),
        ev.StepFailed(1.0, "m", 1, 1),
        ev.StepFailed(1.0, "m", 1, 7),
        ev.StepRetrying(1.0, "m", 1, 2),
        ev.StepCancelled(1.0, "m"),
        ev.StepFailed(1.0, "m"),
        ev.StepFailed(1.0, "x", 1, 0),
        ev.ElementsSucceeded(1.0, "x", [0]),
        ev.StepReset(1.0, "m[2]"),
    ],
)
def test_what_does_not_fit_is_refused(event: ev.Event) -> None:
    run = Run()
    run.add("x")
    run.add("m", size=4)  # [0] runs, [1] succeeded, [2] failed, [3] retries
    run.state.steps["m"].policy = run.state.policy({"retries": 1, "delays_s": [5]})
    run.succeed_elements("m", 1)
    run.fail("m", 2, retry=False)
    run.fail("m", 3)
    with pytest.raises(InvalidTransition):
        run.apply(event)


# ---------------------------------------------------------------- steps that wait for one element


def test_a_step_may_wait_for_one_element() -> None:
    run = Run({"t": 1})
    run.add("m", size=4, policy={"demands": {"t": 1}, "retries": 1})
    run.add("first", needs=["m[0]"])
    run.add("second", needs=["m[1]", "m[0]"])
    run.add("third", after=["m[2]"])
    run.add("fourth", needs=["m[3]"])
    run.succeed_elements("m", 0)
    assert run.statuses("first", "second") == ["running", "pending"]
    run.fail("m", 1)
    run.succeed("m", 1)
    assert run.status("second") == "running"
    run.fail("m", 2)
    run.fail("m", 2)
    assert run.status("third") == "running"
    run.add("late", needs=["m[2]"])
    assert run.status("late") == "skipped"
    run.check()
    run.act(ev.StepStopping(run.now, "m", "enough"))
    assert run.status("fourth") == "pending"
    run.end("m", 3)
    assert run.status("fourth") == "skipped"


@pytest.mark.parametrize("how", ["stopped", "skipped"])
def test_elements_that_never_ran_share_the_fate_of_their_map(how: str) -> None:
    run = Run()
    run.add("a")
    run.add("m", size=2, needs=["a"])
    run.add("x", needs=["m[1]"])
    run.add("y", after=["m[1]"])
    run.add("n", size=2, each=["m"])
    run.add("z", needs=["n[0]"])
    if how == "stopped":
        run.act(ev.StepStopping(run.now, "m", "enough"))
        assert run.statuses("m", "m[0]", "m[1]") == ["cancelled"] * 3
    else:
        run.fail("a")
        assert run.statuses("m", "m[0]", "m[1]") == ["skipped"] * 3
    assert run.statuses("x", "y", "n", "n[0]", "z") == ["skipped", "running", "skipped", "skipped", "skipped"]
    run.check()


def test_keys_of_elements_are_taken() -> None:
    run = Run()
    run.add("m", size=2)
    with pytest.raises(UsageError, match=r"m\[1\] cannot be added: that is an element of a map"):
        run.add("m[1]")
    run.add("m[2]")  # no element of it
    run.add("k[0]")
    run.add("k", size=1)
    with pytest.raises(InvalidTransition):  # it is a step of its own, and was there before
        run.fail("k", 0)


# ---------------------------------------------------------------- maps that follow maps


def test_elements_follow_each_other_one_by_one() -> None:
    run = Run()
    run.add("a", size=3)
    run.add("b", size=3, each=["a"])
    run.add("c", size=2, each=["a", "b"])
    assert run.started() == elements("a", 0, 1, 2)
    run.succeed_elements("a", 2)
    assert run.started() == ["b[2]"]
    run.succeed_elements("a", 0)
    run.succeed_elements("b", 0)
    assert run.started() == ["b[0]", "c[0]"]
    run.check()
    run.add("d", size=3, each=["a"])
    assert run.started() == ["d[0]", "d[2]"]
    run.succeed_elements("c", 0)
    run.succeed_elements("a", 1)
    assert run.started() == ["b[1]", "d[1]"]
    run.succeed_elements("b", 1, 2)
    run.succeed_elements("c", 1)
    assert run.statuses("a", "b", "c", "d") == ["succeeded", "succeeded", "succeeded", "running"]
    run.check()


def test_a_map_may_follow_only_maps_that_are_as_long() -> None:
    run = Run()
    run.add("x")
    run.add("m", size=2)
    for each, size in ((["x"], 1), (["m"], 3), (["m"], None), (["m[0]"], 0)):
        with pytest.raises(UsageError):
            run.add("n", each=each, size=size)
        assert "n" not in run.state.steps
    run.check()


def test_an_element_whose_upstream_failed_is_skipped_alone() -> None:
    run = Run()
    run.add("a", size=3)
    run.add("b", size=3, each=["a"])
    run.add("c", size=3, each=["a", "b"])
    run.fail("a", 1)
    assert run.statuses("b[1]", "c[1]") == ["skipped", "skipped"]
    assert run.state.steps["b[1]"].doomed == "a[1]"
    run.succeed_elements("a", 0, 2)
    run.succeed_elements("b", 0, 2)
    run.succeed_elements("c", 0, 2)
    assert run.statuses("a", "b", "c") == ["failed"] * 3
    run.check()


def test_two_upstream_failures_skip_an_element_once() -> None:
    run = Run()
    run.add("a", size=1)
    run.add("b", size=1)
    run.add("c", size=1, each=["a", "b", "a"])
    run.apply(ev.StepFailed(run.now, "a", 1, 0), ev.StepFailed(run.now, "b", 1, 0))
    run.settle()
    assert run.statuses("c", "c[0]") == ["skipped", "skipped"]
    assert sum(isinstance(each, ev.StepSkipped) for each in run.events) == 2


def test_a_map_that_follows_one_that_stopped_does_what_can_be_done() -> None:
    run = Run({"t": 1})
    run.add("a", size=5, policy={"demands": {"t": 1}})
    run.add("b", size=5, each=["a"])
    run.add("c", size=5, each=["b"])
    run.succeed_elements("a", 0)
    run.succeed_elements("a", 1)
    run.act(ev.StepStopping(run.now, "a", "enough"))
    run.end("a", 2)
    assert run.statuses("a", "b", "b[2]", "b[4]") == ["cancelled", "running", "skipped", "pending"]
    run.succeed_elements("b", 0)
    assert run.status("b") == "running"
    run.succeed_elements("b", 1)
    assert run.statuses("b", "b[4]", "c[1]") == ["failed", "skipped", "running"]
    run.succeed_elements("c", 0, 1)
    assert run.status("c") == "failed"
    assert not run.state.active
    run.check()


def test_elements_that_come_free_behind_the_others_are_found() -> None:
    run = Run()
    run.add("a", size=100)
    run.add("b", size=100, each=["a"])
    run.started()
    order = list(range(100))
    random.Random(5).shuffle(order)
    for index in order:
        run.succeed_elements("a", index)
        assert run.started() == [f"b[{index}]"]


# ---------------------------------------------------------------- stop, interruption, reset


def test_a_map_that_is_stopped_ends_when_what_runs_has_ended() -> None:
    run = Run({"t": 4})
    run.add("m", size=9, policy={"demands": {"t": 1}, "retries": 1, "delays_s": [60]})
    run.add("x", needs=["m[8]"])
    run.fail("m", 0)
    run.pass_time(60)
    run.succeed_elements("m", 1)  # makes room for [0] to run again, beside [2], [3] and [4]
    run.fail("m", 4)  # retrying, while [5] runs
    assert run.statuses("m[0]", "m[4]", "m[5]", "m[6]") == ["running", "retrying", "running", "ready"]
    run.started()
    run.act(ev.StepStopping(run.now, "m", "enough"))
    assert sorted((each.element, each.attempt) for each in run.stops) == [(0, 2), (2, 1), (3, 1), (5, 1)]
    run.pass_time(60)  # the time for [4] has come, but nothing starts any more
    for stop in run.stops:
        assert run.status("m") == "running"
        if stop.element == 0:  # it has retries left, and a step of its own: all the same, it ends
            run.fail(stop.key, stop.element)
        else:
            run.end(stop.key, stop.element)
    assert run.statuses("m", "m[0]", "m[4]", "m[8]", "x") == ["cancelled"] * 4 + ["skipped"]
    run.pass_time(1000)
    assert run.started() == []
    assert not run.state.active
    assert run.state.limits["t"].used == 0
    run.check()


def test_a_map_whose_elements_only_wait_to_be_tried_again_stops_at_once() -> None:
    run = Run()
    run.add("m", size=2, policy={"retries": 1, "delays_s": [60]})
    run.succeed_elements("m", 0)
    run.fail("m", 1)
    run.act(ev.StepStopping(run.now, "m", "enough"))
    assert run.statuses("m", "m[0]", "m[1]") == ["cancelled", "succeeded", "cancelled"]
    run.pass_time(60)
    assert not run.state.active


def test_stopping_one_element_and_its_map_together() -> None:
    run = Run()
    run.add("m", size=2, policy={"retries": 1, "delays_s": [60]})
    run.fail("m", 0)
    run.apply(ev.StepStopping(run.now, "m[0]", "that one"), ev.StepStopping(run.now, "m", "all"))
    run.settle()
    assert run.stops == [StopAttempt("m", 1, 1, "all")]
    run.end("m", 1)
    assert run.statuses("m", "m[0]", "m[1]") == ["cancelled"] * 3


@pytest.mark.parametrize("how", ["both", "run"])
def test_an_element_that_waits_to_be_tried_again_is_cancelled_once(how: str) -> None:
    run = Run()
    run.add("m", size=2, policy={"retries": 1, "delays_s": [60]})
    run.succeed_elements("m", 1)
    run.fail("m", 0)
    if how == "run":
        run.act(ev.RunCancelling(run.now, "all"))
    else:
        run.apply(ev.StepStopping(run.now, "m[0]", "that one"), ev.StepStopping(run.now, "m", "all"))
        run.settle()
    assert run.statuses("m", "m[0]", "m[1]") == ["cancelled", "cancelled", "succeeded"]
    assert [each.key for each in run.events if isinstance(each, ev.StepCancelled)] == ["m", "m"]


def test_one_element_may_be_stopped_by_itself() -> None:
    run = Run()
    run.add("m", size=2, policy={"retries": 1})
    run.fail("m", 0)
    run.act(ev.StepStopping(run.now, "m[0]", "that one"))
    assert run.stops == [StopAttempt("m", 2, 0, "that one")]
    run.fail("m", 0)
    assert run.statuses("m", "m[0]", "m[1]") == ["running", "cancelled", "running"]


@pytest.mark.parametrize("from_events", [False, True])
def test_a_map_goes_on_where_its_engine_died(from_events: bool) -> None:
    run = Run({"t": 3})
    run.add("m", size=8, policy={"demands": {"t": 1}, "retries": 1, "delays_s": [5]})
    run.succeed_elements("m", 0, results=["zero"])
    run.fail("m", 1)
    run.pass_time(5)
    run.succeed_elements("m", 2)
    run.fail("m", 3)
    running = {(each.element, each.attempt) for each in run.starts} - {(0, 1), (1, 1), (2, 1), (3, 1)}
    run.started()
    run.crash(from_events=from_events)
    run.check()
    again = {(each.element, each.attempt) for each in run.starts[-3:]}
    assert len(again) == 3
    assert not running & again  # what ran has another number now
    assert run.statuses("m", "m[0]", "m[2]", "m[3]") == ["running", "succeeded", "succeeded", "retrying"]
    for element, attempt in running:
        assert not run.feed(Succeeded(run.now, "m", attempt, element=element))
    run.pass_time(5)
    while started := run.started():
        for key in started:
            run.succeed("m", int(key[2:-1]))
    assert run.status("m") == "succeeded"
    assert run.state.limits["t"].used == 0
    run.check()


def test_a_map_that_is_reset_keeps_what_succeeded() -> None:
    run = Run()
    run.add("a", size=4, policy={"retries": 1})
    run.add("b", size=4, each=["a"])
    run.fail("a", 0)
    run.succeed("a", 0, result="second try")
    run.fail("a", 1, retry=False)
    run.succeed_elements("a", 2, 3, results=[2, 3])
    run.succeed_elements("b", 0, 2, 3)
    assert run.statuses("a", "b") == ["failed", "failed"]
    run.started()
    run.apply(ev.StepReset(run.now, "b"), ev.StepReset(run.now, "a"))
    run.settle()
    assert run.started() == ["a[1]"]
    assert run.statuses("a[0]", "a[1]", "b", "b[0]", "b[1]") == [
        "succeeded",
        "running",
        "ready",
        "succeeded",
        "pending",
    ]
    run.check()
    run.succeed("a", 1, result=1)
    assert run.started() == ["b[1]"]
    run.succeed("b", 1)
    assert run.statuses("a", "b") == ["succeeded", "succeeded"]
    assert run.state.steps["a"].map is not None
    assert run.state.steps["a"].map.results == ["second try", 1, 2, 3]
    run.check()


def test_a_map_whose_code_changed_starts_from_nothing() -> None:
    run = Run()
    run.add("a", size=2, policy={"retries": 3})
    run.add("b", size=2, each=["a"], policy={"retries": 3})
    run.add("x", needs=["a[0]", "a[1]"])
    for _ in range(3):
        run.fail("a", 0)
    run.succeed("a", 0)
    run.succeed_elements("a", 1)
    run.fail("b", 0)
    assert run.status("x") == "running"
    run.act(ev.StepInterrupted(run.now, "x"), ev.StepReset(run.now, "a", fingerprint="new"))
    assert run.statuses("a", "a[0]", "a[1]", "x") == ["running", "running", "running", "pending"]
    assert run.statuses("b[0]", "b[1]") == ["running", "running"]  # what runs, runs
    assert run.starts[-1].attempt == 5  # no number is given out twice
    run.fail("b", 0)
    assert run.status("b[0]") == "retrying"  # it waits for a[0] as well
    run.crash(from_events=True)
    run.check()
    assert run.status("b[1]") == "pending"
    run.succeed("a", 0)
    assert run.statuses("b[0]", "b[1]", "x") == ["running", "pending", "pending"]
    run.succeed("a", 1)
    assert run.statuses("b[1]", "x") == ["running", "running"]
    run.check()


def test_a_map_may_be_reset_while_it_runs_if_nothing_of_it_is_in_hand() -> None:
    run = Run({"t": 1})
    run.add("m", size=3, policy={"retries": 1, "delays_s": [60], "demands": {"t": 1}})
    with pytest.raises(InvalidTransition):
        run.apply(ev.StepReset(run.now, "m"))
    run = Run({"t": 1})
    run.add("m", size=2, policy={"retries": 1, "delays_s": [60]})
    run.succeed_elements("m", 0)
    run.fail("m", 1)
    run.started()
    run.act(ev.StepReset(run.now, "m"))
    assert run.started() == ["m[1]"]
    assert run.attempt("m", 1) == 2
    run.check()


def test_a_map_may_lose_what_it_has_in_hand_without_a_crash() -> None:
    run = Run({"t": 3})
    run.add("m", size=9, policy={"demands": {"t": 1}})
    run.succeed_elements("m", 1)
    run.started()
    run.act(ev.StepInterrupted(run.now, "m"))
    assert run.started() == elements("m", 0, 2, 3)
    assert run.statuses("m", "m[4]") == ["running", "ready"]
    run.check()


def test_an_element_that_is_lost_waits_for_its_upstream_if_that_was_reset() -> None:
    run = Run()
    run.add("a", size=1)
    run.add("b", size=1, each=["a"])
    run.succeed_elements("a", 0)
    run.act(ev.StepReset(run.now, "a", fingerprint="new"))
    run.act(ev.StepInterrupted(run.now, "b"))
    assert run.statuses("b", "b[0]") == ["running", "pending"]
    run.succeed_elements("a", 0)
    assert run.status("b[0]") == "running"


@pytest.mark.parametrize("how", ["succeed", "fail", "retry", "end", "pack"])
def test_what_becomes_of_an_element_can_be_told_again_though_its_upstream_was_reset_meanwhile(how: str) -> None:
    """Starts are not recorded: when the events are folded anew, the element is blocked, not running."""
    run = Run()
    run.add("a", size=2)
    run.add("b", size=2, each=["a"], policy={"retries": 1, "delays_s": [60]})
    run.succeed_elements("a", 0, 1)
    run.act(ev.StepReset(run.now, "a", fingerprint="new"))
    if how == "pack":
        run.succeed_elements("b", 0)
    elif how == "fail":
        run.fail("b", 0, retry=False)
    else:
        getattr(run, how.replace("retry", "fail"))("b", 0)
    run.check()


# ---------------------------------------------------------------- a great many


def test_a_finished_map_leaves_next_to_nothing_behind() -> None:
    run = Run()
    run.add("m", size=50_000)
    run.succeed_elements("m", *range(50_000))
    marks = run.state.steps["m"].map
    assert marks is not None
    assert marks.marks == bytes([M_SUCCEEDED]) * 50_000
    assert (len(run.state.steps), len(marks.own), len(marks.due), len(marks.watchers)) == (1, 0, 0, 0)
    assert len(str(run.reloaded().steps["m"].map)) < 1_000_000
    kept: dict[str, Any] = ev.to_json(run.recorded[-1])
    assert kept == {"event": "step.succeeded", "at": run.now, "key": "m", "attempt": 1}
