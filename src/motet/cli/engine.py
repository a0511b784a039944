"""`motet engine`: drives one run to its end. Motet itself calls it; it ends with the run."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from motet import app
from motet.cli import interrupts, outcome
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.kernel.program import Finish
from motet.kernel.transitions import FAILED, PENDING
from motet.ports import RunRow
from motet.values.errors import encode_error

_MOST_CHARS = 1_000_000


def arguments(parser: ArgumentParser) -> None:
    """The run."""
    parser.add_argument("run", metavar="RUN", help="the run's id")


def command(options: Namespace, terminal: Terminal) -> int:
    """Drive the run. If it cannot even begin, it ends as failed, and says why."""
    interrupts.install()
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


class _Beginning:
    """A stream of which only the beginning is passed on: this process writes to a file without bounds, and what
    attempts write is in the log of the run anyway.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = _MOST_CHARS

    def write(self, text: str) -> int:
        """Write what there is room for."""
        before, self._left = self._left, self._left - len(text)
        if before >= 0:
            self._stream.write(text if self._left >= 0 else f"{text[:before]}\n(motet: the rest is in motet logs)\n")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
