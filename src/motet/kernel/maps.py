"""How the elements of a map fold: one byte each, until one needs a step of its own.

An element gets its own step when something other than a first success befalls it. Elements that run on
their first attempt exist only as marks; their starts are not recorded, their outcomes are, many at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from motet.errors import InvalidTransition
from motet.kernel.events import Json
from motet.kernel.state import (
    M_BLOCKED, M_ENDED, M_OWN, M_RUNNING, M_SUCCEEDED, M_WAITING, MapState, RunState, Step, element_key,
)  # fmt: skip
from motet.kernel.transitions import ENDED, PENDING, READY, RUNNING, SUCCEEDED


def add_map(state: RunState, step: Step, size: int, *, keep: bool = False) -> None:
    """Give the step `size` elements that wait for those they follow. `keep` keeps what succeeded before."""
    old = step.map
    step.map = MapState(size, bytearray([M_WAITING]) * size, [None] * size)
    if old is not None:
        step.map.followers, step.map.watchers = old.followers, old.watchers
    if step.each:
        step.map.lacks = bytearray([len(step.each)]) * size
        step.map.marks = bytearray([M_BLOCKED]) * size
        for key in step.each:
            follow(state, step, key)
    if old is not None and keep:
        _keep_successes(state, step, old)


def _keep_successes(state: RunState, step: Step, old: MapState) -> None:
    new = step.map
    assert new is not None
    for index in range(old.size):
        own = state.steps.get(element_key(step.key, index)) if old.marks[index] in (M_OWN, M_ENDED) else None
        if old.marks[index] == M_SUCCEEDED or (own is not None and own.status == SUCCEEDED):
            new.marks[index] = M_SUCCEEDED if own is None else M_ENDED
            new.results[index] = old.results[index]
            new.ended += 1
        elif own is not None:
            del state.steps[own.key]
            state.counts[own.status] -= 1


def follow(state: RunState, step: Step, upstream: str) -> None:
    """Have each element of the step wait for the same element of the upstream map."""
    source = state.steps[upstream].map
    marks = step.map
    if source is None or marks is None or source.size < marks.size:
        raise InvalidTransition(step.key, PENDING, f"step.added (each={upstream}, which is no map of its size)")
    source.followers.append(step.key)
    for index in range(marks.size):
        mark = source.marks[index]
        if mark == M_SUCCEEDED:
            _lack_less(marks, index)
        elif mark in (M_OWN, M_ENDED):
            own = state.steps[element_key(upstream, index)]
            if own.status == SUCCEEDED:
                _lack_less(marks, index)
            elif own.status in ENDED:
                marks.doomed.append((index, own.key))


def _lack_less(marks: MapState, index: int) -> None:
    assert marks.lacks is not None
    if marks.marks[index] != M_BLOCKED:
        return
    marks.lacks[index] -= 1
    if not marks.lacks[index]:
        marks.marks[index] = M_WAITING
        marks.cursor = min(marks.cursor, index)


def element_step(state: RunState, key: str, element: int, at: float) -> Step:
    """The step `key`, or for element >= 0 the step of that element of the map `key`, made if need be."""
    step = state.steps[key]
    if element < 0:
        return step
    own_key = element_key(key, element)
    own = state.steps.get(own_key)
    if own is not None:
        return own
    marks = step.map
    assert marks is not None
    mark = marks.marks[element]
    if mark in (M_SUCCEEDED, M_OWN, M_ENDED):
        raise InvalidTransition(own_key, SUCCEEDED, "an event for an element that has its outcome")
    own = Step(
        key=own_key, task=step.task, form="element", parent=step.parent, name="", policy=step.policy,
        fingerprint="", added_at=step.added_at, of=key, element=element,
    )  # fmt: skip
    running = mark == M_RUNNING
    own.status = RUNNING if running else PENDING if mark == M_BLOCKED else READY
    if running:
        own.attempt, own.started_at = 1, at
    own.blocks = marks.watchers.pop(element, None)
    marks.marks[element] = M_OWN
    state.steps[own_key] = own
    state.active += 1
    state.counts[own.status] = state.counts.get(own.status, 0) + 1
    return own


def end_element(state: RunState, own: Step, good: bool) -> None:
    """An element with a step of its own has its outcome: count it, and tell the maps that follow."""
    step = state.steps[own.of]
    marks = step.map
    assert marks is not None
    marks.marks[own.element] = M_ENDED
    marks.ended += 1
    marks.bad += not good
    marks.results[own.element] = own.result
    state.changes.steps[step.key] = None
    for follower in marks.followers:
        other = state.steps[follower].map
        assert other is not None
        if own.element < other.size:
            if good:
                _lack_less(other, own.element)
            else:
                other.doomed.append((own.element, own.key))
            state.changes.steps[follower] = None


def mark_started(state: RunState, step: Step, indices: Sequence[int]) -> None:
    """Elements were handed out: they run, and take what their policy demands."""
    marks = step.map
    assert marks is not None
    for index in indices:
        if marks.marks[index] != M_WAITING:
            raise InvalidTransition(element_key(step.key, index), READY, "elements.started")
        marks.marks[index] = M_RUNNING
    marks.running += len(indices)
    for name, amount in step.policy.claims.items():
        state.limit(name).used += amount * len(indices)


def mark_succeeded(
    state: RunState, step: Step, indices: Sequence[int], results: Sequence[Json]
) -> list[int]:
    """Elements succeeded: keep their results and tell the maps that follow. Gives those that a step watches."""
    marks = step.map
    assert marks is not None
    byte, kept = marks.marks, marks.results
    watched: list[int] = []
    freed = 0
    for place, index in enumerate(indices):
        mark = byte[index]
        if mark == M_RUNNING:
            freed += 1
        elif mark != M_WAITING:  # on replay of the journal, starts are not told
            raise InvalidTransition(element_key(step.key, index), SUCCEEDED, "elements.succeeded")
        byte[index] = M_SUCCEEDED
        if results:
            kept[index] = results[place]
        if marks.watchers and index in marks.watchers:
            watched.append(index)
    marks.ended += len(indices)
    marks.running -= freed
    for name, amount in step.policy.claims.items():
        state.limit(name).used -= amount * freed
        state.changes.freed.add(name)
    for follower in marks.followers:
        other = state.steps[follower].map
        assert other is not None
        for index in indices:
            if index < other.size:
                _lack_less(other, index)
        state.changes.steps[follower] = None
    state.changes.steps[step.key] = None
    return watched


def free_running(state: RunState, step: Step) -> None:
    """The engine that ran them is gone: elements that were running wait again."""
    marks = step.map
    assert marks is not None
    index = marks.marks.find(M_RUNNING)
    while index >= 0:
        marks.marks[index] = M_WAITING
        marks.running -= 1
        index = marks.marks.find(M_RUNNING, index + 1)
    marks.cursor = 0
