"""`motet lock`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import targets
from motet.cli.requests import warn
from motet.cli.terminal import Terminal


def lock_arguments(parser: ArgumentParser) -> None:
    """The workflow file."""
    parser.add_argument("file", metavar="FILE", help="a workflow file; FILE.lock is written beside it")


def lock(options: Namespace, terminal: Terminal) -> int:
    """Write down which commits the file's imports stand for now, and which packages its steps have."""
    target = targets.parse(options.file)
    from motet.dialects.orquestra import voice

    path, components, warnings = voice.lock(target.file, app.home(), app.hosts.current().resources)
    for warning in warnings:
        warn(warning)
    terminal.say(f"{path} pins {len(components)} imports:")
    for each in components:
        terminal.say(f"  {each.given.name}  {each.version[:12]}  {each.given.repository}")
    if options.json:
        terminal.json({"written": path, "imports": {each.given.name: each.pin() for each in components}})
    return 0
