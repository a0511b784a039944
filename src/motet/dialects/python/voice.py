"""What the engine's driver programs (resume, submit) ask of this voice."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from motet.dialects.python.loading import find_again
from motet.dialects.python.states import State
from motet.ports import RunRow
from motet.values.records import decode

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.engine.host import Host


def carry_on(
    host: Host, row: RunRow, *, reopen: bool = False, rerun_changed: bool = False,
    begun: Callable[[Driver], None] | None = None,
) -> State:  # fmt: skip
    """Drive the run to its end in this process, from where its history ends; gives its final state.

    `begun` is told once the run was taken up.
    """
    cwd = row.program.get("cwd")
    if cwd and os.path.isdir(cwd):
        os.chdir(cwd)
    flow = find_again(row.program)
    values: dict[str, Any] = {name: decode(record, host.artifacts) for name, record in (row.params or {}).items()}
    driver = host.take_up(row.id, reopen=reopen)
    driver.rerun_changed = rerun_changed
    if begun is not None:
        begun(driver)
    return flow.drive(driver, values).state
