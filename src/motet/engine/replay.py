"""A program that drives its session itself is run again, and asks for steps that are recorded already."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence

from motet.engine.session import Session
from motet.errors import ReplayMismatch
from motet.kernel.inputs import Ended, Failed, Input, Succeeded, tries_again
from motet.kernel.program import AddStep
from motet.kernel.state import RunState, Step, element_key
from motet.kernel.transitions import CANCELLED, RUNNING, SUCCEEDED

GIVEN_UP = "given up by its caller"
"""Why a step was cancelled that its own caller stopped waiting for: nobody has seen an outcome of it."""


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
    return known.ended and not _unseen(known)


def _told(task: str, fingerprint: str) -> str:
    return f"task {task} with arguments {fingerprint[:8] or '-'}"


def _unseen(known: Step) -> bool:
    """Whether its result could not be kept, which costs it its resumability; or its caller gave it up, and will
    now see an outcome, or give it up again.
    """
    if known.status == SUCCEEDED:
        return isinstance(known.result, dict) and "lost" in known.result
    return known.status == CANCELLED and isinstance(known.error, dict) and known.error.get("message") == GIVEN_UP


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


def renew(session: Session, keys: Collection[str]) -> None:
    """Put aside the outcomes of these steps, of all that is around or below them, and of all that used their results.

    For a run that is taken up: what a dead engine left running has no outcome, and runs again anyway.
    """
    for key in _renewed(session.state, keys) if keys else ():
        step = session.state.steps.get(key)
        if step is not None and step.ended and not step.of:  # else it went with its map
            session.reset(key, "to be run anew", anew=True)


def _renewed(state: RunState, keys: Collection[str]) -> list[str]:
    named = {each if each in state.steps else each.rpartition("[")[0] for each in keys}
    found = {each for each in state.steps if any(_is_within(each, key) for key in named)}
    known = -1
    while known != len(found):  # what is around a consumer comes before it, and has consumers of its own
        known = len(found)
        for key, step in state.steps.items():
            if any(
                need in found or need.rpartition("[")[0] in found for need in (*step.needs, *step.after, *step.each)
            ):
                found.add(key)
        found |= {outer for outer in state.steps if outer not in found and any(_is_within(key, outer) for key in found)}
    return [each for each in state.steps if each in found]


def _is_within(key: str, outer: str) -> bool:
    """Whether the step is `outer`, below it, or an element of it."""
    return key.startswith(outer) and key[len(outer) : len(outer) + 1] in ("", "/", "[")


def clear_below(session: Session, news: Iterable[Input], parents: Container[str]) -> None:
    """For each failure among the news that another attempt will follow: reset what is below the step, before the
    failure is recorded. `parents` are the steps that have some below them.
    """
    for told in news:
        if isinstance(told, Failed):
            key = told.key if told.element < 0 else element_key(told.key, told.element)
            if key in parents and tries_again(session.state, told):
                reset_below(session, key)


def reset_below(session: Session, key: str) -> None:
    """Let the steps below `key` that did not succeed run anew, as soon as another attempt at it asks for them."""
    for each, step in list(session.state.steps.items()):
        if each.startswith(f"{key}/") and step.ended and step.status != SUCCEEDED and not step.of:
            session.reset(each, f"another attempt at {key}")


def left_behind(state: RunState, outcomes: Sequence[Input], at: float) -> list[Ended]:
    """The ends of steps without an executor that still run when a run ends: nobody can make their callers stop."""
    keys = {told.key for told in outcomes if isinstance(told, Succeeded | Failed)}
    if state.active <= len(keys):
        return []
    return [
        Ended(at, key, step.attempt, "its flow has ended")
        for key, step in state.steps.items()
        if step.status == RUNNING and not step.policy.executor and not step.of and key not in keys
    ]
