"""What the simulator found in the engine, each once more in small."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.engine.hands import Bench

from motet.engine import replay
from motet.engine.loop import RunLoop
from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.errors import Fenced
from motet.kernel.decide import Command, StartAttempt
from motet.kernel.inputs import Failed, Succeeded
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, Listen, Program, View
from motet.ports import NewRun, Owner, Publication
from motet.rules import OnEvent
from motet.stores.memory import MemoryStore

POOL = Policy(executor="pool")
ONCE_MORE = Policy(executor="pool", retries=1)


class Clock:
    def now(self) -> float:
        return 1000.0


class Process:
    """One owner of the run "r". It carries nothing out: `started` tells what it would."""

    def __init__(self, store: MemoryStore, program: Program | None = None, *, reopen: bool = False) -> None:
        store.create_run(NewRun("r", "r", "w", {}))
        self.row = store.claim("r", Owner("h", "b", 1, 1), 15.0, force=True)
        self.started: list[str] = []
        self.session = Session(
            store, Clock(), load_state(store, "r", self.row.offset), epoch=self.row.epoch, program=program
        )
        if reopen:
            self.session.reopen()
        self.carry_out(self.session.begin("test"))

    def carry_out(self, commands: Iterable[Command]) -> None:
        for command in commands:
            if isinstance(command, StartAttempt):
                self.started.append(command.key if command.element < 0 else f"{command.key}[{command.element}]")

    def add(self, action: AddStep) -> None:
        """Ask for a step as a flow does that is run again with its code changed."""
        known = self.session.state.steps.get(action.key)
        if known is None:
            self.carry_out(self.session.act((action,)))
        elif not replay.recorded(self.session, known, action, rerun_changed=True):
            self.carry_out(self.session.bind(action.key))

    def succeed(self, key: str, element: int = -1, result: Any = None) -> None:
        own = self.session.state.steps.get(f"{key}[{element}]")
        attempt = (own or self.session.state.steps[key]).attempt
        self.carry_out(self.session.feed([Succeeded(1000.0, key, attempt, result, element)]))

    def fail(self, key: str, element: int = -1) -> None:
        own = self.session.state.steps.get(f"{key}[{element}]")
        attempt = (own or self.session.state.steps[key]).attempt
        self.carry_out(self.session.feed([Failed(1000.0, key, attempt, {"type": "E", "message": "no"}, element)]))

    def look(self) -> None:
        bench = Bench()
        bench.host.store = self.session.store
        loop = RunLoop(bench.host, self.session, self.row, 15.0)
        loop.carry_out = self.carry_out  # type: ignore[method-assign,assignment]
        loop.look()

    @property
    def status(self) -> str:
        return self.session.state.status


class Scripted:
    """Says what it was told to say: at first, and when a rule fires."""

    def __init__(self, first: Sequence[Action], fired: Sequence[Action] = ()) -> None:
        self._first = first
        self._fired = fired

    def advance(self, view: View) -> Iterable[Action]:
        first, self._first = self._first, ()
        return [*first, *(self._fired if view.fired else ())]


def kinds(store: MemoryStore, key: str = "") -> list[str]:
    """The events that are committed: all, or those of one step."""
    return [event["event"] for event in store.history("r") if not key or event.get("key") == key]


def stop(store: MemoryStore) -> None:
    store.publish([Publication("run.stop", "enough", "motet", "", "r")])


def test_how_a_program_ended_its_run_survives_the_process() -> None:
    store = MemoryStore()
    first = [AddStep("a", "t", policy=POOL), Listen("end", OnEvent("end"), repeat=False), Listen("on", OnEvent("on"))]
    one = Process(store, Scripted(first, [Finish("failed", {"why": "told to"})]))
    store.publish([Publication("end")])
    one.look()
    assert one.status == "running"  # the step has yet to stop, and the process dies
    two = Process(store, Scripted(first))
    assert two.status == "failed"
    assert two.session.state.result == {"why": "told to"}


def test_a_run_that_is_reopened_does_not_stop_again() -> None:
    store = MemoryStore()
    program = [AddStep("a", "t", policy=POOL)]
    one = Process(store, Scripted(program))
    stop(store)
    stop(store)
    one.look()
    one.fail("a")
    assert one.status == "cancelled"
    two = Process(store, Scripted(program), reopen=True)
    two.look()
    assert two.status == "running"
    stop(store)
    two.look()
    assert two.status == "cancelling"


def test_a_request_to_stop_is_not_lost_behind_what_was_published_with_it() -> None:
    """It comes between events that are heard, the first of which leads to another rule; then the process dies."""
    store = MemoryStore()
    first = [AddStep("a", "t", policy=POOL), Listen("on", OnEvent("on"))]
    one = Process(store, Scripted(first, [Listen("more", OnEvent("more"))]))
    store.publish([Publication("on")])
    stop(store)
    store.publish([Publication("on")])
    feed, one.session.feed = one.session.feed, None  # type: ignore[method-assign]

    class Gone(BaseException):
        pass

    def once(inputs: Any, then: Any = None) -> Any:
        feed(inputs, then)
        raise Gone

    one.session.feed = once  # type: ignore[method-assign]
    with pytest.raises(Gone):
        one.look()
    assert kinds(store).count("event.received") == 1
    two = Process(store, Scripted(first))
    two.look()
    assert two.status == "cancelling"
    received = [event["offset"] for event in store.history("r") if event["event"] == "event.received"]
    assert received == sorted(received)


def test_what_is_decided_at_once_is_committed_before_anyone_is_told() -> None:
    store = MemoryStore()
    one = Process(store)
    one.add(AddStep("empty", "t", size=0, policy=POOL))
    assert kinds(store, "empty") == ["step.added", "step.succeeded"]
    one.add(AddStep("a", "t", policy=POOL))
    one.fail("a")
    one.add(AddStep("b", "t", needs=["a"], policy=POOL))
    assert kinds(store, "b") == ["step.added", "step.skipped"]


def test_nothing_starts_anew_while_its_outcome_still_stands() -> None:
    store = MemoryStore()
    one = Process(store)
    one.add(AddStep("a", "t", policy=POOL))
    one.succeed("a", result={"lost": "it cannot be pickled"})
    two = Process(store)
    two.session.reset("a", "its result was not kept")
    assert kinds(store, "a")[-1] == "step.succeeded"
    two.carry_out(two.session.bind("a"))
    assert two.started == ["a"]
    assert kinds(store, "a")[-2:] == ["step.reset", "step.started"]


def test_rows_of_elements_stay_true_when_their_map_is_reset() -> None:
    store = MemoryStore()
    program = [AddStep("m", "t", size=2, policy=POOL)]
    one = Process(store, Scripted(program))
    one.fail("m", 0)
    one.succeed("m", 1)
    assert store.step("r", "m[0]").status == "failed"
    two = Process(store, Scripted(program), reopen=True)
    assert store.step("r", "m[0]").status != "failed"
    two.succeed("m", 0)
    assert two.status == "succeeded"
    assert store.step("r", "m[0]").status == "succeeded"


def test_a_process_that_was_overtaken_before_it_began_is_fenced() -> None:
    store = MemoryStore()
    store.create_run(NewRun("r", "r", "w", {}))
    slow = store.claim("r", Owner("h", "b", 1, 1), 15.0)
    Process(store, Scripted([Finish()]))
    late = Session(store, Clock(), load_state(store, "r", 0), epoch=slow.epoch, program=Scripted([]))
    with pytest.raises(Fenced):
        late.begin("late")


def test_code_that_changed_runs_anew_with_all_that_used_its_result() -> None:
    """A map that followed it keeps nothing, even one that was half done; elements go with their map."""
    store = MemoryStore()
    one = Process(store)
    one.add(AddStep("a", "t", size=2, policy=POOL, fingerprint="old"))
    one.add(AddStep("b", "t", size=2, each=["a"], policy=ONCE_MORE))
    one.succeed("a", 0)
    one.succeed("a", 1)
    one.succeed("b", 0)
    one.fail("b", 1)
    two = Process(store)
    two.add(AddStep("a", "t", size=2, policy=POOL, fingerprint="new"))
    two.add(AddStep("b", "t", size=2, each=["a"], policy=ONCE_MORE))
    assert two.started == ["a[0]", "a[1]"]
    two.succeed("a", 0)
    two.succeed("a", 1)
    assert two.started[2:] == ["b[0]", "b[1]"]


def test_a_map_that_has_not_begun_becomes_another_though_a_map_follows_it() -> None:
    store = MemoryStore()
    one = Process(store)
    one.add(AddStep("first", "t", policy=POOL))
    one.add(AddStep("a", "t", size=2, needs=["first"], policy=POOL, fingerprint="old"))
    one.add(AddStep("b", "t", size=2, each=["a"], policy=POOL))
    one.add(AddStep("c", "t", needs=["a[1]"], policy=POOL))
    two = Process(store)
    two.add(AddStep("first", "t", policy=POOL))
    two.add(AddStep("a", "t", size=3, needs=["first"], policy=POOL, fingerprint="new"))
    two.add(AddStep("b", "t", size=3, each=["a"], policy=POOL))
    two.add(AddStep("c", "t", needs=["a[2]"], policy=POOL))
    two.succeed("first")
    for element in range(3):
        two.succeed("a", element)
    assert two.started == ["first", "a[0]", "a[1]", "a[2]", "b[0]", "b[1]", "b[2]", "c"]


@pytest.mark.parametrize("begun", [False, True])
def test_a_map_becomes_another_though_maps_follow_one_another_from_it(begun: bool) -> None:
    store = MemoryStore()
    one = Process(store)
    chain = [AddStep("a", "t", size=2, policy=POOL), AddStep("b", "t", size=2, each=["a"], policy=POOL)]
    chain.append(AddStep("c", "t", size=2, each=["b"], needs=["a"], policy=POOL))
    one.add(AddStep("first", "t", policy=POOL))
    for step in chain:
        one.add(replace(step, needs=[*step.needs, "first"], fingerprint="old"))
    if begun:
        one.succeed("first")
        one.succeed("a", 0)
        one.succeed("a", 1)
        one.succeed("b", 0)
    two = Process(store)
    two.add(AddStep("first", "t", policy=POOL))
    for step in chain:
        two.add(replace(step, needs=[*step.needs, "first"], fingerprint="new"))
    if not begun:
        two.succeed("first")
    for key in "abc":
        two.succeed(key, 0)
        two.succeed(key, 1)
    assert two.status == "running"
    assert {key: two.session.state.outcome(key) for key in "abc"} == dict.fromkeys("abc", "succeeded")


def test_no_command_is_lost_while_steps_are_reset() -> None:
    """What a limit that was raised lets start is not known before the next call: a reset must not swallow it."""
    store = MemoryStore()
    one = Process(store)
    demanding = Policy(executor="pool", demands={"gpu": 1})
    one.session.limit("gpu", 1)
    one.add(AddStep("body", "t", form="flow"))
    one.add(AddStep("body/a", "t", policy=POOL))
    one.fail("body/a")
    one.add(AddStep("first", "t", policy=demanding))
    one.add(AddStep("second", "t", policy=demanding))
    assert "second" not in one.started
    one.session.limit("gpu", 2)
    replay.reset_below(one.session, "body")
    one.fail("body")
    assert "second" in one.started
