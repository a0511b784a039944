"""`motet resume` (and `motet retry`, which is the same) and `motet fork`: runs go on, or again with what is kept."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from contextvars import Context

from motet import app, deaths, voices
from motet.cli import outcome, requests
from motet.cli.live import Watch
from motet.cli.stop import go
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.history.again import begun_from, give
from motet.kernel.state import Step
from motet.kernel.transitions import ENDED, PENDING, SUCCEEDED
from motet.ports import RunRow
from motet.ports.voice import Onward, Replayed, Underway
from motet.views import human, lookup
from motet.views.documents import run_json
from motet.views.steps import find_step

# ---------------------------------------------------------------- resume


def resume_arguments(parser: ArgumentParser) -> None:
    """The run; what to do about changed code."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    requests.shown(parser)
    parser.add_argument(
        "--rerun", action="append", default=[], metavar="STEP",
        help="run this step anew, with all that is around or below it or used its result; an element: its whole map",
    )  # fmt: skip
    parser.add_argument(
        "--rerun-changed", action="store_true",
        help="run steps anew that no longer are what was recorded, and all that used their results",
    )  # fmt: skip
    _at(parser)


def _at(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--at", metavar="PLACE",
        help="where the file that the run was begun from is now, if it was moved or renamed; of a module, its folder",
    )  # fmt: skip


def _move(host: Host, row: RunRow, at: str | None) -> None:
    """Remember where the run's file is said to be now."""
    if at is not None:
        host.move(row, voices.of_run(row).moved(row, at))


def resume(options: Namespace, terminal: Terminal) -> int:
    """Carry on with a run in this process from where it stood; what succeeded is not run again."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    _move(host, row, options.at)
    if row.waits and not lookup.has_crashed(row, time.time()):
        go(host.store, row)
        if not lookup.is_suspended(row):
            terminal.say(f"Run {terminal.paint(row.name, 'bold')} goes on.")
            return 0
    deaths.clear(host.store, row)
    rerun = [find_step(host.store, row, each).key for each in options.rerun]
    requests.show(options, terminal)
    terminal.keep_stdout_clean()
    outcome.heed_signals()

    begun: list[str] = []
    kept = _Kept(terminal)

    def perform(watch: Watch) -> None:
        def begin(driver: Underway) -> None:
            begun.append(row.id)
            if row.status != PENDING:
                kept.tell(driver)
            watch(driver)

        app.carry_on(host, row, Onward(row.status in ENDED, rerun, options.rerun_changed, begin))

    return outcome.of(terminal, begun, perform, kept.further)


def _detached(host: Host, run: str, terminal: Terminal) -> int:
    """Have a process of its own drive the run that was made."""
    app.start_engine(run)
    row = host.store.run(run)
    terminal.say(f"Run {terminal.paint(row.name, 'bold')} ({row.id}) was forked.")
    if terminal.as_json:
        terminal.json(run_json(row))
    return 0


class _Kept:
    """What a resume tells of the steps that it keeps: how many, and which of them have changed since they ran."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._replayed = Replayed()

    def tell(self, driver: Underway) -> None:
        """Say how many there are; and from now on, of each that has changed, when that is found."""
        kept = human.counted(driver.state.counts.get(SUCCEEDED, 0), "step")
        elements = sum(step.map.ended - step.map.bad for step in driver.state.steps.values() if step.map is not None)
        of_maps = f" and {human.counted(elements, 'element')} of maps" if elements else ""
        self._terminal.say(f"Resuming {driver.run.name}: {kept}{of_maps} kept.")
        self._replayed, driver.replayed.told = driver.replayed, self._changed
        for key, differs in driver.replayed.changed.items():
            self._changed(driver.state.steps[key], differs)
        self._terminal.flush()

    def _changed(self, step: Step, differs: list[str]) -> None:
        if len(self._replayed.changed) > _MOST_TOLD:
            return
        part = f"{step.map.ended} of {step.map.size} elements of " if step.map is not None and not step.ended else ""
        text = f"{part}{step.key} kept, though changed since: {'; '.join(differs)}."
        Context().run(self._terminal.say, text)  # it is not the flow that prints this
        self._terminal.flush()

    def further(self, row: RunRow) -> outcome.Further:
        """The same in short when the run has ended, with what to do about it."""
        changed, unknown = self._replayed.changed, self._replayed.unknown
        name = outcome.name_of(app.hosts.current().store, row)
        lines = []
        if changed:
            how = f"motet fork {name}" if row.status == SUCCEEDED else f"motet resume {name} --rerun-changed"
            lines += [
                f"Kept, though changed since: {human.counted(len(changed), 'step')} (motet why {name} STEP).",
                f"To run what has changed anew, and all that used its results: {how}",
            ]
        if unknown:
            lines.append(
                f"Kept, and not known whether changed since: {human.counted(len(unknown), 'step')}, recorded by an "
                "earlier version of Motet."
            )
        return lines, {"changed": changed, "not_known": list(unknown)}


_MOST_TOLD = 20
"""So many steps that have changed are told of one by one; `motet why` tells of each."""

retry, retry_arguments = resume, resume_arguments


# ---------------------------------------------------------------- fork


def fork_arguments(parser: ArgumentParser) -> None:
    """The run; what is to change."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument(
        "--from", action="append", default=[], metavar="STEP", dest="anew",
        help="run this step, and what consumes its result, anew even if nothing changes; a flow or map: all of it. "
        "STEP@12, STEP@epoch=30, STEP@last: it begins from that checkpoint",
    )  # fmt: skip
    requests.parameters(parser)
    requests.beginning(parser)
    parser.add_argument(
        "--detach",
        action="store_true",
        help="start a process that drives it, and print its name at once, as submit does",
    )
    _at(parser)
    requests.shown(parser)


def fork(options: Namespace, terminal: Terminal) -> int:
    """Make a new run like that one and drive it here; what does not change is taken over, not run again."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    _move(host, row, options.at)
    voice, request = voices.of_run(row), requests.Request(options, detached=options.detach)
    app.hosts.current().making = request.making
    asked = request.asked(voice, f"run {row.name}")
    anew = dict(begun_from(host.store, row, each) for each in options.anew)
    requests.show(options, terminal)
    terminal.keep_stdout_clean()
    outcome.heed_signals()
    host.check(row.id)
    app.in_place(host, row)
    new = voice.forked(host, row, asked, list(anew))
    give(host, row, new, anew)
    host.create(new)
    if moved := host.moved(row):
        host.move(new, moved)
    if options.detach:
        return _detached(host, new.id, terminal)

    def perform(watch: Watch) -> None:
        def begin(driver: Underway) -> None:
            kept = sum(each.status == SUCCEEDED and each.form != "flow" for each in host.store.steps(row.id))
            terminal.say(f"Forking {row.name}: {human.counted(kept, 'step')} may be reused.")
            for key, one in anew.items():
                if one is not None:
                    terminal.say(f"{key} begins from its checkpoint {one.title}.")
            terminal.flush()
            watch(driver)

        voice.carry_on(host, host.store.run(new.id), Onward(watch=begin))

    return outcome.of(terminal, [new.id], perform)
