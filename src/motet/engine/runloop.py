"""`RunLoop`: connects one session with executors, timers and published events. Callable from any thread.

Whoever brings news puts it in the inbox and takes the lock if it is free; the holder works until the inbox
is empty. So no thread of its own is needed, no thread waits for another to do its work, and outcomes that
arrive while a commit is under way are committed together. Who is waited for is told after the lock is let go.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING

from motet.engine.attempts import Attempts
from motet.engine.listening import take_in
from motet.engine.replay import clear_below, left_behind, renew, review
from motet.engine.session import Session
from motet.engine.turn import Chore, Turn
from motet.engine.waiting import Waiters
from motet.errors import Cancelled, KernelError, MotetError, StoreError
from motet.failpoints import hit
from motet.interrupts import block
from motet.kernel import events as ev
from motet.kernel.decide import Command, SetTimer, StartAttempt
from motet.kernel.inputs import Input, TimerFired
from motet.kernel.policy import slot_of
from motet.kernel.program import Finish
from motet.kernel.transitions import CANCELLING, ENDED
from motet.ports import Attempt, Outcome, RunRow
from motet.ports.voice import Replayed

if TYPE_CHECKING:
    from motet.engine.host import Host

FLUSH_S = 0.1
"""What need not be safe at once is committed this much later, so that a page sees what runs."""


class RunLoop:
    """Drives one run, from `begin` until its end is committed.

    run            the run's row as it was when it was taken up
    state          the run's state: to be read only, and only where a moment's change does no harm
    finished       set when the run has ended, or can no longer be driven (see `session.broken`)
    rerun_changed  whether recorded steps that are no longer what the code says run anew; `replayed` tells of others
    here           attempts for the thread that drives a declarative program; None when there will be no more
    parents        steps that others were added below
    said           what was said once and is not to be said again; the voice's own
    """

    def __init__(self, host: Host, session: Session, run: RunRow, lease_s: float) -> None:
        self.host = host
        self.session = session
        self.state = session.state
        self.run = run
        self.finished = threading.Event()
        self.rerun_changed, self.replayed = False, Replayed()
        self.said: set[str] = set()
        self.parents: set[str] = set()
        self.inbox: deque[Input | Chore] = deque()
        self.waiters = Waiters(session.state)
        self._lease_s = lease_s
        self._turn = Turn(self)
        self._attempts = Attempts(host, session, self.inbox.append, self.report)
        self._grants: dict[str, int] = {}
        self._flush_due = False
        self._listener = -1
        self._heard = self._kept = run.offset
        self._limits_at = inf
        self.here = self._attempts.here
        self.log_of = self._attempts.log_of

    # ------------------------------------------------------------ begin and end

    def begin(self, *, reopen: bool = False, rerun: Collection[str] = ()) -> None:
        """Record that the run has this owner, start what is due, and begin to listen."""
        owner = self.run.owner
        for name, spec in self.host.specs.items():
            self.session.limit(slot_of(name), spec.capacity, spec.backlog)
        for name, amount in self.host.resources.items():
            self.session.limit(f"resource:{name}", amount)
        with self._turn:
            if reopen:
                self.session.reopen()
            renew(self.session, rerun)
            review(self.session, self.replayed, self.rerun_changed)
            self.carry_out(self.session.begin(f"{owner.pid}@{owner.host}" if owner is not None else ""))
        hit("resume.begun")
        self._listener = self.host.tender.listen(self.look)
        self.host.tender.after(self._lease_s / 3, self._renew)
        self.look()

    def finish(self, finish: Finish, *outcomes: Input, wait: bool = True) -> None:
        """End the run with its last outcomes, in one commit; what still runs is stopped, or given up, before."""
        with self._turn:
            left = left_behind(self.state, outcomes, self.host.clock.now())
            self.carry_out(self.session.feed((*left, *outcomes), finish))
        if wait:
            block(self.finished)
            self.check()

    def cancel(self, reason: str) -> None:
        """Stop the run: nothing new starts, what runs is asked to end, by force after its grace."""
        if self.state.status not in ENDED and self.state.status != CANCELLING:
            with self._turn:
                self.carry_out(self.session.record(ev.RunCancelling(self.host.clock.now(), reason)))

    def leave(self) -> None:
        """Let go of the run as it is: committed so far, to be taken up again by anyone."""
        with self._turn:
            self.check()
            self.session.flush()
            self.session.broken = Cancelled(f"Run {self.run.name} was let go of before it had ended.", _RESUME)
            self.broke()

    def check(self) -> None:
        """Raise what made it impossible to drive the run on, if anything did."""
        if self.session.broken is not None:
            raise self.session.broken

    # ------------------------------------------------------------ news

    def tell(self, told: Input) -> None:
        """Bring news. It is committed when this returns, or soon after by whoever holds the lock."""
        self.inbox.append(told)
        self.drain()

    def report(self, attempt: Attempt, outcome: Outcome) -> None:
        """An executor's word on how an attempt ended."""
        hit("attempt.reported")
        told = self._attempts.judged(attempt, outcome)
        hit("attempt.judged")
        self.tell(told)

    def look(self) -> None:
        """Have what was published since the last look taken in. Never waits for the lock."""
        self.inbox.append(Chore.LOOK)
        self.drain()

    def drain(self) -> None:
        """Work on what came in, unless somebody else does."""
        while self.inbox and self._turn.lock.acquire(blocking=False):
            try:
                self._guarded(self._work)
            except BaseException as error:
                self.failed(error)
                raise
            finally:
                self._turn.let_go()

    def _work(self) -> None:
        while self.inbox:
            batch: list[Input] = []
            chores: dict[Chore, None] = {}
            while self.inbox:
                told = self.inbox.popleft()
                if isinstance(told, Chore):
                    chores[told] = None
                else:
                    batch.append(told)
            if batch:
                clear_below(self.session, batch, self.parents)
                self.carry_out(self.session.feed(batch))
            if Chore.LOOK in chores:
                take_in(self)
                self._heard = self.session.cursor
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

    # ------------------------------------------------------------ commands

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Do what was decided and committed, then tell those who wait. The lock is held."""
        for command in commands:
            hit("command.before")
            if isinstance(command, SetTimer):
                self._set_timer(command)
            elif not isinstance(command, StartAttempt):
                self._attempts.stop(command)
            elif self.session.program is not None or self.state.steps[command.key].policy.executor:
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
            if self.waiters:
                self.waiters.wake(touched)
        if self.state.status in ENDED and not self.finished.is_set():
            self._end()

    def _set_timer(self, command: SetTimer) -> None:
        if command.what == "timeout":
            self._look_at_limits(command.due_at - self.host.clock.now())
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
        self.host.tender.unlisten(self._listener)
        hit("finish.before_release")
        self._release()
        hit("finish.after_release")
        self.finished.set()
        self.here.put(None)

    def failed(self, error: BaseException, *, fatal: bool = False) -> None:
        """Something went wrong with the lock held. What is no error of Motet's may have left anything half done."""
        fault = error if isinstance(error, MotetError) else _fault(error)
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

    def _flush_later(self) -> None:
        if not self._flush_due and self.session.unflushed:
            self._flush_due = True
            self.host.tender.after(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self.inbox.append(Chore.FLUSH)
        self.drain()

    def _renew(self) -> None:
        if self.finished.is_set():
            return
        try:
            self.host.store.renew(self.run.id, self.session.epoch, self._lease_s)
            if self._heard > self._kept:  # what was acted on, or concerned nobody, may be pruned
                self._kept = self._heard
                self.host.store.keep_from(self.run.id, self._kept, self._lease_s)
        except MotetError as error:
            with self._turn:
                self.session.broken = self.session.broken or error
                self.broke()
            return
        self.host.tender.after(self._lease_s / 3, self._renew)


_RESUME = "It can be taken up again with `motet resume`."


def _fault(error: BaseException) -> KernelError:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        fault = KernelError(f"The engine was interrupted at its work ({type(error).__name__}).", _RESUME)
    else:
        fault = KernelError(f"The engine failed: {error!r}.", "This is a fault in Motet: please report it.")
    fault.__cause__ = error
    return fault
