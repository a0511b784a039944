"""`motet submit`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any, NoReturn

from motet import app
from motet.cli import lookup, requests, targets
from motet.cli.requests import Request
from motet.cli.terminal import Terminal
from motet.dialects.python import hosting
from motet.dialects.python.finding.loading import pick, run_file
from motet.dialects.python.flows import Flow
from motet.ports import NewRun


def arguments(parser: ArgumentParser) -> None:
    """What is asked of the run; which voice `import prefect` speaks."""
    requests.arguments(parser)
    requests.door(parser)


def command(options: Namespace, terminal: Terminal) -> int:
    """Create the run, start a process that drives it to its end, and print its name at once."""
    request = Request(options)
    target = targets.parse(options.target)
    terminal.keep_stdout_clean()
    new = _new_run(target, request, options.door)
    host = app.hosts.current()
    host.create(new)
    app.start_engine(new.id)
    terminal.say(f"Run {terminal.paint(new.name, 'bold')} ({new.id}) was submitted.")
    terminal.say(f"To see it: motet show {new.name}; motet logs -f {new.name}")
    if options.json:
        terminal.json(lookup.run_json(host.store.run(new.id)))
    return 0


class _Called(BaseException):
    """The script has called a flow: that is the run to be submitted."""

    def __init__(self, flow: Flow[..., Any], values: Mapping[str, Any]) -> None:
        self.flow = flow
        self.values = values


def _new_run(target: targets.Target, request: Request, door: str) -> NewRun:
    host = app.hosts.current()
    if targets.is_workflow(target):
        return request.workflow(host, target.file)
    if target.file and not target.name:
        flow, values = _called_by(target.file, request, door)
    else:
        loaded = targets.load(target, door)
        if isinstance(loaded, targets.ProgramTarget):
            return request.program(host, loaded)
        flow, values = loaded, request.values(loaded, (), {})
    return flow.new_run(host, values, name=request.name)


def _called_by(path: str, request: Request, door: str) -> tuple[Flow[..., Any], Mapping[str, Any]]:
    """The flow that the script calls first, with the parameters; else its only one."""

    def take_up(flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> NoReturn:
        raise _Called(flow, request.values(flow, args, kwargs))

    hosting.take_up_by(take_up)
    sys.argv[:] = [path]
    try:
        module = run_file(path, door)
    except _Called as called:
        return called.flow, called.values
    flow = pick(module, "", path)
    return flow, request.values(flow, (), {})


__all__ = ["arguments", "command"]
