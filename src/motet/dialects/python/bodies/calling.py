"""What calling a task or flow that is no plain function gives: a coroutine, a generator, an async generator."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from motet.dialects.python.bodies import plain
from motet.dialects.python.states import State, StateType, failed_by, made
from motet.kernel.transitions import SUCCEEDED
from motet.mains import is_defining
from motet.values.kinds import Kind

if TYPE_CHECKING:
    from motet.dialects.python.calls import TaskCall
    from motet.dialects.python.futures import Future
    from motet.dialects.python.scope import Scope
    from motet.dialects.python.tasks import Task
    from motet.kernel.program import AddStep


def called(kind: Kind, scope: Scope, future: Future[Any], call: TaskCall, action: AddStep, return_state: bool) -> Any:
    """The call of a step, whose key is taken already, so that keys follow the order of the calls."""
    if kind is Kind.COROUTINE or (return_state and kind is Kind.ASYNC_GENERATOR):
        awaited: Any = _awaited(scope, future, call, action, return_state)
        awaited.__qualname__ = action.task  # what Python says was never awaited
        return awaited
    if kind is Kind.ASYNC_GENERATOR:
        return _async_values(future, call, action)
    if not return_state:
        return _values(future, call, action)
    attempt = call.driver.add(action, call)
    if not action.policy.executor:
        plain.carry_out(call.driver, call, attempt)
    future.wait()
    return future.state


async def _awaited(scope: Scope, future: Future[Any], call: TaskCall, action: AddStep, return_state: bool) -> Any:
    from motet.dialects.python.bodies import coroutines

    if action.policy.executor:
        call.driver.add(action, call)
        await future.wait_async()
    else:
        step = await coroutines.carry_out(scope, call, action)
        if step.status == SUCCEEDED and not return_state:
            return future.value(step)
    return future.state if return_state else future.result()


def _values(future: Future[Any], call: TaskCall, action: AddStep) -> Any:
    from motet.dialects.python.bodies.generators import carry_out

    attempt = call.driver.add(action, call)
    return (yield from carry_out(future, call, attempt, call.conclude))


async def _async_values(future: Future[Any], call: TaskCall, action: AddStep) -> Any:
    from motet.dialects.python.bodies.generators import carry_out_async

    attempt = call.driver.add(action, call)
    values = carry_out_async(future, call, attempt, call.conclude)
    try:
        async for each in values:
            yield each
    finally:
        await values.aclose()


def state_outside(kind: Kind, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """How a call of the function ends outside any run, as a state; for a coroutine function a coroutine of that."""
    if kind in (Kind.COROUTINE, Kind.ASYNC_GENERATOR):
        return _state_later(fn(*args, **kwargs))
    try:
        value = fn(*args, **kwargs)
        return _state(list(value) if kind is Kind.GENERATOR else value)
    except Exception as error:  # noqa: BLE001 - boundary: what a user's function raises is in its state
        return failed_by(error)


async def _state_later(given: Any) -> State:
    try:
        return _state([each async for each in given] if hasattr(given, "__aiter__") else await given)
    except Exception as error:  # noqa: BLE001 - boundary: what a user's function raises is in its state
        return failed_by(error)


def _state(value: Any) -> State:
    return value if isinstance(value, State) else made(StateType.COMPLETED, data=value)


def outside(task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], return_state: bool) -> Any:
    """What the call gives: the function's value, or a state; for a coroutine function, something to be awaited.

    Such a run is one of a flow that does nothing but call the task. Generators are called as they are, and so is what
    is called while definitions are loaded.
    """
    is_recorded = task.records_alone and task.kind in (Kind.PLAIN, Kind.COROUTINE) and not is_defining()
    if not is_recorded:
        return state_outside(task.kind, task.fn, args, kwargs) if return_state else task.fn(*args, **kwargs)
    if task.kind is Kind.COROUTINE:

        async def later() -> Any:
            return await task(*args, **kwargs)

        return _run(later, task.name, return_state)

    def once() -> Any:
        return task(*args, **kwargs)

    return _run(once, task.name, return_state)


def _run(function: Callable[[], Any], name: str, return_state: bool) -> Any:
    __import__("motet.dialects.python.flows")  # by its name: flows stand on this module
    flow: Any = sys.modules["motet.dialects.python.flows"].Flow(function, {"name": name})
    flow.takes_asked = False
    return flow(return_state=True) if return_state else flow()
