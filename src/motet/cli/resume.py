"""`motet resume`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import answer, human, interrupts, lookup, outcome, requests
from motet.cli.live import Watch
from motet.cli.terminal import Terminal
from motet.engine.driver import Driver
from motet.kernel.transitions import ENDED, SUCCEEDED


def arguments(parser: ArgumentParser) -> None:
    """The run; what to do about changed code."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    requests.plain(parser)
    parser.add_argument(
        "--rerun-changed", action="store_true",
        help="run steps anew that no longer are what was recorded, and all that used their results",
    )  # fmt: skip


def command(options: Namespace, terminal: Terminal) -> int:
    """Carry on with a run in this process from where it stood; what succeeded is not run again."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    if row.waits and not lookup.has_crashed(row, time.time()):
        answer.go(host.store, row)
        if not lookup.is_suspended(row):
            terminal.say(f"Run {terminal.paint(row.name, 'bold')} goes on.")
            return 0
    terminal.plain = options.plain
    terminal.keep_stdout_clean()
    interrupts.install()

    begun: list[str] = []

    def tell(driver: Driver) -> None:
        begun.append(row.id)
        kept = human.counted(driver.state.counts.get(SUCCEEDED, 0), "step")
        elements = sum(step.map.ended - step.map.bad for step in driver.state.steps.values() if step.map is not None)
        of_maps = f" and {human.counted(elements, 'element')} of maps" if elements else ""
        terminal.say(f"Resuming {row.name}: {kept}{of_maps} kept.")
        terminal.flush()

    def perform(watch: Watch) -> None:
        def begin(driver: Driver) -> None:
            tell(driver)
            watch(driver)

        carry_on = app.voice_of(row)
        carry_on(host, row, reopen=row.status in ENDED, rerun_changed=options.rerun_changed, begun=begin)

    return outcome.of(terminal, begun, perform)
