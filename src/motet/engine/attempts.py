"""Attempts on their way to executors and back: starting, stopping, judging them; and who waits for their outcomes."""

from __future__ import annotations

from _queue import SimpleQueue
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from math import inf
from threading import Event

from motet.kernel.decide import Command, StartAttempt, StopAttempt
from motet.kernel.events import Json
from motet.kernel.inputs import Ended, Failed, Input, Succeeded
from motet.kernel.state import M_RUNNING, RunState, Step, element_key, step_or_element
from motet.ports import (
    UNBOUNDED,
    Attempt,
    Attended,
    Executor,
    ExecutorSpec,
    Failure,
    Lender,
    LineLog,
    Lock,
    LogLine,
    Outcome,
    Salvager,
    Stopped,
    Success,
    Timers,
)  # fmt: skip
from motet.ports.execution import Call, Prepared, Settled
from motet.ports.voice import Host
from motet.typed import TYPE_CHECKING, Protocol
from motet.values.errors import encode_error

_EARLY_S = 0.001
"""Time is up this much early: timers go off a little early or late."""

if TYPE_CHECKING:
    from motet.checkpoints import Checkpoints
    from motet.engine.session import Session
    from motet.ports.admission import Machine, RunTickets


class World(Host, Protocol):
    """All that a run loop has to do with the world: it has no thread, lock or clock of its own.

    specs        the executors that there are
    machine      what attempts take of it is asked for there
    checkpoints  gives the lists of those that steps have made
    """

    specs: Mapping[str, ExecutorSpec]
    machine: Machine
    checkpoints: Callable[[], Checkpoints]

    @property
    def tender(self) -> Timers:
        """Timers, and news of published events."""
        ...

    def executor(self, name: str) -> Executor:
        """The executor of that name. Raises UsageError for one that does not exist."""
        ...

    def call_of(self, session: Session, step: Step) -> Call:
        """What the recorded step needs to run."""
        ...

    def lock(self) -> Lock:
        """A lock for one run."""
        ...

    def aside(self, work: Callable[[], None]) -> None:
        """Have work done on no thread of whoever asks for it, who may hold the lock of a run."""
        ...


class Attempts:
    """The attempts of one run. `tell` takes news while the run is locked; the others are called at any time.

    tickets  what they have of the machine
    here     attempts of the inline executor, for the thread that drives the run to start
    forked   whether the run was given checkpoints of another one
    """

    def __init__(
        self, host: World, session: Session, tell: Callable[[Input], None],
        report: Callable[[Attempt, Outcome], None], alone: AbstractContextManager[None],
        carry_out: Callable[[Sequence[Command]], None],
    ) -> None:  # fmt: skip
        self.calls: dict[str, Call] = {}
        self.here: SimpleQueue[Attempt | None] = SimpleQueue()
        self._host = host
        self._session = session
        self._run = session.state.run
        self._tell = tell
        self._report = report
        self._alone = alone
        self._carry_out = carry_out
        self.forked = False
        self.tickets: RunTickets = UNBOUNDED
        self._executors: dict[str, Executor] = {}
        self._lenders: list[Lender] = []
        self._arrivals: dict[str, Callable[[], Event]] = {}
        self._limited: dict[tuple[str, int, int], Attempt] = {}
        self._handed: dict[tuple[str, int, int], Attempt] = {}

    def start(self, command: StartAttempt) -> None:
        """Hand an attempt to the executor that its policy names. What goes wrong fails the attempt."""
        step = self._session.state.steps[command.key]
        try:
            call = self.calls.get(command.key)
            if call is None:
                call = self.calls[command.key] = self._host.call_of(self._session, step)
            executor = self._executor(step.policy.executor)
            prepared = call.prepare(command.element, command.attempt, here=executor.place != "apart")
        except Exception as error:  # noqa: BLE001 - boundary: whatever a voice's call raises is that attempt's failure
            prepared = Settled(False, error=encode_error(error))
        if isinstance(prepared, Settled):
            self.tickets.over(command.key, command.element, command.attempt)
            self._tell(news_of(self._host.clock.now(), command.key, command.attempt, prepared, command.element))
            return
        attempt = self._attempt(step, command, prepared)
        if step.policy.timeout_s is not None:
            attempt.began_at = self._host.tender.now()
            self._limited[attempt.key, attempt.element, attempt.number] = attempt
        if executor.place == "caller":
            self._handed[attempt.key, attempt.element, attempt.number] = attempt
            self.here.put(attempt)  # not now: the run is locked
        else:
            executor.start(attempt)

    def stop(self, command: StopAttempt) -> None:
        """Have the executor end an attempt. One that cannot (a thread) is given up: what it says later is late."""
        step = self._session.state.steps.get(command.key)
        if step is None:
            return  # it has ended by the same news, and was retired
        key, number, element, reason = command.key, command.attempt, command.element, command.reason
        name = step.policy.executor
        handed = self._handed.get((key, element, number))
        if handed is not None:
            handed.stopping = reason
        if not name or (self._executor(name).stop(self._run, key, element, number, reason) and handed is None):
            return
        late = self._limited.get((key, element, number)) if reason == "timeout" else None
        if late is not None:  # not here: the run is locked, and the voice may ask users' code what follows
            self._host.aside(lambda: self._report(late, Stopped(reason)))
        else:
            self._tell(Ended(self._host.clock.now(), key, number, reason, element))

    def overdue(self) -> tuple[list[Attempt], float]:
        """Attempts whose time is up, each told once; and in how many seconds to look again (inf: never)."""
        now, late, again_s = self._host.tender.now(), [], inf
        for key, attempt in tuple(self._limited.items()):
            step = self._session.state.steps.get(attempt.key)
            if step is None:
                self._limited.pop(key, None)
                continue
            limit_s = step.policy.timeout_s or 0.0
            left_s = limit_s if attempt.began_at is None else attempt.began_at + limit_s - now
            if left_s > _EARLY_S:
                again_s = min(again_s, left_s)
            else:
                attempt.began_at = inf  # told
                late.append(attempt)
        return late, again_s

    def lend(self) -> Lender | None:
        """If the calling thread is an executor's, have that one use another in its place; `take_back` ends it."""
        return next((each for each in tuple(self._lenders) if each.lend()), None)

    def arrival(self, key: str) -> Event:
        """An event to wait with for the step's outcome: its executor's own, where it has such."""
        return self._arrivals.get(self._session.state.steps[key].policy.executor, Event)()

    def abandon(self) -> None:
        """Make all that runs end, as far as it can be made to; nobody wants to know how."""
        self.tickets.close()
        for step in self._session.state.steps.values():
            executor = self._executors.get(step.policy.executor)
            if executor is None or step.status != "running":
                continue
            stop = executor.stop
            if step.map is None:
                stop(self._run, step.of or step.key, step.element, step.attempt, "abandoned")
            else:
                for index in step.map.at(M_RUNNING):
                    stop(self._run, step.key, index, step.attempt, "abandoned")

    def judged(self, attempt: Attempt, outcome: Outcome) -> Input:
        """The news that a report is. Values are encoded here, on the thread that reports."""
        at = self._host.clock.now()
        key, number, element = attempt.key, attempt.number, attempt.element
        step = self._session.state.steps.get(key)
        limited = self._limited.pop((key, element, number), None)
        self._handed.pop((key, element, number), None)
        # It was given up, and judged then, or its step is over and retired: nobody's attempt.
        if step is None or (limited is None and step.policy.timeout_s is not None):
            return Ended(at, key, 0, "late", element)
        if isinstance(outcome, Stopped):
            if outcome.reason != "timeout":
                return Ended(at, key, number, outcome.reason, element, outcome.record, outcome.facts)
            outcome = Failure(_timed_out(step, element, outcome), facts=outcome.facts)
        call = self.calls.get(key)
        try:
            settled = call.settle(attempt, outcome) if call is not None else _plain(outcome)
        except Exception as error:  # noqa: BLE001 - boundary: an outcome that cannot be kept must not get lost
            settled = Settled(False, error=encode_error(error), retry=False)
        return news_of(at, key, number, settled, element, outcome.facts)

    def left_by(self, step: Step) -> list[Json]:
        """What attempts at the step have left, whose engine died."""
        name = step.policy.executor
        executor: object = self._executor(name) if name in self._host.specs else None
        return executor.left_by(self._run, step.key) if isinstance(executor, Salvager) else []

    def log_of(self, key: str, attempt: int, element: int = -1, also: str = "") -> LineLog:
        """Where the lines of an attempt go; `also` is a file that gets them as well."""

        def log(stream: str, text: str, at: float, ended: bool = True) -> None:
            name = step_or_element(key, element)
            self._host.logs.write(self._run, (LogLine(at, name, attempt, stream, text, ended),), also)

        return log

    def _executor(self, name: str) -> Executor:
        found = self._executors.get(name)
        if found is None:
            found = self._executors[name] = self._host.executor(name)
            if isinstance(found, Lender):
                self._lenders.append(found)
            if isinstance(found, Attended):
                self._arrivals[name] = found.arrival
        return found

    def keep(self, which: tuple[str, int, int], made: Mapping[str, Json]) -> int:
        """Commit a checkpoint that the attempt (key, number, element) has made; see `ports.Attempt`."""
        kept, session = self._host.checkpoints(), self._session
        with self._alone:
            session.check()
            told = kept.accept(session.state, which, made, self._host.clock.now())
            self._carry_out(session.feed((told,)))
        kept.tidy(self._run, told)
        return told.number

    def checkpoints(self, key: str, element: int = -1) -> list[Json]:
        """What the next attempt at the step may begin from, the newest first, as `motet.checkpoints` lists it."""
        if not (self._session.state.steps[key].checkpoints or self.forked):
            return []
        return self._host.checkpoints().begin_from(self._session.state, key, element)

    def _attempt(self, step: Step, command: StartAttempt, prepared: Prepared) -> Attempt:
        key, number, element = command.key, command.attempt, command.element
        log = self.log_of(key, number, element, prepared.log_file)
        kept = self.checkpoints(key, element)
        gpus = self.tickets.gpus(key, element, number)
        also: Json = {**({"checkpoints": kept} if kept else {}), **({"gpus": gpus} if gpus else {})}
        return Attempt(
            self._run, key, number, prepared.function, prepared.args, prepared.kwargs, self._report, element,
            step.task, {**prepared.context, **also} if also else prepared.context, log, step.policy.grace_s,
            prepared.options, keep=partial(self.keep, (key, number, element)), slot=step.policy.slot,
        )  # fmt: skip


def news_of(
    at: float, key: str, number: int, settled: Settled, element: int = -1, facts: Json = None
) -> Succeeded | Failed | Ended:  # fmt: skip
    """The news of how an attempt ended."""
    if settled.stopped is not None:
        return Ended(at, key, number, settled.stopped, element, None, facts)
    if settled.ok:
        return Succeeded(at, key, number, settled.record, element, settled.cached, settled.note, facts)
    return Failed(at, key, number, settled.error, element, settled.retry, settled.delay_s, facts)


def _timed_out(step: Step, element: int, stopped: Stopped) -> Json:
    key = step_or_element(step.key, element)
    message = f"{key} ran longer than its limit of {step.policy.timeout_s or 0:g} s and was stopped.{stopped.details}"
    record = {"type": "TimedOut", "module": "motet.errors", "message": message}
    return record if stopped.record is None else {**record, "finished": stopped.record}


def _plain(outcome: Outcome) -> Settled:
    if isinstance(outcome, Success):
        return Settled(True, outcome.record)
    assert isinstance(outcome, Failure)
    return Settled(False, error=outcome.error)


class Waiters:
    """Callbacks that are due once, when a step, or an element of a map, has its outcome. The run's lock is held.

    What is due is called by whoever lets the lock go, so that a callback may ask for the outcome.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._waiting: dict[str, list[tuple[int, Callable[[], None]]]] = {}
        self._turns: dict[str, Callable[[], None]] = {}
        self._due: list[Callable[[], None]] = []

    def ended(self, key: str, element: int = -1) -> bool:
        """Whether the step, or the element, has its outcome."""
        step = self._state.steps[key]
        if element < 0 or step.map is None or step.ended:
            return step.ended
        own = self._state.steps.get(element_key(key, element))
        return own.ended if own is not None else step.map.marks[element] > M_RUNNING

    def add(self, key: str, element: int, callback: Callable[[], None]) -> None:
        """Call back when the step, or the element, has its outcome."""
        self._waiting.setdefault(key, []).append((element, callback))

    def add_turn(self, key: str, callback: Callable[[], None]) -> None:
        """Call back at the next change of the step: it may be the caller's turn to carry it out."""
        self._turns[key] = callback

    def forget(self, key: str, callback: Callable[[], None]) -> None:
        """Call back no more."""
        left = [pair for pair in self._waiting.pop(key, ()) if pair[1] != callback]
        if left:
            self._waiting[key] = left

    def wake(self, touched: Mapping[str, None]) -> None:
        """Those whom the changed steps concern are to be called."""
        for key in touched:
            if key in self._turns:
                self._due.append(self._turns.pop(key))
            if key not in self._waiting:
                continue
            left = []
            for element, callback in self._waiting.pop(key):
                if key not in self._state.steps or self.ended(key, element):
                    self._due.append(callback)
                else:
                    left.append((element, callback))
            if left:
                self._waiting[key] = left

    def wake_all(self) -> None:
        """All are to be called: the run goes on no more."""
        self._due += self._turns.values()
        self._due += [callback for pairs in self._waiting.values() for _, callback in pairs]
        self._turns, self._waiting = {}, {}

    def take_due(self) -> Sequence[Callable[[], None]]:
        """Those who are to be called now."""
        if not self._due:
            return ()
        due, self._due = self._due, []
        return due

    def __bool__(self) -> bool:
        return bool(self._waiting or self._turns)
