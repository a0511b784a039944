"""How a decorated function finds the host that its runs live on: the composition root says so when it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from motet.errors import UsageError

if TYPE_CHECKING:
    from motet.dialects.python.flows import Flow
    from motet.dialects.python.futures import Future
    from motet.engine.host import Host

Begin: TypeAlias = "Callable[[Flow[..., Any], tuple[Any, ...], Mapping[str, Any]], Future[Any]]"

_opener: list[Callable[[], Host]] = []
_begin: list[Begin] = []


def use(opener: Callable[[], Host]) -> None:
    """From now on, ask `opener` for the host."""
    _opener[:] = [opener]


def host() -> Host:
    """The host for new runs."""
    if not _opener:
        raise UsageError("Nothing says where runs are kept.", "Import flow and task from motet itself.")
    return _opener[0]()


def begin_by(begin: Begin) -> None:
    """From now on, let `begin` begin the run of a flow that is called outside any flow.

    A command does so that runs scripts with parameters of its own.
    """
    _begin[:] = [begin]


def begun(flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Future[Any]:
    """A run of the flow that was called so outside any flow, driven to its end."""
    if _begin:
        return _begin[0](flow, args, kwargs)
    return flow.start(host(), flow.parameters.bind(args, kwargs))
