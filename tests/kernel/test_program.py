"""What programs say, and what it comes to."""

from __future__ import annotations

import pytest
from tests.kernel.harness import Run

from motet.errors import UsageError
from motet.kernel import events as ev
from motet.kernel.policy import Policy
from motet.kernel.program import (
    Action,
    AddStep,
    Finish,
    Listen,
    RestartStep,
    StopStep,
    Unlisten,
    View,
    events_of,
    everything,
)  # fmt: skip
from motet.rules import OnEvent


def do(run: Run, *actions: Action) -> int:
    """Carry the actions out; gives how many events they came to."""
    count = 0
    for action in actions:
        events = events_of(run.state, action, run.now)
        run.apply(*events)
        count += len(events)
    run.settle()
    return count


def test_adding_is_idempotent_by_key() -> None:
    run = Run()
    assert do(run, AddStep("a", "t"), AddStep("a", "another")) == 1
    assert run.state.steps["a"].task == "t"


def test_all_of_a_step_is_recorded() -> None:
    run = Run()
    do(run, AddStep("a", "t"), AddStep("m", "t", size=3))
    policy = Policy(retries=2, delays_s=(1.0,), demands={"gpu": 1})
    do(run, AddStep("b", "u", {"target": "x:y"}, ["a"], ["m"], ["m"], 2, policy, "map", "a", "B", "f00"))
    step = run.refolded().steps["b"]
    assert (step.task, step.call, tuple(step.needs), list(step.after), tuple(step.each)) == (
        "u", {"target": "x:y"}, ("a",), ["m"], ("m",),
    )  # fmt: skip
    assert step.map is not None
    assert step.map.size == 2
    assert (step.policy, step.form, step.parent, step.name, step.fingerprint) == (policy, "map", "a", "B", "f00")


def test_steps_of_one_task_share_one_policy() -> None:
    run = Run()
    do(run, *(AddStep(f"x{i}", "t", policy=Policy(retries=2)) for i in range(3)))
    assert len({id(step.policy) for step in run.state.steps.values()}) == 1


def test_stopping_what_ended_or_never_was_or_stops_already_is_nothing() -> None:
    run = Run()
    do(run, AddStep("a", "t"), AddStep("b", "t"))
    run.succeed("a")
    assert do(run, StopStep("a"), StopStep("nobody"), StopStep("b"), StopStep("b")) == 1
    assert [each.reason for each in run.stops] == ["stopped by its workflow"]


def test_a_restart_begins_when_the_old_one_has_ended() -> None:
    run = Run()
    do(run, AddStep("x#1", "t"))
    do(run, RestartStep("x#1", AddStep("x#2", "t", after=["x#1"])))
    assert run.statuses("x#1", "x#2") == ["running", "pending"]
    assert do(run, RestartStep("x#1", AddStep("x#2", "t"))) == 0
    run.end("x#1")
    assert run.statuses("x#1", "x#2") == ["cancelled", "running"]
    do(run, RestartStep("never-was", AddStep("y", "t")))
    assert run.status("y") == "running"


def test_listening_is_idempotent_even_after_the_rule_has_fired() -> None:
    run = Run()
    assert do(run, Listen("w", OnEvent("e"), repeat=False), Listen("w", OnEvent("other"))) == 1
    run.feed(ev.EventReceived(run.now, 1, "e"))
    assert do(run, Listen("w", OnEvent("e"))) == 0
    assert do(run, Unlisten("w"), Unlisten("w")) == 1
    assert do(run, Listen("w", OnEvent("e"))) == 1


def test_ending_the_run_is_for_its_session() -> None:
    assert events_of(Run().state, Finish(), 1.0) == []


def test_a_view_shows_steps_and_elements() -> None:
    run = Run()
    do(run, AddStep("a", "t"), AddStep("m", "u", size=2, policy=Policy(retries=1)))
    view = View(run.state)
    run.succeed("a", result=1)
    run.succeed_elements("m", 0, results=["zero"])
    run.fail("m", 1)
    run.succeed("m", 1, result="one")
    assert [view.result(key) for key in ("a", "m", "m[0]", "m[1]")] == [1, ["zero", "one"], "zero", "one"]
    assert [view.status(key) for key in ("a", "m[0]", "nobody")] == ["succeeded", "succeeded", ""]
    assert view.ended("m[1]")
    assert not view.ended("nobody")
    assert list(view.steps("t")) == ["a"]
    assert view.idle
    assert view.run == "r"
    with pytest.raises(UsageError, match="no step nobody"):
        view.result("nobody")


def test_everything_is_all_there_is() -> None:
    run = Run({"t": 1})
    do(run, AddStep("a", "t"), Listen("w", OnEvent("e")))
    do(run, StopStep("a"))
    changes = everything(run.state)
    assert (list(changes.steps), list(changes.stopping), list(changes.waits), changes.run) == (
        ["a"],
        ["a"],
        ["w"],
        True,
    )
    assert "t" in changes.freed
