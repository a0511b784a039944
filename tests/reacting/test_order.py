"""What a task has published before it ended is judged before its end is, in a run that may end with it."""

from __future__ import annotations

import threading

from tests.programs.running import memory_host, publish, run_here
from tests.reacting import targets
from tests.reacting.pairs import rounds

from motet.engine.host import Host


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


def test_a_rule_that_begins_amid_a_batch_hears_the_rest_of_it_and_so_do_the_others() -> None:
    """One that began earlier in the batch must not have what comes next taken for old news."""
    host = memory_host()

    def meanwhile(host: Host) -> None:
        while host.store.run("r1").started_at is None:
            threading.Event().wait(0.005)
        publish(host, ("b", 0), ("a", 0), ("x", 0), ("b", 1), ("y", 0), ("end", 0))

    row, _ = run_here(host, "tests.reacting.targets:Growing", {}, meanwhile)
    assert sorted(row.result) == sorted(["all b", "all a", "a a", "all x", "all b", "b b", "all y", "all end"])
    host.close()
