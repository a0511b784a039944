"""How the elements of a map fold: one byte each, until one needs a step of its own.

An element gets its own step when something other than a first success befalls it. Elements that run on
their first attempt exist only as marks; their starts are not recorded, their outcomes are, many at a time.
Attempts of elements are numbered on from the attempt of their map.
"""

from __future__ import annotations

from collections.abc import Sequence

from motet.errors import InvalidTransition, UsageError
from motet.kernel.events import Json
from motet.kernel.limits import leave
from motet.kernel.state import (
    M_BLOCKED,
    M_ENDED,
    M_RUNNING,
    M_SUCCEEDED,
    M_WAITING,
    MapState,
    RunState,
    Step,
    element_key,
)  # fmt: skip
from motet.kernel.transitions import ENDED, RUNNING, SUCCEEDED

_GATE = bytes(M_WAITING if mark == M_SUCCEEDED else M_BLOCKED for mark in range(256))
"""What the mark of an upstream element makes of an element that follows it."""

_SHUT = bytes(M_BLOCKED if mark == M_WAITING else mark for mark in range(256))


def check_map(state: RunState, step: Step, size: int | None) -> None:
    """Raise UsageError unless the step can be a map of that size (None: none), following those in `each`."""
    if (size is not None and size < 0) or (size is None and step.each):
        raise UsageError(
            f"Step {step.key} follows {', '.join(step.each) or 'nothing'} and has size {size}.",
            "Give a map its number of elements, 0 or more; only a map can follow others.",
        )
    for key in step.each:
        upstream = state.steps.get(key)
        marks = upstream.map if upstream is not None else None
        if marks is None or marks.size < (size or 0):
            raise UsageError(
                f"Step {step.key} follows {key}, which is no map of {size} elements or more.",
                "Follow maps of the same size, or name it under `needs` instead.",
            )


def add_map(state: RunState, step: Step, size: int) -> None:
    """Give the step `size` elements; those that follow others wait for these."""
    step.map = MapState(size, bytearray([M_WAITING]) * size, [None] * size)
    follow(state, step)


def follow(state: RunState, step: Step) -> None:
    """Bring the marks of elements that have yet to start in line with those of the maps that they follow."""
    marks = step.map
    if marks is None or not step.each:
        return
    gates = [state.map_of(key).marks[: marks.size].translate(_GATE) for key in step.each]
    gate = gates[0] if len(gates) == 1 else bytes(map(min, zip(*gates, strict=True)))
    marks.marks = bytearray(map(max, marks.marks.translate(_SHUT), gate))
    marks.blocked = marks.marks.count(M_BLOCKED)
    marks.cursor = 0
    marks.due.clear()
    marks.doomed.clear()
    for key in step.each:
        for index in state.map_of(key).at(M_ENDED):
            if index < marks.size:
                marks.doomed.setdefault(index, element_key(key, index))


def _open(state: RunState, step: Step, marks: MapState, index: int) -> None:
    """An upstream element succeeded: the element may start, once all of those that it follows did."""
    if marks.marks[index] != M_BLOCKED:
        return
    if len(step.each) > 1 and any(state.map_of(key).marks[index] != M_SUCCEEDED for key in step.each):
        return
    marks.marks[index] = M_WAITING
    marks.blocked -= 1
    if index < marks.cursor:
        marks.due.append(index)


def drop_elements(state: RunState, step: Step, old: MapState, *, keep: bool) -> None:
    """Have the elements run anew; `keep` keeps those that succeeded."""
    for index, own in list(old.own.items()):
        if not (keep and own.status == SUCCEEDED):
            step.attempt = max(step.attempt, own.attempt)  # no number is given out twice
            if own.ticket:
                leave(state, own)
            state.counts[own.status] -= 1
            state.active -= own.status not in ENDED
            del old.own[index], state.steps[own.key]
            old.known[index] = state.changes.steps[own.key] = None
            for key in step.each:
                state.map_of(key).watchers[index].remove(own.key)
    kept = bytes(M_SUCCEEDED if keep and mark == M_SUCCEEDED else M_WAITING for mark in range(256))
    marks = old.marks.translate(kept)
    done = marks.count(M_SUCCEEDED)
    results = [result if mark == M_SUCCEEDED else None for mark, result in zip(marks, old.results, strict=True)]
    step.map = MapState(
        old.size, marks, results, ended=done, own=old.own, followers=old.followers, watchers=old.watchers,
        known=old.known,
    )  # fmt: skip
    follow(state, step)


def replace(state: RunState, step: Step, size: int | None) -> None:
    """Give the step `size` elements in place of those that it had (None: none), of which nothing is left to keep."""
    old, step.map = step.map, None
    if old is not None and (old.own or old.running or old.followers or any(old.watchers.values())):
        raise InvalidTransition(step.key, step.status, "step.redefined, with others that depend on its elements,")
    if size is not None:
        known = {index: None for index in (old.known if old is not None else ()) if index < size}
        step.map = MapState(size, bytearray([M_WAITING]) * size, [None] * size, known=known)
        follow(state, step)


def end_element(state: RunState, own: Step, good: bool) -> None:
    """An element with a step of its own has its outcome: count it, and tell the maps that follow."""
    marks = state.map_of(own.of)
    marks.marks[own.element] = M_SUCCEEDED if good else M_ENDED
    marks.ended += 1
    marks.bad += not good
    marks.results[own.element] = own.result
    state.changes.steps[own.of] = None
    for follower in marks.followers:
        other = state.steps[follower]
        if other.map is None or own.element >= other.map.size or other.status in ENDED:
            continue
        if good:
            _open(state, other, other.map, own.element)
        else:
            other.map.doomed.setdefault(own.element, own.key)
        state.changes.steps[follower] = None


def mark_started(state: RunState, step: Step, indices: Sequence[int]) -> None:
    """Elements were handed out: they run, and take what their policy demands.

    One may be blocked, when the journal is replayed: it ran when the map that it follows was reset.
    """
    marks = _running_map(step, "elements.started")
    byte = marks.marks
    for index in indices:
        if byte[index] == M_BLOCKED:
            marks.blocked -= 1
        elif byte[index] != M_WAITING:
            raise InvalidTransition(element_key(step.key, index), "not ready", "elements.started")
        byte[index] = M_RUNNING
    marks.running += len(indices)
    state.use(step, len(indices))


def mark_succeeded(state: RunState, step: Step, indices: Sequence[int], results: Sequence[Json]) -> list[int]:
    """Elements succeeded: keep their results and tell the maps that follow. Gives those that steps watch."""
    marks = _running_map(step, "elements.succeeded")
    byte = marks.marks
    ran = 0
    for index in indices:
        mark = byte[index]
        if mark == M_RUNNING:
            ran += 1
        elif mark == M_BLOCKED:  # as in `mark_started`
            marks.blocked -= 1
        elif mark != M_WAITING:  # starts are not recorded: when the journal is replayed, it still waits
            raise InvalidTransition(element_key(step.key, index), "not running", "elements.succeeded")
        byte[index] = M_SUCCEEDED
    if results:
        for index, result in zip(indices, results, strict=True):
            marks.results[index] = result
    marks.ended += len(indices)
    marks.running -= ran
    state.use(step, -ran)
    state.changes.steps[step.key] = None
    for follower in marks.followers:
        other = state.steps[follower]
        if other.map is None or other.status in ENDED:
            continue
        for index in indices:
            if index < other.map.size:
                _open(state, other, other.map, index)
        state.changes.steps[follower] = None
    return [index for index in indices if index in marks.watchers] if marks.watchers else []


def free_running(state: RunState, step: Step, marks: MapState) -> None:
    """The engine that ran them is gone: elements that were running wait again."""
    ran = marks.marks.count(M_RUNNING)
    marks.marks = marks.marks.replace(bytes([M_RUNNING]), bytes([M_WAITING]))
    marks.cursor = 0
    marks.due.clear()
    marks.running -= ran
    state.use(step, -ran)
    follow(state, step)


def _running_map(step: Step, kind: str) -> MapState:
    if step.map is None or step.status != RUNNING:
        raise InvalidTransition(step.key, step.status, kind)
    return step.map
