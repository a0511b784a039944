"""Virtual time, the queue of what happens next, disturbances, and the trace of a simulation."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from motet.testing.simulation.plan import Disturbance, Plan

if TYPE_CHECKING:
    from motet.testing.simulation.owner import Owner

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


class Violation(Exception):
    """An invariant does not hold. `name` is one of `checks.INVARIANTS`."""

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
    owner: Owner | None


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
class World:
    """Time, chance, and what happens next. All that is random comes from `rng`.

    wall_s  how far the wall clocks were stepped by now; `steps` says how often
    inside  the process that is paused in the middle of a call, while others go on
    """

    plan: Plan
    rng: random.Random
    now: float = 0.0
    wall_s: float = 0.0
    steps: int = 0
    events: int = 0
    live: int = 0
    trace: list[Line] = field(default_factory=list)
    inside: Owner | None = None
    _queue: list[tuple[float, int, Happening]] = field(default_factory=list)
    _count: int = 0
    _gap: int = 0
    _left: list[Disturbance] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = list(reversed(self.plan.disturbances))
        self._gap = self._left[-1].gap if self._left else 1 << 60

    # ------------------------------------------------------------ time

    def after(
        self, delay_s: float, call: Callable[..., None], *args: Any, owner: Owner | None = None, live: bool = True
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

    def _happen(self, owner: Owner | None, number: int, happening: Happening) -> None:
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

    def resume(self, owner: Owner) -> None:
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

    def point(self, owner: Owner | None, place: str) -> None:
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

    def strike(self, what: Disturbance, owner: Owner | None, place: str) -> None:
        """Have it strike."""

    # ------------------------------------------------------------ trace

    def say(self, who: str, what: str, *about: Any) -> None:
        """Add a line to the trace."""
        self.trace.append(Line(self.now, who, what, about))


_OWNED = ("crash", "pause", "full", "resend", "cancel", "rival")
"""Disturbances that strike a process."""
