"""Runs of declarative programs: made by a function that is named, asked by the session, driven from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motet.engine.calls import resolve
from motet.kernel.events import Json
from motet.ports import NewRun, RunRow

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.engine.host import Host


def new_run(host: Host, run: str, target: str, params: Json, *, name: str = "") -> NewRun:
    """A run of the program that `target` ("module:function") makes of `params` (JSON)."""
    return NewRun(
        run, name or run, target, {"voice": "program", "target": target}, params,
        created_at=host.clock.now(), offset=host.store.head(),
    )  # fmt: skip


def carry_on(host: Host, row: RunRow, *, reopen: bool = False, rerun_changed: bool = False) -> Driver:
    """Drive the run to its end in this process, from where its history ends."""
    program = resolve(row.program["target"])(row.params)
    driver = host.take_up(row.id, program=program, reopen=reopen)
    try:
        driver.finished.wait()
    except KeyboardInterrupt:
        driver.cancel("interrupted by Ctrl-C")
        driver.finished.wait()
        raise
    if driver.session.broken is not None:
        raise driver.session.broken
    return driver
