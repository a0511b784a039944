"""States as Prefect's users make and read them: no message is None; they know whose they are, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from motet.dialects.python import states
from motet.dialects.python.arguments import resolve
from motet.dialects.python.futures import Future, FutureList, final
from motet.dialects.python.states import Maker, State, StateType, aggregated, made
from motet.errors import StateFailed
from motet.records import Record


class StateDetails(Record):
    """Whose state it is."""

    flow_run_id: Any = None
    task_run_id: Any = None
    scheduled_time: Any = None
    pause_timeout: Any = None
    cache_key: str | None = None


TASK_WORDS, FLOW_WORDS = "Task run encountered an exception", "Flow run encountered an exception:"


def in_words(state: State, words: str) -> None:
    """Have the state of a failure say its exception in Prefect's words; one that was returned is left as it is."""
    given = "StateFailed: "
    if state.is_failed() and state.message and state.message.startswith(given):
        state.message = state.message.removeprefix(given)
    elif state.is_failed() and state.message and state.name != "TimedOut" and not state.message.startswith(words):
        state.message = f"{words} {state.message}"


def dressed(state: State, at: float | None = None, **whose: Any) -> State:
    """The state, with what Prefect's have beside type, name and message."""
    given: Any = state
    given.message = state.message or None
    if not hasattr(state, "state_details"):
        given.id = uuid4()
        given.timestamp = datetime.fromtimestamp(at, UTC) if at is not None else datetime.now(UTC)
        given.state_details = StateDetails(**whose)
    return state


class _Maker(Maker):
    """Makes states of one name."""

    def __call__(
        self, cls: Any = None, *, message: str | None = None, data: Any = None, name: str = "", **more: Any
    ) -> State:
        found = super().__call__(message=message or "", data=data, name=name)
        whose = {each: more[each] for each in ("scheduled_time", "pause_timeout") if each in more}
        return dressed(found, **whose)


_MAKERS: Mapping[str, _Maker] = {
    name: _Maker(found._name, found._type) for name, found in vars(states).items() if isinstance(found, Maker)
}


def __getattr__(name: str) -> Any:
    if name in _MAKERS:
        return _MAKERS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# ---------------------------------------------------------------- what a flow's value comes to


def given_back(value: Any) -> Any:
    """What a flow that returned `value` has come to; raises StateFailed if that is a failure.

    Futures in it become their final states. A state that was made by hand is the outcome. Where it is a state of a task
    or flow, or a collection of nothing but states, all of them must be completed. All else is a value.
    """
    value = settled(value)
    if isinstance(value, State) and not value.step_key:
        if value.is_completed():
            return value
        raise StateFailed(value.message or str(value), state=value)
    states = list(value) if isinstance(value, list | tuple | set) else [value]
    if not states or not all(isinstance(each, State) for each in states):
        return value
    whole = aggregated(states)
    whole = made(whole.type, whole.name, whole.message, value)
    if whole.type is not StateType.COMPLETED:
        raise StateFailed(whole.message, state=whole)
    return whole


def settled(value: Any) -> Any:
    """The value with the futures in it replaced by their final states, which are waited for."""
    if isinstance(value, Future):
        return final(value)
    if isinstance(value, FutureList):
        return [final(each) for each in value]
    kind = type(value)
    if kind in (list, tuple, set):
        return kind(settled(each) for each in value)
    if kind is dict:
        return {name: settled(each) for name, each in value.items()}
    return value


def resolve_futures_to_results(value: Any) -> Any:
    """The value with the futures in it replaced by their values; raises their failures."""
    return resolve(value, wait=True, kinds=(Future, FutureList))
