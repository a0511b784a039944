"""A program that drives its session itself is run again, and asks for steps that are recorded already."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence

from motet.engine.session import Session
from motet.kernel import events as ev
from motet.kernel.events import Json
from motet.kernel.inputs import Ended, Failed, Input, Succeeded, tries_again
from motet.kernel.program import AddStep, added
from motet.kernel.state import RunState, Step, step_or_element
from motet.kernel.transitions import CANCELLED, RUNNING, SUCCEEDED
from motet.ports.spec import differences, has_spec, is_other, mismatch, mixed, told_differences
from motet.ports.voice import Replayed

GIVEN_UP = "given up by its caller"
"""Why a step was cancelled that its own caller stopped waiting for: nobody has seen an outcome of it."""


def recorded(
    session: Session, known: Step, action: AddStep, *, rerun_changed: bool, found: Replayed | None = None
) -> bool:  # fmt: skip
    """Whether the recorded outcome of the step is what the program is to get; else it will run (again).

    A step that was begun must be called as it was: raises ReplayMismatch, which also ends the session. That its code,
    or what it reads beside its arguments, has changed is recorded, and put into `found` if an outcome is kept. With
    `rerun_changed`, either has it run anew, and all that used its results.
    """
    found = found or Replayed()
    is_same = _is_same_call(known, action)
    if not _was_begun(known):
        if not (is_same and _is_related(known, action)):
            if known.map is not None and (known.map.followers or any(known.map.watchers.values())):
                _redo(session, known, action)
            else:
                _redefine(session, action)
        elif is_other(known.call, action.call):
            _change(session, known.key, told_differences(known.call, action.call), kept=False, call=action.call)
    elif not is_same:
        if not rerun_changed:
            session.broken = mismatch(session.state, known, action)
            raise session.broken
        _redo(session, known, action)
    elif is_other(known.call, action.call) and known.key not in found.changed:  # a flow with retries asks again
        _compare(session, known, action, found, rerun_changed=rerun_changed)
    return known.ended and not _unseen(known)


def _redefine(session: Session, action: AddStep) -> None:
    """Have a recorded step of which no outcome stands be what the program says now."""
    session.note(added(action, session.clock.now(), ev.StepRedefined))


def _change(session: Session, key: str, differs: Sequence[str], *, kept: bool, call: Json) -> None:
    """Record that the program now says something else of a step; `call` is what will run, if anything."""
    session.note(ev.StepChanged(session.clock.now(), key, differs, kept, call))


def _is_same_call(known: Step, action: AddStep) -> bool:
    """Whether the step is called as it was: by the same name, in the same manner, with the same arguments."""
    size = known.map.size if known.map is not None else None
    return (known.task, known.fingerprint, known.form, size) == (
        action.task, action.fingerprint, action.form, action.size
    )  # fmt: skip


def _was_begun(known: Step) -> bool:
    """Whether an attempt was begun whose outcome, or interruption, stands: it was not put aside to run anew."""
    return known.started_at is not None or known.ended or (known.map is not None and known.map.ended > 0)


def _is_related(known: Step, action: AddStep) -> bool:
    """Whether the step depends on what it is to depend on."""
    needs, after = set(action.needs), set(action.after)
    return (set(known.needs), set(known.after), [*known.each]) == (needs, after - needs, [*action.each])


def _compare(session: Session, known: Step, action: AddStep, found: Replayed, *, rerun_changed: bool) -> None:
    """The step was begun, and is called as it was; but is it still the same code?"""
    is_kept = (known.ended and not _unseen(known)) or (known.map is not None and known.map.ended > 0)
    differs = differences(known.call, action.call)
    if not is_kept:
        _change(session, known.key, told_differences(known.call, action.call), kept=False, call=action.call)
    elif differs is None:
        if has_spec(action.call):
            found.unknown[known.key] = None
    elif differs and rerun_changed:
        _redo(session, known, action)
    elif differs:
        told = found.changed[known.key] = told_differences(known.call, action.call)
        found.told(known, told)
        _change(session, known.key, told, kept=True, call=None if known.ended else mixed(action.call))


def _unseen(known: Step) -> bool:
    """Whether its result could not be kept, which costs it its resumability; or its caller gave it up, and will
    now see an outcome, or give it up again.
    """
    if known.status == SUCCEEDED:
        return isinstance(known.result, dict) and "lost" in known.result
    return known.status == CANCELLED and isinstance(known.error, dict) and known.error.get("message") == GIVEN_UP


def _redo(session: Session, known: Step, action: AddStep) -> None:
    """Have the step run anew as the program asks for it now, and all that used its result, directly or not.

    What used it is detached from it: it is told again what it needs when it is asked for again. Not so attempts that
    are in hand.
    """
    steps = session.state.steps
    keys = [key for key in _consumers(session, known.key) if not steps[key].of and not _is_in_hand(steps[key])]
    for key in keys:
        session.reset(key, "it is no longer what the code says", anew=True)
    for key in reversed(keys):  # who depends on a map's elements lets go of them before the map becomes another
        if key != known.key:
            _redefine(session, _detached(steps[key]))
    _redefine(session, action)


def _is_in_hand(step: Step) -> bool:
    return step.status == RUNNING and (step.map is None or step.map.running > 0)


def _detached(step: Step) -> AddStep:
    """The step as it is, without any that it depends on."""
    return AddStep(
        step.key, step.task, step.call, size=step.map.size if step.map is not None else None, policy=step.policy,
        form=step.form, parent=step.parent, name=step.name, fingerprint=step.fingerprint,
    )  # fmt: skip


def review(session: Session, found: Replayed, rerun_changed: bool) -> None:
    """As `recorded`, for a program that is asked, where it can tell: before anything of it starts."""
    if session.boundary is None or not hasattr(session.program, "changed"):
        return
    anew: dict[str, None] = {}
    for key, step in session.state.steps.items():
        differs, call = session.boundary.says("changed", step)
        if differs and step.ended and not rerun_changed:
            found.changed[key] = list(differs)
            _change(session, key, differs, kept=True, call=None)
        elif differs:
            _change(session, key, differs, kept=False, call=call)
            anew.update(dict.fromkeys(_consumers(session, key) if step.ended else ()))
    for key in anew:
        if session.state.steps[key].ended:
            session.reset(key, "it is no longer what the workflow says", anew=True)


def _consumers(session: Session, key: str) -> list[str]:
    found = {key}
    for each, step in session.state.steps.items():
        if _uses(step, found):
            found.add(each)
    return [each for each in session.state.steps if each in found]


def _uses(step: Step, found: Container[str]) -> bool:
    """Whether the step waits for one of these, or for an element of it."""
    needs = (*step.needs, *step.after, *step.each)
    return any(need in found or need.rpartition("[")[0] in found for need in needs)


def renew(session: Session, keys: Collection[str]) -> None:
    """Put aside the outcomes of these steps, of all that is around or below them, and of all that used their results.

    For a run that is taken up: what a dead engine left running has no outcome, and runs again anyway; from its
    beginning, if it was named, and not from its last checkpoint.
    """
    for key in _renewed(session.state, keys) if keys else ():
        step = session.state.steps.get(key)
        if step is None or step.of:  # it went with its map
            continue
        if step.checkpoints and step.status == RUNNING and step.map is None:
            session.note(ev.StepInterrupted(session.clock.now(), key))
        if step.ended or (step.checkpoints and step.status != RUNNING):
            session.reset(key, "to be run anew", anew=True)


def _renewed(state: RunState, keys: Collection[str]) -> list[str]:
    named = {each if each in state.steps else each.rpartition("[")[0] for each in keys}
    found = {each for each in state.steps if any(_is_within(each, key) for key in named)}
    known = -1
    while known != len(found):  # what is around a consumer comes before it, and has consumers of its own
        known = len(found)
        for key, step in state.steps.items():
            if _uses(step, found):
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
            key = step_or_element(told.key, told.element)
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
