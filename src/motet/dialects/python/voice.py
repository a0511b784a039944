"""What the engine's driver programs (resume, submit) ask of this voice."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motet.dialects.python.finding.loading import find_again
from motet.dialects.python.running.hooks import flow_crashed
from motet.dialects.python.states import State
from motet.dialects.python.world.transactions import redo, undone
from motet.kernel.transitions import CANCELLING, ENDED, RUNNING
from motet.ports import NewRun, RunRow
from motet.values.records import decode

if TYPE_CHECKING:
    from motet.dialects.python.flows import Flow
    from motet.engine.driver import Driver
    from motet.engine.host import Host


def carry_on(
    host: Host, row: RunRow, *, reopen: bool = False, rerun_changed: bool = False,
    begun: Callable[[Driver], None] | None = None,
) -> State:  # fmt: skip
    """Drive the run to its end in this process, from where its history ends; gives its final state.

    `begun` is told once the run was taken up.
    """
    flow, values = _again(host, row)
    driver = host.take_up(row.id, reopen=reopen)
    driver.rerun_changed = rerun_changed
    if begun is not None:
        begun(driver)
    if row.status in ENDED and (rollbacks := undone(driver)):
        redo(driver, rollbacks)
    if row.owner is not None and row.status in (RUNNING, CANCELLING):
        why = f"Process {row.owner.pid} on {row.owner.host}, which drove it, died."
        flow_crashed(flow, driver, flow.name, values, why)
    return flow.drive(driver, values).state


def forked(
    host: Host, row: RunRow, params: Mapping[str, Any], *, anew: Sequence[str] = (), name: str = ""
) -> NewRun:  # fmt: skip
    """A run like that one, not yet begun, with some parameters changed, which takes over what does not change.

    The steps `anew`, given by key, run anew in any case, and so does what consumes their results.
    Raises ParameterError.
    """
    flow, values = _again(host, row)
    args, kwargs = flow.parameters.call(values)
    new = flow.new_run(host, flow.parameters.bind_with(args, kwargs, params), name=name)
    new.program = {**row.program, "fork": {"run": row.id, "from": list(anew)}}
    return new


def _again(host: Host, row: RunRow) -> tuple[Flow[..., Any], dict[str, Any]]:
    """The flow of a run as it is on disk now, and the values of its parameters. Goes to the folder that it ran in."""
    cwd = row.program.get("cwd")
    if cwd and os.path.isdir(cwd):
        os.chdir(cwd)
    flow = find_again(row.program)
    return flow, {name: decode(record, host.artifacts) for name, record in (row.params or {}).items()}
