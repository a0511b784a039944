"""`motet run`, `motet submit` and `motet engine`: a run is begun here, or made to be driven by a process of its own."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any, NoReturn

from motet import app
from motet.cli import outcome, requests, targets
from motet.cli.live import Watch
from motet.cli.requests import Request
from motet.cli.terminal import Terminal
from motet.dialects.python import hosting
from motet.dialects.python.finding.loading import pick, run_main
from motet.dialects.python.flows import Flow
from motet.engine.host import Host
from motet.executors.capture import Wrapped
from motet.kernel.program import Finish
from motet.kernel.transitions import FAILED, PENDING
from motet.mains import main_of
from motet.ports import NewRun, RunRow
from motet.values.errors import encode_error
from motet.views import lookup

# ---------------------------------------------------------------- run


def run_arguments(parser: ArgumentParser) -> None:
    """What is asked of the run; which voice `import prefect` speaks."""
    requests.arguments(parser)
    requests.plain(parser)
    requests.door(parser)


def run(options: Namespace, terminal: Terminal) -> int:
    """Run the target here and print how its runs ended."""
    terminal.plain = options.plain
    request = Request(options)
    target = targets.parse(options.target)
    terminal.keep_stdout_clean()
    outcome.heed_signals()
    hosting.take_up_by(request.take_up)

    def perform(watch: Watch) -> bool:
        request.watch = watch
        return _perform(target, request, options.door)

    return outcome.of(terminal, request.begun, perform)


def _perform(target: targets.Target, request: Request, door: str) -> bool:
    """Begin the runs; gives whether a script did, and so knows how they ended."""
    if targets.is_workflow(target):
        requests.refuse_arguments(target.file)
        host = app.hosts.current()
        _run_new(host, request.workflow(host, target.file), request)
        return False
    if not target.name:
        return _run_script(target, request, door)
    loaded = targets.load(target, door)
    if isinstance(loaded, targets.ProgramTarget):
        _run_program(loaded, request)
    else:
        request.run(loaded)
    return False


def _run_script(target: targets.Target, request: Request, door: str) -> bool:
    """Run the program as Python does; if it calls no flow, run its only one. Gives whether it called one."""
    module = run_main(main_of(target.file, target.module), door)
    if request.begun:
        return True
    request.run(pick(module, "", target.file or target.module))
    return False


def _run_program(target: targets.ProgramTarget, request: Request) -> None:
    host = app.hosts.current()
    _run_new(host, request.program(host, target), request)


def _run_new(host: Host, new: NewRun, request: Request) -> None:
    host.create(new)
    row = host.store.run(new.id)
    app.voice_of(row)(host, row, begun=request.watch)


# ---------------------------------------------------------------- submit


def submit_arguments(parser: ArgumentParser) -> None:
    """What is asked of the run; which voice `import prefect` speaks."""
    requests.arguments(parser)
    requests.door(parser)


def submit(options: Namespace, terminal: Terminal) -> int:
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
        requests.refuse_arguments(target.file)
        return request.workflow(host, target.file)
    if not target.name:
        flow, values = _called_by(target, request, door)
    else:
        loaded = targets.load(target, door)
        if isinstance(loaded, targets.ProgramTarget):
            return request.program(host, loaded)
        flow, values = loaded, request.values(loaded, (), {})
    return flow.new_run(host, values, name=request.name)


def _called_by(target: targets.Target, request: Request, door: str) -> tuple[Flow[..., Any], Mapping[str, Any]]:
    """The flow that the script calls first, with the parameters; else its only one."""

    def take_up(flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> NoReturn:
        raise _Called(flow, request.values(flow, args, kwargs))

    hosting.take_up_by(take_up)
    try:
        module = run_main(main_of(target.file, target.module), door)
    except _Called as called:
        return called.flow, called.values
    flow = pick(module, "", target.file or target.module)
    return flow, request.values(flow, (), {})


# ---------------------------------------------------------------- engine


_MOST_CHARS = 1_000_000


def engine_arguments(parser: ArgumentParser) -> None:
    """The run."""
    parser.add_argument("run", metavar="RUN", help="the run's id")


def engine(options: Namespace, terminal: Terminal) -> int:
    """Drive the run. If it cannot even begin, it ends as failed, and says why."""
    outcome.heed_signals()
    sys.stdout, sys.stderr = _Beginning(sys.stdout), _Beginning(sys.stderr)
    host = app.hosts.current()
    row = host.store.run(options.run)
    return outcome.of(terminal, [row.id], lambda _: _drive(host, row))


def _drive(host: Host, row: RunRow) -> None:
    try:
        app.voice_of(row)(host, row)
    except Exception as error:
        if host.store.run(row.id).status == PENDING:
            host.take_up(row.id).finish(Finish(FAILED, error=encode_error(error)))
        raise


class _Beginning(Wrapped):
    """A stream of which only the beginning is passed on: this process writes to a file without bounds, and what
    attempts write is in the log of the run anyway.
    """

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self._left = _MOST_CHARS

    def write(self, text: str) -> int:
        """Write what there is room for."""
        before, self._left = self._left, self._left - len(text)
        if before >= 0:
            self.real.write(text if self._left >= 0 else f"{text[:before]}\n(motet: the rest is in motet logs)\n")
        return len(text)
