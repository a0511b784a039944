"""`motet run`."""

from __future__ import annotations

import sys
from argparse import Namespace

from motet import app
from motet.cli import interrupts, outcome, targets
from motet.cli.requests import Request
from motet.cli.requests import arguments as arguments
from motet.cli.terminal import Terminal
from motet.dialects.python import hosting
from motet.dialects.python.loading import pick, run_file


def command(options: Namespace, terminal: Terminal) -> int:
    """Run the target here and print how its runs ended."""
    request = Request(options)
    target = targets.parse(options.target)
    terminal.keep_stdout_clean()
    interrupts.install()
    hosting.begin_by(request.begin)
    return outcome.of(terminal, request.begun, lambda: _perform(target, request))


def _perform(target: targets.Target, request: Request) -> None:
    if target.file and not target.name:
        _run_script(target.file, request)
        return
    loaded = targets.load(target)
    if isinstance(loaded, targets.ProgramTarget):
        _run_program(loaded, request)
    else:
        request.begin(loaded, (), {})


def _run_script(path: str, request: Request) -> None:
    """Run the file as the main script; if it calls no flow, run its only one."""
    sys.argv[:] = [path]
    module = run_file(path)
    if not request.begun:
        request.begin(pick(module, "", path), (), {})


def _run_program(target: targets.ProgramTarget, request: Request) -> None:
    host = app.hosts.current()
    new = request.program(host, target)
    host.create(new)
    row = host.store.run(new.id)
    app.voice_of(row)(host, row)


__all__ = ["arguments", "command"]
