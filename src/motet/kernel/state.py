"""What is known of a run: steps, maps, waits, limits. Changed by `fold.apply` alone.

Everything here is either a primary fact, which `checkpoint` writes as JSON, or follows from the facts
(what still stands in a step's way, who listens to whom, what is in use) and is built up again on load.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from motet.kernel.events import Json
from motet.kernel.policy import PLAIN, Policy
from motet.kernel.rules import Rule, Signal
from motet.kernel.transitions import ENDED, PENDING, RUNNING, SUCCEEDED, WAITING

# What an element of a map is at, one byte each. OWN means that it has a Step of its own.
M_BLOCKED, M_WAITING, M_RUNNING, M_SUCCEEDED, M_OWN, M_ENDED = range(6)


@dataclass(slots=True)
class MapState:
    """The elements of one map, a byte and a result each, so that a million of them stay cheap.

    `lacks[i]` counts the upstream elements that element i still waits for; `cursor` is where the search
    for the next waiting element starts; `ended` counts elements with an outcome, `bad` those that did not
    succeed; `followers` are maps that follow this one element by element, `watchers` steps that need one element.
    """

    size: int
    marks: bytearray
    results: list[Json]
    lacks: bytearray | None = None
    cursor: int = 0
    running: int = 0
    ended: int = 0
    bad: int = 0
    followers: list[str] = field(default_factory=list)
    watchers: dict[int, list[str]] = field(default_factory=dict)
    doomed: list[tuple[int, str]] = field(default_factory=list)

    def next_waiting(self) -> int:
        """The first element that may start, -1 if none."""
        found = self.marks.find(M_WAITING, self.cursor)
        self.cursor = self.size if found < 0 else found
        return found


@dataclass(slots=True)
class Step:
    """One step. `unmet` counts what still stands in its way; `doomed` is the need that did not succeed."""

    key: str
    task: str
    form: str
    parent: str
    name: str
    policy: Policy
    fingerprint: str
    added_at: float
    needs: Sequence[str] = ()
    after: Sequence[str] = ()
    each: Sequence[str] = ()
    call: Json = None
    status: str = PENDING
    attempt: int = 0
    failures: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    due_at: float = 0.0
    result: Json = None
    error: Json = None
    cached: bool = False
    stopping: str = ""
    map: MapState | None = None
    of: str = ""
    element: int = -1
    unmet: int = 0
    doomed: str = ""
    blocks: list[str] | None = None
    bound: bool = True
    queued: bool = False

    @property
    def ended(self) -> bool:
        """Whether the step has an outcome."""
        return self.status in ENDED


@dataclass(slots=True)
class Wait:
    """A rule the run listens for, with what it remembers and how often it has fired.

    One that fired and does not repeat stays, closed, so that its program may ask for it again in vain.
    """

    id: str
    rule: Rule
    memory: Json
    repeat: bool = False
    fired: int = 0
    open: bool = True


@dataclass(slots=True)
class Fired:
    """A rule fired: the `number`-th time, on that signal."""

    wait: str
    number: int
    signal: Signal


@dataclass(slots=True)
class Limit:
    """A named limit: capacity, what is in use, and the steps that wait for room, first come first served."""

    capacity: float = float("inf")
    slack: float = 0.0
    used: float = 0.0
    parked: deque[str] = field(default_factory=deque)


@dataclass(slots=True)
class Changes:
    """What folding touched since it was last asked: steps in order, rules that fired, whether the run itself did."""

    steps: dict[str, None] = field(default_factory=dict)
    fired: list[Fired] = field(default_factory=list)
    freed: set[str] = field(default_factory=set)
    waits: set[str] = field(default_factory=set)
    run: bool = False

    def __bool__(self) -> bool:
        return bool(self.steps or self.fired or self.freed or self.waits or self.run)


@dataclass(slots=True)
class RunState:
    """One run. `seq` counts its recorded events, `offset` is the last published event that it acted on."""

    run: str
    status: str = PENDING
    epoch: int = 0
    seq: int = 0
    offset: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    result: Json = None
    error: Json = None
    reason: str = ""
    steps: dict[str, Step] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    ready: deque[str] = field(default_factory=deque)
    changes: Changes = field(default_factory=Changes)
    listening: dict[str, list[str]] = field(default_factory=dict)
    heeding: list[str] = field(default_factory=list)
    active: int = 0

    def take_changes(self) -> Changes:
        """What was touched since the last call; the account starts anew."""
        taken, self.changes = self.changes, Changes()
        return taken

    def policy(self, data: Mapping[str, Json]) -> Policy:
        """The policy written as `data`, one object for all steps that share it."""
        if not data:
            return PLAIN
        text = repr(data)
        found = self.policies.get(text)
        if found is None:
            found = self.policies[text] = Policy.from_json(data)
        return found

    def limit(self, name: str) -> Limit:
        """The named limit; one that nobody has set does not bind."""
        found = self.limits.get(name)
        if found is None:
            found = self.limits[name] = Limit()
        return found

    def outcome(self, key: str) -> str:
        """The status of a step, or of an element of a map ("scale-0[3]"); "" for a key that does not exist."""
        step = self.steps.get(key)
        if step is not None:
            return step.status
        found = self.element(key)
        if found is None:
            return ""
        marks = found[0].map
        assert marks is not None
        return _MARK_STATUS[marks.marks[found[1]]]

    def element(self, key: str) -> tuple[Step, int] | None:
        """The map and index that an element's key stands for."""
        if not key.endswith("]"):
            return None
        of, _, index = key[:-1].rpartition("[")
        step = self.steps.get(of)
        if step is None or step.map is None or not index.isdigit() or int(index) >= step.map.size:
            return None
        return step, int(index)

    @property
    def shown_status(self) -> str:
        """The run's status as people see it: running, but with nothing in hand and a rule to wait for, is waiting."""
        if self.status == RUNNING and not self.active and any(each.open for each in self.waits.values()):
            return WAITING
        return self.status


_MARK_STATUS = {
    M_BLOCKED: PENDING, M_WAITING: "ready", M_RUNNING: RUNNING, M_SUCCEEDED: SUCCEEDED,
}  # fmt: skip


def element_key(of: str, index: int) -> str:
    """The key of an element of a map."""
    return f"{of}[{index}]"
