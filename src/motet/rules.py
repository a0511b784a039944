"""The algebra of rules: "when this event (or status, or silence)", combined by all, any, count and sequence.

A rule is a value; what it remembers between signals is JSON, so it is checkpointed with the run. Folding
is pure: `rule.fold(memory, signal)` gives the new memory, and what made the rule fire on that signal, if it did.
After it has fired, a rule starts afresh: all() waits for every part again, count() counts from zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from operator import itemgetter

from motet.records import Record, defaults
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import ClassVar, TypeAlias

Json: TypeAlias = Any
"""None, bool, int, float, str, or a list or str-keyed dict of these."""

OWN_NAMESPACES = ("motet", "artifact")
"""What Motet itself publishes is in these: requests to runs and answers, and what users publish as artifacts."""

MOST_CAUSES = 100
"""So many causes are handed on with a firing, the last ones."""


class StatusChanged(Record):
    """A step of the run reached `status`. Derived while events are folded, so it is never recorded."""

    kind: ClassVar[str] = "status.changed"
    at: float
    key: str
    task: str
    status: str

    def topics(self) -> tuple[Topic, Topic, Topic]:
        """Where those are entered whom this concerns: see `topics`."""
        return (self.status, self.key, ""), (self.status, "", self.task), (self.status, "", "")


Topic: TypeAlias = tuple[str, str, str]
"""A status, and the step or the task to reach it, "" for any; EVENT and a key; STARTS and how a key begins; TIME."""

EVENT, STARTS, TIME = "event", "events", "time"

Signal: TypeAlias = Any
"""What rules are folded over: the kernel's events of published events and of time; StatusChanged. All have an `at`."""

_RECEIVED = "event.received"

Causes: TypeAlias = list[Json]
"""What made a rule fire, in order: {"event": key, "offset": n} (its value stands there in the journal),
{"step": key, "status": status}, {"silence": seconds, "until": time}, or {"after": seconds, "until": time}."""


class Rule(Record, frozen=True):
    """A condition over what happens. Subclasses are immutable values, made of `parts`."""

    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        fields = self._fields
        if not fields.get("rules", True):
            raise ValueError(f"the rule {self.kind!r} needs at least one part")
        if fields.get("times", 1) < 1:
            raise ValueError(f"a count of {fields['times']} would never be over")
        for time_s in (fields.get("within_s"), fields.get("for_s")):
            if time_s is not None and not 0 < time_s < inf:
                raise ValueError(f"it takes some time, not {time_s} s")

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rules that this one combines."""
        found: Json = getattr(self, "of", None)
        return (found,) if found is not None else getattr(self, "rules", ())

    def start(self, at: float) -> Json:
        """What the rule remembers when it begins to listen at time `at`."""
        return {"parts": [each.start(at) for each in self.parts], "met": []} if self.parts else None

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, Causes | None]:
        """The new memory; and the causes if the rule fired on `signal`, else None."""
        raise NotImplementedError

    def deadline(self, memory: Json) -> float | None:
        """When time alone may make the rule fire; None while only a signal can."""
        if memory is None:
            return None
        due = [each.deadline(kept) for each, kept in zip(self.parts, memory["parts"], strict=True)]
        return min((at for at in due if at is not None), default=None)

    def to_json(self) -> dict[str, Json]:
        """The rule as a JSON object, without what is as by default; `from_json` gives it back."""
        out: dict[str, Json] = {"rule": self.kind}
        known = defaults(type(self))
        for name, value in self._fields.items():
            if name not in known or value != known[name]:
                out[name] = value.to_json() if isinstance(value, Rule) else value
        return out if "rules" not in out else {**out, "rules": [each.to_json() for each in out["rules"]]}

    @property
    def _fields(self) -> dict[str, Json]:
        names: tuple[str, ...] = type(self).__match_args__
        return {name: getattr(self, name) for name in names}

    def _fold_parts(self, memory: Json, signal: Signal) -> tuple[list[Json], list[Causes | None]]:
        pairs = [each.fold(kept, signal) for each, kept in zip(self.parts, memory["parts"], strict=True)]
        return [kept for kept, _ in pairs], [causes for _, causes in pairs]


class OnEvent(Rule, frozen=True):
    """Fires on a published event with this key; and with namespace, value, run and sender where they are given. What is
    in `having` must be in its value, an object.

    What Motet itself publishes is met only where its namespace is named, and what is meant for another run only where
    that run is named, or "*" for any. With `pattern`, each "*" in the key stands for any text.
    """

    kind: ClassVar[str] = "event"
    key: str
    namespace: str | None = None
    value: Json = None
    run: str | None = None
    sender: str | None = None
    pattern: bool = False
    having: Mapping[str, Json] | None = None

    @property
    def topic(self) -> Topic:
        """Where it is entered: see `topics`."""
        return (STARTS, self.key.partition("*")[0], "") if self.pattern else (EVENT, self.key, "")

    def meets(self, event: Signal) -> bool:
        """Whether it fires on that event."""
        return (
            (event.key == self.key or (self.pattern and is_like(event.key, self.key)))
            and (event.namespace not in OWN_NAMESPACES if self.namespace is None else event.namespace == self.namespace)
            and (not event.foreign if self.run is None else self.run in ("*", event.run))
            and (self.sender is None or event.sender == self.sender)
            and (self.value is None or event.value == self.value)
            and (self.having is None or _has(event.value, self.having))
        )

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, Causes | None]:
        if signal.kind == _RECEIVED and self.meets(signal):
            return None, [{"event": signal.key, "offset": signal.offset}]
        return None, None


class After(Rule, frozen=True):
    """Fires once, `for_s` seconds after it began to listen."""

    kind: ClassVar[str] = "after"
    for_s: float

    @property
    def topic(self) -> Topic:
        """Where it is entered: see `topics`. No signal is sought there."""
        return TIME, "", ""

    def start(self, at: float) -> Json:
        return at + self.for_s

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, Causes | None]:
        if memory is None or signal.at < memory:
            return memory, None
        return None, [{"after": self.for_s, "until": memory}]

    def deadline(self, memory: Json) -> float | None:
        due_at: float | None = memory
        return due_at


class OnStatus(Rule, frozen=True):
    """Fires when a step reaches `status`: the step with this key, or any step of this task."""

    kind: ClassVar[str] = "status"
    status: str
    key: str = ""
    task: str = ""

    @property
    def topic(self) -> Topic:
        """Where it is entered: see `topics`."""
        return self.status, self.key, "" if self.key else self.task

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, Causes | None]:
        met = (
            signal.kind == StatusChanged.kind
            and signal.status == self.status
            and (not self.key or signal.key == self.key)
            and (not self.task or signal.task == self.task)
        )
        return None, [{"step": signal.key, "status": signal.status}] if met else None


class AnyOf(Rule, frozen=True):
    """Fires whenever one of its parts fires."""

    kind: ClassVar[str] = "any"
    rules: tuple[Rule, ...]

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, Causes | None]:
        kept, met = self._fold_parts(memory, signal)
        return {"parts": kept, "met": []}, _gathered(causes for causes in met if causes is not None) or None


class AllOf(Rule, frozen=True):
    """Fires when each part has fired at least once since the last time, in any order.

    within_s   the last firings of all parts must lie within so many seconds
    reset      False: what has fired counts for good (or for `within_s`), so that each further firing of a part fires it
    """

    kind: ClassVar[str] = "all"
    rules: tuple[Rule, ...]
    within_s: float | None = None
    reset: bool = True

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, Causes | None]:
        kept, fired = self._fold_parts(memory, signal)
        pairs = zip(memory["met"] or [None] * len(fired), fired, strict=True)
        met: Json = [was if causes is None else [signal.at, causes] for was, causes in pairs]
        recent = [each for each in met if each is not None and _is_recent(each[0], signal.at, self.within_s)]
        if not any(fired):
            return {"parts": kept, "met": memory["met"]}, None
        if len(recent) < len(met):
            return {"parts": kept, "met": met}, None
        told = _gathered(causes for _, causes in sorted(recent, key=itemgetter(0)))
        return {"parts": kept, "met": [] if self.reset else met}, told


class Sequence(Rule, frozen=True):
    """Fires when its parts have fired one after the other; one signal moves it on by one part at most.

    within_s   from the firing of the first part to that of the last at most so many seconds may pass; then each firing
               of the first part is a beginning, whatever is under way
    """

    kind: ClassVar[str] = "sequence"
    rules: tuple[Rule, ...]
    within_s: float | None = None

    def start(self, at: float) -> Json:
        return {"first": self.rules[0].start(at), "begun": []}

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, Causes | None]:
        first, begins = memory["first"], None
        if self.within_s is not None or not memory["begun"]:
            first, begins = self.rules[0].fold(first, signal)
        begun, fired = [], begins if len(self.rules) == 1 else None
        for place, at, kept, causes in memory["begun"]:
            moved = None
            if _is_recent(at, signal.at, self.within_s):
                kept, moved = self.rules[place].fold(kept, signal)
            if moved is not None:
                place, causes = place + 1, _gathered((causes, moved))
                if place == len(self.rules):
                    fired = causes
                    break
                kept = self.rules[place].start(signal.at)
            begun.append([place, at, kept, causes])
        if fired is not None:
            return self.start(signal.at), fired
        if begins is not None:
            begun.append([1, signal.at, self.rules[1].start(signal.at), begins])
            begun = [each for each in begun if _is_recent(each[1], signal.at, self.within_s)]
        # Of those that stand alike, the last to begin has the most time left.
        return {"first": first, "begun": [*{repr(each[::2]): each for each in begun}.values()]}, None

    def deadline(self, memory: Json) -> float | None:
        begun = memory["begun"]
        due = [(self.rules[place].deadline(kept), at) for place, at, kept, _ in begun]
        if self.within_s is not None or not begun:
            first = self.rules[0].deadline(memory["first"])
            due.append((first, first or 0.0))
        return min((at for at, since in due if at is not None and _is_recent(since, at, self.within_s)), default=None)


class Count(Rule, frozen=True):
    """Fires each time its part has fired `times` times.

    within_s   these firings must lie within so many seconds
    reset      False: they count on, so that each further firing fires it, too
    """

    kind: ClassVar[str] = "count"
    of: Rule
    times: int
    within_s: float | None = None
    reset: bool = True

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, Causes | None]:
        kept, (causes,) = self._fold_parts(memory, signal)
        if causes is None:
            return {**memory, "parts": kept}, None
        recent = [each for each in memory["met"] if _is_recent(each[0], signal.at, self.within_s)]
        met = [*recent, [signal.at, causes]][-(MOST_CAUSES if self.within_s is None else self.times) :]
        # What is forgotten was seen all the same.
        seen = memory.get("seen", 0) + 1 if self.within_s is None else len(met)
        if seen < self.times:
            return {"parts": kept, "met": met, "seen": seen}, None
        told = _gathered(causes for _, causes in met[-self.times :])
        return {"parts": kept, "met": [] if self.reset else met, "seen": 0 if self.reset else seen}, told


class Absence(Rule, frozen=True):
    """Fires when its part has not fired for `for_s` seconds, counted from the start or from its last firing.

    It fires once a silence: the part must fire again before the next silence counts.
    """

    kind: ClassVar[str] = "absence"
    of: Rule
    for_s: float

    def start(self, at: float) -> Json:
        return {**super().start(at), "due_at": at + self.for_s}

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, Causes | None]:
        due_at = memory["due_at"]
        silent = due_at is not None and signal.at >= due_at
        told = [{"silence": self.for_s, "until": due_at}] if silent else None
        kept, (met,) = self._fold_parts(memory, signal)
        if met is not None:
            return {**memory, "due_at": signal.at + self.for_s, "parts": kept}, told
        return {**memory, "due_at": None if silent else due_at, "parts": kept}, told

    def deadline(self, memory: Json) -> float | None:
        own, inner = memory["due_at"], super().deadline(memory)
        return min((at for at in (own, inner) if at is not None), default=None)


def is_like(text: str, pattern: str) -> bool:
    """Whether the text is like the pattern. By hand: what others need for patterns costs ten times this module."""
    first, *pieces = pattern.split("*")
    if not pieces or not text.startswith(first):
        return text == pattern
    at = len(first)
    for piece in pieces[:-1]:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(text) - at >= len(pieces[-1]) and text.endswith(pieces[-1])


def _has(value: Json, wanted: Mapping[str, Json]) -> bool:
    return isinstance(value, dict) and all(name in value and value[name] == each for name, each in wanted.items())


def _is_recent(then: float, now: float, within_s: float | None) -> bool:
    return within_s is None or now - then <= within_s


def _gathered(several: Iterable[Causes]) -> Causes:
    """All of the causes, each once, in order; the last ones if they are too many."""
    found: Causes = []
    for causes in several:
        found += [each for each in causes if each not in found[-MOST_CAUSES:]]
    return found[-MOST_CAUSES:]


_KINDS: dict[str, type[Rule]] = {
    each.kind: each for each in (OnEvent, OnStatus, After, AnyOf, AllOf, Sequence, Count, Absence)
}


def from_json(data: Mapping[str, Json]) -> Rule:
    """The rule that `to_json` wrote. Raises ValueError for a kind that does not exist."""
    kind = _KINDS.get(data["rule"])
    if kind is None:
        raise ValueError(f"no such rule: {data['rule']!r}")
    fields = {name: value for name, value in data.items() if name != "rule"}
    if "rules" in fields:
        fields["rules"] = tuple(from_json(each) for each in fields["rules"])
    if "of" in fields:
        fields["of"] = from_json(fields["of"])
    return kind(**fields)


def leaves(rule: Rule) -> Iterator[OnEvent | OnStatus | After]:
    """The rules over events, statuses and time that the rule is made of."""
    if isinstance(rule, OnEvent | OnStatus | After):
        yield rule
    for each in rule.parts:
        yield from leaves(each)


def topics(rule: Rule) -> frozenset[Topic]:
    """What can move the rule: events by their key, or by what it begins with, and statuses."""
    return frozenset(each.topic for each in leaves(rule))
