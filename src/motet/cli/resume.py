"""`motet resume` (and `motet retry`, which is the same) and `motet fork`: runs go on, or again with what is kept."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import outcome, requests
from motet.cli.live import Watch
from motet.cli.stop import go
from motet.cli.terminal import Terminal
from motet.engine.driver import Driver
from motet.errors import UsageError
from motet.kernel.transitions import ENDED, SUCCEEDED
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
        reopen, changed = row.status in ENDED, options.rerun_changed
        carry_on(host, row, reopen=reopen, rerun=rerun, rerun_changed=changed, begun=begin)

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
    from motet.dialects.python.voice import carry_on, forked

    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    if row.program.get("voice") != "python":
        raise UsageError(f"Run {row.name} is no run of a flow, and only those can be forked.", "Run its program anew.")
    request = requests.Request(options)
    keys = [lookup.find_step(host.store, row, each).key for each in options.anew]
    terminal.plain = options.plain
    terminal.keep_stdout_clean()
    outcome.heed_signals()
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
