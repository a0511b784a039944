"""What the world tells a run, and `judge`, which turns it into the event to be recorded, if any.

This is where late news is dropped: an attempt that is no longer the step's current one (its number is the
fencing token), a timer that nobody needs any more, a published event that was acted on before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from motet.kernel import events as ev
from motet.kernel.decide import StopAttempt, enqueue
from motet.kernel.events import Json
from motet.kernel.policy import retry_delay_s
from motet.kernel.state import M_RUNNING, RunState, Step, element_key
from motet.kernel.transitions import CANCELLING, ENDED, RETRYING, RUNNING


@dataclass(slots=True)
class Succeeded:
    """An attempt gave its value; `result` is the record of it."""

    at: float
    key: str
    attempt: int
    result: Json = None
    element: int = -1


@dataclass(slots=True)
class Failed:
    """An attempt failed. `retry` False: no use trying again (a condition said so)."""

    at: float
    key: str
    attempt: int
    error: Json
    element: int = -1
    retry: bool = True
    delay_s: float | None = None


@dataclass(slots=True)
class Ended:
    """An attempt ended because it was asked to stop."""

    at: float
    key: str
    attempt: int
    reason: str
    element: int = -1


@dataclass(slots=True)
class TimerFired:
    """A timer that a `SetTimer` had asked for; the fields are the same."""

    at: float
    what: str
    key: str
    attempt: int = 0
    element: int = -1


Input: TypeAlias = Succeeded | Failed | Ended | TimerFired | ev.EventReceived


@dataclass(slots=True)
class Judgement:
    """What an input comes to: an event to be recorded, or a command, or nothing."""

    event: ev.Event | None = None
    command: StopAttempt | None = None


NOTHING = Judgement()


def judge(state: RunState, told: Input) -> Judgement:
    """What the input comes to, given the state. Changes nothing but the line of steps that are ready."""
    if isinstance(told, ev.EventReceived):
        return NOTHING if told.offset <= state.offset else Judgement(told)
    if isinstance(told, TimerFired):
        return _timer(state, told)
    status, attempt, failures = _current(state, told.key, told.element)
    if status != RUNNING or attempt != told.attempt:
        return NOTHING
    if isinstance(told, Succeeded):
        return Judgement(ev.StepSucceeded(told.at, told.key, told.attempt, told.element, told.result))
    step = state.steps[told.key]
    if isinstance(told, Ended) or step.stopping or state.status == CANCELLING:
        reason = told.reason if isinstance(told, Ended) else step.stopping
        return Judgement(ev.StepCancelled(told.at, told.key, told.element, reason))
    return Judgement(_failure(step, told, failures + 1))


def _failure(step: Step, told: Failed, failures: int) -> ev.Event:
    policy = step.policy
    if not told.retry or failures > policy.retries:
        return ev.StepFailed(told.at, told.key, told.attempt, told.element, told.error)
    own_key = told.key if told.element < 0 else element_key(told.key, told.element)
    delay_s = retry_delay_s(policy, own_key, failures) if told.delay_s is None else told.delay_s
    return ev.StepRetrying(told.at, told.key, told.attempt, told.element, told.at + delay_s, told.error)


def _current(state: RunState, key: str, element: int) -> tuple[str, int, int]:
    """Status, attempt and failures of a step or of an element, "" for one that does not exist."""
    step = state.steps.get(key)
    if step is None:
        return "", 0, 0
    if element < 0:
        return step.status, step.attempt, step.failures
    own = state.steps.get(element_key(key, element))
    if own is not None:
        return own.status, own.attempt, own.failures
    marks = step.map
    if marks is None or not 0 <= element < marks.size or marks.marks[element] != M_RUNNING:
        return "", 0, 0
    return RUNNING, 1, 0


def _timer(state: RunState, told: TimerFired) -> Judgement:
    if told.what == "deadline":
        wait = state.waits.get(told.key)
        due_at = wait.rule.deadline(wait.memory) if wait is not None and wait.open else None
        return NOTHING if due_at is None or due_at > told.at else Judgement(ev.TimePassed(told.at))
    status, attempt, _ = _current(state, told.key, told.element)
    if attempt != told.attempt or status in ENDED:
        return NOTHING
    if told.what == "timeout" and status == RUNNING:
        return Judgement(command=StopAttempt(told.key, told.attempt, told.element, "timeout"))
    if told.what == "retry" and status == RETRYING:
        enqueue(state, state.steps[told.key])
    return NOTHING
