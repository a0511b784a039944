"""An engine on a clock, an executor and a store that the test moves by hand."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.programs.running import NoLogs

from motet.artifacts.memory import MemoryArtifacts
from motet.engine.driver import Driver
from motet.engine.host import Host
from motet.errors import MotetError
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.program import AddStep, Program
from motet.ports import Attempt, Batch, Executor, ExecutorSpec, Failure, NewRun, Outcome, Place, Stopped, Success
from motet.ports.execution import Prepared, Settled
from motet.stores.memory import MemoryStore

HAND = Policy(executor="hand")


class HandClock:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time


class HandTender:
    """A tender whose timers go off when the test lets time pass."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._ids = itertools.count()
        self.listeners: dict[int, Callable[[], None]] = {}

    def now(self) -> float:
        return self._clock.time

    def after(self, delay_s: float, callback: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self._clock.time + max(0.0, delay_s), next(self._ids), callback))

    def every(self, period_s: float, callback: Callable[[], bool]) -> None:
        def again() -> None:
            if callback():
                self.after(period_s, again)

        self.after(period_s, again)

    def listen(self, callback: Callable[[], None]) -> int:
        number = next(self._ids)
        self.listeners[number] = callback
        return number

    def unlisten(self, number: int) -> None:
        self.listeners.pop(number, None)

    def close(self) -> None:
        self._timers.clear()

    @property
    def waiting(self) -> int:
        """How many timers have yet to go off."""
        return len(self._timers)

    def advance(self, seconds: float) -> None:
        """Let time pass, and all go off that falls due on the way."""
        until = self._clock.time + seconds
        while self._timers and self._timers[0][0] <= until:
            due, _, callback = heapq.heappop(self._timers)
            self._clock.time = max(self._clock.time, due)
            callback()
        self._clock.time = until


class HandExecutor:
    """Holds attempts until the test says how they ended."""

    name = "hand"
    backlog = 0
    place: Place = "here"

    def __init__(self, capacity: int = 4, *, stoppable: bool = True) -> None:
        self.capacity = capacity
        self.started: list[Attempt] = []
        self.stops: list[tuple[str, int, int, str]] = []
        self._stoppable = stoppable

    def start(self, attempt: Attempt) -> None:
        self.started.append(attempt)

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        self.stops.append((key, element, number, reason))
        if self._stoppable:
            for each in self.started:
                if (each.key, each.element, each.number) == (key, element, number):
                    each.report(each, Stopped(reason))
        return self._stoppable

    def close(self, *, kill: bool = False) -> None:
        pass

    # -- by hand

    def attempt(self, key: str, element: int = -1, number: int = 0) -> Attempt:
        """The last attempt at a step that was started, or the one of that number."""
        found = [each for each in self.started if (each.key, each.element) == (key, element)]
        return next(each for each in reversed(found) if not number or each.number == number)

    def succeed(self, key: str, value: Any = None, element: int = -1, number: int = 0) -> None:
        self.report(key, Success(value), element, number)

    def fail(self, key: str, message: str = "no", element: int = -1, number: int = 0) -> None:
        self.report(key, Failure({"type": "ValueError", "message": message}), element, number)

    def report(self, key: str, outcome: Outcome, element: int = -1, number: int = 0) -> None:
        attempt = self.attempt(key, element, number)
        attempt.report(attempt, outcome)

    def keys(self) -> list[str]:
        """What was started, in order."""
        return [each.key if each.element < 0 else f"{each.key}[{each.element}]" for each in self.started]


class HandCall:
    """A call of nothing: the hand executor never calls it."""

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared:
        return Prepared(len, ((),))

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        if isinstance(outcome, Success):
            return Settled(True, outcome.value)
        assert isinstance(outcome, Failure)
        return Settled(False, error=outcome.error)


class HandStore(MemoryStore):
    """A memory store whose appends can be counted, held up, and made to fail.

    fail_at   the append of that number (from 1), and every later one, raises `error`; 0 for none
    late      whether the failing append is carried out all the same, and only its caller not told
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(now)
        self.batches: list[Sequence[Json]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.held_up = threading.Event()
        self.fail_at = 0
        self.late = False
        self.error: MotetError = MotetError("by hand")

    def append(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> None:
        self.held_up.set()
        self.gate.wait()
        self.held_up.clear()
        number = len(self.batches) + 1
        fails = bool(self.fail_at) and number >= self.fail_at
        if fails and not (self.late and number == self.fail_at):
            raise self.error
        super().append(run, epoch, expected_seq, batch)
        self.batches.append(batch.events)
        if fails:
            raise self.error

    def kinds(self, run: str = "r1") -> list[str]:
        """The kinds of the run's recorded events, with their keys."""
        return [f"{event['event']} {event.get('key', '')}".strip() for event in self.history(run)]


@dataclass
class Bench:
    """A host and what it is made of."""

    clock: HandClock = field(default_factory=HandClock)
    executor: HandExecutor = field(default_factory=HandExecutor)
    lease_s: float = 15.0

    def __post_init__(self) -> None:
        self.store = HandStore(self.clock.now)
        self.tender = HandTender(self.clock)
        self.artifacts = MemoryArtifacts()
        self.host = self.make_host()

    def make_host(self, **executors: Callable[[], Executor]) -> Host:
        """A host on this store and clock; besides the hand executor it has those that are given."""
        specs = {"hand": ExecutorSpec(lambda: self.executor, self.executor.capacity, self.executor.backlog)}
        for name, make in executors.items():
            made = make()
            specs[name] = ExecutorSpec(lambda made=made: made, made.capacity, made.backlog)  # type: ignore[misc]
        host = Host(self.store, self.artifacts, NoLogs, self.clock, specs)
        host.tender.close()
        host.tender = self.tender  # type: ignore[assignment]
        return host

    def begin(self, run: str = "r1", *, program: Program | None = None, reopen: bool = False) -> Driver:
        """Take up the run, which is made if need be."""
        self.store.create_run(NewRun(run, run, "test", {"voice": "test"}, offset=self.store.head()))
        return self.host.take_up(run, program=program, reopen=reopen, lease_s=self.lease_s)


def add(driver: Driver, key: str, *, policy: Policy = HAND, size: int | None = None, needs: Sequence[str] = ()) -> int:
    """Add a step that the hand executor holds."""
    form = "call" if size is None else "map"
    return driver.add(AddStep(key, key.partition("-")[0], policy=policy, size=size, form=form, needs=needs), HandCall())
