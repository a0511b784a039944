"""Why a rule of a run has fired or has not: what it remembers, what it still lacks, what came of each firing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from motet import questions, rules
from motet.errors import NotFound, did_you_mean
from motet.kernel import checkpoint
from motet.kernel import events as ev
from motet.kernel.events import Json
from motet.kernel.fold import apply
from motet.kernel.state import RunState, Wait
from motet.kernel.transitions import ENDED
from motet.ports import EventFilter, RunRow, Store
from motet.records import Record
from motet.rules import OnEvent, Rule
from motet.views import human
from motet.views.hearing import why_not

_MOST_FIRINGS = 100
_MOST_MISSES = 3
_LOOKED_THROUGH = 1000


class Reaction(Record):
    """A rule that a run listens for: its memory as of now, its firings as they were recorded, the last ones, and events
    that came near: {"offset": ..., "key": ..., "why": words}.
    """

    id: str
    rule: Rule
    open: bool
    fired: int
    lacks: Sequence[str]
    firings: Sequence[Json]
    near: Sequence[Json]

    @property
    def json(self) -> Json:
        """All of it as a document."""
        return {
            "rule": self.id, "when": self.rule.to_json(), "in_words": questions.in_words(self.rule), "open": self.open,
            "fired": self.fired, "lacks": list(self.lacks), "firings": list(self.firings), "near": list(self.near),
        }  # fmt: skip

    def why(self) -> Iterator[str]:
        """Why it stands as it does, in a few lines."""
        yield f"It fires on {questions.in_words(self.rule)}."
        if not self.open:
            yield "It listens no longer."
        if self.lacks:
            again = " again" if self.fired else ""
            yield f"To fire{again} it {'lacks' if self.open else 'lacked'} {'; '.join(self.lacks)}."
        for each in self.near:
            yield f"Event {each['key']} at offset {each['offset']} did not count: {each['why']}."

    def story(self) -> Iterator[tuple[float, str]]:
        """Its firings, in order: time and text."""
        for each in self.firings:
            causes = "; ".join(map(human.cause, each["causes"]))
            did = f" -> {each['did']}" if each["did"] else ""
            yield each["at"], f"fired ({each['number']}): {causes}{did}"


def of_run(store: Store, run: RunRow) -> list[Reaction]:
    """The rules that the run listens for, in the order in which it began to."""
    firings, ended = _firings(store, run), run.status in ENDED
    return [
        Reaction(
            wait.id, wait.rule, wait.open and not ended, wait.fired,
            _lacks(wait.rule, wait.memory) if wait.open else (),
            firings.get(wait.id, ())[-_MOST_FIRINGS:], _near(store, run, wait) if wait.open else (),
        )
        for wait in _waits(store, run) if not wait.step and not wait.id.startswith("@")
    ]  # fmt: skip


def find(found: Sequence[Reaction], run: RunRow, text: str) -> Reaction:
    """The rule of that id, or the only one whose id has the text in it. Raises NotFound."""
    several = [each for each in found if each.id == text] or [each for each in found if text in each.id]
    if len(several) == 1:
        return several[0]
    what = f"Run {run.name} has {len(several) or 'no'} rules of the name {text!r}."
    raise NotFound(what, did_you_mean(text, [each.id for each in found], f"`motet why {run.name}` lists them."))


def _waits(store: Store, run: RunRow) -> list[Wait]:
    """What the run listens for; of one that has ended, what it listened for then."""
    kept = store.load_checkpoint(run.id)
    state = RunState(run.id, offset=run.offset) if kept is None else checkpoint.from_json(kept.state)
    found = list(state.waits.values())
    for data in store.history(run.id, state.seq):
        event = ev.from_json(data)
        if isinstance(event, ev.RunFinished):
            found = list(state.waits.values())
        apply(state, event)
        state.take_changes()
    return list(state.waits.values()) or found


def _firings(store: Store, run: RunRow) -> dict[str, list[Json]]:
    """By rule: {"number": ..., "at": ..., "causes": [...], "did": words, "step": key}. Of one that had something asked
    first, `did` goes on with what came of the answer.
    """
    found: dict[str, dict[int, Json]] = {}
    for event in store.history(run.id):
        if event["event"] in ("wait.fired", "wait.answered"):
            number, told = event["number"], event.get("told") or {}
            firing = found.setdefault(event["wait"], {}).setdefault(
                number, {"number": number, "at": event["at"], "causes": [], "did": "", "step": ""}
            )
            causes = told.get("causes") or event.get("causes") or firing["causes"]
            firing.update({"causes": causes, "did": told.get("did", ""), "step": told.get("step", "")})
    own = [firing for rule, firings in found.items() if rule.startswith("@") for firing in firings.values()]
    answers = {cause.get("step"): answer["did"] for answer in own for cause in answer["causes"]}
    for firing in [each for firings in found.values() for each in firings.values()]:
        if firing["did"].startswith("asked") and firing["step"] in answers:
            firing["did"] += f": {answers[firing['step']]}"
    return {rule: [firings[number] for number in sorted(firings)] for rule, firings in found.items()}


# ---------------------------------------------------------------- what is missing


def _lacks(rule: Rule, memory: Json) -> list[str]:
    """What must still come for the rule to fire, in words."""
    if isinstance(rule, rules.AllOf):
        met = memory["met"] or [None] * len(rule.parts)
        return [
            each for part, kept, was in zip(rule.parts, memory["parts"], met, strict=True)
            if was is None or _is_old(rule, was[0]) for each in _lacks(part, kept)
        ] or [f"one more of {questions.in_words(rules.AnyOf(tuple(rule.parts)))}"]  # fmt: skip
    if isinstance(rule, rules.Count):
        seen = memory.get("seen", 0) if rule.within_s is None else sum(not _is_old(rule, at) for at, _ in memory["met"])
        within = f" within {human.length(rule.within_s)}" if rule.within_s else ""
        return [f"{max(1, rule.times - seen)} of {rule.times} times {questions.in_words(rule.of)}{within}"]
    if isinstance(rule, rules.Sequence):
        begun = [each for each in memory["begun"] if not _is_old(rule, each[1])]
        place = max((each[0] for each in begun), default=0)
        return [f"{questions.in_words(each)} (part {number} of {len(rule.parts)})" for number, each in
                enumerate(rule.parts[place:], place + 1)]  # fmt: skip
    if isinstance(rule, rules.Absence):
        due_at = memory["due_at"]
        if due_at is None:
            return [f"{questions.in_words(rule.of)}, and then {human.length(rule.for_s)} of silence"]
        return [f"silence of {questions.in_words(rule.of)} until {human.clock(due_at)}"]
    return [questions.in_words(rule)]


def _is_old(rule: rules.AllOf | rules.Count | rules.Sequence, at: float) -> bool:
    return rule.within_s is not None and time.time() - at > rule.within_s


def _near(store: Store, run: RunRow, wait: Wait) -> list[Json]:
    """Published events of a key that the rule names, since the run began, that it did not count, the last ones."""
    found: dict[int, Json] = {}
    leaves = [each for each in rules.leaves(wait.rule) if isinstance(each, OnEvent)]
    for leaf in [each for each in leaves if not each.pattern]:
        for entry in store.read(run.offset, limit=_LOOKED_THROUGH, published=True, where=EventFilter(leaf.key)):
            received = entry.received_by(run.id)
            if not any(each.meets(received) for each in leaves):
                found[entry.offset] = {"offset": entry.offset, "key": entry.key, "why": why_not(leaf, received)}
    return [found[each] for each in sorted(found)][-_MOST_MISSES:]
