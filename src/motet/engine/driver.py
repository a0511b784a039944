"""`Driver`: connects one session with executors, timers and published events. Callable from any thread.

Whoever brings news puts it in the inbox and takes the lock if it is free; the holder works until the inbox
is empty. So no thread of its own is needed, no thread waits for another to do its work, and outcomes that
arrive while a commit is under way are committed together.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from motet.engine import machine, replay
from motet.engine.attempts import Attempts
from motet.engine.calls import Call
from motet.engine.listening import take_in
from motet.engine.session import Session
from motet.engine.waiting import Waiters
from motet.errors import Cancelled, KernelError, MotetError
from motet.kernel import events as ev
from motet.kernel.decide import Command, SetTimer, StartAttempt
from motet.kernel.inputs import Input, TimerFired
from motet.kernel.policy import slot_of
from motet.kernel.program import Action, AddStep, Finish
from motet.kernel.state import RunState, Step
from motet.kernel.transitions import CANCELLING, ENDED
from motet.ports import Attempt, Outcome, RunRow

if TYPE_CHECKING:
    from motet.engine.host import Host

FLUSH_S = 0.1
"""What need not be safe at once is committed this much later, so that a page sees what runs."""


class Driver:
    """Drives one run, from `begin` until its end is committed.

    run            the run's row as it was when it was taken up
    finished       set when the run has ended, or can no longer be driven (see `session.broken`)
    rerun_changed  whether recorded steps that differ from the code are run anew, instead of ReplayMismatch
    said           what was said once and is not to be said again; the voice's own
    """

    def __init__(self, host: Host, session: Session, run: RunRow, lease_s: float) -> None:
        self.host = host
        self.session = session
        self.run = run
        self.finished = threading.Event()
        self.rerun_changed = False
        self.said: set[str] = set()
        self._lease_s = lease_s
        self._lock = threading.Lock()
        self._inbox: deque[Input] = deque()
        self._attempts = Attempts(host, session, self._inbox.append, self.report)
        self._waiters = Waiters(session.state)
        self._grants: dict[str, int] = {}
        self._flush_due = False
        self._listener = -1
        self.log_of = self._attempts.log_of

    @property
    def state(self) -> RunState:
        """The run's state. To be read only, and only where a moment's change does no harm."""
        return self.session.state

    # ------------------------------------------------------------ begin and end

    def begin(self, *, reopen: bool = False) -> None:
        """Record that the run has this owner, start what is due, and begin to listen."""
        owner = self.run.owner
        for name, spec in self.host.specs.items():
            self.session.limit(slot_of(name), spec.capacity, spec.backlog)
        for name, amount in machine.capacities().items():
            self.session.limit(f"resource:{name}", amount)
        with self._lock:
            if reopen:
                self.session.reopen()
            self.carry_out(self.session.begin(f"{owner.pid}@{owner.host}" if owner is not None else ""))
        self._listener = self.host.tender.listen(self.look)
        self.host.tender.after(self._lease_s / 3, self._renew)
        self.look()

    def finish(self, finish: Finish, *outcomes: Input) -> None:
        """End the run with its last outcomes, in one commit. What still runs is stopped first."""
        self._locked(lambda: self.carry_out(self.session.feed(outcomes, finish)))
        self.finished.wait()
        self._raise_if_broken()

    def cancel(self, reason: str) -> None:
        """Stop the run: nothing new starts, what runs is asked to end, by force after its grace."""
        if self.state.status not in ENDED and self.state.status != CANCELLING:
            event = ev.RunCancelling(self.host.clock.now(), reason)
            self._locked(lambda: self.carry_out(self.session.record(event)))

    def leave(self) -> None:
        """Let go of the run as it is: committed so far, to be taken up again by anyone."""
        self.host.tender.unlisten(self._listener)
        with self._lock:
            self._attempts.abandon()
            if self.session.broken is None:
                self.session.flush()
            self.host.store.release(self.run.id, self.session.epoch)
            self.finished.set()

    # ------------------------------------------------------------ programs that drive themselves

    def add(self, action: AddStep, call: Call) -> int:
        """Add a step, or find the one recorded under its key, and bring what it needs to run.

        Gives the number of the attempt that the caller is to carry out itself, now: see `granted`. 0 means that
        it is none of the caller's business, or not yet. Raises ReplayMismatch, Cancelled.
        """
        key = action.key
        with self._lock:
            known = self.state.steps.get(key)
            if known is None or not replay.recorded(self.session, known, action, rerun_changed=self.rerun_changed):
                self._raise_if_cancelling()
                self._attempts.calls[key] = call
                self.carry_out(self.session.act((action,)) if known is None else self._again(known))
            grant = self._grants.pop(key, 0)
            if not self._flush_due and self.session.unflushed:
                self._flush_due = True
                self.host.tender.after(FLUSH_S, self._flush)
        if self._inbox:
            self._drain()
        return grant

    def _again(self, known: Step) -> Sequence[Command]:
        """A recorded step is to run: because it has not ended yet, or because its result was not kept."""
        commands: list[Command] = []
        if known.ended:
            now = self.host.clock.now()
            commands += self.session.record(
                ev.StepReset(now, known.key, reason="its result was not kept"), commit=False
            )
        return [*commands, *self.session.bind(known.key)]

    def limit(self, limits: Mapping[str, float]) -> None:
        """Set named limits of the run."""
        if limits:
            with self._lock:
                for name, capacity in limits.items():
                    self.session.limit(name, float(capacity))

    def reset_below(self, key: str) -> None:
        """Let the steps below `key` that did not succeed run anew, for another attempt at it."""
        self._locked(lambda: self.carry_out(replay.reset_below(self.session, key)))

    def granted(self, key: str) -> int:
        """Wait until the caller may carry out the step `key` itself; gives the attempt's number.

        0 if the step ended without (skipped, cancelled). For steps whose policy names no executor.
        """
        while True:
            turn = threading.Event()
            with self._lock:
                self._raise_if_broken()
                number = self._grants.pop(key, 0)
                if number or self.state.steps[key].ended:
                    return number
                self._waiters.add_turn(key, turn.set)
            turn.wait()

    def conclude(self, told: Input) -> Step:
        """Commit, on this thread, the outcome of an attempt that the caller carried out; gives the step."""
        with self._lock:
            self.carry_out(self.session.feed((told,)))
        if self._inbox:
            self._drain()
        return self.state.steps[told.key]

    def wait(self, key: str, element: int = -1, timeout_s: float | None = None) -> bool:
        """Block until the step (or element) has its outcome, committed. False if the time is up before."""
        with self._lock:
            self._raise_if_broken()
            if self._waiters.ended(key, element):
                return True
        done = threading.Event()
        if not self.when_ended(key, element, done.set) and not done.wait(timeout_s):
            return False
        self._raise_if_broken()
        return True

    def when_ended(self, key: str, element: int, callback: Callable[[], None]) -> bool:
        """Have `callback` called, from any thread, once the step has its outcome; True if it has it already
        (then it is not called). The callback must be short, and also comes when the run breaks.
        """
        with self._lock:
            self._raise_if_broken()
            if self._waiters.ended(key, element):
                return True
            self._waiters.add(key, element, callback)
            return False

    def act(self, actions: Sequence[Action], *, commit: bool = False) -> None:
        """Do what a program says."""
        self._locked(lambda: self.carry_out(self.session.act(actions, commit=commit)))

    def _raise_if_cancelling(self) -> None:
        if self.state.status == CANCELLING:
            raise Cancelled(f"Run {self.run.name} was stopped: {self.state.reason or 'on request'}.")

    def _raise_if_broken(self) -> None:
        if self.session.broken is not None:
            raise self.session.broken

    # ------------------------------------------------------------ news

    def tell(self, told: Input) -> None:
        """Bring news. It is committed when this returns, or soon after by whoever holds the lock."""
        self._inbox.append(told)
        self._drain()

    def report(self, attempt: Attempt, outcome: Outcome) -> None:
        """An executor's word on how an attempt ended."""
        self.tell(self._attempts.judged(attempt, outcome))

    def look(self) -> None:
        """Take in what was published since the last look."""
        self._locked(lambda: self._guarded(lambda: take_in(self)))

    def _drain(self) -> None:
        while self._inbox and self._lock.acquire(blocking=False):
            try:
                self._guarded(self._work)
            finally:
                self._lock.release()

    def _work(self) -> None:
        while self._inbox:
            batch = []
            while self._inbox:
                batch.append(self._inbox.popleft())
            self.carry_out(self.session.feed(batch))

    def _guarded(self, work: Callable[[], None]) -> None:
        """Work whose failure nobody here could do anything about: all who wait for the run are told instead."""
        if self.session.broken is not None or self.finished.is_set():
            self._inbox.clear()
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001 - boundary: a fault of the engine must not leave anyone waiting for ever
            if self.session.broken is None:
                self.session.broken = error if isinstance(error, MotetError) else _fault(error)
            self._broke()

    def _locked(self, work: Callable[[], None]) -> None:
        with self._lock:
            work()
        self._drain()

    # ------------------------------------------------------------ commands

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Do what was decided and committed, then tell those who wait. The lock is held."""
        for command in commands:
            if isinstance(command, SetTimer):
                self._set_timer(command)
            elif not isinstance(command, StartAttempt):
                self._attempts.stop(command)
            elif self.state.steps[command.key].policy.executor:
                self._attempts.start(command)
            else:
                self._grants[command.key] = command.attempt
        touched = self.session.touched
        if touched:
            self.session.touched = {}
            steps, calls = self.state.steps, self._attempts.calls
            for key in touched:
                step = steps.get(key)
                if step is not None and step.status in ENDED:
                    calls.pop(key, None)
            if self._waiters:
                self._waiters.wake(touched)
        if self.state.status in ENDED and not self.finished.is_set():
            self._end()

    def _set_timer(self, command: SetTimer) -> None:
        def fire() -> None:
            at = max(self.host.clock.now(), command.due_at)
            self.tell(TimerFired(at, command.what, command.key, command.attempt, command.element))

        self.host.tender.after(command.due_at - self.host.clock.now(), fire)

    # ------------------------------------------------------------ upkeep

    def _end(self) -> None:
        self.host.tender.unlisten(self._listener)
        self.host.store.release(self.run.id, self.session.epoch)
        self.finished.set()

    def _broke(self) -> None:
        """The run can no longer be driven here: what runs is made to end, and all who wait are told."""
        self.host.tender.unlisten(self._listener)
        self._attempts.abandon()
        self.finished.set()
        self._waiters.wake_all()

    def _flush(self) -> None:
        def flush() -> None:
            self._flush_due = False
            self.session.flush()

        self._locked(lambda: self._guarded(flush))

    def _renew(self) -> None:
        if self.finished.is_set():
            return
        try:
            self.host.store.renew(self.run.id, self.session.epoch, self.host.clock.now() + self._lease_s)
        except MotetError as error:
            self.session.broken = error
            with self._lock:
                self._broke()
            return
        self.host.tender.after(self._lease_s / 3, self._renew)


def _fault(error: Exception) -> KernelError:
    fault = KernelError(f"The engine failed: {error!r}.", "This is a fault in Motet: please report it.")
    fault.__cause__ = error
    return fault
