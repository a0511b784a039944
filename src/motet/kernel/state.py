"""What is known of a run: steps, maps, waits, limits. Changed by `fold.apply` alone.

Everything here is either a primary fact, which `checkpoint` writes as JSON, or follows from the facts
(what still stands in a step's way, who listens to whom, what is in use) and is built up again on load.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence

from motet.kernel.events import Json
from motet.kernel.policy import PLAIN, Policy
from motet.kernel.transitions import CANCELLED, ENDED, PENDING, READY, RUNNING, SKIPPED, SUCCEEDED, WAITING
from motet.records import Record, field
from motet.rules import Causes, Rule, Signal, Topic

# What an element of a map is at, one byte each. OWN: it has a Step of its own, which has yet to end. An
# element that succeeded is SUCCEEDED whether it has a Step or not; ENDED is any other end.
M_BLOCKED, M_WAITING, M_RUNNING, M_SUCCEEDED, M_OWN, M_ENDED = range(6)


MOST_CHECKPOINTS = 10
"""So many checkpoints of a step are known to the run: should the last one be damaged, the one before it counts."""


class MapState(Record):
    """The elements of one map, a byte and a result each, so that a million of them stay cheap.

    due        elements that came free behind `cursor`; from there on, `marks` are searched
    running    elements that run, with a Step of their own or without
    ended      elements with an outcome; `bad` are those that did not succeed
    blocked    elements that wait for the same element of a map that this one follows
    own        the elements that have a Step of their own
    followers  maps that follow this one element by element
    watchers   steps that need, or come after, one element
    doomed     elements to be skipped, each with the element because of which
    known      elements that had a Step of their own until a reset: what becomes of each is still told by itself
    """

    size: int
    marks: bytearray
    results: list[Json]
    cursor: int = 0
    due: deque[int] = field(default_factory=deque)
    running: int = 0
    ended: int = 0
    bad: int = 0
    blocked: int = 0
    own: dict[int, Step] = field(default_factory=dict)
    followers: list[str] = field(default_factory=list)
    watchers: dict[int, list[str]] = field(default_factory=dict)
    doomed: dict[int, str] = field(default_factory=dict)
    known: dict[int, None] = field(default_factory=dict)

    def at(self, mark: int) -> Iterator[int]:
        """The elements with that mark, in order. Costs what it finds, and a fast search."""
        index = self.marks.find(mark)
        while index >= 0:
            yield index
            index = self.marks.find(mark, index + 1)

    def next_waiting(self) -> int:
        """The next element that may start, -1 if none. It stays the next until it is taken."""
        while self.due:
            if self.marks[self.due[0]] == M_WAITING:
                return self.due[0]
            self.due.popleft()
        found = self.marks.find(M_WAITING, self.cursor)
        self.cursor = self.size if found < 0 else found
        return found

    def take(self, room: float) -> list[int]:
        """Up to `room` elements that may start, each once."""
        taken: list[int] = []
        while len(taken) < room and (index := self.next_waiting()) >= 0:
            taken.append(index)
            if self.due:
                self.due.popleft()
            else:
                self.cursor = index + 1
        return taken


class Step(Record):
    """One step.

    unmet   how many of those it needs, or comes after, stand in its way; `doomed` is one that did not succeed
    blocks  the steps that need this one, or come after it, for good: a reset tells them again
    of      the map that it is an element of, with `element` as its place
    bound   whether what it needs to run is there; an element has what its map has
    ticket  its place in line for limits, 0 when it is in none; `held` are the limits that it passed already
    checkpoints  the numbers of those that its next attempt may begin from, oldest first, by its key or an element's
    until   the rule that completes it, which then hears published events beyond `since`; see `events.StepAdded`
    """

    key: str
    task: str
    form: str
    parent: str
    name: str
    policy: Policy
    fingerprint: str
    added_at: float
    needs: Sequence[str] = ()
    after: Collection[str] = ()
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
    cached: int = 0
    stopping: str = ""
    map: MapState | None = None
    of: str = ""
    element: int = -1
    unmet: int = 0
    doomed: str = ""
    blocks: list[str] | None = None
    bound: bool = True
    ticket: int = 0
    held: tuple[str, ...] = ()
    checkpoints: dict[str, list[int]] | None = None
    until: Json = None
    since: int = 0

    @property
    def ended(self) -> bool:
        """Whether the step has an outcome."""
        return self.status in ENDED


class Wait(Record):
    """A rule the run, or the step `step`, listens for, with what it remembers and how often it has fired.

    One that fired and does not repeat stays, closed, so that its program may ask for it again in vain.
    `timer_at` is when the earliest timer that was set for its deadline goes off; `heard` the offset of the last
    published event that it was shown, or up to which none is for it. Its `number` is on its timers: a former wait of
    the same id had another.
    """

    id: str
    rule: Rule
    memory: Json
    repeat: bool = False
    fired: int = 0
    open: bool = True
    timer_at: float | None = None
    heard: int = 0
    step: str = ""
    number: int = 0

    @property
    def due_at(self) -> float | None:
        """When time alone may make the rule fire; None while only a signal can, or nothing any more."""
        return self.rule.deadline(self.memory) if self.open else None


class Fired(Record):
    """A rule fired: the `number`-th time, on that signal, the last of the causes."""

    wait: str
    number: int
    signal: Signal
    causes: Causes


class Limit(Record):
    """A named limit: capacity, what is in use, what is held by steps in line elsewhere, and its own line.

    The line is a heap of (ticket, key): first come, first served.
    """

    capacity: float = float("inf")
    slack: float = 0.0
    used: float = 0.0
    held: float = 0.0
    line: list[tuple[int, str]] = field(default_factory=list)


class Retired:
    """Which keys belonged to steps that were retired. Of numbered ones (`task#1`, `task#2`, ...) it keeps the ends of
    stretches of numbers, so that they take no room.

    counts  how many of them ended how
    """

    __slots__ = ("_stretches", "counts")

    def __init__(self, kept: Mapping[str, Sequence[Sequence[int]]] | None = None) -> None:
        self.counts: dict[str, int] = {}
        self._stretches = {name: [[*each] for each in stretches] for name, stretches in (kept or {}).items()}

    def add(self, key: str, status: str) -> None:
        """The step of that key, which has ended so, is retired."""
        self.counts[status] = self.counts.get(status, 0) + 1
        name, number = _split(key)
        stretches = self._stretches.setdefault(name, [])
        at = next((n for n, each in enumerate(stretches) if each[0] > number), len(stretches))
        before = at > 0 and stretches[at - 1][1] == number - 1
        after = at < len(stretches) and stretches[at][0] == number + 1
        if before and after:
            stretches[at - 1][1] = stretches.pop(at)[1]
        elif before:
            stretches[at - 1][1] = number
        elif after:
            stretches[at][0] = number
        else:
            stretches.insert(at, [number, number])

    def __contains__(self, key: object) -> bool:
        if not self._stretches or not isinstance(key, str):
            return False
        name, number = _split(key)
        return any(first <= number <= last for first, last in self._stretches.get(name, ()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Retired) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def to_json(self) -> Json:
        """By name without its number: [[first, last], ...]; -1 for what has none."""
        return {"keys": self._stretches, "counts": self.counts}


def _split(key: str) -> tuple[str, int]:
    name = key.rstrip("0123456789")
    digits = key[len(name) :]
    if not digits or len(digits) > 15 or digits != str(int(digits)):
        return key, -1
    return name, int(digits)


def retired_of(kept: Json) -> Retired:
    """What `to_json` gave."""
    retired = Retired(kept["keys"])
    retired.counts = dict(kept["counts"])
    return retired


class Changes(Record):
    """What folding touched since it was last asked.

    steps     keys of steps, in the order in which they were first touched
    fired     rules that fired; `met` are those of steps
    stopping  those of the steps that were asked to stop
    freed     limits that may have room again
    waits     rules that were fed
    run       whether the run itself changed
    """

    steps: dict[str, None] = field(default_factory=dict)
    fired: list[Fired] = field(default_factory=list)
    stopping: dict[str, None] = field(default_factory=dict)
    freed: dict[str, None] = field(default_factory=dict)
    waits: dict[str, None] = field(default_factory=dict)
    run: bool = False
    met: list[Fired] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.steps or self.fired or self.met or self.freed or self.waits or self.run)


class RunState(Record):
    """One run. `seq` counts its recorded events, `offset` is the last published event that it acted on.

    steered    the offset up to which requests to stop it have had their effect
    checkpoint_seq  the last event in its newest checkpoint, which has `checkpoint_steps` steps
    ending     how its program ended it (status, result, error), while some of it still runs
    counts     steps by status, with those that were retired
    retired    keys of steps that are over and needed no more
    active     steps that have yet to end
    ready      steps to be put in line for their limits; `tickets` is the last ticket given out
    waited     how many waits have begun since it was loaded
    heeding    topics of events and statuses, with the waits that they concern
    """

    run: str
    status: str = PENDING
    epoch: int = 0
    seq: int = 0
    offset: int = 0
    steered: int = 0
    checkpoint_seq: int = 0
    checkpoint_steps: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    result: Json = None
    error: Json = None
    reason: str = ""
    ending: Json = None
    steps: dict[str, Step] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    limits: dict[str, Limit] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    retired: Retired = field(default_factory=Retired)
    active: int = 0
    policies: dict[str, Policy] = field(default_factory=dict)
    ready: deque[str] = field(default_factory=deque)
    tickets: int = 0
    shared: Collection[str] = ()
    asking: dict[str, None] = field(default_factory=dict)
    granted: dict[str, None] = field(default_factory=dict)
    heeding: dict[Topic, dict[str, None]] = field(default_factory=dict)
    waited: int = 0
    changes: Changes = field(default_factory=Changes)

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

    def map_of(self, key: str) -> MapState:
        """The elements of the step, which is a map."""
        marks = self.steps[key].map
        assert marks is not None
        return marks

    def use(self, step: Step, attempts: int) -> None:
        """So many attempts at the step more have what its policy demands; fewer, below 0: others may start then."""
        for name, amount in step.policy.demands.items():
            self.limit(name).used += amount * attempts
            if attempts < 0:
                self.changes.freed[name] = None

    def outcome(self, key: str) -> str:
        """The status of a step, or of an element of a map ("scale-0[3]"); "" if there is none of that key."""
        step = self.steps.get(key)
        if step is not None:
            return step.status
        found = self.element(key)
        return _element_status(*found) if found is not None else ""

    def element(self, key: str) -> tuple[Step, int] | None:
        """The map and index that an element's key stands for."""
        if not key.endswith("]"):
            return None
        of, _, index = key[:-1].rpartition("[")
        step = self.steps.get(of)
        if step is None or step.map is None or not index.isdecimal() or index != str(int(index)):
            return None
        return (step, int(index)) if int(index) < step.map.size else None

    @property
    def shown_status(self) -> str:
        """The run's status as people see it: with nothing left but rules to wait for, it is waiting."""
        # An open wait is entered under at least one topic.
        if self.status == RUNNING and self.heeding and self.active == self.counts.get(WAITING, 0):
            return WAITING
        return self.status


def _element_status(step: Step, index: int) -> str:
    """The status of an element without a Step. One that never ran shares the fate of its map."""
    assert step.map is not None
    mark = step.map.marks[index]
    if mark == M_SUCCEEDED:
        return SUCCEEDED
    if step.status in ENDED:
        return CANCELLED if step.status == CANCELLED else SKIPPED
    return RUNNING if mark == M_RUNNING else READY if mark == M_WAITING else PENDING


def element_key(of: str, index: int) -> str:
    """The key of an element of a map."""
    return f"{of}[{index}]"


def step_or_element(key: str, index: int) -> str:
    """The key of an element of the map `key`; for -1 the key itself."""
    return key if index < 0 else element_key(key, index)
