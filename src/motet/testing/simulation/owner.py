"""A process that drives the run: what `engine.driver` promises, on one thread and in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from motet.engine.listening import take_in
from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.errors import Conflict, MotetError, StoreError
from motet.kernel import events as ev
from motet.kernel.decide import Command, SetTimer, StartAttempt
from motet.kernel.inputs import Input
from motet.kernel.policy import slot_of
from motet.kernel.program import Action, AddStep, Finish, Program, RestartStep, View
from motet.kernel.state import RunState
from motet.kernel.transitions import ENDED
from motet.ports import Owner as OwnerRow
from motet.ports import RunRow, Store
from motet.testing.simulation import checks
from motet.testing.simulation.attempts import Attempts
from motet.testing.simulation.link import Link
from motet.testing.simulation.plan import RUN
from motet.testing.simulation.spec import Spec
from motet.testing.simulation.world import COMMAND, Crash, Happening, SimulatedClock, Violation

if TYPE_CHECKING:
    from motet.engine.runloop import RunLoop
    from motet.testing.simulation.scripts import Script
    from motet.testing.simulation.simulate import Simulation

LEASE_S = 15.0


@dataclass(slots=True)
class Reach:
    """What `engine.listening` asks of a driver's host."""

    store: Link
    clock: SimulatedClock


class Owner:
    """A process: from `take_up` until the run has ended, another took over, or it died.

    limits  named limits: capacity and slack
    specs   steps as they were asked for, which the journal need not know yet
    """

    def __init__(self, world: Simulation, number: int) -> None:
        self.world = world
        self.number = number
        self.name = f"owner {number}"
        self.clock = SimulatedClock(world, world.rng.choice((0.0, 0.0, -2.0, 2.0)))
        self.link = Link(world.store, self)
        self.host = Reach(self.link, self.clock)
        self.run = RunRow(RUN, RUN, "", None, None, "", 0, 0)
        self.session: Session | None = None
        self.epoch = 0
        self.dead = self.paused = self.broken = self.finishing = False
        self.resumed_at = -1.0
        self.deferred: list[tuple[float, int, Happening]] = []
        self.limits: dict[str, tuple[float, float]] = {}
        self.specs: dict[str, Spec] = {}
        self.script: Script | None = None
        self.attempts = Attempts(self)
        self._inbox: list[Input] = []
        self._draining = self._looking = False
        self._carried = self._steps = 0

    @property
    def state(self) -> RunState:
        """The run's state."""
        assert self.session is not None
        return self.session.state

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
        world.after(delay_s, self._start_up, row.status in ENDED, owner=self)
        return True

    def _start_up(self, reopen: bool) -> None:
        self.work(lambda: self._begin(reopen=reopen))
        if not self.dead:
            self.world.after(LEASE_S / 3, self._renew, owner=self, live=False)
            self.look()

    def _begin(self, *, reopen: bool) -> None:
        world, plan = self.world, self.world.plan
        store = cast(Store, self.link)
        state = load_state(store, RUN, self.run.offset)
        program = Watched(plan.program(), self) if plan.program is not None else None
        session = self.session = Session(store, self.clock, state, epoch=self.epoch, program=program)
        session.recorder.checkpoint_events = plan.checkpoint_events
        if reopen:
            session.reopen()
        for name, capacity in plan.limits.items():
            self.limit(name, capacity)
        for pool in plan.pools.values():
            self.limit(slot_of(pool.name), float(pool.capacity), float(pool.backlog))
        self.carry_out(session.begin(self.name))
        if program is None:
            from motet.testing.simulation.scripts import Script

            self.script = Script(self, session)
            world.after(0.0, self.script.go_on, owner=self)

    def limit(self, name: str, capacity: float, slack: float = 0.0) -> None:
        """Set a named limit."""
        assert self.session is not None
        self.limits[name] = (capacity, slack)
        self.session.limit(name, capacity, slack)

    def die(self, why: str) -> None:
        """The process is gone, with all its attempts and all that it had not committed."""
        if not self.dead:
            self.dead = True
            self.world.say(self.name, why)
            self.world.bereaved(self)

    def _broke(self, error: MotetError) -> None:
        self.broken = True
        self.die(f"gives up: {type(error).__name__}")

    def work(self, work: Callable[[], None]) -> None:
        """Do something with the session. Errors of the store end this process; others are violations."""
        self._steps = self.world.steps
        try:
            work()
        except StoreError as error:
            self._broke(error)
        except (Violation, Crash):
            raise
        except Exception as error:  # boundary: whatever comes out of the engine is what is looked for
            if not _is_the_engines(error):
                raise
            raise Violation("the-engine-does-not-break", f"{type(error).__name__}: {error}") from error

    def _renew(self) -> None:
        if self.state.status in ENDED:
            return
        self.work(lambda: self.link.renew(RUN, self.epoch, LEASE_S))
        self.world.after(LEASE_S / 3, self._renew, owner=self, live=False)

    # ------------------------------------------------------------ news

    def tell(self, told: Input) -> None:
        """Bring news; what comes at about the same time is fed at once."""
        self._inbox.append(told)
        if not self._draining:
            self._draining = True
            delay_s = 0.0 if self.world.rng.random() < 0.7 else 0.05
            self.world.after(delay_s, self._drain, owner=self)

    def _drain(self) -> None:
        self._draining = False
        batch, self._inbox = self._inbox, []
        if len(batch) > 1 and self.world.rng.random() < 0.3:
            self.world.rng.shuffle(batch)
        session = self.session
        assert session is not None
        self.work(lambda: self.carry_out(session.feed(batch)))

    def notice(self) -> None:
        """Something was published."""
        if not self._looking:
            self._looking = True
            self.world.after(self.world.rng.random() * 0.2, self.look, owner=self)

    def look(self) -> None:
        """Take in what was published since the last look; now and then some of it comes twice."""
        self._looking = False
        session = self.session
        if session is None or self.state.status in ENDED:
            return
        before = session.cursor
        self.work(lambda: take_in(cast("RunLoop", self)))
        if self.dead:
            return
        checks.check_stops(self)
        if self.world.rng.random() < 0.2:
            entries = self.link.read(max(0, before - 2), published=True)
            again = [
                ev.EventReceived(each.at, each.offset, each.key, each.namespace, each.value, each.sender)
                for each in entries
                if each.key in self.state.listening and each.offset <= self.state.offset
            ]
            self.work(lambda: self.carry_out(session.feed(again)))

    def cancel(self, reason: str) -> None:
        """Stop the run, as Ctrl-C does."""
        session = self.session
        if session is not None and self.state.status not in ENDED and self.state.status != "cancelling":
            self.world.ledger.hearing.asked += 1
            self.work(lambda: self.carry_out(session.record(ev.RunCancelling(self.clock.now(), reason))))

    # ------------------------------------------------------------ commands

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Do what the session says, now that it is committed; then tell who waits."""
        for command in commands:
            self.world.point(self, COMMAND)
            if isinstance(command, StartAttempt):
                self.attempts.start(command, self._steps)
            elif isinstance(command, SetTimer):
                self.attempts.set_timer(command)
            else:
                self.attempts.stop(command)
        session = self.session
        assert session is not None
        touched, session.touched = session.touched, {}
        for key in touched:
            step = session.state.steps.get(key)
            if step is not None and step.status in ENDED:
                checks.check_told(self, step)
        self._carried += 1
        if self._carried % 25 == 0 and not session.unflushed and self.epoch == self.world.ledger.epoch:
            checks.check_states(self.world.store, session.state)
        if self.script is not None:
            self.script.nudge()
        if session.state.status in ENDED and not self.dead:
            self._end()

    def _end(self) -> None:
        self.dead = True
        self.link.release(RUN, self.epoch)
        self.world.say(self.name, "is done: the run is", self.state.status)
        self.world.run_ended(self)

    def asked_for(self, actions: Iterable[Action]) -> None:
        """Note how steps were asked for, and whether the run was ended."""
        for action in actions:
            if isinstance(action, Finish):
                self.finishing = True
                continue
            step = action.then if isinstance(action, RestartStep) else action
            if isinstance(step, AddStep):
                after = [*step.after, action.key] if isinstance(action, RestartStep) else step.after
                self.specs[step.key] = Spec(step.needs, after, step.each, step.size, step.policy)


class Watched:
    """A program, with what it asks for noted."""

    def __init__(self, program: Program, owner: Owner) -> None:
        self._program = program
        self._owner = owner

    def advance(self, view: View) -> Iterable[Action]:
        """What the program says."""
        actions = list(self._program.advance(view))
        self._owner.asked_for(actions)
        return actions


def _is_the_engines(error: Exception) -> bool:
    """Whether it was raised in the engine, and not by a fault of the simulator."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is None or ".simulation." not in trace.tb_frame.f_globals.get("__name__", "")
