"""What the engine's loop finds around it in a simulated process: timers in virtual time, a lock, executors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, MutableSequence
from itertools import count
from typing import Any, cast

from motet.artifacts.memory import MemoryArtifacts
from motet.checkpoints import Checkpoints
from motet.engine.session import Session
from motet.kernel.state import Step
from motet.ports import UNBOUNDED, Executor, ExecutorSpec, Lock, Store
from motet.ports.admission import Machine
from motet.testing.simulation.link import Link
from motet.testing.simulation.pools import SimulatedCall, SimulatedPool
from motet.testing.simulation.world import COMMAND, Process, Violation


class Timers:
    """`ports.Timers` in virtual time; what was published is heard of a little later."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self._listeners: dict[int, Callable[[], None]] = {}
        self._numbers = count()
        self._looking = False

    def now(self) -> float:
        """Seconds that no step of a clock changes."""
        return self._world.now

    def after(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call back once; the process may crash before it has asked for that."""
        if not self._process.dead:
            self._world.point(self._process, COMMAND)
            self._world.after(delay_s, self._process.work, callback, owner=self._process)

    def every(self, period_s: float, callback: Callable[[], bool]) -> None:
        """Call back again and again; nothing in the world waits for that."""

        def again() -> None:
            if callback():
                self.every(period_s, callback)

        self._world.after(period_s, self._process.work, again, owner=self._process, live=False)

    def listen(self, callback: Callable[[], None]) -> int:
        """Call back when something was published."""
        number = next(self._numbers)
        self._listeners[number] = callback
        return number

    def unlisten(self, number: int) -> None:
        """Call that listener no more."""
        self._listeners.pop(number, None)

    def notice(self) -> None:
        """Something was published."""
        if self._listeners and not self._looking:
            self._looking = True
            self._world.after(self._world.rng.random() * 0.2, self._tell, owner=self._process)

    def _tell(self) -> None:
        self._looking = False
        for callback in list(self._listeners.values()):
            self._process.work(callback)
        self._process.looked()


class SimulatedLock:
    """The lock of a run: now and then it is another thread's, who then does what came in meanwhile, all at once.

    What threads report at the same time has no order.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._held = self._elsewhere = self._back = False
        self._inbox: MutableSequence[Any] = deque()
        self._drain: Callable[[], None] = lambda: None

    def share(self, inbox: MutableSequence[Any], drain: Callable[[], None]) -> None:
        """What came in for the other thread, and how it works on that."""
        self._inbox, self._drain = inbox, drain

    def acquire(self, blocking: bool = True) -> bool:
        """As `ports.Lock`. Waiting for what the only thread holds would be for ever."""
        if self._held and blocking:
            raise Violation("the-engine-does-not-break", "the lock is taken twice by one thread")
        world = self._process.world
        if not blocking and (self._held or self._elsewhere):
            return False
        if not blocking and not self._back and world.rng.random() < 0.3:
            self._elsewhere = True
            world.after(0.05, self._process.work, self._let_go, owner=self._process)
            return False
        self._held = True
        return True

    def _let_go(self) -> None:
        self._elsewhere = False
        if len(self._inbox) > 1 and self._process.world.rng.random() < 0.3:
            self._process.world.rng.shuffle(self._inbox)
        self._back = True  # the other thread works on what came in before it lets the lock go
        self._drain()
        self._back = False

    def release(self) -> None:
        """Let it go."""
        self.check_held()
        self._held = False

    def check_held(self) -> None:
        """Raise Violation where something is done without the lock."""
        if not self._held:
            raise Violation("the-engine-does-not-break", "the run is worked on without its lock")


class Surroundings:
    """`engine.attempts.World` for one process."""

    def __init__(self, process: Process, link: Link) -> None:
        self.home = ""
        self.store = link
        self.clock = process.clock
        self.tender = Timers(process)
        self.resources: Mapping[str, float] = {}
        self.machine: Machine = UNBOUNDED
        self._process = process
        kept = Checkpoints(cast(Store, link.store), MemoryArtifacts(), None)
        self.checkpoints = lambda: kept
        self._pools = {
            pool.name: SimulatedPool(process, pool, link.ledger) for pool in process.world.plan.pools.values()
        }
        self.specs = {
            name: ExecutorSpec(lambda pool=pool: pool, pool.capacity, pool.backlog)  # type: ignore[misc]
            for name, pool in self._pools.items()
        }

    def executor(self, name: str) -> Executor:
        """The executor of that name."""
        return self._pools[name]

    def call_of(self, session: Session, step: Step) -> SimulatedCall:
        """What the step needs to run."""
        return SimulatedCall(self._process, step.key, step.policy)

    def lock(self) -> Lock:
        """The lock of the run."""
        self.held = SimulatedLock(self._process)
        return self.held

    def aside(self, work: Callable[[], None]) -> None:
        """Have work done later."""
        self._process.world.after(0.0, self._process.work, work, owner=self._process)
