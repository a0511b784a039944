"""Runs of tasks and rules: what follows from each firing, told in the run's own history."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.reacting.histories import Run, history
from tests.reacting.long import drive

from motet.errors import UsageError
from motet.kernel import events as ev
from motet.kernel.inputs import Ended, Failed, Input, Succeeded, TimerFired
from motet.reacting.plan import Plan


def on(key: str) -> dict[str, Any]:
    return {"rule": "event", "key": key}


def after(**latest: str) -> dict[str, Any]:
    heeded = [{"rule": "status", "status": status, "task": name} for name, status in latest.items()]
    return {"when": {"rule": "any", "rules": heeded}, "latest": latest}


def told(run: Run, key: str) -> ev.EventReceived:
    return ev.EventReceived(1000.0, run.session.state.offset + 1, key)


def answers(run: Run) -> list[tuple[str, str]]:
    return [(each["wait"], each["told"]["did"]) for each in run.told() if each["event"] == "wait.answered"]


def test_the_program_says_what_a_naive_reading_of_its_plan_says() -> None:
    first = random.randrange(10**6)
    print(f"seeds {first} to {first + 39}")
    for seed in range(first, first + 40):
        history(seed)


def test_two_that_succeed_at_once_start_what_comes_after_both_once() -> None:
    plan = {"tasks": {"a": {}, "b": {}, "c": {}}, "rules": [{"task": "c", **after(a="succeeded", b="succeeded")}]}
    run = Run(plan)
    run.feed([Succeeded(1000.0, "a#1", 1), Succeeded(1000.0, "b#1", 1), Succeeded(1000.0, "c#1", 1)])
    assert run.session.state.status == "succeeded"
    assert "c#2" not in run.statuses()
    assert answers(run) == [("c/0", "ignored: b#1 is running"), ("c/0", "started c#1")]


def test_what_runs_again_is_no_new_cause_unless_it_is_another_execution() -> None:
    plan = {"tasks": {"a": {}, "b": {}}, "rules": [{"task": "b", **after(a="running")}], "ends": False}
    run = Run(plan)
    run.feed([Succeeded(1000.0, "b#1", 1)])
    run.crash()  # a runs again
    assert answers(run) == [("b/0", "started b#1"), ("b/0", "ignored: a#1 has run before")]


@pytest.mark.parametrize(
    ("while_alive", "did"),
    [
        ("ignore", ["started t#1", "ignored: t#1 is under way", "ignored: t#1 is under way"]),
        ("queue", ["started t#1", "queued t#2", "joined: t#2 has yet to begin"]),
        ("another", ["started t#1", "started t#2", "started t#3"]),
        ("restart", ["started t#1", "started t#2 anew", "started t#3 anew"]),
    ],
)
def test_what_start_does_while_the_task_is_alive(while_alive: str, did: list[str]) -> None:
    rule = {"task": "t", "when": on("go")}
    run = Run({"tasks": {"t": {"while_alive": while_alive}}, "rules": [rule], "ends": False})
    for _ in did:
        run.feed([told(run, "go")])
    assert [said for _, said in answers(run)] == did


def test_a_rule_may_say_for_itself_what_start_does() -> None:
    rules: list[dict[str, Any]] = [
        {"task": "t", "when": on("beside"), "while_alive": "another"},
        {"task": "t", "when": on("anew"), "while_alive": "restart"},
        {"task": "t", "when": on("later"), "while_alive": "queue"},
        {"task": "t", "when": on("as the task says")},
    ]
    run = Run({"tasks": {"t": {"starts": True}}, "rules": rules, "ends": False})
    for key in ("beside", "as the task says", "later", "anew"):
        run.feed([told(run, key)])
    did = ["started t#2", "ignored: t#2 is under way", "queued t#3", "started t#4 anew"]
    assert [said for _, said in answers(run)] == did


def test_a_cause_is_handed_to_what_it_starts() -> None:
    rule = {"task": "t", "when": {"rule": "all", "rules": [on("a"), on("b")], "reset": False}}
    run = Run({"tasks": {"t": {}}, "rules": [rule], "ends": False})
    run.feed([told(run, "a")])
    run.feed([told(run, "b")])
    causes = [{"event": "a", "offset": 1}, {"event": "b", "offset": 2}]
    assert run.session.state.steps["t#1"].call["cause"] == {"rule": "t/0", "number": 1, "causes": causes}


def test_a_stop_of_what_never_ran_harms_nobody() -> None:
    rules = [{"task": "t", "do": "stop", "when": on("x")}, {"task": "u", "when": on("x")}]
    run = Run({"tasks": {"t": {"starts": False}, "u": {}}, "rules": rules, "ends": False})
    run.feed([told(run, "x")])
    assert answers(run) == [("t/0", "ignored: nothing of it runs"), ("u/1", "started u#1")]


@pytest.mark.parametrize(
    ("upstream", "rules", "status"),
    [
        (Failed(1000.0, "a#1", 1, {"type": "E", "message": "no"}), [{"task": "b", **after(a="succeeded")}], "failed"),
        (Succeeded(1000.0, "a#1", 1), [{"task": "b", **after(a="failed")}], "succeeded"),
        (Succeeded(1000.0, "a#1", 1), [{"task": "b", "when": on("x")}], "running"),
        (Failed(1000.0, "a#1", 1, {"type": "E"}), [{"task": "b", "when": on("x")}], "running"),
        (Failed(1000.0, "a#1", 1, {"type": "E"}), [{"task": "b", **after(b="succeeded")}], "failed"),
        (Succeeded(1000.0, "a#1", 1), [{"task": "b", "do": "stop", "when": on("x")}], "running"),
    ],
)
def test_a_run_is_over_when_nothing_is_left_to_come(upstream: Input, rules: list[dict[str, Any]], status: str) -> None:
    run = Run({"tasks": {"a": {}, "b": {}}, "rules": rules})
    run.feed([upstream])
    assert run.session.state.status == status
    if status == "failed":
        assert "a#1 failed: E" in run.session.state.error["message"]


def test_what_always_runs_is_started_anew_when_it_has_succeeded_and_not_when_it_was_stopped() -> None:
    plan = {"tasks": {"s": {"again_s": 0.5}}, "rules": [{"task": "s", "do": "stop", "when": on("x")}]}
    run = Run(plan)
    run.feed([Succeeded(1000.0, "s#1", 1)])
    run.crash()
    wait = run.session.state.waits["@again s#1"]
    run.feed([TimerFired(1000.5, "deadline", wait.id, wait.number)])
    assert run.statuses()["s#2"] == "running"
    run.feed([told(run, "x")])
    run.feed([Ended(1000.0, "s#2", 1, "stopped")])
    assert run.statuses()["s#2"] == "cancelled"
    assert not [each for each in run.session.state.waits if each.startswith("@again")]


def test_a_task_runs_again_and_again_in_no_more_room() -> None:
    run = Run({"tasks": {"t": {}}, "rules": [{"task": "t", "when": on("go")}], "ends": False})
    for number in range(1, 200):
        run.session.feed([told(run, "go"), Succeeded(1000.0, f"t#{number}", 1)])
        assert len(run.session.state.steps) <= 2
    assert run.session.state.counts["succeeded"] == 199


def test_a_week_takes_the_room_of_its_first_hours(tmp_path: Path) -> None:
    sizes = [size for size, _ in drive(tmp_path, 1000, 5)]
    assert len(sizes) == 10
    assert max(sizes) <= 1.05 * sizes[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": [{"task": "t", "when": on("x")}]},
        {"tasks": {"t": {}}, "rules": [{"task": "t", "do": "burn", "when": on("x")}]},
        {"tasks": {"t": {}}, "rules": [{"task": "t", "when": {"rule": "no"}}]},
        {"tasks": {"t": {}}, "rules": [{"task": "t", **after(u="succeeded")}]},
        {"tasks": {"t": {"while_alive": "wait"}}},
        {"tasks": {"t#1": {}}},
        {"tasks": {"t": {"keep": 0}}},
        {"tasks": {"t": {"unknown": 0}}},
        {"tasks": ["t"]},
    ],
)
def test_what_is_no_plan_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Plan.from_json(wrong)


def test_a_plan_is_written_and_read_again() -> None:
    data = {"tasks": {"t": {"while_alive": "queue"}}, "rules": [{"task": "t", "when": on("x")}], "ends": False}
    plan = Plan.from_json(data)
    assert Plan.from_json(plan.to_json()) == plan
    assert not plan.tasks["t"].starts
