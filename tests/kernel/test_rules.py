"""The algebra of rules, against a naive reading of its docstrings over the whole history at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.harness import Run

from motet import rules
from motet.kernel import events as ev
from motet.ports import Entry
from motet.rules import Absence, AllOf, AnyOf, Count, OnEvent, OnStatus, Rule, StatusChanged


def firings(rule: Rule, history: Sequence[rules.Signal], began: float) -> list[int]:
    """The places in `history` at which the rule, listening from time `began`, fires."""
    if isinstance(rule, OnEvent | OnStatus):
        return [i for i, signal in enumerate(history) if matches(rule, signal)]
    if isinstance(rule, AnyOf):
        return sorted({i for part in rule.rules for i in firings(part, history, began)})
    if isinstance(rule, AllOf):
        parts = [firings(part, history, began) for part in rule.rules]
        if rule.within_s is not None or not rule.reset:
            return all_firings(rule, parts, history)
        out: list[int] = []
        while True:  # from the last firing on, it takes until the slowest part has fired
            last = out[-1] if out else -1
            nexts = [[i for i in part if i > last] for part in parts]
            if not all(nexts):
                return out
            out.append(max(each[0] for each in nexts))
    if isinstance(rule, Count):
        return count_firings(rule, firings(rule.of, history, began), history)
    if isinstance(rule, Absence):
        inner = firings(rule.of, history, began)
        silences = [(-1, began), *((i, history[i].at) for i in inner)]
        ends = [*inner, len(history)]
        over = []
        for (start, at), end in zip(silences, ends, strict=True):  # up to the next firing, and in its very moment
            over += [i for i in range(start + 1, min(end + 1, len(history))) if history[i].at >= at + rule.for_s][:1]
        return over
    assert isinstance(rule, rules.Sequence)
    if rule.within_s is not None:
        return sequence_firings(rule, rule.within_s, history, began)
    out, place = [], -1
    while True:
        for part in rule.rules:
            since = history[place].at if place >= 0 else began
            nexts = [place + 1 + i for i in firings(part, history[place + 1 :], since)]
            if not nexts:
                return out
            place = nexts[0]
        out.append(place)


def within(first: int, last: int, history: Sequence[rules.Signal], within_s: float | None) -> bool:
    return within_s is None or history[last].at - history[first].at <= within_s


def all_firings(rule: AllOf, parts: Sequence[Sequence[int]], history: Sequence[rules.Signal]) -> list[int]:
    """At each firing of a part: the last one of each, since the rule fired itself if it starts afresh."""
    out: list[int] = []
    for i in sorted({i for part in parts for i in part}):
        last = out[-1] if out and rule.reset else -1
        so_far = [[each for each in part if last < each <= i] for part in parts]
        if all(so_far) and within(min(each[-1] for each in so_far), i, history, rule.within_s):
            out.append(i)
    return out


def count_firings(rule: Count, inner: Sequence[int], history: Sequence[rules.Signal]) -> list[int]:
    """At each firing of the part: whether it is the last of so many, of which none was used up before."""
    out: list[int] = []
    for i in inner:
        last = out[-1] if out and rule.reset else -1
        so_far = [each for each in inner if last < each <= i][-rule.times :]
        if len(so_far) == rule.times and within(so_far[0], i, history, rule.within_s):
            out.append(i)
    return out


def sequence_firings(rule: rules.Sequence, within_s: float, history: Sequence[rules.Signal], began: float) -> list[int]:
    """From each firing of the first part, as far as it goes; the first that comes to its end in time fires the rule."""
    out, place = list[int](), -1
    while True:
        since = history[place].at if place >= 0 else began
        ends = list[int]()
        for first in [place + 1 + i for i in firings(rule.rules[0], history[place + 1 :], since)]:
            at: int | None = first
            for part in rule.rules[1:]:
                later = firings(part, history[at + 1 :], history[at].at)
                at = at + 1 + later[0] if later else None
                if at is None:
                    break
            if at is not None and within(first, at, history, within_s):
                ends.append(at)
        if not ends:
            return out
        place = min(ends)
        out.append(place)


def matches(rule: OnEvent | OnStatus, signal: rules.Signal) -> bool:
    if isinstance(rule, OnEvent) and isinstance(signal, ev.EventReceived):
        wanted = [(rule.value, signal.value), (rule.sender, signal.sender)]
        named = signal.namespace == rule.namespace if rule.namespace is not None else signal.namespace in ("", "n")
        mine = signal.run == rule.run if rule.run is not None else signal.run in ("", "r")
        key = fnmatchcase(signal.key, rule.key) if rule.pattern else signal.key == rule.key
        return key and named and mine and all(want in (None, found) for want, found in wanted)
    if isinstance(rule, OnStatus) and isinstance(signal, StatusChanged):
        return signal.status == rule.status and rule.key in ("", signal.key) and rule.task in ("", signal.task)
    return False


KEYS = st.sampled_from("ab") | st.sampled_from(["ab", "aba"])
NAMESPACES = st.sampled_from(["", "", "n", "motet", "artifact"])
RUNS = st.sampled_from(["", "", "r", "another"])
SENDERS = st.sampled_from(["", "me"])
PATTERNS = st.sampled_from(["a*", "*b", "*", "a*a", "a*b*a", "**", "b*b", "a"])
LEAVES = st.one_of(
    st.builds(
        OnEvent, KEYS, st.none() | NAMESPACES, st.none() | st.integers(1, 2), st.none() | RUNS, st.none() | SENDERS
    ),
    st.builds(OnEvent, PATTERNS, pattern=st.just(True)),
    st.builds(
        OnStatus, st.sampled_from(["running", "succeeded"]), st.sampled_from(["", "x", "y"]), st.sampled_from(["", "t"])
    ),
)
TIMES = st.none() | st.integers(1, 8)
RULES: st.SearchStrategy[Rule] = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.builds(AnyOf, st.lists(part, min_size=1, max_size=3).map(tuple)),
        st.builds(AllOf, st.lists(part, min_size=1, max_size=3).map(tuple), TIMES, st.booleans()),
        st.builds(rules.Sequence, st.lists(part, min_size=1, max_size=3).map(tuple), TIMES),
        st.builds(Count, part, st.integers(1, 3), TIMES, st.booleans()),
        st.builds(Absence, part, st.integers(1, 6)),
    ),
    max_leaves=5,
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[rules.Signal]:
    at, out = 100.0, list[rules.Signal]()
    for step in draw(st.lists(st.integers(0, 4), max_size=25)):
        at += step
        which = draw(st.integers(0, 2))
        if which == 0:
            out.append(ev.TimePassed(at, "w"))
        elif which == 1:
            key, namespace, value = draw(KEYS), draw(NAMESPACES), draw(st.integers(1, 2))
            entry = Entry(len(out) + 1, draw(RUNS), 0, key, namespace, value, at, draw(SENDERS), True)
            out.append(replace(entry.received_by("r"), foreign=entry.run == "another"))
        else:
            out.append(
                StatusChanged(
                    at,
                    draw(st.sampled_from("xy")),
                    draw(st.sampled_from("tu")),
                    draw(st.sampled_from(["running", "succeeded"])),
                )
            )
    return out


A, B, C = OnEvent("a"), OnEvent("b"), OnEvent("c")
EXAMPLES: list[tuple[Rule, str, str]] = [
    # A letter is an event, a dot is a second; below it a "!" where the rule fires.
    (A, "a.b.a", "!   !"),
    (AnyOf((A, B)), "a.b.c.b", "! !   !"),
    (AllOf((A, B)), "a.a.b.b.a.b", "    !   !  "),
    (AllOf((A, A)), "a.a", "! !"),
    (rules.Sequence((A, B)), "b.a.c.b.b.a.b", "      !     !"),
    (rules.Sequence((A, A)), "a.a.a.a", "  !   !"),
    (Count(A, 3), "a.a.b.a.a", "      !"),
    (Count(AnyOf((A, B)), 2), "a.b.a.b", "  !   !"),
    (Absence(A, 3), "..t.t.t.t", "    !"),
    (Absence(A, 3), "a..t.t.t.a.t.t.t.t", "     !         !"),
    (Absence(A, 3), "....a...a", "    !   !"),
    (Count(Absence(A, 2), 2), "...t.a...t", "         !"),
    (rules.Sequence((A, Absence(B, 3))), "..a.t.t.t", "        !"),
    (rules.Sequence((A, Absence(B, 3))), "..a.t.b.t.t.t", "            !"),
    (rules.Sequence((Absence(A, 2), Absence(A, 2))), "..t.t.t.t.t", "      !    "),
    (AllOf((Absence(A, 2), B)), "..t.b.b.a..t.b", "    !      !"),
    (AllOf((A, B), 2), "a...b.a.b", "      !  "),
    (AllOf((A, B), reset=False), "a.b.b.a.b", "  ! ! ! !"),
    (AllOf((A, B), 1, reset=False), "a.b.b...b", "  !      "),
    (Count(A, 2, 2), "a...a.a.a", "      !  "),
    (Count(A, 2, reset=False), "a.a.a.b.a", "  ! !   !"),
    (Count(A, 3, 3, reset=False), "a.a.a.a....a.a", "    ! !       "),
    (rules.Sequence((A, B), 2), "a...b.a.a.b", "          !"),
    (rules.Sequence((A, B, C), 4), "a.b..a..c.b.c", "            !"),
    (rules.Sequence((A, Count(B, 2)), 4), "a.b.a...b", "         "),
    (rules.Sequence((A, Count(B, 2)), 6), "a.b.a.b", "      !"),
    (OnEvent("*", pattern=True), "a.b", "! !"),
]


@pytest.mark.parametrize(("rule", "said", "fires"), EXAMPLES)
def test_rules_by_example(rule: Rule, said: str, fires: str) -> None:
    memory, at = rule.start(100.0), 100.0
    for letter, mark in zip(said, fires.ljust(len(said)), strict=True):
        if letter == ".":
            at += 1
            continue
        memory, met = rule.fold(memory, ev.TimePassed(at) if letter == "t" else ev.EventReceived(at, 1, letter))
        assert (met is not None) == (mark == "!")


@given(RULES, histories())
def test_rules_fire_when_their_docstrings_say(rule: Rule, history: list[rules.Signal]) -> None:
    memory, fired = rule.start(100.0), []
    for i, signal in enumerate(history):
        memory, causes = rule.fold(json.loads(json.dumps(memory)), signal)
        fired += [i] * (causes is not None)
        assert causes != []
    assert fired == firings(rule, history, 100.0)


@given(RULES, histories())
def test_time_alone_moves_a_rule_at_its_deadlines_and_not_between(rule: Rule, history: list[rules.Signal]) -> None:
    memory = rule.start(100.0)
    for signal in history:
        due_at = rule.deadline(memory)
        if due_at is None or signal.at < due_at:
            assert rule.fold(memory, ev.TimePassed(signal.at, "w")) == (memory, None)
        else:
            passed, _ = rule.fold(memory, ev.TimePassed(due_at, "w"))
            later = rule.deadline(passed)
            assert later is None or later > due_at  # one timer for one moment
        memory, _ = rule.fold(memory, signal)


@given(RULES)
def test_what_is_written_is_read_again(rule: Rule) -> None:
    assert rules.from_json(json.loads(json.dumps(rule.to_json()))) == rule


@given(RULES, histories())
def test_nothing_moves_a_rule_but_what_it_is_entered_under(rule: Rule, history: list[rules.Signal]) -> None:
    memory = rule.start(100.0)
    for signal in history:
        fed, met = rule.fold(memory, signal)
        if isinstance(signal, ev.EventReceived):
            keys = {(kind, key) for kind, key, _ in rules.topics(rule)}
            starts = {(rules.STARTS, signal.key[:end]) for end in range(len(signal.key) + 1)}
            concerned = bool(keys & {(rules.EVENT, signal.key), *starts})
        elif isinstance(signal, StatusChanged):
            concerned = bool(rules.topics(rule) & set(signal.topics()))
        else:
            concerned = False
        due_at = rule.deadline(memory)
        if not concerned and (due_at is None or signal.at < due_at):
            assert met is None
            assert fed == memory
        memory = fed


@pytest.mark.parametrize("parts", [AnyOf, AllOf, rules.Sequence])
def test_a_rule_of_nothing_is_none(parts: Any) -> None:
    with pytest.raises(ValueError, match="at least one part"):
        parts(())


def test_a_count_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="never be over"):
        Count(OnEvent("a"), 0)


@pytest.mark.parametrize("time_s", [0, -1, float("inf"), float("nan")])
@pytest.mark.parametrize(
    "make",
    [
        lambda time_s: Absence(A, time_s),
        lambda time_s: Count(A, 2, time_s),
        lambda time_s: AllOf((A, B), time_s),
        lambda time_s: rules.Sequence((A, B), time_s),
    ],
)
def test_a_silence_takes_time_and_so_does_what_is_within(make: Any, time_s: float) -> None:
    with pytest.raises(ValueError, match="takes some time"):
        make(time_s)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="no such rule: 'moon'"):
        rules.from_json({"rule": "moon"})


# ---------------------------------------------------------------- waits of a run


def listen(run: Run, name: str, rule: Rule, *, repeat: bool = False) -> None:
    run.act(ev.WaitAdded(run.now, name, rule.to_json(), repeat))


def publish(run: Run, key: str, value: Any = None) -> bool:
    return run.feed(ev.EventReceived(run.now, run.state.offset + 1, key, value=value))


def heard(run: Run) -> list[tuple[str, int]]:
    found = [(each.wait, each.number) for each in run.fired]
    run.fired.clear()
    return found


def test_a_wait_fires_once_or_again_and_again() -> None:
    run = Run()
    listen(run, "once", OnEvent("a"))
    listen(run, "again", OnEvent("a"), repeat=True)
    for _ in range(3):
        publish(run, "a")
        publish(run, "b")
    assert heard(run) == [("once", 1), ("again", 1), ("again", 2), ("again", 3)]
    assert not run.state.waits["once"].open
    run.check()


def test_an_event_is_acted_on_once() -> None:
    run = Run()
    listen(run, "w", OnEvent("a"), repeat=True)
    assert run.feed(ev.EventReceived(run.now, 7, "a"))
    for offset in (7, 6):
        assert not run.feed(ev.EventReceived(run.now, offset, "a"))
    assert heard(run) == [("w", 1)]
    assert run.state.offset == 7


def test_a_wait_hears_nothing_of_before_it_was_there() -> None:
    run = Run()
    run.act(ev.WaitAdded(run.now, "w", OnEvent("a").to_json(), False, offset=40))
    assert not run.feed(ev.EventReceived(run.now, 40, "a"))
    assert run.feed(ev.EventReceived(run.now, 41, "a"))
    assert heard(run) == [("w", 1)]


def test_a_wait_that_is_removed_hears_no_more_and_may_be_added_anew() -> None:
    run = Run()
    rule = AllOf((OnEvent("a"), OnEvent("a*", pattern=True), OnStatus("succeeded", task="t")))
    for _ in range(2):
        listen(run, "w", rule)
        publish(run, "a")
        run.act(ev.WaitRemoved(run.now, "w"))
        assert not run.state.heeding
    run.add("x", task="t")
    run.succeed("x")
    assert heard(run) == []
    run.check()


def test_a_run_that_only_waits_says_so() -> None:
    run = Run()
    assert run.state.shown_status == "running"
    listen(run, "w", OnEvent("a"))
    assert run.state.shown_status == "waiting"
    run.add("x")
    assert run.state.shown_status == "running"
    run.succeed("x")
    assert run.state.shown_status == "waiting"
    publish(run, "a")
    assert run.state.shown_status == "running"


def test_a_cause_is_told_before_its_effects() -> None:
    """One step's success readies another in the same breath: a sequence of both hears them in that order."""
    run = Run()
    run.add("a")
    run.add("b", needs=["a"])
    listen(run, "w", rules.Sequence((OnStatus("succeeded", "a"), OnStatus("ready", "b"), OnStatus("running", "b"))))
    run.succeed("a")
    assert heard(run) == [("w", 1)]


def test_statuses_are_heeded_by_step_by_task_and_for_all() -> None:
    run = Run()
    listen(run, "key", OnStatus("failed", "x"), repeat=True)
    listen(run, "task", OnStatus("failed", task="t"), repeat=True)
    listen(run, "both", OnStatus("failed", "x", "t"), repeat=True)
    listen(run, "neither", OnStatus("failed", "x", "u"), repeat=True)
    listen(run, "all", OnStatus("failed"), repeat=True)
    listen(run, "twice", Count(AnyOf((OnStatus("failed", "x"), OnStatus("failed", task="t"))), 2), repeat=True)
    run.add("x", task="t")
    run.add("y", task="t")
    run.add("z", task="u")
    run.fail("x")
    assert heard(run) == [("key", 1), ("both", 1), ("task", 1), ("all", 1)]
    run.fail("y")
    assert heard(run) == [("task", 1 + 1), ("twice", 1), ("all", 2)]
    run.fail("z")
    assert heard(run) == [("all", 3)]
    run.check()


def test_elements_of_maps_are_not_told_of_one_by_one() -> None:
    run = Run()
    listen(run, "w", OnStatus("failed", task="t"), repeat=True)
    run.add("m", task="t", size=3)
    for index in range(3):
        run.fail("m", index)
    assert heard(run) == [("w", 1)]


def test_silence_is_noticed_by_a_timer() -> None:
    run = Run()
    listen(run, "w", Absence(OnEvent("beat"), 10), repeat=True)
    run.pass_time(9)
    assert heard(run) == []
    run.pass_time(1)
    assert heard(run) == [("w", 1)]
    run.pass_time(100)
    assert heard(run) == []
    publish(run, "beat")
    run.pass_time(10)
    assert heard(run) == [("w", 2)]
    run.check()


def test_a_deadline_that_keeps_moving_takes_one_timer() -> None:
    run = Run()
    listen(run, "w", Absence(OnEvent("beat"), 10), repeat=True)
    for _ in range(500):
        run.pass_time(1)
        publish(run, "beat")
        assert len(run.timers) == 1
    assert heard(run) == []
    run.pass_time(10)
    assert heard(run) == [("w", 1)]


@pytest.mark.parametrize("from_events", [False, True])
def test_a_rule_remembers_across_a_crash(from_events: bool) -> None:
    run = Run()
    listen(run, "three", Count(OnEvent("a"), 3))
    listen(run, "quiet", Absence(OnEvent("a"), 10))
    listen(run, "done", OnEvent("a"))
    publish(run, "a")
    publish(run, "a")
    run.check()
    heard(run)
    run.crash(from_events=from_events)
    run.pass_time(10)
    assert heard(run) == [("quiet", 1)]
    publish(run, "a")
    assert heard(run) == [("three", 1)]
    run.check()


def test_an_ended_run_listens_no_more() -> None:
    run = Run()
    listen(run, "w", AnyOf((OnEvent("a"), OnStatus("failed"))), repeat=True)
    run.act(ev.RunFinished(run.now, "failed"))
    publish(run, "a")
    assert heard(run) == []
    assert run.state.shown_status == "failed"
    run.check()
