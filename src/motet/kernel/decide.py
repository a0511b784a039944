"""`decide(state, changes, at)`: what is due now, given what just changed. Costs the changes, not the run.

A decision has two parts: events, which are facts from the moment they are recorded (a step is skipped,
an attempt starts), and commands, which the engine carries out once those events are safe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from motet.kernel import events as ev
from motet.kernel.state import M_BLOCKED, M_RUNNING, Changes, RunState, Step
from motet.kernel.transitions import CANCELLING, ENDED, PENDING, READY, RETRYING, RUNNING


@dataclass(slots=True)
class StartAttempt:
    """Hand an attempt to its executor. `element` >= 0 is an element of the map `key`."""

    key: str
    attempt: int
    element: int = -1


@dataclass(slots=True)
class StopAttempt:
    """Ask a running attempt to end, by force after the grace of its policy."""

    key: str
    attempt: int
    element: int
    reason: str


@dataclass(slots=True)
class SetTimer:
    """Report `TimerFired` with the same fields at time `due_at`, or soon after. `what`: retry, timeout, deadline."""

    due_at: float
    what: str
    key: str
    attempt: int = 0
    element: int = -1


Command: TypeAlias = StartAttempt | StopAttempt | SetTimer


@dataclass(slots=True)
class Decision:
    """Events to be recorded and folded, and commands to be carried out after they were."""

    events: list[ev.Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)


def decide(state: RunState, changes: Changes, at: float) -> Decision:
    """What follows from the changes. Call it again after folding its events, until nothing changes any more."""
    out = Decision()
    cancelling = state.status == CANCELLING
    for key in changes.steps:
        step = state.steps.get(key)
        if step is None or step.status in ENDED:
            continue
        if cancelling and not step.stopping:
            out.events.append(ev.StepStopping(at, key, state.reason or "the run was stopped"))
        elif step.stopping:
            _stop(state, step, at, out)
        else:
            _advance(state, step, at, out)
    for name in changes.waits:
        wait = state.waits.get(name)
        due_at = wait.rule.deadline(wait.memory) if wait is not None and wait.open else None
        if due_at is not None:
            out.commands.append(SetTimer(due_at, "deadline", name))
    if not cancelling:
        _unpark(state, changes)
        _admit(state, at, out)
    return out


def _advance(state: RunState, step: Step, at: float, out: Decision) -> None:
    status = step.status
    if status == PENDING:
        if step.doomed:
            out.events.append(ev.StepSkipped(at, step.key, because=step.doomed))
    elif status == RETRYING:
        out.commands.append(SetTimer(step.due_at, "retry", step.key, step.attempt))
    elif step.map is not None:
        _advance_map(state, step, at, out)
    elif status == READY:
        enqueue(state, step)


def _advance_map(state: RunState, step: Step, at: float, out: Decision) -> None:
    marks = step.map
    assert marks is not None
    if marks.doomed:
        doomed, marks.doomed = marks.doomed, []
        out.events += [
            ev.StepSkipped(at, step.key, index, because)
            for index, because in doomed
            if marks.marks[index] == M_BLOCKED
        ]
    if marks.ended == marks.size:
        # What became of the elements is theirs to tell; the map says only whether all is well.
        error = {"type": "MapFailed", "message": f"{marks.bad} of {marks.size} elements did not succeed"}
        out.events.append(
            ev.StepFailed(at, step.key, step.attempt, error=error)
            if marks.bad
            else ev.StepSucceeded(at, step.key, step.attempt)
        )
    elif marks.cursor < marks.size:
        enqueue(state, step)


def enqueue(state: RunState, step: Step) -> None:
    """Put a step that is ready in line for room within its limits."""
    bound = state.steps[step.of].bound if step.of else step.bound
    if bound and not step.queued:
        step.queued = True
        state.ready.append(step.key)


def _stop(state: RunState, step: Step, at: float, out: Decision) -> None:
    """A step that was asked to stop: what is running is told so, what is not running ends at once."""
    if step.map is not None:
        _stop_map(step, at, out)
    elif step.status != RUNNING:
        out.events.append(ev.StepCancelled(at, step.key, reason=step.stopping))
    elif step.of:
        out.commands.append(StopAttempt(step.of, step.attempt, step.element, step.stopping))
    else:
        out.commands.append(StopAttempt(step.key, step.attempt, -1, step.stopping))


def _stop_map(step: Step, at: float, out: Decision) -> None:
    marks = step.map
    assert marks is not None
    if not marks.running:
        out.events.append(ev.StepCancelled(at, step.key, reason=step.stopping))
        return
    index = marks.marks.find(M_RUNNING)
    while index >= 0:
        out.commands.append(StopAttempt(step.key, 1, index, step.stopping))
        index = marks.marks.find(M_RUNNING, index + 1)


# ---------------------------------------------------------------- limits


def _unpark(state: RunState, changes: Changes) -> None:
    """Whoever waits for a limit that has room again is tried again, first come first served."""
    for name in changes.freed:
        limit = state.limits.get(name)
        if limit is not None and limit.parked and limit.used < limit.capacity:
            state.ready.extend(limit.parked)
            limit.parked.clear()


def _admit(state: RunState, at: float, out: Decision) -> None:
    """Start what is in line, as far as the limits allow; park the rest at the first limit that is in the way.

    Room that an earlier start of the same round will take counts as taken: `planned`.
    """
    planned: dict[str, float] = {}
    ready = state.ready
    while ready:
        step = state.steps[ready.popleft()]
        step.queued = False
        if step.status in ENDED or step.stopping or step.status == PENDING:
            continue
        if step.map is not None:
            _admit_elements(state, step, at, planned, out)
            continue
        if step.status == RUNNING:
            continue
        lack = _lacking(state, step, planned)
        if lack:
            step.queued = True
            state.limits[lack].parked.append(step.key)
            continue
        for name, amount in step.policy.claims.items():
            planned[name] = planned.get(name, 0.0) + amount
        _start(step, at, out)


def _start(step: Step, at: float, out: Decision) -> None:
    attempt = step.attempt + 1
    key = step.of or step.key
    out.events.append(ev.StepStarted(at, key, attempt, step.element))
    out.commands.append(StartAttempt(key, attempt, step.element))
    if step.policy.timeout_s is not None:
        due_at = at + step.policy.timeout_s
        out.commands.append(SetTimer(due_at, "timeout", key, attempt, step.element))


def _lacking(state: RunState, step: Step, planned: dict[str, float]) -> str:
    """The first limit without room for the step, "" if there is room everywhere.

    A demand beyond the whole capacity would wait for ever: it is let through when the limit is idle.
    """
    for name, amount in step.policy.claims.items():
        limit = state.limit(name)
        used = limit.used + planned.get(name, 0.0)
        if used and used + amount > limit.capacity:
            return name
    return ""


def _admit_elements(
    state: RunState, step: Step, at: float, planned: dict[str, float], out: Decision
) -> None:
    """Start as many elements as there is room for. An executor's backlog (slack) counts as room for these."""
    marks = step.map
    assert marks is not None
    room, lack = _room(state, step, planned)
    indices: list[int] = []
    while len(indices) < room and (index := marks.next_waiting()) >= 0:
        indices.append(index)
        marks.cursor = index + 1
    if indices:
        for name, amount in step.policy.claims.items():
            planned[name] = planned.get(name, 0.0) + amount * len(indices)
        if step.status == READY:
            out.events.append(ev.StepStarted(at, step.key, step.attempt + 1))
        out.events.append(ev.ElementsStarted(at, step.key, indices))
        for index in indices:
            out.commands.append(StartAttempt(step.key, 1, index))
            if step.policy.timeout_s is not None:
                out.commands.append(SetTimer(at + step.policy.timeout_s, "timeout", step.key, 1, index))
    if lack and marks.next_waiting() >= 0:
        step.queued = True
        state.limits[lack].parked.append(step.key)


def _room(state: RunState, step: Step, planned: dict[str, float]) -> tuple[int, str]:
    """How many elements fit, and the limit that says so."""
    room, lack = step.map.size if step.map is not None else 0, ""
    for name, amount in step.policy.claims.items():
        limit = state.limit(name)
        free = limit.capacity + limit.slack - limit.used - planned.get(name, 0.0)
        fits = room if free == float("inf") else max(0, int(free // amount) if amount else room)
        if not fits and not limit.used and not planned.get(name):
            fits = 1
        if fits < room:
            room, lack = fits, name
    return room, lack
