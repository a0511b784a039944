"""`motet engine`: drives one run to its end. Motet itself calls it; it ends with the run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import interrupts, outcome
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.kernel.program import Finish
from motet.kernel.transitions import FAILED, PENDING
from motet.ports import RunRow
from motet.values.errors import encode_error


def arguments(parser: ArgumentParser) -> None:
    """The run."""
    parser.add_argument("run", metavar="RUN", help="the run's id")


def command(options: Namespace, terminal: Terminal) -> int:
    """Drive the run. If it cannot even begin, it ends as failed, and says why."""
    interrupts.install()
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
