"""`motet shims` and `motet version`: other systems' commands, as small executables that call Motet."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence

from motet import __version__, voices
from motet.cli.terminal import Terminal
from motet.errors import UsageError
from motet.private import replacing

# ---------------------------------------------------------------- shims


def known() -> dict[str, Sequence[str]]:
    """The commands that voices stand in for, with the arguments of `motet` that they mean."""
    return {each.shim: (each.name,) for voice in voices.every() for each in voice.commands if each.shim}


_MARK = "# Written by `motet shims`."


def shims_arguments(parser: ArgumentParser) -> None:
    """Where to."""
    parser.add_argument("folder", metavar="DIR", help="the folder to put them in; made if need be")


def shims(options: Namespace, terminal: Terminal) -> int:
    """Write the shims and list them."""
    written = write(options.folder, known())
    for path in written:
        terminal.say(path)
    if not written:
        terminal.say("This version of Motet stands in for no other system's command yet: nothing was written.")
    else:
        terminal.say(f"Put the folder on your path: export PATH={os.path.abspath(options.folder)}:$PATH")
    if options.json:
        terminal.json({"written": written})
    return 0


def write(folder: str, shims: Mapping[str, Sequence[str]]) -> list[str]:
    """Write an executable for each shim; gives their paths. Raises UsageError rather than replace another file."""
    from shlex import quote

    written = []
    for name, stands_for in shims.items():
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name)
        if os.path.lexists(path) and not _is_own(path):
            raise UsageError(f"{path} exists, and `motet shims` has not written it.", "Name another folder.")
        words = " ".join(map(quote, [sys.executable, "-P", "-m", "motet.cli", *stands_for]))
        _put(path, f'#!/bin/sh\n{_MARK}\nexec {words} "$@"\n')
        written.append(path)
    return written


def _is_own(path: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return _MARK in file.read(200)
    except OSError:
        return False


def _put(path: str, text: str) -> None:
    """Replace the file at once, so that nobody runs half of it."""
    with replacing(path) as part:
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(part, 0o755)


# ---------------------------------------------------------------- version


def version_arguments(parser: ArgumentParser) -> None:
    """It takes none of its own."""


def version(options: Namespace, terminal: Terminal) -> int:
    """Print the version."""
    terminal.say(f"motet {__version__}")
    if options.json:
        terminal.json({"version": __version__})
    return 0
