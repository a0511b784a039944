"""Runs of what a user names: of a flow in a file or in a module, or of the flows that a script calls."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager

from motet.dialects.python import hosting
from motet.dialects.python.doors import door_now, open_door
from motet.dialects.python.finding.loading import explained, load_main, load_module, pick, run_main
from motet.dialects.python.flows import Flow
from motet.dialects.python.tasks import Task
from motet.errors import ParameterError, TargetError
from motet.mains import Main, main_of
from motet.typed import TYPE_CHECKING, Any
from motet.values.naming import new_id

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.engine.host import Host
    from motet.ports import NewRun
    from motet.ports.voice import Asked, Target


def is_flow(target: Target) -> bool:
    """Whether the name in a module is that of a flow, or of nothing. Raises TargetError for a task."""
    before = set(sys.modules)
    with open_door(main=Main("", target.module)):
        found: Any = load_module(target.module)
        _loaded[:] = [door_now(), *(set(sys.modules) - before)]
    for part in target.name.split("."):
        found = getattr(found, part, None)
    if isinstance(found, Task):
        raise TargetError(f"{target} is a task, and tasks run inside flows.", "Name the flow that calls it.")
    return found is None or isinstance(found, Flow)


_loaded: list[str] = []
"""The door by which `is_flow` has loaded a module, then all modules that came with it."""


def flow_of(target: Target, door: str = "") -> Flow[..., Any]:
    """The flow that is named, with its file or module loaded and no flow run. Raises TargetError."""
    if target.file:
        return pick(load_main(main_of(target.file), target.name), target.name, target.file)
    if _loaded and door and _loaded[0] not in ("", door):  # then all that has gone through that door counts for nothing
        for each in _loaded[1:]:
            sys.modules.pop(each, None)
    return pick(load_module(target.module), target.name, target.module)


def run(host: Host, target: Target, asked: Asked) -> bool:
    """Run the flow that is named. What is named without a flow is run as Python does; if it calls no flow, its only one
    is run. Gives whether it called one.
    """
    starter = _Starter(host, asked)
    with door(target, asked), hosting.taking_up_by(starter.take_up, starter.begins):
        if target.name:
            starter.run(flow_of(target, asked.options.get("door", "")))
            return False
        module = run_main(main_of(target.file, target.module))
        if starter.begun:
            return True
        starter.run(pick(module, "", str(target)))
        return False


def new_run(host: Host, target: Target, asked: Asked) -> NewRun:
    """A run of the flow that is named, or of the first one that the script calls, or of its only one; not yet made."""
    with explained(str(target)), door(target, asked):
        flow, args, kwargs = called_by(target, asked)
        return flow.new_run(host, _values(asked, flow, args, kwargs), name=asked.name)


def door(target: Target, asked: Asked) -> AbstractContextManager[None]:
    """Where `import prefect` leads meanwhile."""
    main = Main(target.file) if target.file else Main("", target.module)
    return open_door(asked.options.get("door", ""), main, asked.tell)


class _Starter:
    """Makes runs of the flows that a program calls, with what is asked in place of what it gives them itself."""

    def __init__(self, host: Host, asked: Asked) -> None:
        self._host = host
        self._asked = asked
        self.begun = False

    def take_up(
        self, flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Driver, Mapping[str, Any]]:
        """A new run of the flow that was called so, to be driven, and the values of its parameters."""
        own = flow.takes_asked
        values = _values(self._asked, flow, args, kwargs) if own else {}
        run = new_id(self._host.clock.now())
        self.begins(run)
        driver, given = flow.created(self._host, values, name=self._asked.name if own else "", run=run)
        self._asked.watch(driver)
        return driver, given

    def begins(self, run: str) -> None:
        """The program begins a run."""
        self.begun = True
        self._asked.begun(run)

    def run(self, flow: Flow[..., Any]) -> None:
        """Drive a run of the flow to its end."""
        flow.drive(*self.take_up(flow, (), {}))


def _values(asked: Asked, flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the flow's parameters. Raises ParameterError."""
    try:
        return flow.parameters.bind_with(args, kwargs, asked.params)
    except ParameterError as error:
        if args or kwargs:
            raise
        raise ParameterError(error.what, f"{error.cure} Parameters are given as -p NAME=VALUE.") from None


class _Called(BaseException):
    """The script has called a flow: that is the run to be made."""


def called_by(target: Target, asked: Asked) -> tuple[Flow[..., Any], tuple[Any, ...], Mapping[str, Any]]:
    """The flow that is named; else the one that the script calls first, with what it gives it; else its only one."""
    if target.name:
        return flow_of(target, asked.options.get("door", "")), (), {}

    def take_up(
        flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Driver, Mapping[str, Any]]:
        if not flow.takes_asked:
            return flow.created(hosting.host(), {})
        raise _Called(flow, args, kwargs)

    try:
        with hosting.taking_up_by(take_up):
            module = run_main(main_of(target.file, target.module))
    except _Called as called:
        flow, args, kwargs = called.args
        return flow, args, kwargs
    return pick(module, "", str(target)), (), {}
