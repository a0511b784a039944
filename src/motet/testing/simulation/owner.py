"""A process that drives the run by the engine's own loop, on one thread and in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from motet.engine.attempts import World as Engines
from motet.engine.driver import Driver
from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.errors import Conflict, MotetError, StoreError
from motet.kernel import events as ev
from motet.kernel.decide import Command, StartAttempt, StopAttempt
from motet.kernel.program import Action, Program, View
from motet.kernel.state import element_key
from motet.kernel.transitions import CANCELLING, ENDED
from motet.kernel.waits import hears
from motet.ports import Owner as OwnerRow
from motet.ports import Store
from motet.stores.memory import MemoryStore
from motet.testing.simulation import checks
from motet.testing.simulation.ledger import Ledger
from motet.testing.simulation.link import Link
from motet.testing.simulation.plan import RUN
from motet.testing.simulation.scripts import Script
from motet.testing.simulation.surroundings import Surroundings
from motet.testing.simulation.world import Process, Running, Violation, World

LEASE_S = 15.0

_SOON_S = 0.3
"""What is owed to the journal is written within 0.1 s, or as soon after as another thread lets the run's lock go."""


class Owner(Process):
    """A process, from `take_up` until the run has ended, another took over, or it died."""

    def __init__(self, world: World, store: MemoryStore, ledger: Ledger, number: int) -> None:
        super().__init__(world, number)
        self.ledger = ledger
        self.link = Link(store, ledger, self)
        self.surroundings = Surroundings(self, self.link)
        self._driver: WatchedDriver | None = None
        self._owed: ev.Event | None = None

    # ------------------------------------------------------------ begin and end

    def take_up(self, *, reopen: bool, force: bool) -> bool:
        """Become the owner, if the run can be had, and begin."""
        world = self.world
        row = self.link.run(RUN)
        if row.status in ENDED and not (reopen and row.status in ("failed", "cancelled")):
            return False
        identity = OwnerRow("host", "boot", self.number, 1)
        try:
            self.run = self.link.claim(RUN, identity, LEASE_S, force=force)
        except Conflict:
            world.say(self.name, "finds the run owned")
            return False
        self.epoch = self.run.epoch
        world.claimed(self)
        # Reading the history takes its time, in which the owner before may still be at work.
        delay_s = world.rng.random() if world.rng.random() < 0.3 else 0.0
        world.after(delay_s, self.work, lambda: self._begin(reopen=row.status in ENDED), owner=self)
        return True

    def _begin(self, *, reopen: bool) -> None:
        plan, store = self.world.plan, cast(Store, self.link)
        state = load_state(store, RUN, self.run.offset)
        program = Watched(plan.program(), self) if plan.program is not None else None
        session = self.session = Session(store, self.clock, state, epoch=self.epoch, program=program)
        session.recorder.checkpoint_events = plan.checkpoint_events
        driver = self._driver = WatchedDriver(cast(Engines, self.surroundings), session, self.run, LEASE_S)
        driver.watch(self)
        self.surroundings.held.share(driver.inbox, driver.drain)
        driver.rerun_changed = True
        self.limit(driver, plan.limits)
        for name, spec in self.surroundings.specs.items():
            self.limits[f"executor:{name}"] = (spec.capacity, spec.backlog)
        driver.begin(reopen=reopen)
        if program is None:
            self.world.after(0.0, Script(self, driver).go_on, owner=self)

    def work(self, work: Callable[[], None]) -> None:
        """Have the loop do something. What an error of the store breaks ends this process; others are violations."""
        try:
            work()
        except MotetError:
            pass  # it was told to whoever asked, and what it broke is told below
        except Exception as error:  # noqa: BLE001 - boundary: whatever comes out of the engine is what is looked for
            self._judge(error)
        driver = self._driver
        if driver is None or self.dead:
            return
        broken = driver.session.broken
        if isinstance(broken, StoreError):
            self.broken = True
            self.die(f"gives up: {type(broken).__name__}")
        elif broken is not None:
            self._judge(broken)
        elif driver.finished.is_set():
            self.dead = True
            self.world.say(self.name, "is done: the run is", driver.state.status)
            self.world.run_ended(self)
        elif self._owed is None and driver.session.unflushed:
            self._owed = driver.session.recorder.pending[0]
            self.world.after(_SOON_S, self._check_owed, driver, owner=self, live=False)

    def _check_owed(self, driver: Driver) -> None:
        """Some time later: what was not committed then must be by now."""
        owed, self._owed = self._owed, None
        is_owed = driver.session.unflushed and driver.session.recorder.pending[0] is owed
        if is_owed and self.resumed_at < self.world.now - _SOON_S:  # else it has just woken up, and may need a moment
            raise Violation("what-is-owed-is-written-soon", f"{owed} is not, after {_SOON_S} s")

    @staticmethod
    def _judge(error: BaseException) -> None:
        cause = error.__cause__ or error
        if not _is_the_engines(cause):
            raise cause
        raise Violation("the-engine-does-not-break", f"{type(cause).__name__}: {cause}") from cause

    # ------------------------------------------------------------ what happens to it

    def notice(self) -> None:
        """Something was published."""
        self.surroundings.tender.notice()

    def looked(self) -> None:
        """What was published was taken in; now and then some of it comes twice."""
        driver = self._driver
        if driver is None or self.dead or driver.state.status in ENDED:
            return
        checks.check_stops(self.ledger, self)
        if self.world.rng.random() < 0.2:
            for each in self.link.read(max(0, driver.session.cursor - 3), published=True):
                again = each.received_by(RUN)
                if each.offset <= driver.state.offset and hears(driver.state, again):
                    self.work(lambda again=again: driver.tell(again))  # type: ignore[misc]

    def cancel(self, reason: str) -> None:
        driver = self._driver
        if driver is not None and driver.state.status not in (*ENDED, CANCELLING):
            self.ledger.hearing.asked += 1
            self.work(lambda: driver.cancel(reason))


class WatchedDriver(Driver):
    """The engine's own driver, with what it is about to do looked at."""

    _carried = 0

    def watch(self, process: Owner) -> None:
        """Have this process's ledger judge what is done."""
        self._process = process

    def carry_out(self, commands: Sequence[Command]) -> None:
        self._process.surroundings.held.check_held()
        for command in commands:
            self._look_at(command)
        for key in self.session.touched:
            step = self.state.steps.get(key)
            if step is not None and step.status in ENDED:
                checks.check_told(self._process.ledger, self._process, step)
        self._carried += 1
        ledger, link = self._process.ledger, self._process.link
        if self._carried % 25 == 0 and not self.session.unflushed and self.session.epoch == ledger.epoch:
            checks.check_states(link.store, self.state)
        super().carry_out(commands)

    def _look_at(self, command: Command) -> None:
        process, world = self._process, self._process.world
        if isinstance(command, StartAttempt):
            name = _name(command)
            policy = self.state.steps[command.key].policy
            mark = f"{process.number}:{command.attempt}"
            running = Running(name, command.key, command.element, command.attempt, mark, checks.demands(policy))
            world.say(process.name, "starts", name, command.attempt)
            checks.check_start(process.ledger, process, command, running)
            process.running[name] = running
            if policy.timeout_s is not None:
                due_at, late_s = world.now + policy.timeout_s, policy.timeout_s + 0.5
                world.after(late_s, checks.check_timeout, process, running, due_at, owner=process, live=False)
        elif isinstance(command, StopAttempt):
            name = _name(command)
            world.say(process.name, "stops", name, command.attempt, command.reason)
            known = process.running.get(name)
            if known is not None and known.number == command.attempt:
                known.stopped = True


class Watched:
    """A program, with what it asks for noted."""

    def __init__(self, program: Program, process: Process) -> None:
        self._program = program
        self._process = process

    def advance(self, view: View) -> Iterable[Action]:
        """What the program says."""
        actions = list(self._program.advance(view))
        self._process.asked_for(actions)
        return actions


def _name(command: StartAttempt | StopAttempt) -> str:
    return command.key if command.element < 0 else element_key(command.key, command.element)


def _is_the_engines(error: BaseException) -> bool:
    """Whether it was raised in the engine, and not by a fault of the simulator."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is None or ".simulation." not in trace.tb_frame.f_globals.get("__name__", "")
