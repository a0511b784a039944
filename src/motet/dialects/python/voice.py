"""What the engine's driver programs (resume, submit) ask of this voice."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motet.dialects.python.finding.loading import find_again
from motet.dialects.python.running.hooks import flow_crashed
from motet.dialects.python.scope import tags
from motet.dialects.python.states import State
from motet.dialects.python.world.transactions import redo, undone
from motet.errors import ParameterError, ResultUnavailable, TargetError
from motet.kernel.events import Json
from motet.kernel.transitions import CANCELLING, ENDED, RUNNING
from motet.ports import ArtifactStore, NewRun, RunRow
from motet.values.identity.modules import known_as
from motet.values.records import decode

if TYPE_CHECKING:
    from motet.dialects.python.flows import Flow
    from motet.engine.driver import Driver
    from motet.engine.host import Host


def carry_on(
    host: Host, row: RunRow, *, reopen: bool = False, rerun: Collection[str] = (), rerun_changed: bool = False,
    begun: Callable[[Driver], None] | None = None,
) -> State:  # fmt: skip
    """Drive the run to its end in this process, from where its history ends; gives its final state.

    `begun` is told once the run was taken up.
    """
    flow, values = _again(host, row)
    try:
        flow.parameters.refuse_misfits(values)
    except ParameterError as error:
        cure = f"{error.cure} Name its parameters as they were when the run began, or begin a new run."
        raise ParameterError(f"Run {row.name} was begun with other parameters. {error.what}", cure) from None
    driver = host.take_up(row.id, reopen=reopen, rerun_changed=rerun_changed, rerun=rerun)
    if begun is not None:
        begun(driver)
    if row.status in ENDED and (rollbacks := undone(driver)):
        redo(driver, rollbacks)
    if row.owner is not None and row.status in (RUNNING, CANCELLING):
        why = f"Process {row.owner.pid} on {row.owner.host}, which drove it, died."
        flow_crashed(flow, driver, flow.name, values, why)
    with tags(*_tags_of(row)):
        return flow.drive(driver, values).state


def forked(
    host: Host, row: RunRow, params: Mapping[str, Any], *, anew: Sequence[str] = (), name: str = ""
) -> NewRun:  # fmt: skip
    """A run like that one, not yet begun, with some parameters changed, which takes over what does not change.

    The steps `anew`, given by key, run anew in any case, and so does what consumes their results.
    Raises ParameterError.
    """
    flow, values = _again(host, row, params)
    args, kwargs = flow.parameters.call(values)
    with tags(*_tags_of(row)):
        new = flow.new_run(host, flow.parameters.bind_with(args, kwargs, params), name=name)
    new.program = {**row.program, "fork": {"run": row.id, "from": list(anew)}}
    return new


def moved(row: RunRow, at: str) -> Json:
    """Where the script of the run is now, or the folder of its module, as `Host.move` takes it. Raises TargetError.

    `at` names the file (a flow that is called otherwise by now as FILE:NAME), or the folder.
    """
    place, colon, name = at.rpartition(":") if not os.path.exists(at) else (at, "", "")
    variable = {"variable": name} if colon else {}
    if row.program["module"] != "__main__":
        if not os.path.isdir(place or at):
            raise TargetError(
                f"{place or at} is no folder, and run {row.name} was begun from module {row.program['module']}.",
                "Name the folder that this module can be imported from.",
            )
        return {"path": os.path.abspath(place), **variable}
    if os.path.isdir(place):
        place = os.path.join(place, os.path.basename(row.program["file"] or ""))
    if not os.path.isfile(place or at):
        raise TargetError(f"There is no file {place or at}.", f"Say where {row.program['file']} is now.")
    return {"file": os.path.abspath(place), **variable}


def _again(host: Host, row: RunRow, given: Collection[str] = ()) -> tuple[Flow[..., Any], dict[str, Any]]:
    """The flow of a run as it is on disk now, with the options that the run was begun with, and the values of its
    parameters but for those that are `given` anew. Goes to the folder that it ran in.
    """
    cwd, program = row.program.get("cwd"), host.program_of(row)
    if cwd and os.path.isdir(cwd):
        os.chdir(cwd)
    if row.program.get("file"):  # the name that its code counts by, wherever the file is now
        known_as(row.program.get("main") or os.path.splitext(os.path.basename(row.program["file"]))[0])
    flow = find_again(program, row.workflow)
    flow = flow.with_options(**_options_of(row, host.artifacts))
    kept = {name: record for name, record in (row.params or {}).items() if name not in given}
    values = {name: _value(host, row, name, record) for name, record in kept.items()}
    if "registered" in row.program and not given:  # JSON that nobody has bound to the function
        values = flow.parameters.bind_with((), {}, values)
    return flow, values


def _options_of(row: RunRow, artifacts: ArtifactStore) -> dict[str, Any]:
    """The options that the run was begun with; the name among them, since the keys of its steps begin with it.

    One that could not be kept, or can no longer be loaded, is told of, and left as the flow has it.
    """
    found: dict[str, Any] = {}
    for name, record in row.program.get("begun", {}).get("options", {}).items():
        try:
            found[name] = decode(record, artifacts)
        except ResultUnavailable as error:
            logging.getLogger("motet").warning(
                "Run %s was begun with the option %s, which is not at hand. %s", row.name, name, error.what
            )
    return {**found, "name": row.workflow}


def _tags_of(row: RunRow) -> list[str]:
    """The tags that were around the call that began the run."""
    return list(row.program.get("begun", {}).get("tags", ()))


def _value(host: Host, row: RunRow, name: str, record: Json) -> Any:
    """What the run was given for this parameter. Raises ResultUnavailable with the cure."""
    try:
        return decode(record, host.artifacts)
    except ResultUnavailable as error:
        what = f"Run {row.name} was given a value for {name} that cannot be had again. {error.what}"
        raise ResultUnavailable(what, f"Give it anew: motet fork {row.id} -p {name}=...") from error
