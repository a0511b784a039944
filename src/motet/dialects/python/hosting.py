"""How a decorated function finds the host that its runs live on, and who makes a run of a flow that is called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from motet.typed import TYPE_CHECKING, Any, cast
from motet.voices import hosting

if TYPE_CHECKING:
    from typing import TypeAlias

    from motet.dialects.python.flows import Flow
    from motet.engine.driver import Driver
    from motet.engine.host import Host

TakeUp: TypeAlias = "Callable[[Flow[..., Any], tuple[Any, ...], Mapping[str, Any]], tuple[Driver, Mapping[str, Any]]]"

_take_up: list[TakeUp] = []
_begins: list[Callable[[str], None]] = []
os.register_at_fork(after_in_child=_take_up.clear)  # what a forked process runs is no part of the command


def host() -> Host:
    """The host for new runs: the engine's own, since flows drive their sessions themselves."""
    return cast("Host", hosting().host())


@contextmanager
def taking_up_by(take_up: TakeUp, begins: Callable[[str], None] = lambda run: None) -> Iterator[None]:
    """While it lasts, let `take_up` make the run of a flow that is called outside any flow; `begins` is told of others.

    A command does so that runs scripts with parameters of its own.
    """
    before, _take_up[:] = _take_up[:], [take_up]
    told, _begins[:] = _begins[:], [begins]
    try:
        yield
    finally:
        _take_up[:], _begins[:] = before, told


def begins(run: str) -> None:
    """Code begins a run that is no flow's: tell the command that runs this program, if one does."""
    for each in _begins:
        each(run)


def taken_up(
    flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Driver, Mapping[str, Any]]:
    """A new run of the flow that was called so outside any flow, to be driven, and the values of its parameters."""
    if _take_up:
        return _take_up[0](flow, args, kwargs)
    return flow.created(host(), flow.parameters.bind(args, kwargs))
