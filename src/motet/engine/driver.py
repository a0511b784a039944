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

from motet.engine import machine
from motet.engine.calls import Call, Prepared, Settled
from motet.engine.declared import DeclaredCall
from motet.engine.session import Session
from motet.errors import Cancelled, MotetError, ReplayMismatch
from motet.kernel import events as ev
from motet.kernel.decide import Command, SetTimer, StartAttempt, StopAttempt
from motet.kernel.inputs import Ended, Failed, Input, Succeeded, TimerFired
from motet.kernel.policy import slot_of
from motet.kernel.program import Action, AddStep, Finish
from motet.kernel.state import M_RUNNING, RunState, Step, element_key
from motet.kernel.transitions import CANCELLING, ENDED, SUCCEEDED
from motet.ports import Attempt, Executor, Failure, LogLine, Outcome, RunRow, Stopped, Success
from motet.values.errors import encode_error

if TYPE_CHECKING:
    from motet.engine.host import Host

FLUSH_S = 0.1
"""What need not be safe at once is committed this much later, so that a page sees what runs."""


class Driver:
    """Drives one run, from `begin` until its end is committed.

    run      the run's row as it was when it was taken up
    finished set when the run has ended, or can no longer be driven (see `session.broken`)
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
        self._calls: dict[str, Call] = {}
        self._waiters: dict[str, list[tuple[int, Callable[[], None]]]] = {}
        self._grants: dict[str, tuple[int, threading.Event | None]] = {}
        self._limits: set[str] = set()
        self._flush_due = False
        self._listener = -1

    @property
    def state(self) -> RunState:
        """The run's state. To be read only, and only where a moment's change does no harm."""
        return self.session.state

    # ------------------------------------------------------------ begin and end

    def begin(self, *, reopen: bool = False) -> None:
        """Record that the run has this owner, start what is due, and begin to listen."""
        with self._lock:
            if reopen:
                self.session.reopen()
            owner = self.run.owner
            name = f"{owner.pid}@{owner.host}" if owner is not None else ""
            for each, spec in self.host.specs.items():
                self.session.limit(slot_of(each), spec.capacity, spec.backlog)
            for each, amount in machine.capacities().items():
                self.session.limit(f"resource:{each}", amount)
            self._carry_out(self.session.begin(name))
        self._listener = self.host.tender.listen(self.look)
        self.host.tender.after(self._lease_s / 3, self._renew)
        self.look()
        self._drain()

    def finish(self, finish: Finish, *outcomes: Input) -> None:
        """End the run with its last outcomes, in one commit. What still runs is stopped first."""
        self._locked(lambda: self._carry_out(self.session.feed(outcomes, finish)))
        self.finished.wait()
        if self.session.broken is not None:
            raise self.session.broken

    def cancel(self, reason: str) -> None:
        """Stop the run: nothing new starts, what runs is asked to end, by force after its grace."""
        if self.state.status not in ENDED and self.state.status != CANCELLING:
            event = ev.RunCancelling(self.host.clock.now(), reason)
            self._locked(lambda: self._carry_out(self.session.record(event)))

    def leave(self) -> None:
        """Let go of the run as it is: committed so far, to be taken up again by anyone."""
        self.host.tender.unlisten(self._listener)
        with self._lock:
            if self.session.broken is None:
                self.session.flush()
                self.host.store.release(self.run.id, self.session.epoch)

    # ------------------------------------------------------------ programs that drive themselves

    def add(self, action: AddStep, call: Call) -> int:
        """Add a step, or find the one recorded under its key, and bring what it needs to run.

        Gives the number of the attempt that the caller is to carry out itself, now: see `granted`. 0 means that
        it is none of the caller's business, or not yet. Raises ReplayMismatch, Cancelled.
        """
        with self._lock:
            known = self.state.steps.get(action.key)
            if known is None:
                self._check_cancel()
                self._calls[action.key] = call
                commands = self.session.act((action,))
            else:
                commands = self._replay(known, action, call)
            self._carry_out(commands)
            grant = self._grants.pop(action.key, None) if self._grants else None
            self._flush_later()
        if self._inbox:
            self._drain()
        return grant[0] if grant is not None else 0

    def _replay(self, known: Step, action: AddStep, call: Call) -> list[Command]:
        if known.task != action.task or known.fingerprint != action.fingerprint:
            self._differs(known, action)
        if known.ended and not self._lost(known):
            return []
        self._check_cancel()
        self._calls[action.key] = call
        if known.ended:
            self._commands(ev.StepReset(self.host.clock.now(), known.key, reason="its result was not kept"))
        return self.session.bind(known.key)

    def _lost(self, known: Step) -> bool:
        record = known.result
        return known.status == SUCCEEDED and isinstance(record, dict) and "lost" in record

    def _differs(self, known: Step, action: AddStep) -> None:
        if not self.rerun_changed:
            self.session.broken = ReplayMismatch(
                known.key,
                f"task {known.task} (fingerprint {known.fingerprint[:12] or 'none'})",
                f"task {action.task} (fingerprint {action.fingerprint[:12] or 'none'})",
            )
            raise self.session.broken
        now = self.host.clock.now()
        for key in self._consumers(known.key):
            if self.state.steps[key].ended:
                fingerprint = action.fingerprint if key == known.key else ""
                self._commands(ev.StepReset(now, key, fingerprint=fingerprint, reason="its code changed"))

    def _commands(self, event: ev.Event) -> None:
        self._carry_out(self.session.record(event, commit=False))

    def _consumers(self, key: str) -> list[str]:
        """The step and all that used its result, directly or not, in the order in which they were added."""
        found = {key}
        for each, step in self.state.steps.items():
            needs = (*step.needs, *step.after, *step.each)
            if any(need in found or need.partition("[")[0] in found for need in needs):
                found.add(each)
        return [each for each in self.state.steps if each in found]

    def limit(self, limits: Mapping[str, float], executor: str = "", most: int | None = None) -> None:
        """Set named limits of the run; and how many places of an executor it may take, if that is less."""
        with self._lock:
            for name, capacity in limits.items():
                self.session.limit(name, float(capacity))
            if most is not None and executor in self.host.specs:
                self.session.limit(slot_of(executor), min(most, self.host.specs[executor].capacity))

    def reset_below(self, key: str) -> None:
        """Let the steps below `key` that did not succeed run anew, for another attempt at it."""
        now, prefix = self.host.clock.now(), f"{key}/"
        with self._lock:
            for each, step in list(self.state.steps.items()):
                if each.startswith(prefix) and step.ended and step.status != SUCCEEDED and not step.of:
                    self._commands(ev.StepReset(now, each, reason=f"another attempt at {key}"))

    def granted(self, key: str) -> int:
        """Wait until the caller may carry out the step `key` itself; gives the attempt's number.

        0 if the step ended without (skipped, cancelled). For steps whose policy names no executor.
        """
        while True:
            with self._lock:
                grant = self._grants.pop(key, None)
                step = self.state.steps[key]
                if grant is not None and grant[0]:
                    return grant[0]
                if step.ended or self.session.broken is not None:
                    self._raise_if_broken()
                    return 0
                turn = threading.Event()
                self._grants[key] = (0, turn)
                self._waiters.setdefault(key, []).append((-1, turn.set))
            turn.wait()

    def conclude(self, told: Input) -> Step:
        """Commit, on this thread, the outcome of an attempt that the caller carried out; gives the step."""
        with self._lock:
            self._carry_out(self.session.feed((told,)))
        if self._inbox:
            self._drain()
        return self.state.steps[told.key]

    def wait(self, key: str, element: int = -1, timeout_s: float | None = None) -> bool:
        """Block until the step (or element) has its outcome, committed. False if the time is up before."""
        done = threading.Event()
        if not self.when_ended(key, element, done.set):
            return done.wait(timeout_s) and self._raise_if_broken()
        return True

    def when_ended(self, key: str, element: int, callback: Callable[[], None]) -> bool:
        """Have `callback` called, from any thread, once the step has its outcome; True if it has it already
        (then it is not called). The callback must be short, and also comes when the run breaks.
        """
        with self._lock:
            self._raise_if_broken()
            if self._has_ended(key, element):
                return True
            self._waiters.setdefault(key, []).append((element, callback))
            return False

    def _has_ended(self, key: str, element: int) -> bool:
        step = self.state.steps[key]
        if element < 0 or step.map is None or step.ended:
            return step.ended
        own = self.state.steps.get(element_key(key, element))
        return own.ended if own is not None else step.map.marks[element] > M_RUNNING

    def _check_cancel(self) -> None:
        if self.state.status == CANCELLING:
            raise Cancelled(f"Run {self.run.name} was stopped: {self.state.reason or 'on request'}.")

    def _raise_if_broken(self) -> bool:
        if self.session.broken is not None:
            raise self.session.broken
        return True

    def act(self, actions: Sequence[Action], *, commit: bool = False) -> None:
        """Do what a program says."""
        self._locked(lambda: self._carry_out(self.session.act(actions, commit=commit)))

    # ------------------------------------------------------------ news

    def tell(self, told: Input) -> None:
        """Bring news. It is committed when this returns, or soon after by whoever holds the lock."""
        self._inbox.append(told)
        self._drain()

    def report(self, attempt: Attempt, outcome: Outcome) -> None:
        """An executor's word on how an attempt ended."""
        self.tell(self._judged(attempt, outcome))

    def _judged(self, attempt: Attempt, outcome: Outcome) -> Input:
        at = self.host.clock.now()
        key, number, element = attempt.key, attempt.number, attempt.element
        if isinstance(outcome, Stopped) and outcome.reason == "timeout":
            outcome = Failure(_timed_out(self.state.steps[key], key))
        if isinstance(outcome, Stopped):
            return Ended(at, key, number, outcome.reason, element)
        call = self._calls.get(key)
        settled = call.settle(attempt, outcome) if call is not None else _plain(outcome)
        if settled.ok:
            return Succeeded(at, key, number, settled.record, element)
        return Failed(at, key, number, settled.error, element, settled.retry, settled.delay_s)

    def _drain(self) -> None:
        while self._inbox and self._lock.acquire(blocking=False):
            try:
                self._work()
            finally:
                self._lock.release()

    def _work(self) -> None:
        while self._inbox:
            batch = []
            while self._inbox:
                batch.append(self._inbox.popleft())
            try:
                self._carry_out(self.session.feed(batch))
            except MotetError:
                self._broke()  # whoever waits is told; whoever brought the news could do nothing about it
                return

    def _locked(self, work: Callable[[], None]) -> None:
        with self._lock:
            work()
        self._drain()

    def look(self) -> None:
        """Take in what was published since the last look."""
        from motet.engine.listening import take_in

        with self._lock:
            if self.session.broken is None and not self.finished.is_set():
                try:
                    take_in(self)
                except MotetError as error:
                    self.session.broken = error
                    self._broke()
        self._drain()

    # ------------------------------------------------------------ commands

    def _carry_out(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, StartAttempt):
                self._start(command)
            elif isinstance(command, SetTimer):
                self._set_timer(command)
            else:
                self._stop(command)
        touched = self.session.touched
        if touched:
            self.session.touched = {}
            if self._waiters:
                self._wake(touched)
            for key in touched:
                step = self.state.steps.get(key)
                if step is not None and step.status in ENDED:
                    self._calls.pop(key, None)
        if self.state.status in ENDED and not self.finished.is_set():
            self._end()

    def carry_out(self, commands: Sequence[Command]) -> None:
        """For `listening`, which works while it holds the lock."""
        self._carry_out(commands)

    def _start(self, command: StartAttempt) -> None:
        step = self.state.steps[command.key]
        policy = step.policy
        call = self._calls.get(command.key)
        if not policy.executor:
            waiting = self._grants.get(command.key)
            self._grants[command.key] = (command.attempt, None)
            if waiting is not None and waiting[1] is not None:
                waiting[1].set()
            return
        if call is None:
            call = self._calls[command.key] = DeclaredCall(self.host.artifacts, self.session, step)
        try:
            executor = self._executor(policy.executor)
            prepared = call.prepare(command.element, command.attempt, here=executor.name != "processes")
        except Exception as error:  # boundary: whatever a voice's call raises is that attempt's failure
            self._inbox.append(
                Failed(self.host.clock.now(), command.key, command.attempt, encode_error(error), command.element)
            )
            return
        executor.start(self._attempt(step, command, prepared))

    def _executor(self, name: str) -> Executor:
        return self.host.executor(name)

    def _attempt(self, step: Step, command: StartAttempt, prepared: Prepared) -> Attempt:
        return Attempt(
            self.run.id, command.key, command.attempt, prepared.function, prepared.args, prepared.kwargs,
            self.report, command.element, step.task, prepared.context,
            self.log_of(command.key, command.attempt, command.element), step.policy.grace_s, prepared.options,
        )  # fmt: skip

    def log_of(self, key: str, attempt: int, element: int = -1) -> Callable[[str, str, float], None]:
        """Where the lines of an attempt go."""

        def log(stream: str, text: str, at: float) -> None:
            name = key if element < 0 else element_key(key, element)
            self.host.logs.write(self.run.id, (LogLine(at, name, attempt, stream, text),))

        return log

    def _stop(self, command: StopAttempt) -> None:
        step = self.state.steps[command.key]
        key, number, element = command.key, command.attempt, command.element
        name = step.policy.executor
        stopped = bool(name) and self.host.executor(name).stop(self.run.id, key, element, number, command.reason)
        if name and not stopped:  # a thread: given up; what it says later is dropped by its number
            now = self.host.clock.now()
            if command.reason == "timeout":
                self._inbox.append(Failed(now, key, number, _timed_out(step, key), element))
            else:
                self._inbox.append(Ended(now, key, number, command.reason, element))

    def _set_timer(self, command: SetTimer) -> None:
        delay_s = command.due_at - self.host.clock.now()

        def fire() -> None:
            at = max(self.host.clock.now(), command.due_at)
            self.tell(TimerFired(at, command.what, command.key, command.attempt, command.element))

        self.host.tender.after(delay_s, fire)

    # ------------------------------------------------------------ upkeep

    def _wake(self, touched: dict[str, None]) -> None:
        for key in touched:
            waiting = self._waiters.pop(key, None)
            if waiting is None:
                continue
            left = []
            for element, callback in waiting:
                if self._has_ended(key, element):
                    callback()
                else:
                    left.append((element, callback))
            if left:
                self._waiters[key] = left

    def _end(self) -> None:
        self.host.tender.unlisten(self._listener)
        self.host.store.release(self.run.id, self.session.epoch)
        self.finished.set()

    def _broke(self) -> None:
        """The run can no longer be driven here: kill what runs, and tell all who wait."""
        self.host.tender.unlisten(self._listener)
        for key, step in self.state.steps.items():
            name = step.policy.executor
            if name and step.status == "running" and step.map is None:
                self.host.executor(name).stop(self.run.id, step.of or key, step.element, step.attempt, "fenced")
        waiting, self._waiters = self._waiters, {}
        for pairs in waiting.values():
            for _, callback in pairs:
                callback()
        self.finished.set()

    def _flush_later(self) -> None:
        if not self._flush_due and self.session.unflushed:
            self._flush_due = True
            self.host.tender.after(FLUSH_S, self._flush)

    def _flush(self) -> None:
        with self._lock:
            self._flush_due = False
            if self.session.broken is None:
                try:
                    self.session.flush()
                except MotetError:
                    self._broke()
        self._drain()

    def _renew(self) -> None:
        if self.finished.is_set():
            return
        try:
            self.host.store.renew(self.run.id, self.session.epoch, self.host.clock.now() + self._lease_s)
        except MotetError as error:
            with self._lock:
                self.session.broken = self.session.broken or error
                self._broke()
            return
        self.host.tender.after(self._lease_s / 3, self._renew)


def _timed_out(step: Step, key: str) -> dict[str, str]:
    limit = step.policy.timeout_s
    return {
        "type": "TimedOut", "module": "motet.errors",
        "message": f"{key} ran longer than its limit of {limit:g} s and was stopped." if limit else f"{key} was stopped.",
    }  # fmt: skip


def _plain(outcome: Outcome) -> Settled:
    if isinstance(outcome, Success):
        return Settled(True, outcome.record)
    assert isinstance(outcome, Failure)
    return Settled(False, error=outcome.error)


