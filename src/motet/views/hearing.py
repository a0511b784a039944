"""Who heard a published event: each rule of a run that listens for its key, what of it held, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from motet import questions, rules
from motet.errors import NotFound
from motet.kernel import events as ev
from motet.kernel.events import EventReceived, Json
from motet.kernel.fold import apply
from motet.kernel.state import RunState, Wait
from motet.ports import Entry, RunRow, Store
from motet.records import Record
from motet.rules import OnEvent, Rule
from motet.views import human

_MOST_RUNS = 50
_AT_ONCE = 1000
_LOOKED_THROUGH = 20
"""So many times a thousand events after it are looked through for those who received it: it takes them milliseconds."""

_VALUE_CHARS = 60


class Condition(Record):
    """One thing that a rule asks for, whether it held once the event was heard, and by what: in words."""

    words: str
    holds: bool
    value: str

    @property
    def json(self) -> Json:
        """All of it as a document."""
        return {"words": self.words, "holds": self.holds, "value": self.value}


class Hearing(Record):
    """A rule of a run that heard the event. `did` is what came of its firing; `rule` its id in the run."""

    run: RunRow
    rule: str
    words: str
    fired: bool
    did: str
    step: str
    conditions: list[Condition]

    @property
    def json(self) -> Json:
        """All of it as a document."""
        return {
            "by": "run", "run": self.run.id, "name": self.run.name, "rule": self.rule, "in_words": self.words,
            "fired": self.fired, "did": self.did, "step": self.step, "conditions": [it.json for it in self.conditions],
        }  # fmt: skip


def heard(store: Store, entry: Entry) -> list[Hearing]:
    """The rules that heard the event, those that fired first."""
    if not entry.published:
        return []
    found = list(chain.from_iterable(_in_run(store, run, entry) for run in _receivers(store, entry)))
    return sorted(found, key=lambda each: not each.fired)


def _receivers(store: Store, entry: Entry) -> Iterator[RunRow]:
    """The runs that recorded that they received it."""
    found: dict[str, None] = {}
    after = entry.offset
    for _ in range(_LOOKED_THROUGH):
        entries = store.read(after, limit=_AT_ONCE)
        for each in entries:
            if each.key == EventReceived.kind and not each.published and each.value.get("offset") == entry.offset:
                found[each.run] = None
        if len(entries) < _AT_ONCE or len(found) >= _MOST_RUNS:
            break
        after = entries[-1].offset
    for run in found:
        try:
            yield store.run(run)
        except NotFound:  # pruned at this moment
            continue


def _in_run(store: Store, run: RunRow, entry: Entry) -> list[Hearing]:
    state = RunState(run.id)
    history = map(ev.from_json, store.history(run.id))
    for event in history:
        if isinstance(event, EventReceived) and event.offset == entry.offset:
            waits = [each for each in state.waits.values() if _listens(each, event)]
            known = {each.id: (each.memory, each.fired) for each in waits}
            apply(state, event)
            answers = _answers(history)
            return [_hearing(run, each, *known[each.id], event, answers) for each in waits]
        apply(state, event)
        state.take_changes()
    return []


def _listens(wait: Wait, event: EventReceived) -> bool:
    leaves = rules.leaves(wait.rule)
    named = any(isinstance(each, OnEvent) and _is_named(each, event.key) for each in leaves)
    return wait.open and named and not wait.id.startswith("@")


def _is_named(leaf: OnEvent, key: str) -> bool:
    return rules.is_like(key, leaf.key) if leaf.pattern else leaf.key == key


def _answers(history: Iterator[ev.Event]) -> dict[tuple[str, int], Json]:
    """What came of firings, by rule and number."""
    return {(each.wait, each.number): each.told for each in history if isinstance(each, ev.WaitAnswered)}


def _hearing(
    run: RunRow, wait: Wait, memory: Json, fired: int, event: EventReceived, answers: dict[tuple[str, int], Json]
) -> Hearing:
    has_fired = wait.fired > fired
    told = (answers.get((wait.id, wait.fired)) or {}) if has_fired else {}
    did = told.get("did") or (f"{wait.step} goes on" if has_fired and wait.step else "")
    return Hearing(
        run, wait.id, questions.in_words(wait.rule), has_fired, did, told.get("step") or wait.step,
        list(conditions(wait.rule, memory, event)),
    )  # fmt: skip


# ---------------------------------------------------------------- conditions


def conditions(rule: Rule, memory: Json, event: EventReceived) -> Iterator[Condition]:
    """What the rule asks for, with what it remembered when the event came."""
    words = questions.in_words(rule)
    if isinstance(rule, rules.AllOf):
        met = memory["met"] or [None] * len(rule.parts)
        for part, kept, was in zip(rule.parts, memory["parts"], met, strict=True):
            yield from _part(part, kept, event, None if was is None or _is_old(rule, was[0], event) else was[0])
    elif isinstance(rule, rules.AnyOf):
        for part, kept in zip(rule.parts, memory["parts"], strict=True):
            yield from _part(part, kept, event, None)
    elif isinstance(rule, rules.Count):
        seen = memory.get("seen", 0)
        if rule.within_s is not None:
            seen = sum(not _is_old(rule, at, event) for at, _ in memory["met"])
        seen += _meets(rule.of, memory["parts"][0], event)
        yield Condition(words, seen >= rule.times, f"{min(seen, rule.times)} of {rule.times}")
    elif isinstance(rule, rules.Sequence):
        yield from _sequence(rule, memory, event)
    elif isinstance(rule, OnEvent):
        holds = rule.meets(event)
        yield Condition(words, holds, human.short(event.value, _VALUE_CHARS) if holds else why_not(rule, event))
    else:
        yield Condition(words, _meets(rule, memory, event), "")


def _part(part: Rule, memory: Json, event: EventReceived, met_at: float | None) -> Iterator[Condition]:
    """A part of a rule: as one condition if it holds, else with what it lacks."""
    if _meets(part, memory, event):
        yield Condition(questions.in_words(part), True, human.short(event.value, _VALUE_CHARS))
    elif met_at is not None:
        yield Condition(questions.in_words(part), True, human.clock(met_at))
    elif part.parts:
        yield from conditions(part, memory, event)
    elif isinstance(part, OnEvent) and _is_named(part, event.key):
        yield Condition(questions.in_words(part), False, why_not(part, event))
    else:
        yield Condition(questions.in_words(part), False, "not yet")


def _sequence(rule: rules.Sequence, memory: Json, event: EventReceived) -> Iterator[Condition]:
    begun = [each for each in memory["begun"] if not _is_old(rule, each[1], event)]
    place, kept = max(((each[0], each[2]) for each in begun), key=lambda each: each[0], default=(0, memory["first"]))
    moved = _meets(rule.parts[place], kept, event)
    for number, part in enumerate(rule.parts):
        value = "before" if number < place else human.short(event.value, _VALUE_CHARS) if moved else "not yet"
        yield Condition(
            f"{number + 1}. {questions.in_words(part)}", number < place + moved,
            value if number <= place else "not yet",
        )  # fmt: skip


def _meets(rule: Rule, memory: Json, event: EventReceived) -> bool:
    return rule.fold(memory, event)[1] is not None


def _is_old(rule: rules.AllOf | rules.Count | rules.Sequence, at: float, event: EventReceived) -> bool:
    return rule.within_s is not None and event.at - at > rule.within_s


def why_not(leaf: OnEvent, received: EventReceived) -> str:
    """Why an event of the key that the rule names does not count, in words."""
    if leaf.namespace is not None and received.namespace != leaf.namespace:
        return f"its namespace is {received.namespace!r}, not {leaf.namespace!r}"
    if leaf.namespace is None and received.namespace in rules.OWN_NAMESPACES:
        return f"it is Motet's own, of the namespace {received.namespace!r}, which the rule does not name"
    if leaf.run is None and received.foreign:
        return f"it is meant for run {received.run}"
    if leaf.run not in (None, "*", received.run):
        return f"it is not meant for run {leaf.run}"
    if leaf.sender is not None and received.sender != leaf.sender:
        return f"its sender is {received.sender!r}, not {leaf.sender!r}"
    return f"its value is {human.short(received.value, _VALUE_CHARS)}"
