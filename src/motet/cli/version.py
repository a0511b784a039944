"""`motet version`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from motet import __version__
from motet.cli.terminal import Terminal


def arguments(parser: ArgumentParser) -> None:
    """It takes none of its own."""


def command(options: Namespace, terminal: Terminal) -> int:
    """Print the version."""
    terminal.say(f"motet {__version__}")
    if options.json:
        terminal.json({"version": __version__})
    return 0
