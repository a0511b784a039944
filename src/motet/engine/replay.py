"""A program that drives its session itself is run again, and asks for steps that are recorded already."""

from __future__ import annotations

from motet.engine.session import Session
from motet.errors import ReplayMismatch
from motet.kernel.program import AddStep
from motet.kernel.state import Step
from motet.kernel.transitions import RUNNING, SUCCEEDED


def recorded(session: Session, known: Step, action: AddStep, *, rerun_changed: bool) -> bool:
    """Whether the recorded outcome of the step is what the program is to get; else it will run (again).

    Raises ReplayMismatch, which also ends the session, if the step differs from what was recorded.
    """
    if known.task != action.task or known.fingerprint != action.fingerprint:
        if not rerun_changed:
            session.broken = ReplayMismatch(
                known.key, _told(known.task, known.fingerprint), _told(action.task, action.fingerprint)
            )
            raise session.broken
        _reset_changed(session, known, action)
    return known.ended and not _lost(known)


def _told(task: str, fingerprint: str) -> str:
    return f"task {task} with arguments {fingerprint[:8] or '-'}"


def _lost(known: Step) -> bool:
    """Whether it succeeded with a result that could not be kept: that costs it its resumability."""
    record = known.result
    return known.status == SUCCEEDED and isinstance(record, dict) and "lost" in record


def _reset_changed(session: Session, known: Step, action: AddStep) -> None:
    """Have the step, and all that used its result, directly or not, run anew: but for attempts that are in hand."""
    for key in _consumers(session, known.key):
        step = session.state.steps.get(key)
        if step is None or step.of:
            continue  # an element: it went with its map
        if step.status != RUNNING or (step.map is not None and not step.map.running):
            fingerprint = action.fingerprint if step is known else ""
            session.reset(key, "its code changed", fingerprint=fingerprint, anew=True)


def _consumers(session: Session, key: str) -> list[str]:
    found = {key}
    for each, step in session.state.steps.items():
        needs = (*step.needs, *step.after, *step.each)
        if any(need in found or need.partition("[")[0] in found for need in needs):
            found.add(each)
    return [each for each in session.state.steps if each in found]


def reset_below(session: Session, key: str) -> None:
    """Let the steps below `key` that did not succeed run anew, as soon as another attempt at it asks for them."""
    for each, step in list(session.state.steps.items()):
        if each.startswith(f"{key}/") and step.ended and step.status != SUCCEEDED and not step.of:
            session.reset(each, f"another attempt at {key}")
