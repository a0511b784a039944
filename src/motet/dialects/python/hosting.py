"""How a decorated function finds the host that its runs live on: the composition root says so when it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from motet.errors import UsageError

if TYPE_CHECKING:
    from motet.dialects.python.flows import Flow
    from motet.engine.driver import Driver
    from motet.engine.host import Host

TakeUp: TypeAlias = "Callable[[Flow[..., Any], tuple[Any, ...], Mapping[str, Any]], tuple[Driver, Mapping[str, Any]]]"

_starter: list[Callable[[str], None]] = []
_opener: list[Callable[[], Host]] = []
_take_up: list[TakeUp] = []


def use(opener: Callable[[], Host]) -> None:
    """From now on, ask `opener` for the host."""
    _opener[:] = [opener]


def host() -> Host:
    """The host for new runs."""
    if not _opener:
        from motet import flow as flow  # from the top, which puts the parts together: a worker process has none yet
    if not _opener:
        raise UsageError("Nothing says where runs are kept.", "Import flow and task from motet itself.")
    return _opener[0]()


def start_by(start: Callable[[str], None]) -> None:
    """From now on, let `start` start processes that drive runs."""
    _starter[:] = [start]


def start_engine(run: str) -> None:
    """Start a process that drives the run to its end."""
    if not _starter:
        raise UsageError("Nothing says how processes are started.", "Import flow and task from motet itself.")
    _starter[0](run)


def take_up_by(take_up: TakeUp) -> None:
    """From now on, let `take_up` make the run of a flow that is called outside any flow.

    A command does so that runs scripts with parameters of its own.
    """
    _take_up[:] = [take_up]


def taken_up(
    flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Driver, Mapping[str, Any]]:
    """A new run of the flow that was called so outside any flow, to be driven, and the values of its parameters."""
    if _take_up:
        return _take_up[0](flow, args, kwargs)
    return flow.created(host(), flow.parameters.bind(args, kwargs))
