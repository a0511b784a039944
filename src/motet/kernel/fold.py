"""`apply(state, event)`: history folds into state, in place. Nothing else changes what is known of a run.

Folding decides nothing: it moves statuses by the table, keeps the counts, and notes in `state.changes`
what was touched, so that `decide` costs what changed and never what exists.
"""

from __future__ import annotations

from collections.abc import Callable

from motet.errors import InvalidTransition, UsageError
from motet.kernel import events as ev
from motet.kernel import maps, waits
from motet.kernel.limits import leave, line_up_anew
from motet.kernel.moves import (
    element_step,
    fall_back,
    is_needed,
    move,
    recount,
    relate,
    release_watchers,
    retire,
    unrelate,
    withhold,
    withhold_elements,
)  # fmt: skip
from motet.kernel.state import MOST_CHECKPOINTS, RunState, Step, step_or_element
from motet.kernel.transitions import ENDED, PENDING, RUN, RUN_ENDED, RUNNING, SUCCEEDED
from motet.typed import Any


def apply(state: RunState, event: ev.Event) -> None:
    """Fold one event into the state.

    Raises InvalidTransition if it does not fit, or UsageError for a step that cannot be added. After the
    former the state may be half changed: it is to be dropped, and built up anew from what was recorded.
    """
    _APPLY[type(event)](state, event)
    if event.recorded:
        state.seq += 1


# ---------------------------------------------------------------- run


def _move_run(state: RunState, event: ev.Event, to: str = "") -> None:
    known = RUN.get((state.status, event.kind))
    if known is None:
        raise InvalidTransition("", state.status, event.kind)
    state.status = known or to
    state.changes.run = True


def _run_started(state: RunState, event: ev.RunStarted) -> None:
    _move_run(state, event)
    state.epoch = event.epoch
    if state.started_at is None:
        state.started_at = event.at


def _run_cancelling(state: RunState, event: ev.RunCancelling) -> None:
    _move_run(state, event)
    state.reason = event.reason
    state.steered = max(state.steered, event.offset)
    for key, step in state.steps.items():
        if step.status not in ENDED:
            state.changes.steps[key] = None


def _run_reopened(state: RunState, event: ev.RunReopened) -> None:
    _move_run(state, event)
    state.ended_at = state.result = state.error = None
    state.reason = ""
    state.steered = max(state.steered, event.offset)


def _run_finishing(state: RunState, event: ev.RunFinishing) -> None:
    _move_run(state, event)
    state.ending = {"status": event.status, "result": event.result, "error": event.error}


def _run_finished(state: RunState, event: ev.RunFinished) -> None:
    if event.status not in RUN_ENDED:
        raise InvalidTransition("", state.status, f"{event.kind} ({event.status})")
    _move_run(state, event, event.status)
    state.ended_at, state.result, state.error = event.at, event.result, event.error
    state.ending = None
    state.waits.clear()
    state.heeding.clear()


def _limit_set(state: RunState, event: ev.LimitSet) -> None:
    limit = state.limit(event.name)
    limit.capacity, limit.slack = event.capacity, event.slack
    line_up_anew(state)
    state.changes.freed[event.name] = None


# ---------------------------------------------------------------- steps


def _step_added(state: RunState, event: ev.StepAdded) -> None:
    key = event.key
    if key in state.steps:
        raise InvalidTransition(key, state.steps[key].status, event.kind)
    if key.endswith("]") and state.element(key) is not None:
        raise UsageError(f"Step {key} cannot be added: that is an element of a map.", "Choose another key.")
    if event.until is not None and event.size is not None:
        raise UsageError(f"Step {key} is a map, and is to wait for a rule.", "Add a step for each wait.")
    step = Step(
        key, event.task, event.form, event.parent, event.name, state.policy(event.policy), event.fingerprint,
        event.at, event.needs, event.after, event.each, event.call,
    )  # fmt: skip
    if event.needs or event.after or event.each or event.size is not None:
        _check_relations(state, step, event)
    state.steps[key] = step
    step.until, step.since = event.until, event.since
    state.active += 1
    state.counts[PENDING] = state.counts.get(PENDING, 0) + 1
    if event.size is not None:
        maps.add_map(state, step, event.size)
    if step.needs or step.after or step.each:
        relate(state, step)
    recount(state, step, event.at)


def _check_relations(state: RunState, step: Step, event: ev.StepAdded) -> None:
    """What is named twice counts once, and a need is more than an `after`. Raises UsageError."""
    step.needs = tuple(dict.fromkeys(event.needs))
    step.each = tuple(dict.fromkeys(event.each))
    after = dict.fromkeys(event.after)
    for key in step.needs:
        after.pop(key, None)
    step.after = after or ()
    for key in (*step.needs, *step.after, *step.each):
        if not state.outcome(key):
            raise UsageError(
                f"Step {step.key} needs {key}, which is not a step of this run.",
                "Add the step that it needs first, or correct the key.",
            )
    maps.check_map(state, step, event.size)


def _subject(state: RunState, event: ev.StepEvent, element: int = -1, attempt: int = 0) -> Step:
    """The step that the event is about; an element's own for one of a map, made if need be."""
    step = state.steps.get(event.key)
    if step is None:
        raise InvalidTransition(event.key, "unknown", event.kind)
    return step if element < 0 else element_step(state, step, event, element, attempt)


def _step_started(state: RunState, event: ev.StepStarted) -> None:
    step = _subject(state, event, event.element)
    move(state, step, event.kind, event.at)
    step.attempt = event.attempt
    step.started_at = event.at


def _step_waiting(state: RunState, event: ev.StepWaiting) -> None:
    step = _subject(state, event)
    move(state, step, event.kind, event.at)
    step.started_at = event.at
    waits.begin_step(state, step, event.at)


def _step_checkpointed(state: RunState, event: ev.StepCheckpointed) -> None:
    step = _subject(state, event)
    move(state, step, event.kind, event.at)
    key = step_or_element(step.key, event.element)
    step.checkpoints = step.checkpoints or {}
    step.checkpoints[key] = [*step.checkpoints.get(key, ())[1 - MOST_CHECKPOINTS :], event.number]


def _step_succeeded(state: RunState, event: ev.StepSucceeded) -> None:
    step = _subject(state, event, event.element, event.attempt)
    step.result, step.cached, step.error = event.result, step.cached or event.cached, None
    move(state, step, event.kind, event.at)


def _step_retrying(state: RunState, event: ev.StepRetrying) -> None:
    step = _subject(state, event, event.element, event.attempt)
    move(state, step, event.kind, event.at)
    step.failures += 1
    step.error, step.due_at = event.error, event.due_at


def _step_failed(state: RunState, event: ev.StepFailed) -> None:
    step = _subject(state, event, event.element, event.attempt)
    step.error = event.error
    step.failures += 1
    move(state, step, event.kind, event.at)


def _step_skipped(state: RunState, event: ev.StepSkipped) -> None:
    step = _subject(state, event, event.element)
    step.doomed = event.because
    move(state, step, event.kind, event.at)


def _step_stopping(state: RunState, event: ev.StepStopping) -> None:
    step = _subject(state, event)
    move(state, step, event.kind, event.at)
    step.stopping = event.reason or "stopped"
    state.changes.stopping[step.key] = None
    for each in (step, *step.map.own.values()) if step.map is not None else (step,):
        if each.ticket:
            leave(state, each)


def _step_cancelled(state: RunState, event: ev.StepCancelled) -> None:
    step = _subject(state, event, event.element, event.attempt)
    step.error = {"type": "Cancelled", "message": event.reason} if event.reason else None
    step.result = event.result
    move(state, step, event.kind, event.at)


def _step_interrupted(state: RunState, event: ev.StepInterrupted) -> None:
    step = _subject(state, event)
    if step.map is None or step.status != RUNNING:
        move(state, step, event.kind, event.at)
        fall_back(state, step, event.at)
        return
    # A map has no attempt of its own to lose: it goes on under the next number, with the elements it lost.
    step.attempt += 1
    maps.free_running(state, step, step.map)
    state.changes.steps[step.key] = None


def _step_reset(state: RunState, event: ev.StepReset) -> None:
    step = _subject(state, event)
    was = step.status
    if step.of:
        raise InvalidTransition(step.key, was, event.kind)  # its map is to be reset
    if was == RUNNING and (step.map is None or step.map.running):
        raise InvalidTransition(step.key, was, event.kind)  # it is in hand
    move(state, step, event.kind, event.at)
    step.result = step.error = step.ended_at = step.started_at = None
    step.cached, step.failures, step.stopping = 0, 0, ""
    if event.fingerprint:
        step.fingerprint = event.fingerprint
    if event.fingerprint or event.anew:
        step.checkpoints = None
    if step.map is not None:
        maps.drop_elements(state, step, step.map, keep=not (event.fingerprint or event.anew))
    if was in ENDED:
        withhold(state, step, was == SUCCEEDED, event.at)
    withhold_elements(state, step, event.at)
    recount(state, step, event.at)


def _step_redefined(state: RunState, event: ev.StepRedefined) -> None:
    step = _subject(state, ev.StepEvent(event.at, event.key))
    move(state, step, event.kind, event.at)
    unrelate(state, step)
    step.task, step.form, step.parent, step.name = event.task, event.form, event.parent, event.name
    step.policy, step.fingerprint, step.call = state.policy(event.policy), event.fingerprint, event.call
    step.error = step.started_at = step.checkpoints = None
    step.failures = 0
    step.needs, step.after, step.each = event.needs, event.after, event.each
    step.until, step.since = event.until, event.since
    _check_relations(state, step, event)
    maps.replace(state, step, event.size)
    relate(state, step)
    recount(state, step, event.at)


def _step_retired(state: RunState, event: ev.StepRetired) -> None:
    step = _subject(state, event)
    if step.of or step.status not in ENDED or is_needed(state, step):
        raise InvalidTransition(step.key, step.status, event.kind)
    retire(state, step)


def _step_changed(state: RunState, event: ev.StepChanged) -> None:
    step = _subject(state, event)
    step.call = step.call if event.call is None else event.call


def _elements_started(state: RunState, event: ev.ElementsStarted) -> None:
    maps.mark_started(state, _subject(state, event), event.indices)


def _elements_succeeded(state: RunState, event: ev.ElementsSucceeded) -> None:
    step = _subject(state, event)
    step.cached += len(event.cached)
    for index in maps.mark_succeeded(state, step, event.indices, event.results):
        release_watchers(state, step, index, True, event.at)


_APPLY: dict[type[ev.Event], Callable[[RunState, Any], None]] = {
    ev.RunStarted: _run_started,
    ev.RunCancelling: _run_cancelling,
    ev.RunReopened: _run_reopened,
    ev.RunFinishing: _run_finishing,
    ev.RunFinished: _run_finished,
    ev.LimitSet: _limit_set,
    ev.StepAdded: _step_added,
    ev.StepStarted: _step_started,
    ev.StepWaiting: _step_waiting,
    ev.StepCheckpointed: _step_checkpointed,
    ev.StepSucceeded: _step_succeeded,
    ev.StepRetrying: _step_retrying,
    ev.StepFailed: _step_failed,
    ev.StepSkipped: _step_skipped,
    ev.StepStopping: _step_stopping,
    ev.StepCancelled: _step_cancelled,
    ev.StepInterrupted: _step_interrupted,
    ev.StepReset: _step_reset,
    ev.StepRedefined: _step_redefined,
    ev.StepRetired: _step_retired,
    ev.StepChanged: _step_changed,
    ev.ElementsStarted: _elements_started,
    ev.ElementsSucceeded: _elements_succeeded,
    ev.WaitAdded: waits.add,
    ev.WaitRemoved: waits.remove,
    ev.WaitFired: waits.remember,
    ev.WaitAnswered: waits.remember,
    ev.EventReceived: waits.receive,
    ev.TimePassed: waits.pass_time,
}
