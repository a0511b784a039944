"""`Session`: the owner of one run. `feed` takes what the world reports and gives what the engine must do.

A session has no thread and no lock of its own: whoever drives it calls it from one thread at a time. Nothing
it returns may be carried out, and nobody told of an outcome, before it was committed: `feed` and `act` commit
before they return whenever an outcome is among the news. Additions and starts of attempts need not be safe
before they happen (a crash only repeats them), so they wait for the next outcome or for `flush`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from motet.engine.recording import Recorder
from motet.errors import Fenced, InvalidTransition, KernelError, MotetError
from motet.kernel import events as ev
from motet.kernel.decide import Command, decide
from motet.kernel.events import Json
from motet.kernel.fold import apply
from motet.kernel.inputs import Input, Succeeded, judge, ring
from motet.kernel.policy import Policy
from motet.kernel.program import Action, Finish, Program, View, events_of, everything
from motet.kernel.state import M_OWN, M_RUNNING, Changes, RunState, Step, element_key
from motet.kernel.transitions import CANCELLED, CANCELLING, ENDED, FAILED, RUNNING, SUCCEEDED
from motet.ports import Clock, Store
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

    from motet.engine.boundary import Boundary

_OUTCOMES = (ev.StepSucceeded, ev.StepFailed, ev.StepSkipped, ev.StepCancelled)
"""What decisions may come to that must be safe before anyone is told, or anything follows."""


_Packs: TypeAlias = dict[str, tuple[dict[int, bool], list[Json], list[Json]]]
"""By map: its elements that succeeded in one round, each with whether it was cached; their results; their usage."""


class Session:
    """One run, owned under the fence `epoch`. Any error of the store leaves the session broken: see `broken`.

    cursor   the offset up to which the driver has looked at published events
    touched  keys of the steps that changed since the driver last emptied it
    died     how the owner before this one died, "" if it did not
    """

    def __init__(
        self, store: Store, clock: Clock, state: RunState, *, epoch: int, program: Program | None = None,
        params: Json = None,
    ) -> None:  # fmt: skip
        self.store, self.clock, self.state = store, clock, state
        self.epoch = epoch
        self.program = program
        self.boundary = _boundary(program) if program is not None else None
        self.params = params
        self.cursor = state.offset
        self.touched: dict[str, None] = {}
        self.died = ""
        self.broken: MotetError | None = None
        self.recorder = Recorder(store, state, epoch)
        self._reset = False
        self._finish = Finish(**state.ending) if state.ending is not None else None

    # ------------------------------------------------------------ what drivers call

    def begin(self, owner: str, left: Callable[[Step], Sequence[Json]] = lambda step: ()) -> list[Command]:
        """Take the run up: record it, put what a dead engine left running back in line, ask the program.

        `left` gives what lost attempts have left.
        """
        _check_newest(self)
        now = self.clock.now()
        self._record(ev.RunStarted(now, self.epoch, owner, self.died))
        for key, step in list(self.state.steps.items()):
            step.bound = self.program is not None
            if step.status == RUNNING:
                self._record(ev.StepInterrupted(now, key, left(step)))
        return self._settle(now, everything(self.state), commit=True)

    def reopen(self) -> None:
        """Take up a run that failed or was cancelled: what succeeded, or is final, is kept; the rest will run anew."""
        _check_newest(self)
        now = self.clock.now()
        self._record(ev.RunReopened(now, self.store.head()))
        for key, step in list(self.state.steps.items()):
            if step.status not in ENDED or step.status == SUCCEEDED or key not in self.state.steps or step.of:
                continue
            if self.boundary is None or not self.boundary.says("is_final", step):
                self._record(ev.StepReset(now, key, reason="reopened"))

    def feed(self, inputs: Iterable[Input], then: Finish | None = None) -> list[Command]:
        """Take in what happened; gives what is to be done now that it is committed.

        `then` ends the run in the same commit, once nothing is left to run.
        """
        self.check()
        now = self.clock.now()
        news = False
        commands: list[Command] = []
        packs: _Packs = {}
        for told in inputs:
            if isinstance(told, Succeeded) and told.element >= 0 and _pack(self.state, told, packs):
                continue
            if packs and _is_packed(told, packs):
                continue  # it has its outcome already: this came too late
            judged = judge(self.state, told)
            ring(self.state, judged)
            if judged.command is not None:
                commands.append(judged.command)
            if judged.event is not None:
                self._record(judged.event)
                # What was kept before would be found again: it need not be safe before it is used.
                news = news or not (isinstance(told, Succeeded) and told.cached)
                changes = self.state.changes
                if self.boundary is not None and self.state.heeding and (changes.fired or changes.steps):
                    # A program with rules sees each news before the next, so that it does not matter what came at once.
                    news = self._follow(now, commands) or news
        for key, (indices, *told_of) in packs.items():
            results, facts = [() if all(each is None for each in values) else values for values in told_of]
            cached = [each for each in indices if indices[each]]
            self._record(ev.ElementsSucceeded(now, key, [*indices], results, cached, facts))
        self._finish = self._finish or then
        return commands + self._settle(now, commit=news or bool(packs))

    def act(self, actions: Sequence[Action], *, commit: bool = False) -> list[Command]:
        """Do what a program says; for programs that drive their session themselves."""
        self.check()
        now = self.clock.now()
        self._act(actions, now)
        return self._settle(now, commit=commit)

    def limit(self, name: str, capacity: float, slack: float = 0.0) -> None:
        """Let at most `capacity` of the named limit be in use (and `slack` more by elements of maps)."""
        apply(self.state, ev.LimitSet(self.clock.now(), name, capacity, slack))

    def lend(self, name: str, amount: float) -> list[Command]:
        """Let others use so much of what running attempts hold of a limit; less than 0 takes it back."""
        self.check()
        self.state.limit(name).used -= amount
        self.state.changes.freed[name] = None
        return self._settle(self.clock.now(), commit=False)

    def bind(self, key: str, policy: Policy | None = None) -> list[Command]:
        """A program that drives its session itself brings what the recorded step `key` needs, and how it runs."""
        step = self.state.steps[key]
        step.bound, step.policy = True, step.policy if step.bound else policy or step.policy
        changed = self.state.changes.steps
        changed[key] = None
        if step.map is not None:
            for index, mark in enumerate(step.map.marks):
                if mark == M_OWN:
                    changed[element_key(key, index)] = None
        return self._settle(self.clock.now(), commit=False)

    def record(self, event: ev.Event, *, commit: bool = True) -> list[Command]:
        """Record one event that the driver itself vouches for (a cached outcome, a cancelling)."""
        self.check()
        self._record(event)
        return self._settle(event.at, commit=commit)

    def reset(self, key: str, reason: str, *, anew: bool = False) -> None:
        """Put the step's outcome aside; it runs again once it is bound. What follows is decided with the next call."""
        self.state.steps[key].bound = False
        self.note(ev.StepReset(self.clock.now(), key, reason=reason, anew=anew))

    def note(self, event: ev.Event) -> None:
        """Record an event about what was recorded; what follows from it is decided with the next call."""
        self.check()
        self._record(event)
        self._reset = True

    def check(self) -> None:
        """Raise what made it impossible to go on with the run, if anything did."""
        if self.broken is not None:
            raise self.broken

    def flush(self) -> None:
        """Commit what waits to be committed."""
        if self.unflushed:
            self._commit()

    @property
    def unflushed(self) -> bool:
        """Whether something waits to be committed."""
        return bool(self.recorder.pending)

    # ------------------------------------------------------------ inside

    def _record(self, event: ev.Event) -> None:
        if isinstance(event, ev.StepRetired):
            self.recorder.keep_rows(event.key)
        try:
            apply(self.state, event)
        except InvalidTransition as error:
            story = self.recorder.story(error.key)
            self.broken = InvalidTransition(error.key, error.status, error.event, story)
            raise self.broken from None
        if event.recorded:
            self.recorder.pending.append(event)

    def _settle(self, now: float, changes: Changes | None = None, *, commit: bool) -> list[Command]:
        """Do what follows; commit if that is due."""
        commands: list[Command] = []
        news = self._follow(now, commands, changes)
        if commit or news or (commands and self._reset):  # nothing starts anew while its outcome still stands
            self._commit()
        return commands

    def _follow(self, now: float, commands: list[Command], changes: Changes | None = None) -> bool:
        """Ask program and kernel in turn until nothing follows any more; gives whether that has to be committed."""
        state, commit = self.state, False
        while True:
            if not (changes is not None or state.changes or (state.ready and state.status != CANCELLING)):
                if not self._ends(now):
                    return commit
                commit = True
                continue
            taken = state.take_changes()
            self._note(taken)
            if changes is not None:  # what the program is to be shown beyond what changed
                changes.steps.update(taken.steps)
                taken, changes = changes, None
            for fired in (*taken.fired, *taken.met):
                if state.waits[fired.wait].rule.parts:
                    self._record(ev.WaitFired(now, fired.wait, fired.number, fired.causes))
            if self.boundary is not None and self._finish is None and state.status == RUNNING:
                self._ask(self.boundary, taken, now)
            decision = decide(state, taken, now)
            for event in decision.events:
                self._record(event)
                commit = commit or type(event) in _OUTCOMES
            commands += decision.commands
            commit = commit or bool(taken.fired)

    def _commit(self) -> None:
        try:
            self.recorder.commit()
        except MotetError as error:
            self.broken = error
            raise
        self._reset = False

    def _ask(self, boundary: Boundary, changes: Changes, now: float) -> None:
        """Do what the program says. One that says what cannot be done fails, and so does its run."""
        said = boundary.ask(View(self.state, self.params, changes.steps, changes.fired))
        try:
            self._act(said, now)
        except InvalidTransition:
            raise
        except Exception as error:  # noqa: BLE001 - boundary: what a program says is its voice's
            self._finish = self._finish or boundary.failed(error)

    def _note(self, changes: Changes) -> None:
        self.recorder.steps.update(changes.steps)
        self.recorder.run |= changes.run
        self.touched.update(changes.steps)

    def _act(self, actions: Sequence[Action], now: float) -> None:
        for action in actions:
            if isinstance(action, Finish):
                self._finish = self._finish or action
                continue
            for event in events_of(self.state, action, now):
                _hear_from(event, action, self.cursor)
                self._record(event)

    def _ends(self, now: float) -> bool:
        """Carry out the end of the run when it is due; True if something was recorded that must be safe."""
        state = self.state
        if (self._finish is None and self.program is None) or state.status in ENDED or state.status == "pending":
            return False
        self._finish = self._finish or _end_of(self.program, state)
        if self._finish is None:
            return False
        if state.active:
            active = [key for key, step in state.steps.items() if not step.ended and not step.stopping]
            ending = state.ending is None and state.status == RUNNING
            if ending:
                # The program may never say so again: it said so when something happened that is past now.
                end = self._finish
                self._record(ev.RunFinishing(now, end.status, end.result, end.error))
            for key in active:
                self._record(ev.StepStopping(now, key, "the run is over"))
            return ending or bool(active)
        status = CANCELLED if state.status == CANCELLING else self._finish.status
        self._record(ev.RunFinished(now, status, self._finish.result, self._finish.error))
        return True


def _boundary(program: Program) -> Boundary:
    from motet.engine.boundary import Boundary  # flows have none

    return Boundary(program)


def _hear_from(event: ev.Event, asked: Any, cursor: int) -> None:
    """What listens hears what comes from now on, unless more is asked for."""
    if isinstance(event, ev.WaitAdded):
        event.offset = cursor
    elif isinstance(event, ev.StepAdded) and event.until is not None:
        since = getattr(asked, "then", asked).since
        event.since = cursor if since is None else since


def _end_of(program: Program | None, state: RunState) -> Finish | None:
    """The end of a run whose program was asked for more, and which is to stop, or has nothing left to come."""
    if program is not None and state.status == CANCELLING:
        return Finish(CANCELLED)
    if not _is_stuck(program, state):
        return None
    bad = any(state.counts.get(status) for status in (FAILED, CANCELLED, "skipped"))
    return Finish(FAILED if bad else SUCCEEDED)


def _is_stuck(program: Program | None, state: RunState) -> bool:
    """Whether a program that was asked for more had nothing left to run or to wait for."""
    return (
        program is not None
        and state.status == RUNNING
        and not state.active
        and not any(wait.open for wait in state.waits.values())
    )


def _pack(state: RunState, told: Succeeded, packs: _Packs) -> bool:
    """Put the first success of a map's element with the others of this round; False if it is no such thing."""
    step = state.steps.get(told.key)
    marks = step.map if step is not None else None
    if marks is None or step is None or told.attempt != step.attempt or marks.marks[told.element] != M_RUNNING:
        return False
    if told.element in marks.known:
        return False
    indices, results, facts = packs.setdefault(told.key, ({}, [], []))
    if told.element not in indices:
        indices[told.element] = told.cached
        results.append(told.result)
        facts.append(told.facts)
    return True


def _is_packed(told: Input, packs: _Packs) -> bool:
    """Whether the news is about an element that has just succeeded."""
    if isinstance(told, ev.EventReceived) or told.key not in packs:
        return False
    return told.element in packs[told.key][0]


def _check_newest(session: Session) -> None:
    """A later owner may have begun, and even have ended the run, before this one came to read the history."""
    state, epoch = session.state, session.epoch
    if state.epoch >= epoch:
        session.broken = Fenced(
            f"Run {state.run} was taken over before this process had begun: it is in epoch {state.epoch}, and this "
            f"process in {epoch}.",
            "Whoever took the run over goes on with it; nothing is left to do here.",
        )
        session.check()


RESUME = "It can be taken up again with `motet resume`."


def fault_of(error: BaseException) -> KernelError:
    """The error that a run is broken by, where that is none on purpose."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        fault = KernelError(f"The engine was interrupted at its work ({type(error).__name__}).", RESUME)
    else:
        fault = KernelError(f"The engine failed: {error!r}.", "This is a fault in Motet: please report it.")
    fault.__cause__ = error
    return fault
