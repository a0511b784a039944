"""Steps that a rule completes: no attempt, no thread; what they hear, since when, and until when."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.engine import hands

from motet import rules
from motet.engine.driver import Driver
from motet.kernel.policy import PLAIN, Policy
from motet.kernel.program import Action, AddStep, Finish, Retire, StopStep, View
from motet.ports import Publication
from motet.rules import After, AllOf, AnyOf, Count, OnEvent, OnStatus, Rule


class Said:
    """A program that says what it was told to say, once, and then waits for its steps."""

    def __init__(self, *actions: Action) -> None:
        self._actions = actions
        self.fired: list[Any] = []

    def advance(self, view: View) -> Sequence[Action]:
        actions, self._actions = self._actions, ()
        self.fired += view.fired
        return actions


class Bench(hands.Bench):
    """A host on which one run is driven by a program, and taken up again by another."""

    driver: Driver

    def by(self, *actions: Action) -> Driver:
        """Take the run up."""
        self.program = Said(*actions)
        self.driver = self.begin(program=self.program)
        return self.driver

    def again(self, *actions: Action) -> Driver:
        """The engine is gone; another takes the run up."""
        if not self.driver.finished.is_set():
            self.driver.leave()
        return self.by(*actions)


def waiting(key: str, until: Rule, *, since: int | None = None, limit_s: float | None = None, **more: Any) -> AddStep:
    policy = PLAIN if limit_s is None else Policy(timeout_s=limit_s)
    return AddStep(key, key, until=until, since=since, policy=policy, **more)


def publish(bench: Bench, key: str, value: Any = None, run: str = "") -> int:
    offset = bench.store.publish([Publication(key, value, "", "", run, "", bench.clock.now())])[0]
    for listener in list(bench.tender.listeners.values()):
        listener()
    return offset


def event_of(driver: Driver, key: str) -> Any:
    return driver.state.steps[key].result["json"]["event"]


def test_an_event_completes_the_step_and_starts_what_needs_it() -> None:
    bench = Bench()
    driver = bench.by(waiting("w", OnEvent("go")), waiting("then", OnEvent("on"), needs=("w",)))
    assert (driver.state.steps["w"].status, driver.state.steps["then"].status) == ("waiting", "pending")
    assert driver.state.shown_status == "running"
    publish(bench, "on")
    offset = publish(bench, "go", {"rows": 3})
    assert driver.state.steps["w"].status == "succeeded"
    assert (event_of(driver, "w")["value"], event_of(driver, "w")["offset"]) == ({"rows": 3}, offset)
    assert driver.state.steps["then"].status == "succeeded", "it hears what came since it was added"
    assert driver.state.status == "succeeded"
    assert bench.program.fired == [], "the firings of steps are theirs"
    assert not driver.state.waits and not driver.state.heeding
    assert bench.store.steps("r1")[0].attempt == 0


def test_a_run_with_nothing_but_waits_is_shown_as_waiting() -> None:
    bench = Bench()
    driver = bench.by(waiting("w", OnEvent("go")))
    bench.tender.advance(1.0)
    assert bench.store.run("r1").status == "waiting"
    row = bench.store.steps("r1", whole=True)[0]
    assert (row.status, row.result["until"]["key"]) == ("waiting", "go")
    publish(bench, "go")
    assert bench.store.run("r1").status == driver.state.status == "succeeded"


@pytest.mark.parametrize(("since", "given"), [(0, "first"), (None, "later")])
def test_it_hears_what_came_since_the_offset_that_it_was_given(since: int | None, given: str) -> None:
    bench = Bench()
    publish(bench, "go", "first")
    driver = bench.by(waiting("w", OnEvent("go"), since=since))
    publish(bench, "go", "later")
    assert event_of(driver, "w")["value"] == given


def test_what_is_meant_for_others_is_not_heard_looking_back_either() -> None:
    bench = Bench()
    publish(bench, "go", 1, run="another")
    publish(bench, "go", 2, run="r1")
    driver = bench.by(waiting("w", OnEvent("go"), since=0))
    assert event_of(driver, "w")["value"] == 2


def test_looking_back_moves_a_rule_of_several_parts_on_by_each_event_once() -> None:
    bench = Bench()
    for _ in range(2):
        publish(bench, "go")
    driver = bench.by(waiting("w", Count(OnEvent("go"), 3), since=0), waiting("x", OnEvent("never")))
    assert driver.state.steps["w"].status == "waiting"
    driver = bench.again()  # it looks back once more
    assert driver.state.steps["w"].status == "waiting"
    offset = publish(bench, "go")
    assert [each["offset"] for each in driver.state.steps["w"].result["json"]["causes"]] == [1, 2, offset]


def test_its_time_is_up_after_the_timeout_of_its_policy_also_across_a_crash() -> None:
    bench = Bench()
    driver = bench.by(waiting("w", OnEvent("go"), limit_s=10.0), waiting("needs", OnEvent("x"), needs=("w",)))
    bench.tender.advance(6.0)
    driver = bench.again()
    bench.tender.advance(3.0)
    assert driver.state.steps["w"].status == "waiting"
    bench.tender.advance(1.5)
    step = driver.state.steps["w"]
    assert (step.status, step.error["type"]) == ("failed", "TimedOut")
    assert step.error["message"] == "w waited longer than its limit of 10 s."
    assert driver.state.steps["needs"].status == "skipped"


def test_what_came_before_the_time_was_up_counts_though_nobody_was_there_to_hear_it() -> None:
    bench = Bench()
    bench.by(waiting("w", OnEvent("go"), limit_s=10.0))
    bench.tender.advance(5.0)
    bench.tender.close()
    bench.store.publish([Publication("go", 1, at=bench.clock.now())])
    bench.clock.time += 60.0
    driver = bench.again()
    bench.tender.advance(1.0)
    assert driver.state.steps["w"].status == "succeeded"


def test_a_timer_is_a_rule() -> None:
    bench = Bench()
    driver = bench.by(waiting("w", After(5.0)), waiting("either", AnyOf((OnEvent("go"), After(7.0)))))
    bench.tender.advance(4.9)
    assert driver.state.steps["w"].status == "waiting"
    bench.tender.advance(0.2)
    assert driver.state.steps["w"].result == {"json": {"causes": [{"after": 5.0, "until": 1005.0}]}}
    bench.tender.advance(2.0)
    assert driver.state.steps["either"].status == "succeeded"


def test_a_step_may_wait_for_another_step_and_an_event() -> None:
    bench = Bench()
    both = AllOf((OnStatus("succeeded", "w"), OnEvent("and")))
    driver = bench.by(waiting("w", OnEvent("go")), waiting("both", both))
    publish(bench, "and")
    publish(bench, "go")
    causes = driver.state.steps["both"].result["json"]["causes"]
    assert {each.get("step", each.get("event")) for each in causes} == {"and", "w"}


@pytest.mark.parametrize(
    "stop",
    [lambda driver: driver.act([StopStep("w")], commit=True), lambda driver: driver.cancel("enough")],
    ids=["step", "run"],
)
def test_it_ends_at_once_when_it_is_stopped(stop: Callable[[Driver], None]) -> None:
    bench = Bench()
    driver = bench.by(waiting("w", OnEvent("go")), waiting("x", OnEvent("go")))
    stop(driver)
    assert driver.state.steps["w"].status == "cancelled"
    publish(bench, "go")
    assert driver.state.steps["w"].status == "cancelled"
    assert driver.state.status in ("failed", "cancelled")


def test_a_program_that_ends_its_run_ends_its_waits() -> None:
    class Ending:
        def advance(self, view: View) -> Sequence[Action]:
            if view.ended("w"):
                return [Retire("w"), Finish()]
            return [waiting("w", OnEvent("go")), waiting("x", OnEvent("never"))]

    bench = Bench()
    driver = bench.begin(program=Ending())
    publish(bench, "go")
    assert driver.state.status == "succeeded"
    assert driver.state.steps["x"].status == "cancelled"
    assert "w" in driver.state.retired


def test_a_map_cannot_wait() -> None:
    bench = Bench()
    driver = bench.by(waiting("w", OnEvent("go"), size=3))
    assert driver.state.status == "failed"
    assert "Step w is a map, and is to wait for a rule." in driver.state.error["message"]


def test_an_answer_is_told_by_what_is_in_its_value() -> None:
    rule = OnEvent("answer", having={"step": "a"})
    assert rules.from_json(rule.to_json()) == rule
    bench = Bench()
    driver = bench.by(waiting("w", rule))
    for value in (None, "a", {"step": "b"}, {"other": "a"}):
        publish(bench, "answer", value)
    assert driver.state.steps["w"].status == "waiting"
    publish(bench, "answer", {"step": "a", "values": 1})
    assert event_of(driver, "w")["value"] == {"step": "a", "values": 1}


def test_any_order_of_waits_crashes_and_events_gives_each_the_first_event_for_it(rng: random.Random) -> None:
    """Against what a reader of the whole journal would say."""
    for _ in range(60):
        bench = Bench()
        never = waiting("never", OnEvent("never"))
        bench.by(never)
        steps: list[AddStep] = []
        told: list[tuple[int, str]] = []
        for number in range(rng.randrange(1, 25)):
            what = rng.random()
            if what < 0.4:
                key = rng.choice("abc")
                told.append((publish(bench, key), key))
            elif what < 0.8:
                since = rng.choice([0, *(offset for offset, _ in told)])
                steps.append(waiting(f"w{number}", OnEvent(rng.choice("abc")), since=since))
                bench.again(*steps)
            else:
                bench.again()
        driver = bench.again()
        for step in steps:
            assert isinstance(step.until, OnEvent) and step.since is not None
            first = next((at for at, key in told if key == step.until.key and at > step.since), None)
            found = driver.state.steps[step.key]
            assert (event_of(driver, step.key)["offset"] if found.ended else None) == first
