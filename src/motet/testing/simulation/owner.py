"""A process that drives the run: what `engine.driver` promises, on one thread and in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from motet.engine.listening import take_in
from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.errors import Conflict, MotetError, StoreError
from motet.kernel import events as ev
from motet.kernel.decide import Command, SetTimer, StartAttempt, StopAttempt
from motet.kernel.inputs import Ended, Failed, Input, Succeeded, TimerFired
from motet.kernel.policy import slot_of
from motet.kernel.program import Action, AddStep, Finish, Program, RestartStep, View
from motet.kernel.state import RunState, element_key
from motet.ports import Failure, Outcome, RunRow, Stopped, Store, Success
from motet.ports import Owner as OwnerRow
from motet.testing.simulation import checks
from motet.testing.simulation.ledger import ENDED, Spec
from motet.testing.simulation.link import Link
from motet.testing.simulation.plan import RUN
from motet.testing.simulation.pools import SimulatedPool
from motet.testing.simulation.world import COMMAND, Crash, Happening, SimulatedClock, Violation

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.testing.simulation.scripts import Script
    from motet.testing.simulation.simulate import Simulation

LEASE_S = 15.0


@dataclass(slots=True)
class Running:
    """An attempt that the process has in hand. `mark` is on all that it reports.

    told     the failures that it was said to have ended with
    stopped  whether it was asked to stop
    steps    how often clocks had been stepped when it was decided on, `timer_steps` when its timer was set
    """

    name: str
    key: str
    element: int
    number: int
    mark: str
    demands: dict[str, float]
    told: list[Failed] = field(default_factory=list)
    stopped: bool = False
    steps: int = 0
    timer_steps: int = -1


@dataclass(slots=True)
class Reach:
    """What `engine.listening` asks of a driver's host."""

    store: Link
    clock: SimulatedClock


class Owner:
    """A process: from `take_up` until the run has ended, another took over, or it died.

    running   attempts in hand, by the key of their step or element
    grants    attempts that the script is to carry out itself
    specs     steps as they were asked for, which the journal need not know yet
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
        self.running: dict[str, Running] = {}
        self.grants: dict[str, int] = {}
        self.limits: dict[str, tuple[float, float]] = {}
        self.specs: dict[str, Spec] = {}
        self.script: Script | None = None
        self._pools = {each.name: SimulatedPool(self, each) for each in world.plan.pools.values()}
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
            self.run = self.link.claim(RUN, identity, self.clock.now(), LEASE_S, force=force)
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
            raise Violation("the-engine-does-not-break", f"{type(error).__name__}: {error}") from error

    def _renew(self) -> None:
        if self.state.status in ENDED:
            return
        self.work(lambda: self.link.renew(RUN, self.epoch, self.clock.now() + LEASE_S))
        self.world.after(LEASE_S / 3, self._renew, owner=self, live=False)

    # ------------------------------------------------------------ news

    def report(self, running: Running, outcome: Outcome) -> None:
        """An executor's word on how an attempt ended."""
        at, key, number, element = self.clock.now(), running.key, running.number, running.element
        self.world.say(self.name, "hears of", running.name, number, type(outcome).__name__)
        if isinstance(outcome, Success):
            self.tell(Succeeded(at, key, number, outcome.record, element))
        elif isinstance(outcome, Stopped) and outcome.reason != "timeout":
            self.tell(Ended(at, key, number, outcome.reason, element))
        else:
            error = outcome.error if isinstance(outcome, Failure) else {"refused": False, "asked_s": None}
            self.tell(self.failing(running, error))

    def failing(self, running: Running, error: Any) -> Failed:
        """The news that an attempt failed."""
        at, key, number, element = self.clock.now(), running.key, running.number, running.element
        told = Failed(at, key, number, error, element, not error["refused"], error["asked_s"])
        running.told.append(told)
        self.world.failed.setdefault((running.name, running.number), (self.number, self.world.now, self.world.steps))
        return told

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
        self.work(lambda: take_in(cast("Driver", self)))
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
                self._start(command)
            elif isinstance(command, SetTimer):
                self._set_timer(command)
            else:
                self._stop(command)
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

    def _set_timer(self, command: SetTimer) -> None:
        self.world.after(command.due_at - self.clock.now(), self.fire, command, owner=self)
        running = self.running.get(command.key if command.element < 0 else element_key(command.key, command.element))
        if running is not None and command.what == "timeout":
            running.timer_steps = self.world.steps

    def fire(self, command: SetTimer) -> None:
        """A timer goes off: its time has come, whatever the wall clock says by now."""
        at = max(self.clock.now(), command.due_at)
        self.tell(TimerFired(at, command.what, command.key, command.attempt, command.element))

    def _start(self, command: StartAttempt) -> None:
        policy = self.state.steps[command.key].policy
        name = command.key if command.element < 0 else element_key(command.key, command.element)
        running = Running(
            name, command.key, command.element, command.attempt, f"{self.number}:{command.attempt}",
            checks.demands(policy), steps=self._steps,
        )  # fmt: skip
        self.world.say(self.name, "starts", name, command.attempt)
        checks.check_start(self, command, running)
        self.running[name] = running
        if policy.timeout_s is not None:
            due_at = self.world.now + policy.timeout_s
            self.world.after(
                policy.timeout_s + 0.5, checks.check_timeout, self, running, due_at, owner=self, live=False
            )
        if policy.executor:
            self._pools[policy.executor].start(running, policy)
        else:
            self.grants[command.key] = command.attempt

    def _stop(self, command: StopAttempt) -> None:
        policy = self.state.steps[command.key].policy
        name = command.key if command.element < 0 else element_key(command.key, command.element)
        running = self.running.get(name)
        self.world.say(self.name, "stops", name, command.attempt, command.reason)
        if running is None or running.number != command.attempt:
            return  # it has ended by the same news: to an executor it is unknown
        running.stopped = True
        if not policy.executor or self._pools[policy.executor].stop(running, command.reason, policy.grace_s):
            return
        if command.reason == "timeout":
            self.tell(self.failing(running, {"refused": False, "asked_s": None}))
        else:
            self.tell(Ended(self.clock.now(), command.key, command.attempt, command.reason, command.element))

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
