"""Runs of declarative programs: made by a function that is named, asked by the session, driven from here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from motet.dialects.declared.calls import resolve
from motet.interrupts import take
from motet.kernel.events import Json
from motet.kernel.program import Program
from motet.ports import Attempt, Failure, NewRun, Outcome, RunRow, Stopped

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.engine.host import Host


def new_run(host: Host, run: str, target: str, params: Json, *, name: str = "") -> NewRun:
    """A run of the program that `target` ("module:function") makes of `params` (JSON)."""
    return NewRun(
        run, name or run, target, {"voice": "program", "target": target, "cwd": os.getcwd()}, params,
        created_at=host.clock.now(), offset=host.store.head(),
    )  # fmt: skip


def carry_on(
    host: Host, row: RunRow, *, reopen: bool = False, rerun: Collection[str] = (), rerun_changed: bool = False,
    begun: Callable[[Driver], None] | None = None,
) -> Driver:  # fmt: skip
    """Drive the run to its end in this process, from where its history ends.

    `begun` is told once the run was taken up.
    """
    _return_to(row.program.get("cwd", ""))
    return drive(host, row, resolve(row.program["target"])(row.params), reopen=reopen, rerun=rerun, begun=begun)


def drive(
    host: Host, row: RunRow, program: Program, *, reopen: bool = False, rerun: Collection[str] = (),
    begun: Callable[[Driver], None] | None = None,
) -> Driver:  # fmt: skip
    """Drive the run by this program, on this thread; see `carry_on`."""
    driver = host.take_up(row.id, program=program, reopen=reopen, rerun=rerun)
    if begun is not None:
        begun(driver)
    try:
        _run_inline(host, driver)
    except (KeyboardInterrupt, SystemExit) as stop:
        driver.cancel(f"interrupted by {type(stop).__name__}")
        while (attempt := take(driver.here)) is not None:
            attempt.report(attempt, Stopped("the run was stopped"))
        raise
    if driver.session.broken is not None:
        raise driver.session.broken
    return driver


def _run_inline(host: Host, driver: Driver) -> None:
    """Carry out, on this thread, the attempts that are to run inline, until the run has ended."""
    stops: list[BaseException] = []
    while (attempt := take(driver.here)) is not None:
        _notice_interruption(attempt, stops)
        host.executor("inline").start(attempt)
        if stops:
            raise stops[0]


def _notice_interruption(attempt: Attempt, stops: list[BaseException]) -> None:
    """Have an interruption of this thread (Ctrl-C) put in `stops`: it ends the attempt, which has not failed."""
    report = attempt.report

    def reported(attempt: Attempt, outcome: Outcome) -> None:
        error = outcome.exception if isinstance(outcome, Failure) else None
        if error is not None and not isinstance(error, Exception):
            stops.append(error)
            outcome = Stopped(f"interrupted by {type(error).__name__}")
        report(attempt, outcome)

    attempt.report = reported


def _return_to(folder: str) -> None:
    """Go back to where the run was begun: there its modules can be imported, and relative paths lead somewhere."""
    if folder and os.path.isdir(folder):
        os.chdir(folder)
        if folder not in sys.path:
            sys.path.insert(0, folder)
