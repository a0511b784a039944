"""Virtual time, the queue of what happens next, disturbances, and the trace of a simulation."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from motet.engine.driver import Driver
from motet.engine.session import Session
from motet.kernel.program import Action, AddStep, Finish, RestartStep
from motet.ports import Publication
from motet.ports.execution import Settled
from motet.testing.simulation.plan import Disturbance, Plan
from motet.testing.simulation.spec import Spec

MOST_EVENTS = 30_000
"""No simulated run needs as many; one that does runs in circles."""

BETWEEN, BEFORE_COMMIT, AFTER_COMMIT, COMMAND = "between events", "before a commit", "after a commit", "at a command"
"""The points at which a disturbance may strike."""

_PLACES = {
    "crash": (BETWEEN, BEFORE_COMMIT, AFTER_COMMIT, COMMAND),
    "pause": (BETWEEN, BEFORE_COMMIT, AFTER_COMMIT),
    "full": (BEFORE_COMMIT,),
    "resend": (AFTER_COMMIT,),
    "cancel": (BETWEEN,),
    "clock": (BETWEEN, BEFORE_COMMIT, AFTER_COMMIT, COMMAND),
    "rival": (BETWEEN, BEFORE_COMMIT),
    "stop": (BETWEEN, BEFORE_COMMIT, AFTER_COMMIT),
}


class Violation(BaseException):
    """An invariant does not hold. `name` is one of `checks.INVARIANTS`. Nothing of the engine may catch it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.name = name
        self.why = why


class Crash(BaseException):
    """The process is gone in the middle of what it was doing. Nothing of the engine may catch it."""


@dataclass(slots=True)
class Happening:
    """Something that is to happen. `live` if the simulation has to wait for it; `owner` is whose it is."""

    call: Callable[..., None]
    args: tuple[Any, ...]
    live: bool
    owner: Process | None


@dataclass(slots=True)
class Line:
    """One line of the trace."""

    at: float
    who: str
    what: str
    about: tuple[Any, ...] = ()

    def __str__(self) -> str:
        told = " ".join(str(each) for each in self.about)
        return f"{self.at:10.3f}  {self.who:8} {self.what} {told}".rstrip()


@dataclass(slots=True)
class SimulatedClock:
    """A process's wall clock: off by `skew_s`, and stepped with all others."""

    world: World
    skew_s: float = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return 1_000_000.0 + self.world.now + self.world.wall_s + self.skew_s


@dataclass(slots=True)
class Running:
    """An attempt that a process has in hand. `mark` is on all that it reports.

    told     the failures that it was said to have ended with
    stopped  whether it was asked to stop
    """

    name: str
    key: str
    element: int
    number: int
    mark: str
    demands: dict[str, float]
    told: list[Settled] = field(default_factory=list)
    stopped: bool = False


class Process:
    """What is known of a simulated process that drives the run, or would like to.

    running  the attempts that it has in hand, by the key of their step or element
    limits   named limits: capacity and slack
    asked    steps as they were asked for, which the journal need not know yet
    resend   whether the next commit is to be sent twice
    """

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.name = f"owner {number}"
        self.clock = SimulatedClock(world, world.rng.choice((0.0, 0.0, -2.0, 2.0)))
        self.epoch = 0
        self.session: Session | None = None
        self.dead = self.paused = self.broken = self.finishing = self.resend = False
        self.resumed_at = -1.0
        self.deferred: list[tuple[float, int, Happening]] = []
        self.running: dict[str, Running] = {}
        self.limits: dict[str, tuple[float, float]] = {}
        self.asked: dict[str, Spec] = {}

    def asked_for(self, actions: Iterable[Action]) -> None:
        """Note how steps were asked for, and whether the run was ended."""
        for action in actions:
            if isinstance(action, Finish):
                self.finishing = True
                continue
            step = action.then if isinstance(action, RestartStep) else action
            if isinstance(step, AddStep):
                after = [*step.after, action.key] if isinstance(action, RestartStep) else step.after
                until = step.until.to_json() if step.until is not None else None
                self.asked[step.key] = Spec(step.needs, after, step.each, step.size, step.policy, until)

    def die(self, why: str) -> None:
        """The process is gone, with all its attempts and all that it had not committed."""
        if not self.dead:
            self.dead = True
            self.world.say(self.name, why)
            self.world.bereaved(self)

    def work(self, work: Callable[[], None]) -> None:
        """Have the engine do something, as a thread of the process does."""

    def limit(self, driver: Driver, limits: Mapping[str, float]) -> None:
        """Set named limits of the run."""
        self.limits.update((name, (capacity, 0.0)) for name, capacity in limits.items())
        driver.limit(limits)

    def publish(self, event: Publication) -> None:
        """Publish an event from within the run."""
        self.world.publish(event)

    def looked(self) -> None:
        """What was published was taken in."""

    def cancel(self, reason: str) -> None:
        """Stop the run, as Ctrl-C does."""


@dataclass(slots=True)
class World:
    """Time, chance, and what happens next. All that is random comes from `rng`.

    wall_s   how far the wall clocks were stepped by now; `steps` says how often
    inside   the process that is paused in the middle of a call, while others go on
    started  by step or element: the epoch and number of the last attempt that started
    failed   by step or element, and attempt: to whom its failure was told first, when, and after how many steps
             of the clocks
    """

    plan: Plan
    rng: random.Random
    now: float = 0.0
    wall_s: float = 0.0
    steps: int = 0
    events: int = 0
    live: int = 0
    trace: list[Line] = field(default_factory=list)
    inside: Process | None = None
    started: dict[str, tuple[int, int]] = field(default_factory=dict)
    failed: dict[tuple[str, int], tuple[int, float, int]] = field(default_factory=dict)
    _queue: list[tuple[float, int, Happening]] = field(default_factory=list)
    _count: int = 0
    _gap: int = 0
    _left: list[Disturbance] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = list(reversed(self.plan.disturbances))
        self._gap = self._left[-1].gap if self._left else 1 << 60

    # ------------------------------------------------------------ time

    def after(
        self, delay_s: float, call: Callable[..., None], *args: Any, owner: Process | None = None, live: bool = True
    ) -> None:
        """Have something happen `delay_s` seconds from now, unless the process whose it is has died by then."""
        self._count += 1
        self.live += live
        heappush(self._queue, (self.now + max(0.0, delay_s), self._count, Happening(call, args, live, owner)))

    def run(self, until: float | None = None) -> None:
        """Let happen what is due: all of it, or up to a time, which is then the time it is."""
        queue = self._queue
        while queue and (self.live or until is not None):
            if until is not None and queue[0][0] > until:
                break
            at, number, happening = heappop(queue)
            owner = happening.owner
            if owner is not None and owner.paused and not owner.dead:
                owner.deferred.append((at, number, happening))
                continue
            self.live -= happening.live
            if owner is not None and owner.dead:
                continue
            self.now = max(self.now, at)
            self._happen(owner, number, happening)
        if until is not None:
            self.now = max(self.now, until)

    def _happen(self, owner: Process | None, number: int, happening: Happening) -> None:
        self.events += 1
        if self.events > MOST_EVENTS:
            raise Violation("no-run-hangs", f"{MOST_EVENTS} things happened, and the run has not ended")
        try:
            self.point(owner, BETWEEN)
            if owner is not None and owner.paused:
                owner.deferred.append((self.now, number, happening))
                self.live += happening.live
            elif owner is None or not owner.dead:
                happening.call(*happening.args)
        except Crash:
            pass

    def resume(self, owner: Process) -> None:
        """Let happen to a process what was put off while it was paused."""
        for _, _, happening in sorted(owner.deferred, key=lambda each: each[:2]):
            self._count += 1
            heappush(self._queue, (self.now, self._count, happening))
        owner.deferred.clear()

    def step_clocks(self, by_s: float) -> None:
        """Set all wall clocks forward, or back."""
        self.wall_s += by_s
        self.steps += 1
        self.say("world", "clocks step by", f"{by_s:+.1f} s")

    # ------------------------------------------------------------ disturbances

    def point(self, owner: Process | None, place: str) -> None:
        """A moment at which the next planned disturbance may strike. Raises Crash, or an error of the store."""
        self._gap -= 1
        if self._gap > 0:
            return
        what = self._left[-1]
        if place not in _PLACES[what.kind] or (owner is None and what.kind in _OWNED) or not self.may(what, place):
            return
        self._left.pop()
        self._gap = self._left[-1].gap if self._left else 1 << 60
        self.strike(what, owner, place)

    def may(self, what: Disturbance, place: str) -> bool:
        """Whether the disturbance may strike now."""
        return True

    def strike(self, what: Disturbance, owner: Process | None, place: str) -> None:
        """Have it strike."""

    def claimed(self, owner: Process) -> None:
        """The process is the run's owner from now on."""

    def bereaved(self, owner: Process) -> None:
        """The process died: somebody is to take the run up after it."""

    def run_ended(self, owner: Process) -> None:
        """The run has ended; perhaps somebody takes it up again."""

    def publish(self, event: Publication) -> None:
        """Publish an event, and let all processes know, soon."""

    # ------------------------------------------------------------ trace

    def say(self, who: str, what: str, *about: Any) -> None:
        """Add a line to the trace."""
        self.trace.append(Line(self.now, who, what, about))


_OWNED = ("crash", "pause", "full", "resend", "cancel", "rival")
"""Disturbances that strike a process."""
