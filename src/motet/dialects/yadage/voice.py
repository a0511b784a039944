"""Runs of workflows: begun from files after all checks, rebuilt from what the run itself keeps, and read again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from logging import getLogger
from typing import TYPE_CHECKING, Any

from motet.dialects.yadage import workdirs
from motet.dialects.yadage.growing import Graph
from motet.dialects.yadage.inputs import Inputs, inputs_of
from motet.dialects.yadage.packtivity.settings import VOICE, Settings
from motet.dialects.yadage.program import YadageProgram, skipped
from motet.dialects.yadage.reader import read
from motet.dialects.yadage.relations import waits_for
from motet.dialects.yadage.spec import INIT, Reference, Workflow, references
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import SUCCEEDED
from motet.ports import NewRun, RunRow
from motet.ports.definition import CODE, Described, placed
from motet.records import Record, field
from motet.registry.schemas import kind_of
from motet.values.documents import Library, Problems
from motet.values.naming import new_id, new_name

if TYPE_CHECKING:
    from motet.ports.voice import Host


class Asked(Record):
    """What is asked of a run.

    address    of the workflow, relative to the toplevel or absolute; `toplevel` "" is the folder of the workflow
    workdir    the folder of the run; "" for one of its own
    values     parameters of the workflow
    data, wflow  further options, as `-d` and `-w` have them
    settings   what holds for all steps
    accept     whether a folder in which a run was before may be taken
    visualize  whether pictures are made of what has run
    metadir    where they, and what else is told of the run, come to stand; "" for `_yadage` in the folder of the run
    """

    address: str
    toplevel: str = ""
    workdir: str = ""
    values: Mapping[str, Json] = field(default_factory=dict)
    data: Mapping[str, Json] = field(default_factory=dict)
    wflow: Mapping[str, Json] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    accept: bool = False
    visualize: bool = False
    metadir: str = ""
    name: str = ""


def checked(asked: Asked, warn: Callable[[str], None]) -> tuple[Library, Workflow]:
    """The workflow, read and found right. Raises SpecError, naming every fault with its place; TargetError."""
    is_path = os.path.isabs(asked.address) or not asked.toplevel
    toplevel = asked.toplevel or os.path.dirname(os.path.abspath(asked.address))
    library, problems = Library(toplevel), Problems()
    workflow = read(library, os.path.abspath(asked.address) if is_path else asked.address, problems)
    for each in problems.warnings:
        warn(each)
    problems.check()
    return library, workflow


def new_run(host: Host, asked: Asked, warn: Callable[[str], None]) -> NewRun:
    """A run of the workflow, checked and not yet begun; its folder is made. Raises as `checked`, and UsageError."""
    library, workflow = checked(asked, warn)
    _check_inputs(workflow, asked)
    run = new_id(host.clock.now())
    workdir = workdirs.taken(
        asked.workdir, run, host.store, accept=asked.accept, overwrite=bool(asked.data.get("overwrite"))
    )  # fmt: skip
    if not asked.workdir and os.path.basename(workdir) != "workdir":
        warn(f"The folder workdir is taken: this run has {workdir}.")
    made = _made(host, asked, library, workdir)
    made.id, made.name = run, asked.name or new_name()
    return made


def described(host: Host, asked: Asked, warn: Callable[[str], None]) -> Described:
    """What runs of the workflow are made of, each in a folder of its own: its parameters are what stages take of
    `init`, of the kinds that the values have which are given. Raises as `checked`, and UsageError.
    """
    if asked.workdir or asked.metadir:
        raise UsageError("Each run of what is registered has a folder of its own.", "Leave out --workdir.")
    library, workflow = checked(asked, warn)
    new = _made(host, asked, library, os.path.abspath("workdir"))
    taken = [
        each
        for stage in workflow.stages.values()
        for each in [*stage.uses, *references(dict(stage.register))]
        if isinstance(each, Reference) and INIT in each.selector.stages
    ]
    names = dict.fromkeys([*(each.output for each in taken if each.output), *asked.values])
    closed = all(each.output for each in taken) and not any(each.scripts for each in workflow.stages.values())
    schema = {
        "type": "object", "properties": {name: kind_of(asked.values.get(name)) for name in names},
        "required": [name for name in names if name not in asked.values], "additionalProperties": not closed,
    }  # fmt: skip
    return Described(new.workflow, new.program, schema, new.params)


def _made(host: Host, asked: Asked, library: Library, workdir: str) -> NewRun:
    inputs = inputs_of(asked.values, asked.data, asked.wflow, workdir)
    texts = {placed(path, CODE, library.toplevel.rstrip("/")): text for path, text in library.texts.items()}
    stored = host.artifacts.put((json.dumps(texts).encode(),))
    address = next(iter(library.texts))
    program = {
        "voice": VOICE, "cwd": os.getcwd(), "toplevel": library.toplevel, "address": address,
        "source": {"artifact": stored.digest, "size_bytes": stored.size_bytes}, "workdir": workdir,
        "metadir": os.path.abspath(asked.metadir) if asked.metadir else os.path.join(workdir, workdirs.META),
        "inputs": {name: each for name, each in inputs.to_json().items() if name != "values"},
        "settings": asked.settings.to_json(), "visualize": asked.visualize,
    }  # fmt: skip
    title = os.path.basename(address).partition(".")[0]
    now, head = host.clock.now(), host.store.head()
    return NewRun("", "", title, program, inputs.values, created_at=now, offset=head)


def _check_inputs(workflow: Workflow, asked: Asked) -> None:
    """Raise UsageError where stages wait for inputs and there are none."""
    if asked.values:
        return
    for stage in workflow.stages.values():
        if any(INIT in selector.stages for selector, _ in waits_for(stage, workflow)):
            raise UsageError(
                f"{stage.where}: stage {stage.name!r} waits for init, and no inputs were given.",
                "Name a file of inputs, or give them: -p NAME=VALUE.",
            )


def workflow_of(host: Host, row: RunRow) -> Workflow:
    """The workflow of a run as it was when the run was made."""
    program = row.program
    kept = json.loads(bytes(host.artifacts.get(program["source"]["artifact"])))
    texts = {placed(path, program["toplevel"].rstrip("/")): text for path, text in kept.items()}
    return read(Library(program["toplevel"], texts), program["address"], Problems())


def graph_of(host: Host, row: RunRow) -> tuple[Graph, Inputs]:
    """The graph of a run before anything has grown, and what it is begun with."""
    inputs = Inputs(row.params or {}, **row.program["inputs"])
    return Graph(
        workflow_of(host, row), row.program["workdir"], inputs.initdir, inputs.values, nest=inputs.nest
    ), inputs


def carry_on(host: Host, row: RunRow, drive: Callable[[YadageProgram], object]) -> object:
    """Drive the run, and tell in its folder what has come of it, however it ends."""
    graph, inputs = graph_of(host, row)
    settings = Settings.from_json(row.program["settings"])
    workdirs.begun(row)
    program = YadageProgram(graph, host, settings, inputs, row.program["workdir"])
    try:
        return drive(program)
    finally:
        for stage, why in skipped(graph):
            getLogger("motet").warning("Stage %s was skipped: %s.", stage, why)
        workdirs.told(host, row, graph)


def values(host: Host, row: RunRow) -> dict[str, Any]:
    """What the steps have published so far, by step and output; what is no mapping stands under ""."""
    found: dict[str, Any] = {}
    for step in host.store.steps(row.id, status=SUCCEEDED, whole=True):
        record = step.result
        if isinstance(record, dict) and "published" in record:
            published = record["published"]
            found[step.key] = published if isinstance(published, dict) else {"": published}
    return found
