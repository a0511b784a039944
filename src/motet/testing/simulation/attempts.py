"""The attempts that a process has in hand: started, timed, stopped, reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from motet.kernel.decide import SetTimer, StartAttempt, StopAttempt
from motet.kernel.inputs import Ended, Failed, Succeeded, TimerFired
from motet.kernel.state import element_key
from motet.ports import Failure, Outcome, Stopped, Success
from motet.testing.simulation import checks
from motet.testing.simulation.pools import SimulatedPool

if TYPE_CHECKING:
    from motet.testing.simulation.owner import Owner


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


class Attempts:
    """What a process does about attempts.

    running  those in hand, by the key of their step or element
    grants   numbers of those that the script is to carry out itself, by step
    """

    def __init__(self, owner: Owner) -> None:
        self.running: dict[str, Running] = {}
        self.grants: dict[str, int] = {}
        self._owner = owner
        self._world = owner.world
        self._pools = {each.name: SimulatedPool(owner, self, each) for each in owner.world.plan.pools.values()}

    def start(self, command: StartAttempt, steps: int) -> None:
        """Begin an attempt, which was decided on after so many steps of the clocks."""
        owner, world = self._owner, self._world
        policy = owner.state.steps[command.key].policy
        name, mark = _name(command), f"{owner.number}:{command.attempt}"
        running = Running(name, command.key, command.element, command.attempt, mark, checks.demands(policy))
        running.steps = steps
        world.say(owner.name, "starts", name, command.attempt)
        checks.check_start(owner, command, running)
        self.running[name] = running
        if policy.timeout_s is not None:
            due_at, late_s = world.now + policy.timeout_s, policy.timeout_s + 0.5
            world.after(late_s, checks.check_timeout, owner, running, due_at, owner=owner, live=False)
        if policy.executor:
            self._pools[policy.executor].start(running, policy)
        else:
            self.grants[command.key] = command.attempt

    def stop(self, command: StopAttempt) -> None:
        """Ask an attempt to end; one that cannot be made to end is given up."""
        owner = self._owner
        policy = owner.state.steps[command.key].policy
        running = self.running.get(_name(command))
        self._world.say(owner.name, "stops", _name(command), command.attempt, command.reason)
        if running is None or running.number != command.attempt:
            return  # it has ended by the same news: to an executor it is unknown
        running.stopped = True
        if not policy.executor or self._pools[policy.executor].stop(running, command.reason, policy.grace_s):
            return
        if command.reason == "timeout":
            owner.tell(self.failing(running, {"refused": False, "asked_s": None}))
        else:
            owner.tell(Ended(owner.clock.now(), command.key, command.attempt, command.reason, command.element))

    def set_timer(self, command: SetTimer) -> None:
        """Have a timer go off, so many seconds from now: it does not matter if clocks are set meanwhile."""
        owner = self._owner
        self._world.after(command.due_at - owner.clock.now(), self.fire, command, owner=owner)
        running = self.running.get(_name(command))
        if running is not None and command.what == "timeout":
            running.timer_steps = self._world.steps

    def fire(self, command: SetTimer) -> None:
        """A timer goes off: its time has come, whatever the wall clock says by now."""
        at = max(self._owner.clock.now(), command.due_at)
        self._owner.tell(TimerFired(at, command.what, command.key, command.attempt, command.element))

    def report(self, running: Running, outcome: Outcome) -> None:
        """An executor's word on how an attempt ended."""
        owner, key, number, element = self._owner, running.key, running.number, running.element
        at = owner.clock.now()
        self._world.say(owner.name, "hears of", running.name, number, type(outcome).__name__)
        if isinstance(outcome, Success):
            owner.tell(Succeeded(at, key, number, outcome.record, element))
        elif isinstance(outcome, Stopped) and outcome.reason != "timeout":
            owner.tell(Ended(at, key, number, outcome.reason, element))
        else:
            error = outcome.error if isinstance(outcome, Failure) else {"refused": False, "asked_s": None}
            owner.tell(self.failing(running, error))

    def failing(self, running: Running, error: Any) -> Failed:
        """The news that an attempt failed."""
        owner, world = self._owner, self._world
        at, key, number, element = owner.clock.now(), running.key, running.number, running.element
        told = Failed(at, key, number, error, element, not error["refused"], error["asked_s"])
        running.told.append(told)
        world.failed.setdefault((running.name, number), (owner.number, world.now, world.steps))
        return told


def _name(command: StartAttempt | StopAttempt | SetTimer) -> str:
    return command.key if command.element < 0 else element_key(command.key, command.element)
