"""`decide(state, changes, at)`: what is due now, given what just changed. Costs the changes, not the run.

A decision has two parts: events, which are facts from the moment they are recorded (a step is skipped,
an attempt starts), and commands, which the engine carries out once those events are safe.
"""

from __future__ import annotations

from collections.abc import Mapping

from motet.kernel import events as ev
from motet.kernel.events import Json
from motet.kernel.limits import admit, held_above, line_up, may_start
from motet.kernel.state import M_BLOCKED, M_RUNNING, Changes, Fired, MapState, RunState, Step
from motet.kernel.transitions import CANCELLING, ENDED, PENDING, READY, RETRYING, RUNNING, SUCCEEDED, WAITING
from motet.kernel.waits import of_step
from motet.records import Record, field
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias


class StartAttempt(Record):
    """Hand an attempt to its executor. `element` >= 0 is an element of the map `key`."""

    key: str
    attempt: int
    element: int = -1


class StopAttempt(Record):
    """Ask a running attempt to end, by force after the grace of its policy."""

    key: str
    attempt: int
    element: int
    reason: str


class SetTimer(Record):
    """Report `TimerFired` with the same fields at time `due_at`, or soon after.

    `what` is "retry", "timeout" (both of the step `key`) or "deadline" (of the wait `key`, `attempt` being its number).
    """

    due_at: float
    what: str
    key: str
    attempt: int = 0
    element: int = -1


class AskMachine(Record):
    """Ask for what an attempt at the step, or at an element of the map, takes of the machine, and report `Granted`.

    `above` is how much of that the running steps above it hold.
    """

    key: str
    above: Mapping[str, float]


class LookBack(Record):
    """Show the wait what was published before it began, as far as it is to hear that: see `events.EventReceived`."""

    wait: str


Command: TypeAlias = StartAttempt | StopAttempt | SetTimer | AskMachine | LookBack


class Decision(Record):
    """Events to be recorded and folded, and commands to be carried out after they were."""

    events: list[ev.Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)


def decide(state: RunState, changes: Changes, at: float) -> Decision:
    """What follows from the changes. Fold its events before all else, and ask again until nothing changes."""
    out = Decision()
    steps = state.steps
    cancelling = state.status == CANCELLING
    for fired in changes.met:
        _complete(state, fired, at, out)
    for key in changes.steps:
        step = steps.get(key)
        if step is None or step.status in ENDED:
            continue
        if step.of and (cancelling or steps[step.of].stopping):
            continue  # its map sees to it
        if step.stopping:
            _stop(step, at, key in changes.stopping, out)
        elif cancelling:
            out.events.append(ev.StepStopping(at, key, state.reason or "the run was stopped"))
        else:
            _advance(state, step, at, out)
    if changes.waits:
        _set_deadlines(state, changes, out)
    if (state.ready or changes.freed) and not cancelling:
        starts, asks = admit(state, changes.freed)
        for step, elements in starts:
            _start(step, elements, at, out)
        for step in asks:
            above = {name: held_above(state, step, name) for name in step.policy.demands if name in state.shared}
            out.commands.append(AskMachine(step.key, {name: held for name, held in above.items() if held}))
    return out


def _advance(state: RunState, step: Step, at: float, out: Decision) -> None:
    status = step.status
    if step.doomed and status != RUNNING:
        out.events.append(ev.StepSkipped(at, step.key, because=step.doomed))
    elif status == PENDING:
        return
    elif step.map is not None:
        _advance_map(state, step, step.map, at, out)
    elif status == WAITING:
        out.commands.append(LookBack(of_step(step.key)))
    elif status == READY:
        if step.until is not None:
            if may_start(state, step):
                out.events.append(ev.StepWaiting(at, step.key))
        elif step.policy.demands:
            line_up(state, step)
        elif may_start(state, step):
            _start(step, [], at, out)
    elif status == RETRYING and not step.ticket and not step.unmet:
        if step.due_at > at:
            out.commands.append(SetTimer(step.due_at, "retry", step.key, step.attempt))
        else:
            line_up(state, step)


def _complete(state: RunState, fired: Fired, at: float, out: Decision) -> None:
    """The rule of a step that waits has fired: the step has what it waited for, or its time is up."""
    wait = state.waits.get(fired.wait)
    step = state.steps.get(wait.step) if wait is not None else None
    if step is None or step.stopping or state.status == CANCELLING:
        return  # it ends as one that was stopped
    signal, limit_s = fired.signal, step.policy.timeout_s
    if limit_s is not None and all(each.get("after") == limit_s for each in fired.causes):
        message = f"{step.key} waited longer than its limit of {limit_s:g} s."
        error = {"type": "TimedOut", "module": "motet.errors", "message": message}
        out.events.append(ev.StepFailed(signal.at, step.key, error=error))
        return
    told: Json = {"causes": fired.causes}
    if any("event" in each for each in fired.causes) and isinstance(signal, ev.EventReceived):
        names = ("key", "namespace", "value", "sender", "run", "at", "offset")
        told["event"] = {name: getattr(signal, name) for name in names}
    out.events.append(ev.StepSucceeded(at, step.key, result={"json": told}))


def _advance_map(state: RunState, step: Step, marks: MapState, at: float, out: Decision) -> None:
    doomed, marks.doomed = marks.doomed, {}
    skipped = [
        ev.StepSkipped(at, step.key, index, because)
        for index, because in doomed.items()
        if marks.marks[index] == M_BLOCKED
    ]
    if skipped:
        out.events += skipped
    elif marks.ended == marks.size:
        out.events.append(_map_end(step, marks, at, next((own.doomed for own in marks.own.values()), "")))
    elif marks.blocked + marks.ended == marks.size and (lost := _lost(state, step)):
        out.events.append(_map_end(step, marks, at, lost))
    if marks.next_waiting() >= 0:
        line_up(state, step)


def _map_end(step: Step, marks: MapState, at: float, because: str) -> ev.Event:
    """How a map ends. What became of its elements is theirs to tell: it says only whether all is well."""
    good = marks.ended - marks.bad
    if good == marks.size:
        return ev.StepSucceeded(at, step.key, step.attempt)
    if step.status == READY and not good and because:
        return ev.StepSkipped(at, step.key, because=because)
    error = {"type": "MapFailed", "message": f"{marks.size - good} of {marks.size} elements did not succeed"}
    return ev.StepFailed(at, step.key, step.attempt, error=error)


def _lost(state: RunState, step: Step) -> str:
    """A map that ended before all of its elements did, so that some of this one wait in vain; "" if none."""
    upstream = [state.steps[key] for key in step.each]
    if not all(each.status in ENDED for each in upstream):
        return ""
    return next((each.key for each in upstream if each.status != SUCCEEDED), "")


def _stop(step: Step, at: float, asked: bool, out: Decision) -> None:
    """A step that was asked to stop: what runs is told so, once; what does not run ends at once."""
    marks = step.map
    reason = step.stopping
    if marks is None:
        if step.status != RUNNING:
            out.events.append(ev.StepCancelled(at, step.key, reason=reason))
        elif asked:
            out.commands.append(StopAttempt(step.of or step.key, step.attempt, step.element, reason))
    elif not marks.running:
        out.events += [
            ev.StepCancelled(at, step.key, index, reason) for index, own in marks.own.items() if not own.ended
        ]
        out.events.append(ev.StepCancelled(at, step.key, reason=reason))
    elif asked:
        out.commands += [StopAttempt(step.key, step.attempt, index, reason) for index in marks.at(M_RUNNING)]
        running = [(index, own) for index, own in marks.own.items() if own.status == RUNNING]
        out.commands += [StopAttempt(step.key, own.attempt, index, reason) for index, own in running]


def _start(step: Step, elements: list[int], at: float, out: Decision) -> None:
    """Start a step, or elements of it: they bear the number of their map's attempt."""
    key = step.of or step.key
    attempt = step.attempt
    if step.map is None or step.status == READY:
        attempt += 1
        out.events.append(ev.StepStarted(at, key, attempt, step.element))
    if step.map is not None:
        out.events.append(ev.ElementsStarted(at, key, elements))
    timeout_s = step.policy.timeout_s
    for index in elements if step.map is not None else (step.element,):
        out.commands.append(StartAttempt(key, attempt, index))
        if timeout_s is not None:
            out.commands.append(SetTimer(at + timeout_s, "timeout", key, attempt, index))


def _set_deadlines(state: RunState, changes: Changes, out: Decision) -> None:
    """Have a timer for each rule's deadline, but none for one that moved on: the earlier timer sees to it."""
    for name in changes.waits:
        wait = state.waits.get(name)
        due_at = wait.due_at if wait is not None else None
        if wait is not None and due_at is not None and (wait.timer_at is None or due_at < wait.timer_at):
            wait.timer_at = due_at
            out.commands.append(SetTimer(due_at, "deadline", name, wait.number))
