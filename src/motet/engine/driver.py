"""`Driver`: a run loop for programs that drive their session themselves, as Python flows do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from motet.engine import replay
from motet.engine.loop import RunLoop
from motet.errors import Cancelled, ReplayMismatch
from motet.interrupts import block
from motet.kernel.decide import Command
from motet.kernel.inputs import Ended, Failed, Input, Succeeded
from motet.kernel.policy import slot_of
from motet.kernel.program import Action, AddStep, Finish
from motet.kernel.state import Step
from motet.kernel.transitions import CANCELLING
from motet.ports import Lender
from motet.ports.execution import Call

_HERE = nullcontext()


class Driver(RunLoop):
    """Drives one run whose program is not asked, but calls: it adds steps, and waits for them, from its own threads."""

    tells_itself = False
    """Whether the flow's own voice says what becomes of its steps, so that nobody else needs to."""

    def add(self, action: AddStep, call: Call) -> int:
        """Add a step, or find the one recorded under its key, and bring what it needs to run.

        Gives the number of the attempt that the caller is to carry out itself, now: see `granted`. 0 means that
        it is none of the caller's business, or not yet. Raises ReplayMismatch, Cancelled.
        """
        key = action.key
        with self:
            known = self.state.steps.get(key)
            self.parents.add(action.parent)
            if known is not None and self._stands(known, action):
                return 0
            self.check()
            if self.state.status != CANCELLING:
                if action.until is None:
                    self._attempts.calls[key] = call
                self.carry_out(self.session.act((action,)) if known is None else self._again(known, action))
                return self._grants.pop(key, 0)
        raise self.stop.told(self.stopped)  # without the lock: it may be an interruption

    def _stands(self, known: Step, action: AddStep) -> bool:
        """Whether the recorded outcome of the step is the answer. Raises ReplayMismatch."""
        try:
            return replay.recorded(self.session, known, action, rerun_changed=self.rerun_changed, found=self.replayed)
        except ReplayMismatch as error:
            named = self.host.store.find_runs(self.run.name)
            error.advise(self.run.name if named and named[0].id == self.run.id else self.run.id)
            raise

    def _again(self, known: Step, action: AddStep) -> Sequence[Command]:
        """A recorded step is to run: because it has not ended yet, or because its result was not kept.

        It runs as the code says now, where it ran otherwise before.
        """
        if known.ended:
            self.session.reset(known.key, "its result was not kept")
        return self.session.bind(known.key, action.policy)

    def limit(self, limits: Mapping[str, float]) -> None:
        """Set named limits of the run."""
        if limits:
            with self:
                for name, capacity in limits.items():
                    self.session.limit(name, float(capacity))

    def granted(self, key: str) -> int:
        """Wait until the caller may carry out the step `key` itself; gives the attempt's number.

        0 if the step ended without (skipped, cancelled). For steps whose policy names no executor.
        """
        number = self.turn(key)  # of recorded steps, most have ended
        while number is None:
            turn = threading.Event()
            number = self.turn(key, turn.set)
            if number is None:
                with self.idling():
                    block(turn)
        return number

    def turn(self, key: str, callback: Callable[[], None] | None = None) -> int | None:
        """As `granted`, without waiting: None while it is not the caller's turn, nor the step's end.

        `callback`, if any, is then called at the step's next change, as for `when_ended`.
        """
        with self:
            self.check()
            number = self._grants.pop(key, 0)
            if number or self.state.steps[key].ended:
                return number
            if callback is not None:
                self.waiters.add_turn(key, callback)
            return None

    def conclude(self, told: Succeeded | Failed | Ended) -> Step:
        """Commit, on this thread, the outcome of an attempt that the caller carried out; gives the step."""
        with self:
            self._attempts.tickets.over(told.key, told.element, told.attempt)
            replay.clear_below(self.session, (told,), self.parents)
            self.carry_out(self.session.feed((told,)))
        return self.state.steps[told.key]

    def finish(self, finish: Finish, *outcomes: Input, wait: bool = True) -> None:
        """As of any run loop; with `wait` only back once the end is committed."""
        super().finish(finish, *outcomes)
        if wait:
            block(self.finished)
            self.check()

    def reset(self, keys: Iterable[str], reason: str) -> None:
        """Put the outcomes of these steps aside: those that have ended run anew when they are asked for again."""
        with self:
            for key in keys:
                step = self.state.steps[key]
                if step.ended and not step.of:
                    self.session.reset(key, reason, anew=True)

    def ended(self, key: str, element: int = -1) -> bool:
        """Whether the step (or element) has its outcome, committed."""
        with self:
            self.check()
            return self.waiters.ended(key, element)

    def wait(self, key: str, element: int = -1, timeout_s: float | None = None) -> bool:
        """Block until the step (or element) has its outcome, committed. False if the time is up before."""
        if self.ended(key, element):
            return True
        done = self._attempts.arrival(key)
        if not self.when_ended(key, element, done.set):
            with self.idling():
                if not block(done, timeout_s):
                    self.forget(key, done.set)
                    return False
        self.check()
        return True

    def when_ended(self, key: str, element: int, callback: Callable[[], None]) -> bool:
        """Have `callback` called, from any thread, once the step has its outcome; True if it has it already
        (then it is not called). The callback must be short, and also comes when the run breaks.
        """
        with self:
            self.check()
            if self.waiters.ended(key, element):
                return True
            self.waiters.add(key, element, callback)
            return False

    def forget(self, key: str, callback: Callable[[], None]) -> None:
        """Undo `when_ended`."""
        with self:
            self.waiters.forget(key, callback)

    def idling(self) -> AbstractContextManager[None]:
        """Around a wait for steps of this run: the place of a thread that waits is lent to others meanwhile.

        So attempts that wait for attempts cannot take all places and wait for ever.
        """
        lender = self._attempts.lend()
        return _HERE if lender is None else self._lent(lender)

    @contextmanager
    def _lent(self, lender: Lender) -> Iterator[None]:
        name = slot_of(lender.name)
        try:
            self._lend(name, 1.0)
            yield
        finally:
            lender.take_back()
            self._lend(name, -1.0)

    def _lend(self, name: str, amount: float) -> None:
        with self:
            if self.session.broken is None:
                self.carry_out(self.session.lend(name, amount))

    def act(self, actions: Sequence[Action], *, commit: bool = False) -> None:
        """Do what a program says."""
        with self:
            self.carry_out(self.session.act(actions, commit=commit))

    @property
    def stopped(self) -> Cancelled:
        """The error that says why the run is being stopped."""
        return Cancelled(f"Run {self.run.name} was stopped: {self.state.reason or 'on request'}.")
