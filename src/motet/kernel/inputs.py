"""What the world tells a run, and `judge`, which turns it into the event to be recorded, if any.

This is where late news is dropped: an attempt that is no longer the step's current one (its number is the
fencing token), a timer that nobody needs any more, a published event that was acted on before.
"""

from __future__ import annotations

from motet.kernel import events as ev
from motet.kernel.decide import StopAttempt
from motet.kernel.events import Json
from motet.kernel.limits import grant, line_up
from motet.kernel.policy import retry_delay_s
from motet.kernel.state import M_RUNNING, RunState, Step, Wait, element_key
from motet.kernel.transitions import CANCELLING, RETRYING, RUNNING
from motet.records import Record
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias


class Succeeded(Record):
    """An attempt gave its value; `result` is the record of it, `facts` what the executor knows of it."""

    at: float
    key: str
    attempt: int
    result: Json = None
    element: int = -1
    cached: bool = False
    note: Json = None
    facts: Json = None


class Failed(Record):
    """An attempt failed. `retry` False: no use trying again (a condition said so)."""

    at: float
    key: str
    attempt: int
    error: Json
    element: int = -1
    retry: bool = True
    delay_s: float | None = None
    facts: Json = None


class Ended(Record):
    """An attempt ended because it was asked to stop; `result` is what it has left."""

    at: float
    key: str
    attempt: int
    reason: str
    element: int = -1
    result: Json = None
    facts: Json = None


class TimerFired(Record):
    """A timer that a `SetTimer` had asked for; the fields are the same."""

    at: float
    what: str
    key: str
    attempt: int = 0
    element: int = -1


class Granted(Record):
    """The machine has what an attempt at the step, or at an element of the map, had asked for."""

    at: float
    key: str
    element: int = -1


Input: TypeAlias = Succeeded | Failed | Ended | TimerFired | Granted | ev.EventReceived | ev.StepCheckpointed


class Judgement(Record):
    """What an input comes to: an event to be recorded, a command, what a timer was for (see `ring`), or nothing.

    due   the step whose time for another attempt has come
    rung  the wait whose timer has gone off
    granted  the step that has what it had asked for
    """

    event: ev.Event | None = None
    command: StopAttempt | None = None
    due: Step | None = None
    rung: Wait | None = None
    granted: Step | None = None


NOTHING = Judgement()


def judge(state: RunState, told: Input) -> Judgement:
    """What the input comes to, given the state, which it does not change."""
    if isinstance(told, ev.EventReceived):
        return Judgement(told) if _is_new(state, told) else NOTHING
    if isinstance(told, TimerFired):
        return _timer(state, told)
    if isinstance(told, Granted):
        return Judgement(granted=state.steps[told.key]) if told.key in state.asking else NOTHING
    step, status, attempt = _current(state, told.key, told.element)
    if step is None or status != RUNNING or attempt != told.attempt:
        return NOTHING
    if isinstance(told, Succeeded):
        outcome = told.result, told.cached, told.note, told.facts
        return Judgement(ev.StepSucceeded(told.at, told.key, told.attempt, told.element, *outcome))
    if isinstance(told, ev.StepCheckpointed):
        return Judgement(told)
    stopping = step.stopping or (state.steps[step.of].stopping if step.of else "")
    if isinstance(told, Ended):
        left = told.reason, told.attempt, told.result, told.facts
        return Judgement(ev.StepCancelled(told.at, told.key, told.element, *left))
    if stopping or state.status == CANCELLING:
        return Judgement(ev.StepCancelled(told.at, told.key, told.element, stopping, told.attempt, None, told.facts))
    return Judgement(_failure(step, told))


def _is_new(state: RunState, told: ev.EventReceived) -> bool:
    if not told.wait:
        return told.offset > state.offset
    wait = state.waits.get(told.wait)
    return wait is not None and wait.open and told.offset > wait.heard


def _failure(step: Step, told: Failed) -> ev.Event:
    own = step.map is None  # else this is the first failure of an element that has no step yet
    failures = step.failures if own else 0
    if not told.retry or failures >= step.policy.retries:
        return ev.StepFailed(told.at, told.key, told.attempt, told.element, told.error, told.facts)
    delay_s = told.delay_s
    if delay_s is None:
        key = step.key if own else element_key(step.key, told.element)
        delay_s = retry_delay_s(step.policy, key, failures + 1)
    due_at = told.at + delay_s
    return ev.StepRetrying(told.at, told.key, told.attempt, told.element, due_at, told.error, told.facts)


def tries_again(state: RunState, told: Input) -> bool:
    """Whether the news is a failure that another attempt will follow."""
    return isinstance(told, Failed) and isinstance(judge(state, told).event, ev.StepRetrying)


def _current(state: RunState, key: str, element: int) -> tuple[Step | None, str, int]:
    """The step, or the element's own step, or the map of an element without one; its status and attempt.

    A map has no attempt of its own that could be reported.
    """
    step = state.steps.get(key)
    if step is None:
        return None, "", 0
    marks = step.map
    if marks is None or element < 0:
        return step, "" if marks is not None or element >= 0 else step.status, step.attempt
    own = marks.own.get(element)
    if own is not None:
        return own, own.status, own.attempt
    running = element < marks.size and marks.marks[element] == M_RUNNING
    return step, RUNNING if running else "", step.attempt


def _timer(state: RunState, told: TimerFired) -> Judgement:
    if told.what == "deadline":
        return _deadline(state, told)
    step, status, attempt = _current(state, told.key, told.element)
    if step is None or attempt != told.attempt:
        return NOTHING
    if told.what == "timeout" and status == RUNNING:
        return Judgement(command=StopAttempt(told.key, told.attempt, told.element, "timeout"))
    if told.what == "retry" and status == RETRYING:
        return Judgement(due=step)
    return NOTHING


def _deadline(state: RunState, told: TimerFired) -> Judgement:
    wait = state.waits.get(told.key)
    due_at = wait.due_at if wait is not None else None
    if wait is None or due_at is None or told.attempt != wait.number:
        return NOTHING
    return Judgement(ev.TimePassed(told.at, told.key) if due_at <= told.at else None, rung=wait)


def ring(state: RunState, judged: Judgement) -> None:
    """Do what a timer was for: put a step in line, or look at a deadline again, which may have moved on meanwhile; or
    let a step start that has what it had asked for.

    No event tells of it, since it follows from what is recorded; a run that is folded anew sets its timers again.
    """
    if judged.due is not None:
        line_up(state, judged.due)
        state.changes.steps[judged.due.key] = None
    if judged.granted is not None:
        grant(state, judged.granted)
    if judged.rung is not None:
        judged.rung.timer_at = None
        if judged.event is None:
            state.changes.waits[judged.rung.id] = None
