"""The driver: news from any thread, waiters, stopping, limits, timers, and what happens when the run breaks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from tests.engine.hands import HAND, Bench, HandCall, HandExecutor, add

from motet.engine.driver import Driver
from motet.engine.loop import FLUSH_S
from motet.engine.session import Session
from motet.errors import Cancelled, Conflict, Fenced, MotetError, ReplayMismatch, StoreFull, UsageError
from motet.kernel.inputs import Succeeded
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, Listen, View
from motet.kernel.state import Step
from motet.ports import Publication, Retention, Stopped, Success
from motet.ports.execution import Settled
from motet.rules import AllOf, OnEvent

TRIES = Policy(executor="hand", retries=2, delays_s=(10.0,))


def in_thread(act: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Do it aside; what it gives, or raises, is put in the list."""
    told: list[Any] = []

    def work() -> None:
        try:
            told.append(act())
        except MotetError as error:
            told.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, told


def joined(thread: threading.Thread) -> None:
    """A thread that does not end hangs."""
    thread.join(60)
    assert not thread.is_alive(), "it hangs"


def waits(driver: Driver, key: str, element: int = -1) -> tuple[threading.Thread, list[Any]]:
    """A thread that waits for the step, and has begun to."""
    thread, told = in_thread(lambda: driver.wait(key, element))
    until = time.monotonic() + 60
    while not driver.waiters:
        assert time.monotonic() < until
        time.sleep(0.001)
    return thread, told


# ---------------------------------------------------------------- commits


def test_what_need_not_be_safe_is_committed_a_moment_later() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    assert bench.store.kinds() == ["run.started"]
    bench.tender.advance(FLUSH_S / 2)
    assert bench.store.kinds() == ["run.started"]
    bench.tender.advance(FLUSH_S)
    assert bench.store.kinds() == ["run.started", "step.added a", "step.started a"]
    commits = len(bench.store.batches)
    bench.tender.advance(10.0)
    assert len(bench.store.batches) == commits


class Chain:
    """A declarative program: step after step, of which all but the last were kept by an earlier run."""

    def advance(self, view: View) -> Iterable[Action]:
        return [AddStep(key, "t", policy=HAND, needs=needs) for key, needs in (("a", []), ("b", ["a"]), ("c", ["b"]))]

    def call(self, session: Session, step: Step) -> HandCall:
        return HandCall() if step.key == "c" else Kept()


class Kept(HandCall):
    """Needs not run."""

    def prepare(self, element: int, attempt: int, *, here: bool) -> Any:
        return Settled(True, 1, cached=True)


def test_what_follows_kept_results_is_committed_a_moment_later() -> None:
    bench = Bench()
    bench.begin(program=Chain())
    assert bench.executor.keys() == ["c"]
    bench.tender.advance(FLUSH_S)
    told = ["step.succeeded a", "step.started b", "step.succeeded b", "step.started c"]
    assert bench.store.kinds()[-4:] == told
    assert bench.store.step("r1", "c").status == "running"


def test_outcomes_that_arrive_during_a_commit_are_committed_together() -> None:
    bench = Bench(executor=HandExecutor(64))
    driver = bench.begin()
    for number in range(50):
        add(driver, f"s-{number}")
    bench.store.gate.clear()
    first, _ = in_thread(lambda: bench.executor.succeed("s-0", 0))
    assert bench.store.held_up.wait(60)
    others = [in_thread(lambda n=n: bench.executor.succeed(f"s-{n}", n))[0] for n in range(1, 50)]
    for each in others:
        joined(each)  # none waits for the commit of another
    assert not any(each.is_alive() for each in others)
    commits = len(bench.store.batches)
    bench.store.gate.set()
    joined(first)
    assert len(bench.store.batches) == commits + 2
    assert all(step.status == "succeeded" for step in bench.store.steps("r1"))


def test_nobody_is_told_before_the_commit() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    called: list[int] = []
    assert not driver.when_ended("a", -1, lambda: called.append(len(bench.store.batches)))
    waiting, told = waits(driver, "a")
    bench.store.gate.clear()
    reporting, _ = in_thread(lambda: bench.executor.succeed("a", 1))
    assert bench.store.held_up.wait(60)
    asking, answer = in_thread(lambda: driver.ended("a"))
    time.sleep(0.05)
    assert (called, told, answer) == ([], [], [])
    bench.store.gate.set()
    for each in (reporting, waiting, asking):
        joined(each)
    assert called == [len(bench.store.batches)]
    assert told == answer == [True]


def test_news_is_never_left_lying(rng: random.Random) -> None:
    """Reports come at any moment of others' waits, additions and looks; none of them is forgotten."""
    bench = Bench(executor=HandExecutor(1000))
    driver = bench.begin()
    for number in range(1000):
        add(driver, f"s-{number}")
    numbers = list(range(1000))
    rng.shuffle(numbers)
    parts = [numbers[start::4] for start in range(4)]
    reporters = [in_thread(lambda p=p: [bench.executor.succeed(f"s-{n}", n) for n in p])[0] for p in parts]
    lookers = [in_thread(lambda: [driver.look() for _ in range(200)])[0]]
    for number in numbers:
        thread, told = in_thread(lambda n=number: driver.wait(f"s-{n}", timeout_s=60))
        joined(thread)
        assert told == [True]
    for each in reporters + lookers:
        joined(each)


# ---------------------------------------------------------------- waiting


def test_waiting_for_a_step_and_for_an_element() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    add(driver, "m", size=3)
    assert not driver.wait("a", timeout_s=0.01)
    step, told_step = waits(driver, "a")
    element, told_element = waits(driver, "m", 1)
    bench.executor.succeed("m", 10, element=0)
    assert not told_element
    bench.executor.succeed("m", 11, element=1)
    joined(element)
    bench.executor.succeed("a", 1)
    joined(step)
    assert told_step == told_element == [True]
    assert driver.wait("m", 0)
    assert not driver.ended("m", 2)
    assert not driver.ended("m")


def test_a_wait_that_was_given_up_leaves_nothing_behind() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    for _ in range(3):
        assert not driver.wait("a", timeout_s=0.001)
    assert not driver.waiters


def test_a_callback_may_ask_for_the_outcome() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    told: list[bool] = []
    driver.when_ended("a", -1, lambda: told.append(driver.wait("a") and driver.ended("a")))
    thread, _ = in_thread(lambda: bench.executor.succeed("a", 1))
    joined(thread)
    assert told == [True]
    assert driver.when_ended("a", -1, lambda: told.append(False))
    assert told == [True]


# ---------------------------------------------------------------- stopping


def test_cancelling_what_runs() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    add(driver, "m", size=2)
    add(driver, "after", needs=["a"])
    driver.cancel("enough")
    assert sorted(bench.executor.stops) == [("a", -1, 1, "enough"), ("m", 0, 1, "enough"), ("m", 1, 1, "enough")]
    assert {step.key: step.status for step in bench.store.steps("r1")} == {
        "a": "cancelled", "m": "cancelled", "after": "cancelled", "m[0]": "cancelled", "m[1]": "cancelled",
    }  # fmt: skip
    with pytest.raises(Cancelled, match="enough"):
        add(driver, "b")
    driver.finish(Finish("cancelled"))
    row = bench.store.run("r1")
    assert (row.status, row.owner) == ("cancelled", None)


def test_cancelling_what_is_to_be_tried_again() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a", policy=TRIES)
    bench.executor.fail("a")
    assert bench.store.step("r1", "a").status == "retrying"
    driver.cancel("enough")
    assert bench.store.step("r1", "a").status == "cancelled"
    assert bench.executor.stops == []
    bench.tender.advance(60.0)
    assert bench.executor.keys() == ["a"]


def test_what_cannot_be_stopped_is_given_up_and_what_it_says_later_is_dropped() -> None:
    bench = Bench(executor=HandExecutor(stoppable=False))
    driver = bench.begin()
    add(driver, "a")
    waiting, told = waits(driver, "a")
    driver.cancel("enough")
    joined(waiting)
    commits = len(bench.store.batches)
    bench.executor.succeed("a", 1)
    assert len(bench.store.batches) == commits
    assert bench.store.step("r1", "a").status == "cancelled"
    assert told == [True]


def test_a_published_request_to_stop_is_heard_once() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    bench.store.publish([Publication("run.stop", "from afar", "motet", run="r1")])
    bench.store.publish([Publication("run.stop", "another's", "motet", run="r2")])
    driver.look()
    assert bench.executor.stops == [("a", -1, 1, "from afar")]
    driver.finish(Finish("cancelled"))
    again = bench.begin(reopen=True)
    assert bench.store.run("r1").status == "running"
    add(again, "a")
    again.look()
    assert bench.executor.keys() == ["a", "a"]


# ---------------------------------------------------------------- limits and timers


def test_limits_hold_and_are_handed_on() -> None:
    bench = Bench(executor=HandExecutor(10))
    driver = bench.begin()
    driver.limit({"db": 2})
    policy = Policy(executor="hand", demands={"db": 1})
    for number in range(5):
        add(driver, f"s-{number}", policy=policy)
    assert bench.executor.keys() == ["s-0", "s-1"]
    bench.executor.succeed("s-1")
    assert bench.executor.keys() == ["s-0", "s-1", "s-2"]
    driver.limit({"db": 4})
    add(driver, "other")
    assert bench.executor.keys() == ["s-0", "s-1", "s-2", "s-3", "s-4", "other"]


def test_an_executor_gets_no_more_than_it_takes() -> None:
    bench = Bench(executor=HandExecutor(3))
    driver = bench.begin()
    add(driver, "m", size=10)
    assert bench.executor.keys() == ["m[0]", "m[1]", "m[2]"]
    bench.executor.fail("m", element=1)
    bench.executor.succeed("m", element=0)
    assert bench.executor.keys() == ["m[0]", "m[1]", "m[2]", "m[3]", "m[4]"]


def test_a_map_whose_limits_nobody_has_set() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "m", size=4, policy=Policy(executor="hand", demands={"db": 1, "other": 2}))
    assert len(bench.executor.keys()) == 4


def test_retries_come_when_they_are_due() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a", policy=TRIES)
    add(driver, "m", policy=TRIES, size=2)
    bench.executor.fail("a")
    bench.executor.fail("m", element=1)
    bench.tender.advance(9.0)
    assert len(bench.executor.started) == 3
    bench.tender.advance(2.0)
    assert bench.executor.keys()[3:] == ["a", "m[1]"]
    assert [each.number for each in bench.executor.started[3:]] == [2, 2]
    bench.executor.fail("a")
    bench.tender.advance(10.0)
    bench.executor.fail("a", "for good")
    assert bench.store.step("r1", "a").status == "failed"
    assert bench.store.step("r1", "a").error["message"] == "for good"


def test_an_attempt_that_takes_too_long_is_stopped_and_fails() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a", policy=Policy(executor="hand", timeout_s=5.0, retries=1))
    bench.tender.advance(4.0)
    assert bench.executor.stops == []
    bench.tender.advance(2.0)
    assert bench.executor.stops == [("a", -1, 1, "timeout")]
    assert bench.executor.keys() == ["a", "a"]
    bench.executor.succeed("a", 1)
    bench.tender.advance(60.0)
    assert bench.store.step("r1", "a").status == "succeeded"
    assert bench.executor.stops == [("a", -1, 1, "timeout")]


def test_time_limits_leave_no_timers_behind() -> None:
    bench = Bench(executor=HandExecutor(2))
    driver = bench.begin()
    add(driver, "m", policy=Policy(executor="hand", timeout_s=50.0), size=100)
    for number in range(100):
        bench.tender.advance(0.1)
        bench.executor.succeed("m", number, element=number)
    assert bench.store.step("r1", "m").status == "succeeded"
    assert bench.tender.waiting < 5
    bench.tender.advance(1000.0)
    assert bench.executor.stops == []


def test_each_attempt_has_its_own_time() -> None:
    bench = Bench(executor=HandExecutor(10))
    driver = bench.begin()
    for number, limit_s in enumerate((30.0, 10.0, 20.0)):
        add(driver, f"s-{number}", policy=Policy(executor="hand", timeout_s=limit_s))
        bench.tender.advance(1.0)
    bench.executor.attempt("s-2").began_at = None  # it waits for its turn
    bench.tender.advance(9.0)
    assert [stop[0] for stop in bench.executor.stops] == ["s-1"]
    bench.tender.advance(19.0)
    assert [stop[0] for stop in bench.executor.stops] == ["s-1", "s-0"]
    bench.executor.attempt("s-2").began_at = bench.clock.now()
    bench.tender.advance(19.0)
    assert len(bench.executor.stops) == 2
    bench.tender.advance(15.0)
    assert [stop[0] for stop in bench.executor.stops] == ["s-1", "s-0", "s-2"]


def test_an_attempt_that_cannot_be_stopped_is_given_up_and_its_late_result_dropped() -> None:
    bench = Bench(executor=HandExecutor(stoppable=False))
    driver = bench.begin()
    add(driver, "a", policy=Policy(executor="hand", timeout_s=5.0, retries=1))
    add(driver, "m", policy=Policy(executor="hand", timeout_s=5.0), size=2)
    bench.tender.advance(6.0)
    bench.executor.succeed("a", "late", number=1)
    bench.executor.succeed("m", "late", element=0)
    bench.executor.succeed("a", "in time", number=2)
    assert bench.store.step("r1", "a").result == "in time"
    step = bench.store.step("r1", "m")
    assert (step.status, step.done) == ("failed", 2)
    assert driver.state.outcome("m[0]") == "failed"


def test_a_stop_and_a_success_that_cross_each_other() -> None:
    """The element succeeds while it is being given up: whichever is first counts, and the run goes on."""
    bench = Bench(executor=HandExecutor(stoppable=False))
    driver = bench.begin()
    add(driver, "m", policy=Policy(executor="hand", timeout_s=5.0), size=3)
    stop = bench.executor.stop

    def crossing(run: str, key: str, element: int, number: int, reason: str) -> bool:
        bench.executor.succeed("m", "just", element=element)  # while the lock is held: it lies in the inbox
        return stop(run, key, element, number, reason)

    bench.executor.stop = crossing  # type: ignore[method-assign]
    bench.tender.advance(6.0)
    assert driver.session.broken is None
    assert bench.store.step("r1", "m").status == "succeeded"


# ---------------------------------------------------------------- taking up


def test_a_run_is_driven_by_one_process_at_a_time() -> None:
    bench = Bench()
    driver = bench.begin()
    row = bench.store.run("r1")
    assert row.owner is not None
    row.owner.pid += 1
    row.owner.host = "elsewhere"
    bench.store.claim("r1", row.owner, 15.0, force=True)
    with pytest.raises(Conflict, match=f"process {row.owner.pid} on elsewhere"):
        bench.begin()
    bench.clock.time += 16.0
    bench.begin()
    with pytest.raises(Fenced):
        driver.act([AddStep("x", "x")], commit=True)


def test_what_ended_is_not_taken_up_but_what_failed_can_be_reopened() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "good")
    add(driver, "bad")
    add(driver, "after", needs=["bad"])
    bench.executor.succeed("good", 1)
    bench.executor.fail("bad")
    driver.finish(Finish("failed"))
    with pytest.raises(UsageError, match="has ended: failed"):
        bench.begin()
    again = bench.begin(reopen=True)
    for key, needs in (("good", []), ("bad", []), ("after", ["bad"])):
        add(again, key, needs=needs)
    assert bench.executor.keys() == ["good", "bad", "bad"]
    bench.executor.succeed("bad", 2)
    bench.executor.succeed("after", 3)
    again.finish(Finish("succeeded", 3))
    assert {step.key: step.status for step in bench.store.steps("r1")} == dict.fromkeys(
        ("good", "bad", "after"), "succeeded"
    )
    with pytest.raises(UsageError, match="has ended: succeeded"):
        bench.begin(reopen=True)


def test_what_ran_when_the_engine_died_runs_again_and_what_was_recorded_does_not() -> None:
    bench = Bench()
    driver = bench.begin()
    for key in ("a", "b"):
        add(driver, key)
    add(driver, "m", size=3)
    bench.executor.succeed("a", 1)
    bench.executor.succeed("m", 10, element=1)
    again = bench.begin()  # as after a crash: the first driver is not told
    for key in ("a", "b"):
        add(again, key)
    add(again, "m", size=3)
    assert bench.executor.keys()[-3:] == ["b", "m[0]", "m[2]"]
    assert [each.number for each in bench.executor.started[-3:]] == [2, 2, 2]
    bench.executor.succeed("b", "from the first", number=1)
    assert bench.store.step("r1", "b").status != "succeeded"
    bench.executor.succeed("b", "from the second", number=2)
    assert bench.store.step("r1", "b").result == "from the second"


def test_changed_code_stops_the_run_and_lets_go_of_it() -> None:
    bench = Bench()
    driver = bench.begin()
    driver.add(AddStep("a", "a", policy=HAND, fingerprint="one"), HandCall())
    bench.executor.succeed("a", 1)
    add(driver, "b")
    waiting, told = waits(driver, "b")
    with pytest.raises(ReplayMismatch, match="a was recorded as task a"):
        driver.add(AddStep("a", "a", policy=HAND, fingerprint="two"), HandCall())
    joined(waiting)
    assert isinstance(told[0], ReplayMismatch)
    assert bench.store.run("r1").owner is None
    assert bench.executor.stops == [("b", -1, 1, "abandoned")]


def test_changed_code_can_be_run_anew_with_all_that_used_its_result() -> None:
    bench = Bench()
    driver = bench.begin()
    driver.add(AddStep("a", "a", policy=HAND, fingerprint="one"), HandCall())
    bench.executor.succeed("a", 1)
    for key, needs in (("b", ["a"]), ("c", ["b"]), ("d", [])):
        add(driver, key, needs=needs)
        bench.executor.succeed(key, key)
    again = bench.begin()
    again.rerun_changed = True
    again.add(AddStep("a", "a", policy=HAND, fingerprint="two"), HandCall())
    bench.executor.succeed("a", 2)
    for key, needs in (("b", ["a"]), ("c", ["b"]), ("d", [])):
        add(again, key, needs=needs)
        if key != "d":
            bench.executor.succeed(key, key + key)
    assert bench.executor.keys() == ["a", "b", "c", "d", "a", "b", "c"]
    assert [bench.store.step("r1", key).result for key in "abcd"] == [2, "bb", "cc", "d"]
    final = bench.begin()
    assert final.add(AddStep("a", "a", policy=HAND, fingerprint="two"), HandCall()) == 0
    assert bench.executor.keys()[7:] == []


# ---------------------------------------------------------------- breaking


@pytest.mark.parametrize("how", ["report", "conclude", "add", "flush", "finish", "look", "renew"])
def test_a_fenced_owner_tells_all_who_wait_and_ends_what_runs(how: str) -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    add(driver, "b")
    number = driver.add(AddStep("here", "here"), HandCall())
    called: list[bool] = []
    driver.when_ended("b", -1, lambda: called.append(True))
    waiting, told = waits(driver, "a")
    bench.store.claim("r1", bench.store.run("r1").owner, 15.0, force=True)  # type: ignore[arg-type]
    if how == "report":
        bench.executor.succeed("a", 1)
    elif how == "conclude":
        with pytest.raises(Fenced):
            driver.conclude(Succeeded(1.0, "here", number))
    elif how == "add":
        bench.store.publish([Publication("run.stop", "x", "motet", run="r1")])
        driver.look()
        with pytest.raises(Fenced):
            add(driver, "c")
    elif how == "flush":
        bench.tender.advance(FLUSH_S)
    elif how == "finish":
        with pytest.raises(Fenced):
            driver.finish(Finish())
    elif how == "look":
        bench.store.publish([Publication("run.stop", "x", "motet", run="r1")])
        driver.look()
    else:
        driver.session.flush = lambda: None  # type: ignore[method-assign]
        bench.tender.advance(bench.lease_s / 3 + 0.01)
    joined(waiting)
    assert isinstance(told[0], Fenced)
    assert called == [True]
    assert driver.finished.is_set()
    abandoned = {stop[0] for stop in bench.executor.stops if stop[3] == "abandoned"}
    assert abandoned == ({"b"} if how == "report" else {"a", "b"})  # what was reported has ended
    assert bench.tender.listeners == {}
    commits = len(bench.store.batches)
    bench.executor.succeed("b", 1)
    bench.tender.advance(60.0)
    assert len(bench.store.batches) == commits
    for act in (lambda: add(driver, "d"), lambda: driver.wait("b"), lambda: driver.ended("b")):
        with pytest.raises(Fenced):
            act()
    assert bench.store.run("r1").owner is not None  # the new owner's claim is left alone


def test_a_full_disk_breaks_the_run_and_it_can_be_taken_up_again() -> None:
    bench = Bench()
    bench.store.error = StoreFull("There is no room left.", "Free some space.")
    driver = bench.begin()
    add(driver, "a")
    add(driver, "b")
    bench.executor.succeed("a", 1)
    waiting, told = waits(driver, "b")
    bench.store.fail_at = len(bench.store.batches) + 1
    bench.executor.succeed("b", 2)
    joined(waiting)
    assert isinstance(told[0], StoreFull)
    assert bench.store.run("r1").owner is None
    bench.store.fail_at = 0
    again = bench.begin()
    add(again, "a")
    add(again, "b")
    assert bench.executor.keys() == ["a", "b", "b"]
    bench.executor.succeed("b", 2)
    again.finish(Finish("succeeded", 3))
    assert bench.store.run("r1").status == "succeeded"


def test_a_fault_of_the_engine_leaves_nobody_waiting() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    waiting, told = waits(driver, "a")

    def fault(*given: object) -> None:
        raise ZeroDivisionError

    driver.session.feed = fault  # type: ignore[method-assign,assignment]
    bench.executor.succeed("a", 1)
    joined(waiting)
    assert "The engine failed: ZeroDivisionError" in str(told[0])


def test_what_a_call_raises_fails_its_attempt_only() -> None:
    bench = Bench()
    driver = bench.begin()

    class Bad(HandCall):
        def prepare(self, element: int, attempt: int, *, here: bool) -> Any:
            raise OSError("cannot prepare")

        def settle(self, attempt: Any, outcome: Any) -> Any:
            raise StoreFull("no room for the value")

    class BadSettle(Bad):
        prepare = HandCall.prepare

    driver.add(AddStep("a", "a", policy=HAND), Bad())
    driver.add(AddStep("b", "b", policy=HAND), BadSettle())
    driver.add(AddStep("c", "c", policy=Policy(executor="nowhere")), HandCall())
    bench.executor.succeed("b", object())
    errors = [bench.store.step("r1", key).error["message"] for key in "abc"]
    assert errors[:2] == ["cannot prepare", "no room for the value"]
    assert errors[2].startswith("There is no executor named 'nowhere'.")
    add(driver, "d")
    bench.executor.succeed("d", 1)
    assert bench.store.step("r1", "d").status == "succeeded"


def test_leaving_a_run_tells_those_who_wait_and_lets_others_take_it_up() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    waiting, told = waits(driver, "a")
    driver.leave()
    joined(waiting)
    assert "let go of" in str(told[0])
    assert bench.store.kinds()[-1] == "step.started a"
    assert bench.store.run("r1").owner is None
    again = bench.begin()
    add(again, "a")
    assert bench.executor.keys() == ["a", "a"]


def test_leases_are_renewed_as_long_as_the_run_goes_on() -> None:
    bench = Bench()
    driver = bench.begin()
    for _ in range(10):
        bench.tender.advance(bench.lease_s / 2)
        row = bench.store.run("r1")
        assert row.lease_until is not None
        assert row.lease_until > bench.clock.now()
    driver.finish(Finish())
    assert bench.store.run("r1").lease_until is None
    bench.tender.advance(100.0)
    assert bench.store.run("r1").lease_until is None


def test_what_was_heard_may_be_pruned() -> None:
    bench = Bench()
    driver = bench.begin()
    driver.act([Listen("w", OnEvent("mine"))], commit=True)
    for number in range(5):
        bench.store.publish([Publication("mine" if number % 2 else "other", number, at=1.0)])
    assert bench.store.prune(Retention(older_than_s=bench.clock.now() - 10.0)).events == 0
    driver.look()
    bench.tender.advance(bench.lease_s)
    assert bench.store.prune(Retention(older_than_s=bench.clock.now() - 10.0)).events == 5
    bench.store.publish([Publication("mine", 5, at=1.0)])
    bench.tender.advance(bench.lease_s)
    assert bench.store.prune(Retention(older_than_s=bench.clock.now() - 10.0)).events == 0
    again = bench.begin()
    assert again.state.waits["w"].fired == 3


def test_a_run_hears_what_is_meant_for_it_and_records_why_rules_of_several_parts_fired() -> None:
    bench = Bench()
    driver = bench.begin()
    listens = [
        Listen("plain", OnEvent("mine")),
        Listen("made", OnEvent("mine", namespace="artifact")),
        Listen("theirs", OnEvent("mine", run="r2")),
        Listen("both", AllOf((OnEvent("mine"), OnEvent("m*", value=5, pattern=True)), within_s=60.0)),
    ]
    driver.act(listens, commit=True)
    said = [("", ""), ("", "r2"), ("", "r1"), ("artifact", "r1"), ("artifact", "r2"), ("motet", "r1"), ("motet", "")]
    offsets = [bench.store.publish([Publication("mine", 1, n, run=run, at=1.0)])[0] for n, run in said]
    (last,) = bench.store.publish([Publication("more", 5, at=1.0)])
    driver.look()
    fired = {name: driver.state.waits[name].fired for name in ("plain", "made", "theirs", "both")}
    assert fired == {"plain": 2, "made": 2, "theirs": 1, "both": 1}  # an artifact is made by a run, and meant for all
    history = list(bench.store.history("r1"))
    heard = [event["offset"] for event in history if event["event"] == "event.received"]
    assert heard == [*offsets[:5], last]
    causes = [{"event": "mine", "offset": offsets[2]}, {"event": "more", "offset": last}]
    assert [event for event in history if event["event"] == "wait.fired"] == [
        {"event": "wait.fired", "at": bench.clock.now(), "wait": "both", "number": 1, "causes": causes}
    ]


def test_reports_of_unknown_or_doubled_outcomes_change_nothing() -> None:
    bench = Bench()
    driver = bench.begin()
    add(driver, "a")
    attempt = bench.executor.attempt("a")
    bench.executor.succeed("a", 1)
    commits = len(bench.store.batches)
    for outcome in (Success(2), Stopped("late")):
        attempt.report(attempt, outcome)
    assert len(bench.store.batches) == commits
    assert bench.store.step("r1", "a").result == 1
    assert driver.session.broken is None
