"""Checkpoints: the facts of a run as JSON."""

from __future__ import annotations

import json

import pytest
from tests.kernel.harness import Run

from motet.kernel import checkpoint
from motet.kernel import events as ev
from motet.kernel.fold import apply
from motet.kernel.state import RunState
from motet.rules import AnyOf, Count, OnEvent, OnStatus


def full_run() -> Run:
    """A run with something of everything."""
    run = Run({"t": 3})
    run.act(ev.WaitAdded(run.now, "w", AnyOf((OnStatus("failed"), Count(OnEvent("e"), 2))).to_json(), True, 5))
    run.act(ev.WaitAdded(run.now, "done", OnEvent("e").to_json()))
    run.feed(ev.EventReceived(run.now, 6, "e"))
    run.add("ended", fingerprint="f", form="flow", name="The first", call={"target": "m:f"})
    run.succeed("ended", result={"big": [1, 2]})
    run.add("child", parent="ended", needs=["ended"], policy={"retries": 2, "delays_s": [9], "demands": {"t": 2}})
    run.add("retrying", policy={"retries": 2, "delays_s": [9]})
    run.fail("retrying")
    run.add("stopped")
    run.act(ev.StepStopping(run.now, "stopped", "enough"))
    run.add("m", size=6, policy={"demands": {"t": 1}, "retries": 1, "delays_s": [9]})
    run.succeed_elements("m", 0, results=["zero"])
    run.fail("m", 1)
    run.add("n", size=5, each=["m"], after=["child", "retrying"])
    run.add("late", needs=["m[3]", "n"])
    run.add("failed")
    run.fail("failed")
    run.add("skipped", needs=["failed"])
    return run


def test_everything_is_kept() -> None:
    full_run().check()


def test_a_run_goes_on_from_its_checkpoint() -> None:
    run = full_run()
    run.crash(from_events=False)
    run.pass_time(10)
    while started := run.started():
        for key in started:
            of, _, index = key[:-1].rpartition("[") if key.endswith("]") else (key, "", "-1")
            run.succeed(of, int(index))
    assert not run.state.active
    assert run.statuses("child", "retrying", "stopped", "m", "n", "late") == [
        "succeeded", "succeeded", "cancelled", "succeeded", "succeeded", "succeeded",
    ]  # fmt: skip
    run.check()


def test_a_checkpoint_and_what_came_after_give_the_state() -> None:
    run = Run()
    run.add("m", size=4, policy={"retries": 1})
    state = run.reloaded()
    seq = state.seq
    run.fail("m", 0)  # an attempt whose start was not told
    run.fail("m", 1, retry=False)
    run.act(ev.StepStopping(run.now, "m", "enough"))
    run.end("m", 2)
    run.succeed("m", 3)
    run.end("m", 0)
    for event in run.recorded[seq:]:
        apply(state, event)
    assert json.dumps(checkpoint.to_json(state)) == json.dumps(checkpoint.to_json(run.state))


def test_an_empty_run_is_kept_too() -> None:
    assert checkpoint.from_json(checkpoint.to_json(RunState("r"))) == RunState("r")


def test_a_checkpoint_of_another_version_is_refused() -> None:
    data = checkpoint.to_json(RunState("r"))
    with pytest.raises(ValueError, match="checkpoint of version 99, this is version 1"):
        checkpoint.from_json({**data, "version": 99})


def test_what_a_step_is_by_default_is_not_written() -> None:
    run = Run()
    run.add("x")
    run.succeed("x")
    (kept,) = checkpoint.to_json(run.state)["steps"].values()
    assert set(kept) == {"task", "added_at", "attempt", "started_at", "ended_at"}


def test_a_finished_map_of_a_million_is_small() -> None:
    run = Run()
    run.add("m", size=1_000_000)
    run.succeed_elements("m", *range(1_000_000))
    assert len(json.dumps(checkpoint.to_json(run.state))) < 5000
