"""A run may have any number of steps, some at a time: what is over and retired takes no room, and is done with."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.errors import InvalidTransition
from motet.kernel import checkpoint
from motet.kernel import events as ev
from motet.kernel.decide import StartAttempt
from motet.kernel.inputs import Failed, Succeeded
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, Listen, RestartStep, Retire, View
from motet.kernel.state import Retired, retired_of
from motet.ports import NewRun, Owner, Store
from motet.rules import OnEvent
from motet.stores.memory import MemoryStore
from motet.stores.sqlite import SqliteStore

POOL = Policy(executor="pool")


class OnEach:
    """Starts the task anew at each event, and forgets what has ended; ends the run after `most` of them."""

    def __init__(self, most: int) -> None:
        self._most = most

    def advance(self, view: View) -> Iterator[Action]:
        yield Listen("go", OnEvent("go"))
        for fired in view.fired:
            yield RestartStep(f"train#{fired.number - 1}", AddStep(f"train#{fired.number}", "train", policy=POOL))
        yield from [Retire(key) for key in view.changed if view.ended(key)]
        if view.ended(f"train#{self._most}"):
            yield Finish("succeeded")


class Clock:
    def now(self) -> float:
        return 1000.0


def taken_up(store: Store, program: OnEach) -> Session:
    """The run as a new owner has it; what it ran before is lost."""
    store.create_run(NewRun("r", "r", "w", {}))
    epoch = store.claim("r", Owner("h", "b", 1, 1), 15.0, force=True).epoch
    session = Session(store, Clock(), load_state(store, "r", 0), epoch=epoch, program=program)
    session.begin("test")
    return session


def told(session: Session, number: int, *, fails: bool = False) -> None:
    """One more event, and the end of the step that it starts."""
    commands = session.feed([ev.EventReceived(1000.0, session.state.offset + 1, "go")])
    starts = [each for each in commands if isinstance(each, StartAttempt)]
    assert [each.key for each in starts] == [f"train#{number}"]
    outcome = Failed(1000.0, starts[0].key, 1, {"type": "E"}) if fails else Succeeded(1000.0, starts[0].key, 1, number)
    session.feed([outcome])


def size_of(session: Session) -> int:
    return len(json.dumps(checkpoint.to_json(session.state)))


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_task_runs_again_and_again_in_no_more_room(kind: str, tmp_path: Path) -> None:
    store: Store = MemoryStore() if kind == "memory" else SqliteStore(str(tmp_path))
    session, sizes = taken_up(store, OnEach(1000)), []
    for number in range(1, 1001):
        told(session, number, fails=number % 10 == 0)
        assert len(session.state.steps) <= 1
        sizes.append(size_of(session))
        if number in (400, 401, 700):
            session.flush()
            session = taken_up(store, OnEach(1000))
    assert sizes[-1] <= 1.05 * sizes[99]
    assert session.state.status == "succeeded"
    assert (session.state.counts["succeeded"], session.state.counts["failed"]) == (900, 100)
    rows = store.steps("r", limit=2000)
    assert [row.status for row in rows].count("failed") == 100
    assert {row.key for row in rows} == {f"train#{number}" for number in range(1, 1001)}
    assert store.step("r", "train#7").result == 7


def test_a_key_that_was_retired_is_done_with() -> None:
    store = MemoryStore()
    session = taken_up(store, OnEach(5))
    told(session, 1)
    view = View(session.state)
    assert (view.status("train#1"), view.ended("train#1"), view.status("train#2")) == ("retired", True, "")
    assert session.act([AddStep("train#1", "train", policy=POOL)]) == []
    assert "train#1" not in taken_up(store, OnEach(5)).state.steps


def test_what_is_needed_is_not_retired() -> None:
    store = MemoryStore()
    session = taken_up(store, OnEach(5))
    session.act([AddStep("a", "t", policy=POOL), AddStep("b", "t", needs=["a"], policy=POOL)])
    session.feed([Succeeded(1000.0, "a", 1)])
    session.act([Retire("a"), Retire("b"), Retire("nobody")])
    assert set(session.state.steps) == {"a", "b"}
    with pytest.raises(InvalidTransition):
        session.note(ev.StepRetired(1000.0, "a"))


def test_what_comes_after_a_retired_step_runs() -> None:
    store = MemoryStore()
    session = taken_up(store, OnEach(5))
    session.act([AddStep("a", "t", policy=POOL), AddStep("b", "t", policy=POOL)])
    session.act([AddStep("c", "t", after=["a", "b"], policy=POOL)])
    session.feed([Succeeded(1000.0, "a", 1)])
    session.act([Retire("a")])
    commands = session.feed([Succeeded(1000.0, "b", 1)])
    assert [each.key for each in commands if isinstance(each, StartAttempt)] == ["c"]


def test_a_map_goes_with_its_elements() -> None:
    store = MemoryStore()
    session = taken_up(store, OnEach(5))
    session.act([AddStep("m", "t", size=3, policy=POOL)])
    session.feed([Succeeded(1000.0, "m", 1, None, 0), Failed(1000.0, "m", 1, {"type": "E"}, 1)])
    session.act([Retire("m")])
    assert "m[1]" in session.state.steps
    session.feed([Succeeded(1000.0, "m", 1, None, 2)])
    session.act([Retire("m")], commit=True)
    assert session.state.steps == {}
    assert {row.key: row.status for row in store.steps("r")} == {"m": "failed", "m[1]": "failed"}


def test_late_news_of_a_retired_step_is_dropped() -> None:
    session = taken_up(MemoryStore(), OnEach(5))
    told(session, 1)
    assert session.feed([Succeeded(1000.0, "train#1", 1), Failed(1000.0, "train#1", 2, {})]) == []


def test_retired_keys_are_those_that_were_added(rng: random.Random) -> None:
    keys = [f"{name}{number}" for name in ("a#", "b/c-", "d[2]-") for number in range(60)] + [
        "plain",
        "a#007",
        "a#",
        "1",
    ]
    rng.shuffle(keys)
    retired, known = Retired(), set[str]()
    for key in keys[: len(keys) // 2]:
        retired.add(key, "succeeded")
        known.add(key)
        if rng.random() < 0.1:
            retired = retired_of(json.loads(json.dumps(retired.to_json())))
    assert [key for key in keys if key in retired] == [key for key in keys if key in known]
    assert retired.counts == {"succeeded": len(known)}
