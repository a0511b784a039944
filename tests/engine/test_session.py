"""The session: what is committed when, what breaks it, and recovery from checkpoints."""

from __future__ import annotations

import random

import pytest
from tests.engine.hands import HAND, HandClock, HandStore

from motet.engine.recording import CHECKPOINT_EVENTS, load_state
from motet.engine.session import Session
from motet.errors import Fenced, InvalidTransition, StoreFull
from motet.kernel import checkpoint
from motet.kernel import events as ev
from motet.kernel.decide import SetTimer, StartAttempt
from motet.kernel.inputs import Failed, Input, Succeeded, TimerFired
from motet.kernel.policy import Policy
from motet.kernel.program import AddStep, Finish
from motet.kernel.state import RunState
from motet.owners import this_process
from motet.ports import NewRun
from motet.rules import Count, OnEvent


def session_on(store: HandStore, clock: HandClock | None = None) -> Session:
    """The run r1, taken up anew."""
    clock = clock or HandClock()
    store.create_run(NewRun("r1", "r1", "test", {}))
    row = store.claim("r1", this_process(), 15.0, force=True)
    state = load_state(store, "r1", row.offset)
    return Session(store, clock, state, epoch=row.epoch)


def test_additions_and_starts_wait_for_the_next_outcome() -> None:
    store = HandStore()
    session = session_on(store)
    session.begin("me")
    commands = session.act([AddStep("a", "a", policy=HAND), AddStep("b", "b", policy=HAND)])
    assert [type(each) for each in commands] == [StartAttempt, StartAttempt]
    assert store.kinds() == ["run.started"]
    assert session.unflushed
    session.feed([Succeeded(1001.0, "a", 1, 7)])
    assert store.kinds() == [
        "run.started", "step.added a", "step.added b", "step.started a", "step.started b", "step.succeeded a",
    ]  # fmt: skip
    assert len(store.batches) == 2
    assert not session.unflushed


def test_flush_commits_what_waits_and_nothing_twice() -> None:
    store = HandStore()
    session = session_on(store)
    session.begin("me")
    session.act([AddStep("a", "a", policy=HAND)])
    session.flush()
    session.flush()
    assert store.kinds() == ["run.started", "step.added a", "step.started a"]
    assert len(store.batches) == 2


def test_late_news_is_dropped_without_a_commit() -> None:
    store = HandStore()
    session = session_on(store)
    session.begin("me")
    session.act([AddStep("a", "a", policy=HAND)])
    session.feed([Succeeded(1001.0, "a", 1, 7)])
    commits = len(store.batches)
    for late in (Succeeded(1002.0, "a", 1, 8), Failed(1002.0, "a", 1, None), Succeeded(1002.0, "a", 2, 8)):
        assert session.feed([late]) == []
    session.feed([TimerFired(1002.0, "timeout", "a", 1), Succeeded(1002.0, "nothing", 1)])
    assert len(store.batches) == commits
    assert store.step("r1", "a").result == 7


@pytest.mark.parametrize("late", [Failed(1.0, "m", 1, None, 0), TimerFired(1.0, "timeout", "m", 1, 0)])
def test_what_comes_with_the_success_of_an_element_is_too_late(late: Input) -> None:
    session = session_on(HandStore())
    session.begin("me")
    session.act([AddStep("m", "m", policy=HAND, size=2, form="map")])
    commands = session.feed([Succeeded(1.0, "m", 1, "x", 0), late, Succeeded(1.0, "m", 1, "y", 1)])
    assert commands == []
    assert session.state.steps["m"].status == "succeeded"
    assert session.state.steps["m"].map is not None
    assert session.state.steps["m"].map.results == ["x", "y"]


def test_outcomes_of_elements_are_packed_after_a_resume_too() -> None:
    store = HandStore()
    first = session_on(store)
    first.begin("me")
    first.act([AddStep("m", "m", policy=HAND, size=100, form="map")])
    first.feed([Succeeded(1.0, "m", 1, n, n) for n in range(40)])
    session = session_on(store)
    session.begin("another")
    commands = session.bind("m")
    assert [(each.element, each.attempt) for each in commands if isinstance(each, StartAttempt)] == [
        (n, 2) for n in range(40, 100)
    ]
    session.feed([Succeeded(1.0, "m", 2, n, n) for n in range(40, 100)])
    assert len(session.state.steps) == 1
    assert store.batches[-1][0]["indices"] == list(range(40, 100))
    assert store.step("r1", "m").status == "succeeded"


def test_an_invalid_transition_tells_the_story_and_ends_the_session() -> None:
    store = HandStore()
    session = session_on(store)
    session.begin("me")
    session.act([AddStep("a", "a", policy=HAND), AddStep("b", "b", policy=HAND)])
    session.feed([Failed(1001.0, "a", 1, {"type": "ValueError", "message": "no"})])
    with pytest.raises(InvalidTransition) as told:
        session.record(ev.StepStarted(1002.0, "a", 2))
    assert [line.split()[1] for line in told.value.story] == ["step.added", "step.started", "step.failed"]
    assert "a is failed, and step.started cannot follow" in str(told.value)
    assert "1001.000 step.failed" in str(told.value)
    with pytest.raises(InvalidTransition):
        session.feed([Succeeded(1003.0, "b", 1)])


def test_the_story_holds_what_is_not_committed_yet() -> None:
    session = session_on(HandStore())
    session.begin("me")
    session.act([AddStep("a", "a", policy=HAND)])
    with pytest.raises(InvalidTransition) as told:
        session.record(ev.StepSkipped(1002.0, "a"))
    assert len(told.value.story) == 2


def test_a_fenced_session_records_nothing_more() -> None:
    store = HandStore()
    old, new = session_on(store), session_on(store)
    with pytest.raises(Fenced):
        old.begin("old")
    with pytest.raises(Fenced):
        old.act([AddStep("a", "a")])
    new.begin("new")
    assert store.kinds() == ["run.started"]


def test_a_full_disk_loses_nothing_that_was_acknowledged() -> None:
    store = HandStore()
    store.error = StoreFull("There is no room left.")
    session = session_on(store)
    session.begin("me")
    session.act([AddStep("a", "a", policy=HAND), AddStep("b", "b", policy=HAND)])
    session.feed([Succeeded(1001.0, "a", 1, 7)])
    store.fail_at = len(store.batches) + 1
    with pytest.raises(StoreFull):
        session.feed([Succeeded(1002.0, "b", 1, 8)])
    with pytest.raises(StoreFull):
        session.flush()
    store.fail_at = 0
    again = session_on(store)
    again.begin("me again")
    assert {key: step.status for key, step in again.state.steps.items()} == {"a": "succeeded", "b": "ready"}


def test_the_end_is_committed_with_the_last_outcome() -> None:
    store = HandStore()
    session = session_on(store)
    session.begin("me")
    session.act([AddStep("a", "a", policy=HAND)])
    commits = len(store.batches)
    session.feed([Succeeded(1001.0, "a", 1, 7)], Finish("succeeded", 7))
    assert len(store.batches) == commits + 1
    assert store.run("r1").status == "succeeded"
    assert store.run("r1").result == 7


# ---------------------------------------------------------------- checkpoints


def live(session: Session, rng: random.Random, events: int) -> None:
    """Do all kinds of things until so many events are recorded; what can end, ends."""
    store = session.store
    session.limit("db", 3)
    policies = [HAND, Policy(executor="hand", retries=2, delays_s=(1.0,)), Policy(executor="hand", demands={"db": 2})]
    session.record(ev.WaitAdded(1.0, "w", Count(OnEvent("e"), 3).to_json(), True))
    open_: list[tuple[str, int, int]] = []
    number = offset = 0
    at = 1000.0
    while session.state.seq < events:
        at += 1.0
        number += 1
        key = f"s{number}"
        needs = [rng.choice(list(session.state.steps))] if session.state.steps and rng.random() < 0.3 else []
        size = rng.choice([None, None, None, 5])
        action = AddStep(key, "t", needs=needs, size=size, form="map" if size else "call", policy=rng.choice(policies))
        commands = session.act([action])
        while True:
            open_ += [(each.key, each.attempt, each.element) for each in commands if isinstance(each, StartAttempt)]
            timers = [each for each in commands if isinstance(each, SetTimer)]
            news: list[Input] = [
                TimerFired(max(at, each.due_at), each.what, each.key, each.attempt, each.element) for each in timers
            ]
            while open_ and (rng.random() < 0.6 or len(open_) > 10):
                key, attempt, element = open_.pop(rng.randrange(len(open_)))
                good = rng.random() < 0.8
                news.append(
                    Succeeded(at, key, attempt, rng.randrange(9), element)
                    if good
                    else Failed(at, key, attempt, {"type": "E", "message": "no"}, element)
                )
            if rng.random() < 0.2:
                offset = store.head() + 1
                news.append(ev.EventReceived(at, offset, "e", "", number, ""))
            if not news:
                break
            commands = session.feed(news)


def test_recovery_from_checkpoint_and_tail_equals_a_full_fold(rng: random.Random) -> None:
    store = HandStore()
    session = session_on(store)
    session.begin("me")
    live(session, rng, CHECKPOINT_EVENTS + 700)
    session.flush()
    kept = store.load_checkpoint("r1")
    assert kept is not None
    assert CHECKPOINT_EVENTS <= kept.seq < session.state.seq
    state = load_state(store, "r1", 0)
    assert state.checkpoint_seq == kept.seq
    whole = RunState("r1")
    for data in store.history("r1"):
        from motet.kernel.fold import apply

        apply(whole, ev.from_json(data))
    assert state.seq == whole.seq == session.state.seq
    assert checkpoint.to_json(state) == checkpoint.to_json(whole)
    assert checkpoint.to_json(whole) == checkpoint.to_json(session.state)


def test_what_goes_on_after_a_recovery_is_the_same(rng: random.Random) -> None:
    """With a checkpoint or without: the next session starts the same attempts."""
    store = HandStore()
    session = session_on(store)
    session.recorder.checkpoint_events = 50
    session.begin("me")
    live(session, rng, 400)
    session.flush()
    assert store.load_checkpoint("r1") is not None
    with_checkpoint = session_on(store)
    plain, kept = HandStore(), store.run("r1")
    plain.create_run(NewRun("r1", "r1", "test", {}))
    row = plain.claim("r1", this_process(), 15.0, force=True)
    from motet.ports import Batch

    plain.append("r1", row.epoch, 0, Batch(list(store.history("r1"))))
    without = session_on(plain)
    assert kept.seq == without.state.seq
    outcomes = []
    for each in (with_checkpoint, without):
        each.limit("db", 3)
        commands = each.begin("me")
        for key in list(each.state.steps):
            if not each.state.steps[key].ended and not each.state.steps[key].of:
                commands += each.bind(key)
        outcomes.append(sorted((type(each).__name__, each.key, each.attempt, each.element) for each in commands))
    assert outcomes[0] == outcomes[1]


def test_checkpoints_go_on_after_crashes() -> None:
    """The tail that a recovery reads stays short, however often the engine dies before a checkpoint is due again."""
    store = HandStore()
    for round_ in range(12):
        session = session_on(store)
        session.recorder.checkpoint_events = 20
        session.begin("me")
        for number in range(3):
            key = f"s{round_}-{number}"
            session.act([AddStep(key, "t", policy=HAND)])
            session.feed([Succeeded(1.0, key, 1)])
    kept = store.load_checkpoint("r1")
    assert kept is not None
    assert store.run("r1").seq - kept.seq <= 20 + 36


def test_a_checkpoint_that_fails_ends_the_session_as_a_commit_that_fails() -> None:
    store = HandStore()
    session = session_on(store)
    session.recorder.checkpoint_events = 3
    session.begin("me")
    session.act([AddStep("a", "a", policy=HAND)])

    def refuse(*given: object) -> None:
        raise StoreFull("There is no room left.")

    store.save_checkpoint = refuse  # type: ignore[method-assign,assignment]
    with pytest.raises(StoreFull):
        session.feed([Succeeded(1001.0, "a", 1, 7)])
    with pytest.raises(StoreFull):
        session.act([AddStep("b", "b", policy=HAND)])
    assert store.step("r1", "a").status == "succeeded"
