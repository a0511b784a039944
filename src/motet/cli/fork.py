"""`motet fork`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import human, interrupts, lookup, outcome, requests
from motet.cli.live import Watch
from motet.cli.terminal import Terminal
from motet.dialects.python.voice import carry_on, forked
from motet.engine.driver import Driver
from motet.errors import UsageError
from motet.kernel.transitions import SUCCEEDED


def arguments(parser: ArgumentParser) -> None:
    """The run; what is to change."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument(
        "--from", action="append", default=[], metavar="STEP", dest="anew",
        help="run this step, and what consumes its result, anew even if nothing changes; a flow or map: all of it",
    )  # fmt: skip
    requests.parameters(parser)
    requests.plain(parser)


def command(options: Namespace, terminal: Terminal) -> int:
    """Make a new run like that one and drive it here; what does not change is taken over, not run again."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    if row.program.get("voice") != "python":
        raise UsageError(f"Run {row.name} is no run of a flow, and only those can be forked.", "Run its program anew.")
    request = requests.Request(options)
    keys = [lookup.find_step(host.store, row, each).key for each in options.anew]
    terminal.plain = options.plain
    terminal.keep_stdout_clean()
    interrupts.install()
    new = forked(host, row, request.params, anew=keys, name=request.name)
    host.create(new)

    def tell(driver: Driver) -> None:
        kept = sum(each.status == SUCCEEDED and each.form != "flow" for each in host.store.steps(row.id))
        terminal.say(f"Forking {row.name}: {human.counted(kept, 'step')} may be reused.")
        terminal.flush()

    def perform(watch: Watch) -> None:
        def begin(driver: Driver) -> None:
            tell(driver)
            watch(driver)

        carry_on(host, host.store.run(new.id), begun=begin)

    return outcome.of(terminal, [new.id], perform)
