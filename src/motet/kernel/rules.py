"""The algebra of rules: "when this event (or status, or silence)", combined by all, any, count and sequence.

A rule is a value; what it remembers between signals is JSON, so it is checkpointed with the run. Folding
is pure: `rule.fold(memory, signal)` gives the new memory and whether the rule fired on that signal.
After it has fired, a rule starts afresh: all() waits for every part again, count() counts from zero.
"""

from __future__ import annotations

from collections.abc import Mapping

from motet.kernel.events import EventReceived, Json, TimePassed
from motet.records import Record
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import ClassVar, TypeAlias


class StatusChanged(Record):
    """A step of the run reached `status`. Derived while events are folded, so it is never recorded."""

    at: float
    key: str
    task: str
    status: str

    def topics(self) -> tuple[Topic, Topic, Topic]:
        """Where those are entered whom this concerns: see `topics`."""
        return (self.status, self.key, ""), (self.status, "", self.task), (self.status, "", "")


Topic: TypeAlias = tuple[str, str, str]
"""A status, and the step or the task to reach it; "" for any."""

Signal: TypeAlias = EventReceived | StatusChanged | TimePassed


class Rule:
    """A condition over what happens. Subclasses are immutable values."""

    kind: ClassVar[str] = ""

    def start(self, at: float) -> Json:
        """What the rule remembers when it begins to listen at time `at`."""
        return None

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, bool]:
        """The new memory, and whether the rule fired on `signal`."""
        raise NotImplementedError

    def deadline(self, memory: Json) -> float | None:
        """When time alone may make the rule fire; None while only a signal can."""
        return None

    def to_json(self) -> dict[str, Json]:
        """The rule as a JSON object; `from_json` gives it back."""
        raise NotImplementedError


class OnEvent(Rule, Record, frozen=True):
    """Fires on a published event with this key, and namespace and value where they are given."""

    kind: ClassVar[str] = "event"
    key: str
    namespace: str | None = None
    value: Json = None

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, bool]:
        met = (
            isinstance(signal, EventReceived)
            and signal.key == self.key
            and (self.namespace is None or signal.namespace == self.namespace)
            and (self.value is None or signal.value == self.value)
        )
        return None, met

    def to_json(self) -> dict[str, Json]:
        out: dict[str, Json] = {"rule": self.kind, "key": self.key}
        if self.namespace is not None:
            out["namespace"] = self.namespace
        if self.value is not None:
            out["value"] = self.value
        return out


class OnStatus(Rule, Record, frozen=True):
    """Fires when a step reaches `status`: the step with this key, or any step of this task."""

    kind: ClassVar[str] = "status"
    status: str
    key: str = ""
    task: str = ""

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, bool]:
        met = (
            isinstance(signal, StatusChanged)
            and signal.status == self.status
            and (not self.key or signal.key == self.key)
            and (not self.task or signal.task == self.task)
        )
        return None, met

    def to_json(self) -> dict[str, Json]:
        return {"rule": self.kind, "status": self.status, "key": self.key, "task": self.task}


class _Several(Rule, Record, frozen=True):
    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        if not self.rules:
            raise ValueError(f"the rule {self.kind!r} needs at least one part")

    def to_json(self) -> dict[str, Json]:
        return {"rule": self.kind, "rules": [each.to_json() for each in self.rules]}

    def _fold_each(self, memory: list[Json], signal: Signal) -> tuple[list[Json], list[bool]]:
        pairs = [each.fold(kept, signal) for each, kept in zip(self.rules, memory, strict=True)]
        return [kept for kept, _ in pairs], [met for _, met in pairs]

    def _earliest(self, memory: list[Json]) -> float | None:
        due = [each.deadline(kept) for each, kept in zip(self.rules, memory, strict=True)]
        return min((at for at in due if at is not None), default=None)


class AnyOf(_Several, frozen=True):
    """Fires whenever one of its parts fires."""

    kind: ClassVar[str] = "any"

    def start(self, at: float) -> Json:
        return [each.start(at) for each in self.rules]

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, bool]:
        kept, met = self._fold_each(memory, signal)
        return kept, any(met)

    def deadline(self, memory: Json) -> float | None:
        return self._earliest(memory)


class AllOf(_Several, frozen=True):
    """Fires when each part has fired at least once since the last time, in any order."""

    kind: ClassVar[str] = "all"

    def start(self, at: float) -> Json:
        return {"parts": [each.start(at) for each in self.rules], "met": [False] * len(self.rules)}

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, bool]:
        kept, met = self._fold_each(memory["parts"], signal)
        met = [was or now for was, now in zip(memory["met"], met, strict=True)]
        fired = all(met)
        return {"parts": kept, "met": [False] * len(met) if fired else met}, fired

    def deadline(self, memory: Json) -> float | None:
        return self._earliest(memory["parts"])


class Sequence(_Several, frozen=True):
    """Fires when its parts have fired one after the other; one signal moves it on by one part at most."""

    kind: ClassVar[str] = "sequence"

    def start(self, at: float) -> Json:
        return {"at": 0, "part": self.rules[0].start(at)}

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, bool]:
        place = memory["at"]
        kept, met = self.rules[place].fold(memory["part"], signal)
        if not met:
            return {"at": place, "part": kept}, False
        place = (place + 1) % len(self.rules)
        return {"at": place, "part": self.rules[place].start(signal.at)}, place == 0

    def deadline(self, memory: Json) -> float | None:
        place: int = memory["at"]
        return self.rules[place].deadline(memory["part"])


class Count(Rule, Record, frozen=True):
    """Fires each time its part has fired `times` times."""

    kind: ClassVar[str] = "count"
    rule: Rule
    times: int

    def __post_init__(self) -> None:
        if self.times < 1:
            raise ValueError(f"a count of {self.times} would never be over")

    def start(self, at: float) -> Json:
        return {"seen": 0, "part": self.rule.start(at)}

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, bool]:
        kept, met = self.rule.fold(memory["part"], signal)
        seen = memory["seen"] + met
        fired = seen >= self.times
        return {"seen": 0 if fired else seen, "part": kept}, fired

    def deadline(self, memory: Json) -> float | None:
        return self.rule.deadline(memory["part"])

    def to_json(self) -> dict[str, Json]:
        return {"rule": self.kind, "of": self.rule.to_json(), "times": self.times}


class Absence(Rule, Record, frozen=True):
    """Fires when its part has not fired for `for_s` seconds, counted from the start or from its last firing.

    It fires once a silence: the part must fire again before the next silence counts.
    """

    kind: ClassVar[str] = "absence"
    rule: Rule
    for_s: float

    def __post_init__(self) -> None:
        if self.for_s <= 0:
            raise ValueError(f"a silence takes some time, not {self.for_s} s")

    def start(self, at: float) -> Json:
        return {"due_at": at + self.for_s, "part": self.rule.start(at)}

    def fold(self, memory: Json, signal: Signal) -> tuple[Json, bool]:
        due_at = memory["due_at"]
        silent = due_at is not None and signal.at >= due_at
        kept, met = self.rule.fold(memory["part"], signal)
        if met:
            return {"due_at": signal.at + self.for_s, "part": kept}, silent
        return {"due_at": None if silent else due_at, "part": kept}, silent

    def deadline(self, memory: Json) -> float | None:
        own: float | None = memory["due_at"]
        inner = self.rule.deadline(memory["part"])
        return min((at for at in (own, inner) if at is not None), default=None)

    def to_json(self) -> dict[str, Json]:
        return {"rule": self.kind, "of": self.rule.to_json(), "for_s": self.for_s}


def from_json(data: Mapping[str, Json]) -> Rule:
    """The rule that `to_json` wrote. Raises ValueError for a kind that does not exist."""
    kind = data["rule"]
    if kind == OnEvent.kind:
        return OnEvent(data["key"], data.get("namespace"), data.get("value"))
    if kind == OnStatus.kind:
        return OnStatus(data["status"], data.get("key", ""), data.get("task", ""))
    if kind == Count.kind:
        return Count(from_json(data["of"]), data["times"])
    if kind == Absence.kind:
        return Absence(from_json(data["of"]), data["for_s"])
    several = {each.kind: each for each in (AnyOf, AllOf, Sequence)}.get(kind)
    if several is None:
        raise ValueError(f"no such rule: {kind!r}")
    return several(tuple(from_json(each) for each in data["rules"]))


def event_keys(rule: Rule) -> frozenset[str]:
    """The keys of the published events that can move the rule."""
    if isinstance(rule, OnEvent):
        return frozenset((rule.key,))
    if isinstance(rule, _Several):
        return frozenset().union(*(event_keys(each) for each in rule.rules))
    if isinstance(rule, Count | Absence):
        return event_keys(rule.rule)
    return frozenset()


def topics(rule: Rule) -> frozenset[Topic]:
    """The changes of steps' statuses that can move the rule."""
    if isinstance(rule, OnStatus):
        return frozenset(((rule.status, rule.key, "" if rule.key else rule.task),))
    if isinstance(rule, _Several):
        return frozenset().union(*(topics(each) for each in rule.rules))
    if isinstance(rule, Count | Absence):
        return topics(rule.rule)
    return frozenset()
