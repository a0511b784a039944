"""`motet run`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import interrupts, outcome, requests, targets
from motet.cli.live import Watch
from motet.cli.requests import Request
from motet.cli.terminal import Terminal
from motet.dialects.python import hosting
from motet.dialects.python.finding.loading import pick, run_file
from motet.engine.host import Host
from motet.ports import NewRun


def arguments(parser: ArgumentParser) -> None:
    """What is asked of the run; which voice `import prefect` speaks."""
    requests.arguments(parser)
    requests.plain(parser)
    requests.door(parser)


def command(options: Namespace, terminal: Terminal) -> int:
    """Run the target here and print how its runs ended."""
    terminal.plain = options.plain
    request = Request(options)
    target = targets.parse(options.target)
    terminal.keep_stdout_clean()
    interrupts.install()
    hosting.take_up_by(request.take_up)

    def perform(watch: Watch) -> bool:
        request.watch = watch
        return _perform(target, request, options.door)

    return outcome.of(terminal, request.begun, perform)


def _perform(target: targets.Target, request: Request, door: str) -> bool:
    """Begin the runs; gives whether a script did, and so knows how they ended."""
    if targets.is_workflow(target):
        host = app.hosts.current()
        _run_new(host, request.workflow(host, target.file), request)
        return False
    if target.file and not target.name:
        return _run_script(target.file, request, door)
    loaded = targets.load(target, door)
    if isinstance(loaded, targets.ProgramTarget):
        _run_program(loaded, request)
    else:
        request.run(loaded)
    return False


def _run_script(path: str, request: Request, door: str) -> bool:
    """Run the file as the main script; if it calls no flow, run its only one. Gives whether it called one."""
    sys.argv[:] = [path]
    module = run_file(path, door)
    if request.begun:
        return True
    request.run(pick(module, "", path))
    return False


def _run_program(target: targets.ProgramTarget, request: Request) -> None:
    host = app.hosts.current()
    _run_new(host, request.program(host, target), request)


def _run_new(host: Host, new: NewRun, request: Request) -> None:
    host.create(new)
    row = host.store.run(new.id)
    app.voice_of(row)(host, row, begun=request.watch)


__all__ = ["arguments", "command"]
