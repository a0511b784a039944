"""What a task has published before it ended is judged before its end is, in a run that may end with it."""

from __future__ import annotations

from tests.programs.running import memory_host, run_here
from tests.reacting import targets
from tests.reacting.pairs import rounds


def test_what_was_published_before_an_end_comes_before_it() -> None:
    policy = {"executor": "threads"}
    plan = {
        "tasks": {
            "sender": {"call": {"target": "tests.reacting.targets:send_twice", "args": ["x"]}, "policy": policy},
            "receiver": {"call": {"target": "tests.reacting.targets:nothing"}, "policy": policy},
        },
        "rules": [{"task": "receiver", "when": {"rule": "event", "key": "x"}}],
    }
    for _ in range(10):
        host = memory_host()
        targets.HERE["store"] = host.store
        row, _ = run_here(host, "motet.reacting.program:program", {"plan": plan})
        assert row.status == "succeeded"
        assert [step.status for step in host.store.steps("r1") if step.task == "receiver"] == ["succeeded"] * 2
        host.close()


def test_of_two_that_end_at_once_each_pair_starts_what_comes_after_both_once() -> None:
    assert [step.key for step in rounds(20)] == [f"c#{number}" for number in range(1, 21)]
