"""`motet resume` (and `motet retry`, which is the same) and `motet fork`: runs go on, or again with what is kept."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from motet import app, voices
from motet.cli import outcome, requests
from motet.cli.live import Watch
from motet.cli.stop import go
from motet.cli.terminal import Terminal
from motet.kernel.transitions import ENDED, SUCCEEDED
from motet.ports.voice import Onward, Underway
from motet.views import human, lookup

# ---------------------------------------------------------------- resume


def resume_arguments(parser: ArgumentParser) -> None:
    """The run; what to do about changed code."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    requests.plain(parser)
    parser.add_argument(
        "--rerun", action="append", default=[], metavar="STEP",
        help="run this step anew, with all that is around or below it or used its result; an element: its whole map",
    )  # fmt: skip
    parser.add_argument(
        "--rerun-changed", action="store_true",
        help="run steps anew that no longer are what was recorded, and all that used their results",
    )  # fmt: skip


def resume(options: Namespace, terminal: Terminal) -> int:
    """Carry on with a run in this process from where it stood; what succeeded is not run again."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    if row.waits and not lookup.has_crashed(row, time.time()):
        go(host.store, row)
        if not lookup.is_suspended(row):
            terminal.say(f"Run {terminal.paint(row.name, 'bold')} goes on.")
            return 0
    rerun = [lookup.find_step(host.store, row, each).key for each in options.rerun]
    terminal.plain = options.plain
    terminal.keep_stdout_clean()
    outcome.heed_signals()

    begun: list[str] = []

    def tell(driver: Underway) -> None:
        begun.append(row.id)
        kept = human.counted(driver.state.counts.get(SUCCEEDED, 0), "step")
        elements = sum(step.map.ended - step.map.bad for step in driver.state.steps.values() if step.map is not None)
        of_maps = f" and {human.counted(elements, 'element')} of maps" if elements else ""
        terminal.say(f"Resuming {row.name}: {kept}{of_maps} kept.")
        terminal.flush()

    def perform(watch: Watch) -> None:
        def begin(driver: Underway) -> None:
            tell(driver)
            watch(driver)

        app.carry_on(host, row, Onward(row.status in ENDED, rerun, options.rerun_changed, begin))

    return outcome.of(terminal, begun, perform)


retry, retry_arguments = resume, resume_arguments


# ---------------------------------------------------------------- fork


def fork_arguments(parser: ArgumentParser) -> None:
    """The run; what is to change."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument(
        "--from", action="append", default=[], metavar="STEP", dest="anew",
        help="run this step, and what consumes its result, anew even if nothing changes; a flow or map: all of it",
    )  # fmt: skip
    requests.parameters(parser)
    requests.plain(parser)


def fork(options: Namespace, terminal: Terminal) -> int:
    """Make a new run like that one and drive it here; what does not change is taken over, not run again."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    voice, request = voices.of_run(row), requests.Request(options)
    asked = request.asked(voice, f"run {row.name}")
    keys = [lookup.find_step(host.store, row, each).key for each in options.anew]
    terminal.plain = options.plain
    terminal.keep_stdout_clean()
    outcome.heed_signals()
    new = voice.forked(host, row, asked, keys)
    host.create(new)

    def perform(watch: Watch) -> None:
        def begin(driver: Underway) -> None:
            kept = sum(each.status == SUCCEEDED and each.form != "flow" for each in host.store.steps(row.id))
            terminal.say(f"Forking {row.name}: {human.counted(kept, 'step')} may be reused.")
            terminal.flush()
            watch(driver)

        voice.carry_on(host, host.store.run(new.id), Onward(watch=begin))

    return outcome.of(terminal, [new.id], perform)
