"""How rules fold: each signal goes to the waits that it concerns, and to no others."""

from __future__ import annotations

from collections.abc import Iterable

from motet import rules
from motet.errors import InvalidTransition
from motet.kernel import events as ev
from motet.kernel.state import Fired, RunState, Step, Wait


def add(state: RunState, event: ev.WaitAdded) -> None:
    """The run listens for a rule from now on. Raises ValueError for what is no rule."""
    if event.wait in state.waits:
        raise InvalidTransition(event.wait, "listening", event.kind)
    rule = rules.from_json(event.rule)
    state.offset = max(state.offset, event.offset)
    _begin(state, Wait(event.wait, rule, rule.start(event.at), event.repeat, heard=event.offset))
    state.changes.run = True


def begin_step(state: RunState, step: Step, at: float) -> None:
    """The step waits for its rule from now on, at most as long as its policy says."""
    rule, limit_s = rules.from_json(step.until), step.policy.timeout_s
    rule = rule if limit_s is None else rules.AnyOf((rule, rules.After(limit_s)))
    _begin(state, Wait(of_step(step.key), rule, rule.start(at), heard=step.since, step=step.key))


def of_step(key: str) -> str:
    """The id of the wait of a step."""
    return f"step {key}"


def end_step(state: RunState, step: Step) -> None:
    """The step waits no longer."""
    wait = state.waits.pop(of_step(step.key))
    if wait.open:
        _close(state, wait)


def _begin(state: RunState, wait: Wait) -> None:
    state.waits[wait.id] = wait
    wait.number = state.waited = state.waited + 1
    listen(state, wait.id)
    state.changes.waits[wait.id] = None


def listen(state: RunState, wait: str) -> None:
    """Enter the wait where signals look for those whom they concern."""
    rule = state.waits[wait].rule
    for topic in rules.topics(rule):
        state.heeding.setdefault(topic, {})[wait] = None


def _close(state: RunState, wait: Wait) -> None:
    wait.open = False
    for topic in rules.topics(wait.rule):
        del state.heeding[topic][wait.id]
        if not state.heeding[topic]:
            del state.heeding[topic]
    state.changes.run = True


def remove(state: RunState, event: ev.WaitRemoved) -> None:
    """The run listens for that rule no longer."""
    wait = state.waits.pop(event.wait, None)
    if wait is None:
        raise InvalidTransition(event.wait, "not listening", event.kind)
    if wait.open:
        _close(state, wait)


def receive(state: RunState, event: ev.EventReceived) -> None:
    """A published event reaches those who listen for its key, and have not heard it yet."""
    state.offset = max(state.offset, event.offset)
    hearing = [each for each in (event.wait,) if each in state.waits] if event.wait else _listeners(state, event.key)
    late = [each for each in hearing if state.waits[each].heard < event.offset]
    for each in late:
        state.waits[each].heard = event.offset
    _feed(state, late, event)


def hears(state: RunState, event: ev.EventReceived) -> bool:
    """Whether the event is to reach the run. What is meant for others, or Motet's own, is looked at closely."""
    if not event.foreign and event.namespace not in rules.OWN_NAMESPACES:
        return bool(_listeners(state, event.key))
    return bool(concerned(state, event))


def concerned(state: RunState, event: ev.EventReceived) -> list[str]:
    """The waits that the event moves."""
    parts = ((wait, each) for wait in _listeners(state, event.key) for each in rules.leaves(state.waits[wait].rule))
    return [wait for wait, each in parts if isinstance(each, rules.OnEvent) and each.meets(event)]


def _listeners(state: RunState, key: str) -> dict[str, None]:
    if not state.heeding:
        return {}
    found = [state.heeding.get((rules.STARTS, key[:end], ""), {}) for end in range(len(key) + 1)]
    return {wait: None for waits in (state.heeding.get((rules.EVENT, key, ""), {}), *found) for wait in waits}


def remember(state: RunState, event: ev.WaitFired | ev.WaitAnswered) -> None:
    """A rule fired, and what came of it: known from the events that made it fire, and from those that followed."""


def heed(state: RunState, step: Step, at: float) -> None:
    """A step's new status reaches those who heed it."""
    signal = rules.StatusChanged(at, step.key, step.task, step.status)
    concerned: dict[str, None] = {}
    for topic in signal.topics():
        concerned.update(state.heeding.get(topic, {}))
    _feed(state, concerned, signal)


def pass_time(state: RunState, event: ev.TimePassed) -> None:
    """A deadline was reached."""
    wait = state.waits.get(event.wait)
    if wait is not None and wait.open:
        _feed(state, (event.wait,), event)


def _feed(state: RunState, waits: Iterable[str], signal: rules.Signal) -> None:
    for key in tuple(waits):
        wait = state.waits[key]
        wait.memory, causes = wait.rule.fold(wait.memory, signal)
        state.changes.waits[key] = None
        if causes is not None:
            wait.fired += 1
            told = state.changes.met if wait.step else state.changes.fired
            told.append(Fired(key, wait.fired, signal, causes))
            if not wait.repeat:
                _close(state, wait)
