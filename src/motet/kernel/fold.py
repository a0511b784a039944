"""`apply(state, event)`: history folds into state, in place. The only code that changes a `RunState`.

Folding decides nothing: it moves statuses by the table, keeps the counts, and notes in `state.changes`
what was touched, so that `decide` costs what changed and never what exists.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from motet.errors import InvalidTransition, UsageError
from motet.kernel import events as ev
from motet.kernel import rules
from motet.kernel.maps import add_map, element_step, end_element, free_running, mark_started, mark_succeeded
from motet.kernel.state import Fired, RunState, Step, Wait, element_key
from motet.kernel.transitions import (
    CANCELLED, ENDED, FAILED, NEEDS_MET, PENDING, READY, RETRYING, RUN, RUNNING, SKIPPED, STEP, SUCCEEDED,
)  # fmt: skip


def apply(state: RunState, event: ev.Event) -> None:
    """Fold one event into the state.

    Raises InvalidTransition if it does not fit; the state may then be half changed and is not to be used on.
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
    for key, step in state.steps.items():
        if step.status not in ENDED:
            state.changes.steps[key] = None


def _run_reopened(state: RunState, event: ev.RunReopened) -> None:
    _move_run(state, event)
    state.ended_at = state.result = state.error = None
    state.reason = ""


def _run_finished(state: RunState, event: ev.RunFinished) -> None:
    _move_run(state, event, event.status)
    state.ended_at, state.result, state.error = event.at, event.result, event.error
    state.waits.clear()
    state.listening.clear()
    state.heeding.clear()


def _limit_set(state: RunState, event: ev.LimitSet) -> None:
    limit = state.limit(event.name)
    limit.capacity, limit.slack = event.capacity, event.slack
    state.changes.freed.add(event.name)


# ---------------------------------------------------------------- steps


def move(state: RunState, step: Step, kind: str, at: float) -> None:
    """Move the step by the table, and keep what follows from it: counts, limits, dependants, rules."""
    was = step.status
    to = STEP.get((was, kind))
    if to is None:
        raise InvalidTransition(step.key, was, kind)
    state.changes.steps[step.key] = None
    if to == was:
        return
    step.status = to
    counts = state.counts
    counts[was] -= 1
    counts[to] = counts.get(to, 0) + 1
    if was == RUNNING:
        _free(state, step)
    elif to == RUNNING:
        _take(state, step)
    if to in ENDED:
        _ended(state, step, at)
    elif was in ENDED:
        state.active += 1
    if state.heeding:
        signal = rules.StatusChanged(at, step.key, step.task, to)
        _feed_waits(state, state.heeding, signal)


def _free(state: RunState, step: Step) -> None:
    if step.map is not None:
        return  # what its elements use is theirs to free
    if step.of:
        marks = state.steps[step.of].map
        assert marks is not None
        marks.running -= 1
        state.changes.steps[step.of] = None
    for name, amount in step.policy.claims.items():
        state.limit(name).used -= amount
        state.changes.freed.add(name)


def _take(state: RunState, step: Step) -> None:
    if step.map is not None:
        return
    if step.of:
        marks = state.steps[step.of].map
        assert marks is not None
        marks.running += 1
    for name, amount in step.policy.claims.items():
        state.limit(name).used += amount


def _ended(state: RunState, step: Step, at: float) -> None:
    step.ended_at = at
    step.stopping = ""
    state.active -= 1
    good = step.status == SUCCEEDED
    if step.of:
        end_element(state, step, good)
    if step.blocks is not None:
        told, step.blocks = step.blocks, None
        for key in told:
            release(state, state.steps[key], step.key, good, at)


def release(state: RunState, waiting: Step, ended: str, good: bool, at: float) -> None:
    """Tell a step that another (or an element of a map) ended: one thing less in its way, or its doom."""
    if waiting.status != PENDING:
        return
    if good or ended in waiting.after:
        waiting.unmet -= 1
        if not waiting.unmet:
            move(state, waiting, NEEDS_MET, at)
    elif not waiting.doomed:
        waiting.doomed = ended
        state.changes.steps[waiting.key] = None


def _step_added(state: RunState, event: ev.StepAdded) -> None:
    if event.key in state.steps:
        raise InvalidTransition(event.key, state.steps[event.key].status, event.kind)
    step = Step(
        key=event.key, task=event.task, form=event.form, parent=event.parent, name=event.name,
        policy=state.policy(event.policy), fingerprint=event.fingerprint, added_at=event.at,
        needs=event.needs, after=event.after, each=event.each, call=event.call,
    )  # fmt: skip
    missing = [key for key in (*event.needs, *event.after, *event.each) if not state.outcome(key)]
    if missing:
        raise UsageError(
            f"Step {event.key} needs {missing[0]}, which is not a step of this run.",
            "Add the step that it needs first, or correct the key.",
        )
    state.steps[event.key] = step
    state.active += 1
    state.counts[PENDING] = state.counts.get(PENDING, 0) + 1
    if event.size is not None:
        add_map(state, step, event.size)
    hold(state, step, event.at)


def hold(state: RunState, step: Step, at: float, *, again: bool = False) -> None:
    """Count what stands in a pending step's way, and have it told when each of these ends.

    `again`: it was held before, and may still stand in some list of those to be told.
    """
    step.unmet, step.doomed = 0, ""
    for key in (*step.needs, *step.after):
        status = state.outcome(key)
        if status == SUCCEEDED or (status in ENDED and key in step.after):
            continue
        step.unmet += 1
        if status in ENDED:
            step.doomed = step.doomed or key
        else:
            _listen(state, key, step.key, again)
    state.changes.steps[step.key] = None
    if not step.unmet:
        move(state, step, NEEDS_MET, at)


def _listen(state: RunState, key: str, listener: str, again: bool) -> None:
    step = state.steps.get(key)
    if step is not None:
        if step.blocks is None:
            step.blocks = [listener]
        elif not (again and listener in step.blocks):
            step.blocks.append(listener)
        return
    found = state.element(key)
    assert found is not None and found[0].map is not None
    found[0].map.watchers.setdefault(found[1], []).append(listener)


def _step_started(state: RunState, event: ev.StepStarted) -> None:
    step = element_step(state, event.key, event.element, event.at)
    move(state, step, event.kind, event.at)
    step.attempt = event.attempt
    step.started_at = event.at


def _step_succeeded(state: RunState, event: ev.StepSucceeded) -> None:
    step = element_step(state, event.key, event.element, event.at)
    step.result, step.cached, step.error = event.result, event.cached, None
    move(state, step, event.kind, event.at)


def _step_retrying(state: RunState, event: ev.StepRetrying) -> None:
    step = element_step(state, event.key, event.element, event.at)
    move(state, step, event.kind, event.at)
    step.failures += 1
    step.error, step.due_at = event.error, event.due_at


def _step_failed(state: RunState, event: ev.StepFailed) -> None:
    step = element_step(state, event.key, event.element, event.at)
    step.error = event.error
    step.failures += 1
    move(state, step, event.kind, event.at)


def _step_skipped(state: RunState, event: ev.StepSkipped) -> None:
    step = element_step(state, event.key, event.element, event.at)
    step.doomed = event.because
    move(state, step, event.kind, event.at)


def _step_stopping(state: RunState, event: ev.StepStopping) -> None:
    step = state.steps[event.key]
    move(state, step, event.kind, event.at)
    step.stopping = event.reason or "stopped"


def _step_cancelled(state: RunState, event: ev.StepCancelled) -> None:
    step = element_step(state, event.key, event.element, event.at)
    step.error = {"type": "Cancelled", "message": event.reason} if event.reason else None
    move(state, step, event.kind, event.at)


def _step_interrupted(state: RunState, event: ev.StepInterrupted) -> None:
    step = state.steps[event.key]
    move(state, step, event.kind, event.at)
    if step.map is not None:
        free_running(state, step)


def _step_reset(state: RunState, event: ev.StepReset) -> None:
    step = state.steps[event.key]
    move(state, step, event.kind, event.at)
    step.result = step.error = step.ended_at = step.started_at = None
    step.cached, step.failures, step.stopping = False, 0, ""
    if event.fingerprint:
        step.fingerprint = event.fingerprint
    if step.map is not None:
        add_map(state, step, step.map.size, keep=not event.fingerprint)
    hold(state, step, event.at, again=True)


def _elements_started(state: RunState, event: ev.ElementsStarted) -> None:
    mark_started(state, state.steps[event.key], event.indices)


def _elements_succeeded(state: RunState, event: ev.ElementsSucceeded) -> None:
    step = state.steps[event.key]
    for index in mark_succeeded(state, step, event.indices, event.results):
        marks = step.map
        assert marks is not None
        for key in marks.watchers.pop(index):
            release(state, state.steps[key], element_key(step.key, index), True, event.at)


# ---------------------------------------------------------------- rules


def _wait_added(state: RunState, event: ev.WaitAdded) -> None:
    if event.wait in state.waits:
        raise InvalidTransition(event.wait, "listening", event.kind)
    rule = rules.from_json(event.rule)
    state.offset = max(state.offset, event.offset)
    state.waits[event.wait] = Wait(event.wait, rule, rule.start(event.at), event.repeat)
    listen_for(state, event.wait)
    state.changes.waits.add(event.wait)
    state.changes.run = True


def listen_for(state: RunState, wait: str) -> None:
    """Enter the wait where signals look for those whom they concern."""
    rule = state.waits[wait].rule
    for key in rules.event_keys(rule):
        state.listening.setdefault(key, []).append(wait)
    if rules.heeds_status(rule):
        state.heeding.append(wait)


def _wait_removed(state: RunState, event: ev.WaitRemoved) -> None:
    if event.wait not in state.waits:
        raise InvalidTransition(event.wait, "not listening", event.kind)
    if state.waits[event.wait].open:
        _close_wait(state, event.wait)
    del state.waits[event.wait]


def _close_wait(state: RunState, wait: str) -> None:
    state.waits[wait].open = False
    rule = state.waits[wait].rule
    for key in rules.event_keys(rule):
        state.listening[key].remove(wait)
        if not state.listening[key]:
            del state.listening[key]
    if wait in state.heeding:
        state.heeding.remove(wait)
    state.changes.run = True


def _event_received(state: RunState, event: ev.EventReceived) -> None:
    state.offset = max(state.offset, event.offset)
    _feed_waits(state, state.listening.get(event.key, ()), event)


def _time_passed(state: RunState, event: ev.TimePassed) -> None:
    due = [
        key for key, wait in state.waits.items()
        if wait.open and (at := wait.rule.deadline(wait.memory)) is not None and at <= event.at
    ]  # fmt: skip
    _feed_waits(state, due, event)


def _feed_waits(state: RunState, waits: Any, signal: rules.Signal) -> None:
    for key in tuple(waits):
        wait = state.waits[key]
        if not wait.open:
            continue
        wait.memory, met = wait.rule.fold(wait.memory, signal)
        state.changes.waits.add(key)
        if met:
            wait.fired += 1
            state.changes.fired.append(Fired(key, wait.fired, signal))
            if not wait.repeat:
                _close_wait(state, key)


_APPLY: dict[type[ev.Event], Callable[[RunState, Any], None]] = {
    ev.RunStarted: _run_started,
    ev.RunCancelling: _run_cancelling,
    ev.RunReopened: _run_reopened,
    ev.RunFinished: _run_finished,
    ev.LimitSet: _limit_set,
    ev.StepAdded: _step_added,
    ev.StepStarted: _step_started,
    ev.StepSucceeded: _step_succeeded,
    ev.StepRetrying: _step_retrying,
    ev.StepFailed: _step_failed,
    ev.StepSkipped: _step_skipped,
    ev.StepStopping: _step_stopping,
    ev.StepCancelled: _step_cancelled,
    ev.StepInterrupted: _step_interrupted,
    ev.StepReset: _step_reset,
    ev.ElementsStarted: _elements_started,
    ev.ElementsSucceeded: _elements_succeeded,
    ev.WaitAdded: _wait_added,
    ev.WaitRemoved: _wait_removed,
    ev.EventReceived: _event_received,
    ev.TimePassed: _time_passed,
}
