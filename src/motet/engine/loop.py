"""`RunLoop`: connects one session with executors, timers and published events. Callable from any thread.

Whoever brings news puts it in the inbox and takes the lock if it is free; the holder works until the inbox
is empty. So no thread of its own is needed, no thread waits for another to do its work, and outcomes that
arrive while a commit is under way are committed together. Who is waited for is told after the lock is let go.

The loop has no clock, thread or lock but what its `World` gives it: the simulator drives this very loop.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from enum import Enum
from math import inf
from types import TracebackType

from motet.engine.attempts import Attempts, Waiters, World
from motet.engine.replay import clear_below, left_behind, renew, review
from motet.engine.session import RESUME, Session, fault_of
from motet.errors import Cancelled, Fenced, MotetError, StoreError
from motet.failpoints import hit
from motet.interrupts import Stop, need_stack
from motet.kernel import events as ev
from motet.kernel.decide import AskMachine, Command, LookBack, SetTimer, StartAttempt
from motet.kernel.inputs import Input, TimerFired
from motet.kernel.policy import slot_of
from motet.kernel.program import Finish
from motet.kernel.transitions import CANCELLING, ENDED
from motet.ports import STEERING, Attempt, Entry, Outcome, RunRow
from motet.ports.voice import Replayed
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from motet.engine.hearing import Hearing

FLUSH_S = 0.1
"""What need not be safe at once is committed this much later, so that a page sees what runs."""

_AT_ONCE = 1000


class Chore(Enum):
    """What the holder of the lock is asked to do besides taking in news."""

    LOOK = "take in what was published"
    FLUSH = "commit what waits to be committed"


class RunLoop:
    """Drives one run, from `begin` until its end is committed. Entered (`with`), the run is the caller's alone.

    run            the run's row as it was when it was taken up
    state          the run's state: to be read only, and only where a moment's change does no harm
    finished       set when the run has ended, or can no longer be driven (see `session.broken`)
    rerun_changed  whether recorded steps that are no longer what the code says run anew; `replayed` tells of others
    here           attempts for the thread that drives a declarative program; None when there will be no more
    parents        steps that others were added below; `stop` tells the code of a run that is being stopped
    said           what was said once and is not to be said again; the voice's own
    """

    def __init__(self, host: World, session: Session, run: RunRow, lease_s: float) -> None:
        self.host = host
        self.session = session
        self.state = session.state
        self.run = run
        self.finished, self.stop = threading.Event(), Stop()
        self.rerun_changed, self.replayed = False, Replayed()
        self.said: set[str] = set()
        self.parents: set[str] = set()
        self.inbox: deque[Input | ev.RunCancelling | Chore] = deque()
        self.waiters = Waiters(session.state)
        self._lock = host.lock()
        self._lease_s = lease_s
        self._attempts = Attempts(host, session, self.inbox.append, self.report, self, self.carry_out)
        self._attempts.forked = "at" in run.program.get("fork", ())
        self._attempts.tickets = host.machine.tickets(host.clock, session.state, run, self.tell)
        self.keep, self.checkpoints = self._attempts.keep, self._attempts.checkpoints
        self._grants: dict[str, int] = {}
        self._flush_due = False
        self._kept = run.offset
        self._listener, self._limits_at = -1, inf
        self._hearing: Hearing | None = None
        self.here, self.log_of = self._attempts.here, self._attempts.log_of

    # ------------------------------------------------------------ begin and end

    def begin(self, *, reopen: bool = False, rerun: Collection[str] = ()) -> None:
        """Record that the run has this owner, start what is due, and begin to listen."""
        owner = self.run.owner
        self.state.shared = self.host.machine.names
        for name, spec in self.host.specs.items():
            if slot_of(name) not in self.state.shared:
                self.session.limit(slot_of(name), spec.capacity, spec.backlog)
        with self:  # and the lease is renewed, and requests to stop are heard of, however long the program thinks
            self._listener = self.host.tender.listen(self.look)
            self.host.tender.every(self._lease_s / 3, self._renew)
            try:
                if reopen:
                    self.session.reopen()
                renew(self.session, rerun)
                review(self.session, self.replayed, self.rerun_changed)
                told = f"{owner.pid}@{owner.host}" if owner is not None else ""
                self.carry_out(self.session.begin(told, self._attempts.left_by))
            except MotetError as error:
                self.session.broken = self.session.broken or error
                raise
        hit("resume.begun")
        self.look()

    def finish(self, finish: Finish, *outcomes: Input) -> None:
        """End the run with its last outcomes, in one commit; what still runs is stopped, or given up, before."""
        with self:
            left = left_behind(self.state, outcomes, self.host.clock.now())
            self.carry_out(self.session.feed((*left, *outcomes), finish))

    def cancel(self, reason: str) -> None:
        """Stop the run: nothing new starts, what runs is asked to end, by force after its grace. Never waits."""
        self.inbox.append(ev.RunCancelling(self.host.clock.now(), reason))
        self.drain()
        self._see_to_program()

    def _cancel(self, reason: str, offset: int = 0) -> None:
        if self.state.status not in ENDED and self.state.status != CANCELLING:
            self.carry_out(self.session.record(ev.RunCancelling(self.host.clock.now(), reason, offset)))

    def leave(self) -> None:
        """Let go of the run as it is: committed so far, to be taken up again by anyone."""
        with self:
            self.check()
            self.session.flush()
            self.session.broken = Cancelled(f"Run {self.run.name} was let go of before it had ended.", RESUME)
            self.broke()

    def disown(self) -> None:
        """In a copy of the process that claimed the run: nothing of it is driven here, whatever the copy does."""
        what = f"Run {self.run.name} is driven by the process that this one was forked from, and by no other."
        self.session.broken = Fenced(what, "Leave it to the parent to call tasks and to ask for results.")
        self._lock, self.finished, self._flush_due = self.host.lock(), threading.Event(), True
        self.finished.set()

    def check(self) -> None:
        """Raise what made it impossible to drive the run on, if anything did."""
        self.session.check()

    # ------------------------------------------------------------ news

    def tell(self, told: Input) -> None:
        """Bring news. It is committed when this returns, or soon after by whoever holds the lock."""
        self.inbox.append(told)
        self.drain()

    def report(self, attempt: Attempt, outcome: Outcome) -> None:
        """An executor's word on how an attempt ended."""
        hit("attempt.reported")
        told = self._attempts.judged(attempt, outcome)
        self._attempts.tickets.over(attempt.key, attempt.element, attempt.number)
        hit("attempt.judged")
        self.tell(told)

    def look(self) -> None:
        """Have what was published since the last look taken in. Never waits for the lock."""
        self.inbox.append(Chore.LOOK)
        self.drain()
        self._see_to_program()

    def drain(self) -> None:
        """Work on what came in, unless somebody else does."""
        while self.inbox and self._lock.acquire(blocking=False):
            try:
                self._guarded(self._work)
            except BaseException as error:
                self.failed(error)
                raise
            finally:
                self._let_go()

    def _work(self) -> None:
        while self.inbox:
            batch: list[Input] = []
            chores: dict[Chore, None] = {}
            stop: ev.RunCancelling | None = None
            while self.inbox:
                told = self.inbox.popleft()
                if isinstance(told, Chore):
                    chores[told] = None
                elif isinstance(told, ev.RunCancelling):
                    stop = told
                else:
                    batch.append(told)
            is_ruled = batch and self.state.heeding and self.session.program is not None
            if is_ruled or any(isinstance(told, TimerFired) and told.what == "deadline" for told in batch):
                self._take_in()  # what was published before the time was up, or before its step ended, comes first
            if batch:
                clear_below(self.session, batch, self.parents)
                self.carry_out(self.session.feed(batch))
            if stop is not None:
                self._cancel(stop.reason)
            if Chore.LOOK in chores:
                self._take_in()
            if Chore.FLUSH in chores:
                self._flush_due = False
                self.session.flush()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Work whose failure nobody here could do anything about: all who wait for the run are told instead."""
        if self.session.broken is not None or self.finished.is_set():
            self.inbox.clear()
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001 - boundary: a fault of the engine must not leave anyone waiting for ever
            self.failed(error, fatal=True)

    def __enter__(self) -> None:
        """Where the stack is nearly used up, RecursionError is raised before the lock is taken."""
        need_stack()
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """An error that leaves the session broken has everybody told before it goes on its way."""
        if error is not None:
            self.failed(error)
        self._let_go()
        if self.inbox:
            self.drain()

    def _let_go(self) -> None:
        """Unlock, and tell those for whom something has ended. What is owed to the journal is written soon."""
        told = self.waiters.take_due()
        if self.session.recorder.pending and not self._flush_due:
            self._flush_due = True
            self.host.tender.after(FLUSH_S, self._flush)
        self._lock.release()
        for callback in told:
            callback()
        boundary = self.session.boundary
        if boundary is not None and boundary.stop is not None:
            stop, boundary.stop = boundary.stop, None
            raise stop

    def _flush(self) -> None:
        self.inbox.append(Chore.FLUSH)
        self.drain()

    def _see_to_program(self) -> None:
        """If news cannot be taken in because the program has yet to answer: see to it that it can be stopped."""
        if self.inbox and self.session.boundary is not None:
            self.session.boundary.hurry(self.host.tender, self._is_to_stop)

    def _is_to_stop(self) -> bool:
        """Whether a stop was asked for that has not been taken in."""
        entries = self.host.store.read(self.session.cursor, limit=_AT_ONCE, run=self.run.id, published=True)
        asked = any(each.namespace == STEERING and each.key == "run.stop" for each in entries)
        return asked or any(isinstance(told, ev.RunCancelling) for told in tuple(self.inbox))

    # ------------------------------------------------------------ published events

    @property
    def hearing(self) -> Hearing:
        """What takes in what is published."""
        if self._hearing is None:
            from motet.engine.hearing import Hearing  # most runs hear of nothing

            own = {"run.stop": self._asked_to_stop}
            self._hearing = Hearing(self.host, self.session, self.carry_out, own)
        return self._hearing

    def _take_in(self) -> None:
        if self._hearing is not None or self.host.store.read(self.session.cursor, limit=1, published=True):
            self.hearing.take_in()

    def _asked_to_stop(self, entry: Entry) -> None:
        if entry.offset > self.state.steered:  # else the run was reopened after it
            self._cancel(entry.value if isinstance(entry.value, str) else "on request", entry.offset)

    # ------------------------------------------------------------ commands

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Do what was decided and committed, then tell those who wait. The lock is held."""
        for command in commands:
            hit("command.before")
            if isinstance(command, SetTimer):
                self._set_timer(command)
            elif isinstance(command, AskMachine):
                self._attempts.tickets.ask(command)
            elif isinstance(command, LookBack):
                self.hearing.late[command.wait] = None
                self.inbox.append(Chore.LOOK)
            elif not isinstance(command, StartAttempt):
                self._attempts.stop(command)
            else:
                self._attempts.tickets.start(command)
                if self.session.program is not None or self.state.steps[command.key].policy.executor:
                    self._attempts.start(command)
                else:
                    self._grants[command.key] = command.attempt
        touched = self.session.touched
        if touched:
            self.session.touched = {}
            steps = self.state.steps
            for key in touched:
                step = steps.get(key)
                if step is None or step.status in ENDED:
                    self._attempts.calls.pop(key, None)
                    self._attempts.tickets.withdraw(key)
            if self.waiters:
                self.waiters.wake(touched)
        if self.state.status in ENDED and not self.finished.is_set():
            self._end()

    def _set_timer(self, command: SetTimer) -> None:
        if command.what == "timeout":
            self._look_at_limits(self.state.steps[command.key].policy.timeout_s or 0.0)
            return

        def fire() -> None:
            at = max(self.host.clock.now(), command.due_at)
            self.tell(TimerFired(at, command.what, command.key, command.attempt, command.element))

        self.host.tender.after(command.due_at - self.host.clock.now(), fire)

    def _look_at_limits(self, delay_s: float) -> None:
        """See then whose time is up. One timer does for all attempts, and those that end leave none behind."""
        at = self.host.tender.now() + delay_s
        if at < self._limits_at:
            self._limits_at = at
            self.host.tender.after(delay_s, self._stop_overdue)

    def _stop_overdue(self) -> None:
        self._limits_at = inf  # before the look: whoever starts an attempt from now on sees to its limit
        late, again_s = self._attempts.overdue()
        now = self.host.clock.now()
        for each in late:
            self.tell(TimerFired(now, "timeout", each.key, each.number, each.element))
        if again_s < inf:
            self._look_at_limits(again_s)

    def _end(self) -> None:
        self._attempts.tickets.close()
        self.host.tender.unlisten(self._listener)
        hit("finish.before_release")
        self._release()
        hit("finish.after_release")
        self.finished.set()
        self.here.put(None)

    def failed(self, error: BaseException, *, fatal: bool = False) -> None:
        """Something went wrong with the lock held. What is no error of Motet's may have left anything half done."""
        fault = error if isinstance(error, MotetError) else fault_of(error)
        if self.session.broken is None and (fatal or fault is not error):
            self.session.broken = fault
        if self.session.broken is not None:
            self.broke()

    def broke(self) -> None:
        """The run is driven here no longer: what runs is made to end, and all who wait are told. With the lock."""
        if self.finished.is_set():
            return
        self.host.tender.unlisten(self._listener)
        self.finished.set()
        self.here.put(None)
        self._attempts.abandon()
        self._release()
        self.waiters.wake_all()

    def _release(self) -> None:
        with suppress(StoreError):  # then the lease runs out, or this process is seen to be dead
            self.host.store.release(self.run.id, self.session.epoch)

    def _renew(self) -> bool:
        """Keep the run, and what it has yet to hear of; whether to come again."""
        if self.finished.is_set():
            return False
        try:
            self.host.store.renew(self.run.id, self.session.epoch, self._lease_s)
            if self.session.cursor > self._kept:  # what was acted on, or concerned nobody, may be pruned
                self._kept = self.session.cursor
                self.host.store.keep_from(self.run.id, self._kept, self._lease_s)
        except MotetError as error:
            with self:
                self.session.broken = self.session.broken or error
                self.broke()
            return False
        return True
