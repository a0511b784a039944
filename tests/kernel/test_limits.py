"""Named limits: first come, first served; nobody starves; nothing is given out twice."""

from __future__ import annotations

import random

import pytest
from tests.kernel.harness import Run

from motet.kernel import events as ev
from motet.kernel.policy import Policy


def demand(**amounts: float) -> dict[str, object]:
    return {"demands": amounts}


def test_no_more_run_than_there_is_room_for_and_they_come_in_turn() -> None:
    run = Run({"t": 2})
    for i in range(5):
        run.add(f"x{i}", policy=demand(t=1))
    assert run.started() == ["x0", "x1"]
    run.succeed("x1")
    assert run.started() == ["x2"]
    run.fail("x0")
    assert run.started() == ["x3"]
    run.succeed("x2")
    run.succeed("x3")
    assert run.started() == ["x4"]
    run.check()


def test_room_that_is_given_out_is_given_out_once_in_a_round() -> None:
    run = Run({"t": 3})
    run.add("a")
    for i in range(10):
        run.add(f"x{i}", needs=["a"], policy=demand(t=1))
    run.add("m", size=10, needs=["a"], policy=demand(t=1))
    run.started()
    run.succeed("a")
    assert run.started() == ["x0", "x1", "x2"]


def test_a_limit_that_nobody_set_does_not_bind() -> None:
    run = Run()
    for i in range(50):
        run.add(f"x{i}", policy=demand(unheard_of=7))
    run.add("m", size=50, policy=demand(unheard_of=7))
    assert len(run.started()) == 100


def test_a_large_demand_is_not_starved_by_small_ones() -> None:
    run = Run({"t": 4})
    run.add("s0", policy=demand(t=1))
    run.add("large", policy=demand(t=4))
    for i in range(1, 20):
        run.add(f"s{i}", policy=demand(t=1))
    assert run.started() == ["s0"]
    run.succeed("s0")
    assert run.started() == ["large"]
    run.succeed("large")
    assert run.started() == ["s1", "s2", "s3", "s4"]


def test_a_demand_beyond_the_capacity_runs_alone() -> None:
    run = Run({"t": 2})
    run.add("s0", policy=demand(t=1))
    run.add("huge", policy=demand(t=10))
    run.add("s1", policy=demand(t=1))
    assert run.started() == ["s0"]
    run.succeed("s0")
    assert run.started() == ["huge"]
    run.succeed("huge")
    assert run.started() == ["s1"]


def test_an_element_beyond_the_capacity_runs_alone() -> None:
    run = Run({"t": 2})
    run.add("m", size=3, policy=demand(t=10))
    assert run.started() == ["m[0]"]
    run.succeed_elements("m", 0)
    assert run.started() == ["m[1]"]


def test_who_waits_for_one_limit_does_not_hold_up_another() -> None:
    run = Run({"gpu": 1, "t": 4})
    run.add("g0", policy=demand(gpu=1, t=1))
    for i in range(1, 10):
        run.add(f"g{i}", policy=demand(gpu=1, t=1))
    for i in range(3):
        run.add(f"x{i}", policy=demand(t=1))
    assert run.started() == ["g0", "x0", "x1", "x2"]


def test_who_needs_two_limits_gets_both_though_they_are_never_free_together() -> None:
    """Whoever needs only one of them would have both taken for ever, each freed while the other is busy."""
    run = Run({"a": 1, "b": 1})
    run.add("a0", policy=demand(a=1))
    run.add("b0", policy=demand(b=1))
    run.add("both", policy=demand(a=1, b=1))
    for i in range(1, 20):
        run.add(f"a{i}", policy=demand(a=1))
        run.add(f"b{i}", policy=demand(b=1))
    run.succeed("a0")
    run.succeed("b0")
    assert run.status("both") == "running"


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_opposite_orders_of_demands_do_not_block_each_other(order: tuple[str, str]) -> None:
    run = Run({"a": 1, "b": 1})
    run.add("x", policy=demand(a=1, b=1))
    run.add("y", policy={"demands": dict.fromkeys(reversed(order), 1)})
    run.add("z", policy={"demands": dict.fromkeys(order, 1)})
    for key in ("x", "y", "z"):
        assert run.status(key) == "running"
        run.succeed(key)


def test_a_new_capacity_holds_at_once() -> None:
    run = Run({"t": 1})
    for i in range(6):
        run.add(f"x{i}", policy=demand(t=1))
    run.act(ev.LimitSet(run.now, "t", 4))
    assert run.started() == ["x0", "x1", "x2", "x3"]
    run.act(ev.LimitSet(run.now, "t", 1))
    for key in ("x0", "x1", "x2"):
        run.succeed(key)
        assert run.started() == []
    run.succeed("x3")
    assert run.started() == ["x4"]


def test_a_new_capacity_does_not_tie_those_in_line_into_a_knot() -> None:
    """Limits are taken the tightest first: where that order changes, all begin anew, or two could wait in a circle."""
    run = Run({"c": 1, "a": 2, "b": 3})
    for name, amount in (("c", 1), ("b", 3)):
        run.add(f"{name}-user", policy=demand(**{name: amount}))
    run.add("x", policy=demand(c=1, a=3, b=3))
    run.add("y", policy=demand(a=2, b=3))  # it holds a, and waits for b
    run.act(ev.LimitSet(run.now, "a", 4))
    run.succeed("c-user")
    run.succeed("b-user")
    assert run.statuses("x", "y") == ["running", "ready"]
    run.succeed("x")
    assert run.status("y") == "running"


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_of_two_lines_that_are_freed_together_the_older_head_goes_first(names: str) -> None:
    run = Run({"a": 1, "b": 2})
    run.add("user", policy={"demands": {name: {"a": 1, "b": 2}[name] for name in names}})
    run.add("older", policy={"demands": {"a": 1, "b": 1}})
    run.add("younger", policy=demand(b=2))
    run.succeed("user")
    assert run.started() == ["user", "older"]


def test_who_leaves_the_line_gives_way() -> None:
    run = Run({"t": 2, "g": 1})
    run.add("g0", policy=demand(g=1))
    run.add("s0", policy=demand(t=1))
    run.add("large", policy=demand(t=2))
    run.add("both", policy=demand(t=1, g=1))
    run.add("s1", policy=demand(t=1))
    assert run.started() == ["g0", "s0"]
    run.act(ev.StepStopping(run.now, "large", "enough"))
    assert run.started() == ["s1"]  # "both" still waits for the other limit
    run.check()


def test_who_leaves_while_holding_a_limit_gives_it_back() -> None:
    run = Run({"a": 1, "b": 2})
    run.add("b0", policy=demand(b=2))
    run.add("holder", policy=demand(a=1, b=1))  # it has a, and waits for b
    run.add("a0", policy=demand(a=1))
    assert run.started() == ["b0"]
    run.act(ev.StepStopping(run.now, "holder", "enough"))
    assert run.started() == ["a0"]
    assert run.state.limits["a"].held == run.state.limits["b"].held == 0


def test_slack_is_room_for_elements_only() -> None:
    run = Run({"t": (2, 3)})
    run.add("m", size=10, policy=demand(t=1))
    assert run.started() == [f"m[{i}]" for i in range(5)]
    run.add("x", policy=demand(t=1))
    for i in range(5):
        run.succeed_elements("m", i)
    assert run.started() == [f"m[{i}]" for i in range(5, 10)]
    for i in range(5, 8):
        run.succeed_elements("m", i)
        assert run.started() == []
    run.succeed_elements("m", 8)
    assert run.started() == ["x"]


def test_an_element_that_is_tried_again_goes_before_the_rest_of_its_map() -> None:
    run = Run({"t": 2})
    run.add("m", size=6, policy=demand(t=1) | {"retries": 1})
    run.add("x", policy=demand(t=1))
    run.started()
    run.fail("m", 0)
    assert run.started() == ["m[0]"]
    run.succeed_elements("m", 1)
    assert run.started() == ["m[2]"]


def test_fractions_add_up() -> None:
    run = Run({"cpu": 1})
    for i in range(10):
        run.add(f"x{i}", policy=demand(cpu=0.1))
    run.add("huge", policy=demand(cpu=9))
    assert len(run.started()) == 10
    for i in range(10):
        run.succeed(f"x{i}")
    assert run.started() == ["huge"]  # which starts only when the limit is idle


def test_the_place_of_an_executor_is_a_limit_too() -> None:
    run = Run({"executor:threads": 2})
    for i in range(3):
        run.add(f"x{i}", policy=dict(Policy(executor="threads").json))
    assert run.started() == ["x0", "x1"]


def test_whatever_is_demanded_and_in_whatever_order_it_ends_all_is_served_in_turn(rng: random.Random) -> None:
    """Never over a capacity (but for one alone); among equal demands, first come first served; all end."""
    for _ in range(30):
        capacities = {name: rng.randint(1, 4) for name in "abc"}
        run = Run(dict(capacities))
        running: list[str] = []
        needs: dict[str, dict[str, int]] = {}
        order: dict[str, list[str]] = {}

        def check_room(
            needs: dict[str, dict[str, int]] = needs,
            running: list[str] = running,
            capacities: dict[str, int] = capacities,
        ) -> None:
            for name, capacity in capacities.items():
                users = [needs[key][name] for key in running if name in needs[key]]
                assert sum(users) <= capacity or len(users) == 1

        while len(needs) < 60 or running:
            if len(needs) < 60 and rng.random() < 0.6:
                key = f"x{len(needs)}"
                needs[key] = {name: rng.randint(1, 5) for name in rng.sample("abc", rng.randint(1, 3))}
                order.setdefault(str(sorted(needs[key].items())), []).append(key)
                run.add(key, policy={"demands": needs[key]})
            elif running:
                run.succeed(running.pop(rng.randrange(len(running))))
            for key in run.started():
                running.append(key)
                assert order[str(sorted(needs[key].items()))].pop(0) == key
            check_room()
        assert not run.state.active
        for limit in run.state.limits.values():
            assert limit.used == limit.held == 0
            assert not limit.line


def test_a_step_below_a_holder_uses_what_is_held_above_it_before_those_who_wait() -> None:
    run = Run({"t": 1})
    run.add("a", policy=demand(t=1))
    run.add("other", policy=demand(t=1))
    assert run.started() == ["a"]
    for key in ("a/b", "a/c"):
        run.add(key, parent="a", policy=demand(t=1))
    assert run.started() == ["a/b"], "one at a time"
    run.add("a/b/d", parent="a/b", policy=demand(t=1))
    assert run.started() == ["a/b/d"]
    run.succeed("a/b/d")
    run.succeed("a/b")
    assert run.started() == ["a/c"]
    run.succeed("a/c")
    run.succeed("a")
    assert run.started() == ["other"]
    run.check()


def test_a_step_below_a_holder_may_need_more_than_that_one_holds() -> None:
    run = Run({"t": 2})
    run.add("a", policy=demand(t=1))
    run.started()
    run.add("a/b", parent="a", policy=demand(t=2))
    assert run.started() == ["a/b"]
    run.add("a/b/c", parent="a/b", policy=demand(t=9))
    assert run.started() == ["a/b/c"], "beyond the capacity it runs alone but for those above it"
    run.check()
