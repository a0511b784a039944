"""What calling a flow outside any run gives where its function is no plain one: the run begins when it is awaited, or
asked for its first value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from motet.dialects.python.hosting import taken_up
from motet.dialects.python.states import failed_by
from motet.errors import ParameterError
from motet.values.kinds import Kind

if TYPE_CHECKING:
    from motet.dialects.python.flows import Flow


def called(flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], return_state: bool) -> Any:
    """A coroutine, generator or async generator that is a run of the flow."""
    if flow.kind is Kind.GENERATOR:
        return _values(flow, args, kwargs)
    if flow.kind is Kind.ASYNC_GENERATOR and not return_state:
        return _async_values(flow, args, kwargs)
    return _awaited(flow, args, kwargs, return_state)


async def _awaited(flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], return_state: bool) -> Any:
    try:
        future = await flow.drive_async(*taken_up(flow, args, kwargs))
    except ParameterError as error:
        if not return_state:
            raise
        return failed_by(error)
    return future.state if return_state else future.result()


def _values(flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    from motet.dialects.python.bodies.generators import drive

    future, call, action = flow.root(*taken_up(flow, args, kwargs))
    return (yield from drive(future, action, call))


async def _async_values(flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    from motet.dialects.python.bodies.generators import drive_async

    future, call, action = flow.root(*taken_up(flow, args, kwargs))
    values = drive_async(future, action, call)
    try:
        async for each in values:
            yield each
    finally:
        await values.aclose()


def nothing(kind: Kind) -> Any:
    """What a call gives that runs nothing, because flows are being defined only."""
    if kind is Kind.PLAIN:
        return None
    if kind is Kind.GENERATOR:
        return iter(())
    return _nothing() if kind is Kind.COROUTINE else _no_values()


async def _nothing() -> None:
    return None


async def _no_values() -> Any:
    for each in tuple[Any, ...]():
        yield each
