"""How steps move: the one function that changes a status, and what follows for limits, rules, dependants."""

from __future__ import annotations

from collections.abc import Iterator

from motet.errors import InvalidTransition
from motet.kernel import waits
from motet.kernel.events import StepEvent
from motet.kernel.limits import leave
from motet.kernel.maps import end_element, follow, mark_started
from motet.kernel.state import M_BLOCKED, M_ENDED, M_OWN, M_RUNNING, M_SUCCEEDED, MapState, RunState, Step, element_key
from motet.kernel.transitions import ENDED, NEEDS_LOST, NEEDS_MET, PENDING, READY, RUNNING, STEP, SUCCEEDED, WAITING


def move(state: RunState, step: Step, kind: str, at: float) -> None:
    """Move the step by the table, or raise InvalidTransition; and have known what follows from it."""
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
    if step.ticket and (to != RUNNING or step.map is None):
        leave(state, step)
    if was == RUNNING:
        _free(state, step)
    elif was == WAITING:
        waits.end_step(state, step)
    elif to == RUNNING:
        _take(state, step)
    if state.heeding and not step.of:
        waits.heed(state, step, at)
    if to in ENDED:
        _end(state, step, at)
    elif was in ENDED:
        state.active += 1


def _free(state: RunState, step: Step) -> None:
    if step.map is not None:
        return  # what its elements use is theirs to free
    if step.of:
        state.map_of(step.of).running -= 1
        state.changes.steps[step.of] = None
    state.use(step, -1)


def _take(state: RunState, step: Step) -> None:
    if step.map is not None:
        return
    if step.of:
        state.map_of(step.of).running += 1
    state.use(step, 1)


def _end(state: RunState, step: Step, at: float) -> None:
    step.ended_at = at
    step.stopping = ""
    state.active -= 1
    good = step.status == SUCCEEDED
    if step.of:
        end_element(state, step, good)
        release_watchers(state, state.steps[step.of], step.element, good, at)
    elif step.map is not None:
        _end_map(state, step, step.map, at)
    for key in step.blocks or ():
        _release(state, state.steps[key], step.key, good, at)


def _end_map(state: RunState, step: Step, marks: MapState, at: float) -> None:
    """Elements that never ran share the fate of their map. None may be in hand."""
    if marks.running or not all(own.ended for own in marks.own.values()):
        raise InvalidTransition(step.key, "running some of its elements", f"its end ({step.status})")
    for index in marks.watchers:
        if marks.marks[index] not in (M_SUCCEEDED, M_ENDED):
            release_watchers(state, step, index, False, at)
    state.changes.steps.update(dict.fromkeys(marks.followers))
    state.changes.steps.update(dict.fromkeys(element_key(step.key, index) for index in marks.known))


def element_step(state: RunState, step: Step, event: StepEvent, element: int, attempt: int) -> Step:
    """The own step of an element of the map, made if need be.

    `attempt` is the number of the attempt that the event tells of, 0 for none. One whose start was not
    told starts now: the journal does not record the starts of elements.
    """
    marks = step.map
    key = element_key(step.key, element)
    if marks is None or element >= marks.size:
        raise InvalidTransition(key, "no element of a map", event.kind)
    if element in marks.own:
        return marks.own[element]
    if marks.marks[element] == M_SUCCEEDED or key in state.steps:
        raise InvalidTransition(key, state.outcome(key), event.kind)
    if attempt and marks.marks[element] != M_RUNNING:
        mark_started(state, step, (element,))
    mark = marks.marks[element]
    own = Step(key, step.task, "element", step.parent, "", step.policy, "", step.added_at)
    own.of, own.element = step.key, element
    own.needs = tuple(element_key(upstream, element) for upstream in step.each)
    own.status = RUNNING if mark == M_RUNNING else PENDING if mark == M_BLOCKED else READY
    own.attempt = 0 if mark == M_BLOCKED else step.attempt
    marks.blocked -= mark == M_BLOCKED
    marks.marks[element] = M_OWN
    marks.own[element] = state.steps[key] = own
    state.active += 1
    state.counts[own.status] = state.counts.get(own.status, 0) + 1
    relate(state, own)
    own.unmet, own.doomed = _obstacles(state, own)
    return own


# ---------------------------------------------------------------- who waits for whom


def relate(state: RunState, step: Step) -> None:
    """Enter the step with all it needs, comes after or follows, for good."""
    for dependants in _entered_with(state, step):
        dependants.append(step.key)


def unrelate(state: RunState, step: Step) -> None:
    """Take back `relate`."""
    for dependants in _entered_with(state, step):
        dependants.remove(step.key)


def _entered_with(state: RunState, step: Step) -> Iterator[list[str]]:
    """The lists of dependants that the step is in: of steps, of elements, and of maps that it follows."""
    for key in (*step.needs, *step.after):
        upstream = state.steps.get(key)
        if upstream is None or upstream.of:
            owner, index = state.element(key) or (state.steps[key], 0)
            yield state.map_of(owner.key).watchers.setdefault(index, [])
        else:
            upstream.blocks = [] if upstream.blocks is None else upstream.blocks
            yield upstream.blocks
    for key in step.each:
        yield state.map_of(key).followers


def is_needed(state: RunState, step: Step) -> bool:
    """Whether a step that is known takes the outcome of this one, or waits for an element of it."""
    marks = step.map
    if marks is not None and (marks.followers or any(marks.watchers.values())):
        return True
    return any(step.key in state.steps[key].needs for key in step.blocks or ())


def retire(state: RunState, step: Step) -> None:
    """Forget the step, which has ended and is not needed, with its elements. What came after it comes after nothing."""
    for key in step.blocks or ():
        waiting = state.steps[key]
        waiting.after = {each: None for each in waiting.after if each != step.key}
    for each in (*(step.map.own.values() if step.map is not None else ()), step):
        unrelate(state, each)
        state.retired.add(each.key, each.status)
        state.changes.steps.pop(each.key, None)
        del state.steps[each.key]


def recount(state: RunState, step: Step, at: float) -> None:
    """Count what stands in the way of a step that has yet to end, and move it accordingly."""
    if step.status in ENDED:
        return
    step.unmet, step.doomed = _obstacles(state, step)
    state.changes.steps[step.key] = None
    if not step.unmet and step.status == PENDING:
        move(state, step, NEEDS_MET, at)
    fall_back(state, step, at)


def fall_back(state: RunState, step: Step, at: float) -> None:
    """A step that could start must not, while what it waits for is to run anew. A map that has begun goes on."""
    if step.unmet and step.status == READY:
        move(state, step, NEEDS_LOST, at)
    elif step.unmet and step.ticket and step.status != RUNNING:
        leave(state, step)


def _obstacles(state: RunState, step: Step) -> tuple[int, str]:
    """How many of those that the step waits for stand in its way; and one it needs that did not succeed."""
    unmet, doomed = 0, ""
    for key in step.needs:
        status = state.outcome(key)
        if status != SUCCEEDED:
            unmet += 1
            if not doomed and status in ENDED:
                doomed = key
    for key in step.after:
        unmet += state.outcome(key) not in ENDED
    return unmet, doomed


def release_watchers(state: RunState, step: Step, index: int, good: bool, at: float) -> None:
    """An element of the map ended: tell those who wait for it alone."""
    for key in state.map_of(step.key).watchers.get(index, ()):
        _release(state, state.steps[key], element_key(step.key, index), good, at)


def _release(state: RunState, waiting: Step, ended: str, good: bool, at: float) -> None:
    """Another step ended: one thing less in the way of the waiting one, or its doom."""
    if waiting.status in ENDED:
        return
    if good or ended in waiting.after:
        waiting.unmet -= 1
        if not waiting.unmet and waiting.status == PENDING:
            move(state, waiting, NEEDS_MET, at)
        elif not waiting.unmet:
            state.changes.steps[waiting.key] = None
    elif not waiting.doomed:
        waiting.doomed = ended
        state.changes.steps[waiting.key] = None


def withhold(state: RunState, step: Step, good: bool, at: float) -> None:
    """The step, which had ended, is to run anew: whoever has yet to end, and does not run, waits for it again."""
    for key in step.blocks or ():
        waiting = state.steps[key]
        if waiting.doomed:
            recount(state, waiting, at)
        elif waiting.status not in ENDED and (good or step.key in waiting.after):
            waiting.unmet += 1
            fall_back(state, waiting, at)


def withhold_elements(state: RunState, step: Step, at: float) -> None:
    """Elements of the step, if it is a map, are to run anew: who waits for them waits again."""
    if step.map is None:
        return
    watching = dict.fromkeys(key for keys in step.map.watchers.values() for key in keys)
    for key in watching:
        recount(state, state.steps[key], at)
    for key in step.map.followers:
        if state.steps[key].status not in ENDED:
            follow(state, state.steps[key])
            state.changes.steps[key] = None
