"""Runs of workflows: begun from a file after all checks, rebuilt from what the run itself keeps, and read again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from motet import mains, private
from motet.dialects.orquestra import templates, variants
from motet.dialects.orquestra.components import Component, fetch, read_lock, write_lock
from motet.dialects.orquestra.contract import content, is_json
from motet.dialects.orquestra.graph import in_order
from motet.dialects.orquestra.ids import workflow_id
from motet.dialects.orquestra.places import Problems
from motet.dialects.orquestra.preflight import Code, check_resources
from motet.dialects.orquestra.program import VOICE, OrquestraProgram, Work
from motet.dialects.orquestra.reader import read_workflow
from motet.dialects.orquestra.results import StepResult
from motet.dialects.orquestra.spec import Workflow
from motet.dialects.orquestra.surroundings import (
    NONE,
    Packages,
    Surroundings,
    environments_folder,
    packages_of,
    surroundings,
)  # fmt: skip
from motet.errors import TargetError, UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import SUCCEEDED
from motet.ports import NewRun, RunRow
from motet.ports.definition import Described, Planned

if TYPE_CHECKING:
    from motet.ports.voice import Host


@dataclass(slots=True)
class Asked:
    """What is asked of a run beside its file.

    sets    inputs with another value than in the file; `matrix` those with several
    cached  whether results that earlier runs have kept may be taken
    locked  whether the lock file beside the workflow, if there is one, counts
    base    the interpreter whose packages steps may use: "" for this one, "none" for none
    """

    sets: Mapping[str, Any] = field(default_factory=dict)
    matrix: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    cached: bool = True
    locked: bool = True
    base: str = field(default_factory=lambda: os.environ.get("MOTET_ORQUESTRA_BASE", ""))

    def to_json(self) -> dict[str, Json]:
        """What of it differs from what is usual."""
        found = {"set": dict(self.sets), "matrix": {axis: list(values) for axis, values in self.matrix.items()}}
        return {name: value for name, value in found.items() if value}


@dataclass(slots=True)
class Ready:
    """A workflow with all that its steps need, checked."""

    workflow: Workflow
    text: bytes
    components: Mapping[str, Component]
    around: Mapping[str, Surroundings]
    locked: Packages


def prepare(file: str, home: str, resources: Mapping[str, float], asked: Asked) -> Ready:
    """Read the workflow, fetch what it imports, make its environments, and check all that can be checked before a run.

    Raises SpecError, naming every fault with its place; EnvironmentFailed; TargetError for a file that cannot be read.
    """
    text, workflow = _asked_for(file, asked)
    folder = environments_folder(home)
    pins, locked = read_lock(workflow, file) if asked.locked else ({}, {})
    problems = Problems(workflow.document)
    components = fetch(workflow, os.path.dirname(os.path.abspath(file)), folder, pins, problems)
    code = Code(workflow, components)
    code.check(problems, foreign=asked.base not in ("", NONE, sys.executable))
    problems.check()
    around = surroundings(workflow, components, folder, asked.base, locked)
    code.check_imports(around, problems)
    problems.check()
    check_resources(workflow, resources, _free_bytes(home), problems)
    workflow.warnings += [each for each in problems.warnings if each not in workflow.warnings]
    return Ready(workflow, text, components, around, locked)


def _asked_for(file: str, asked: Asked) -> tuple[bytes, Workflow]:
    """The text of the file, rendered if it is a template, and the workflow with what is asked of it."""
    text, label = mains.read(file), file
    values = {name: value for name, value in asked.sets.items() if "." not in name}
    if templates.is_asked(file, values):
        text, label = templates.render(text, file, values), f"{file} (rendered)"
    workflow = read_workflow(text, label)
    variants.apply(workflow, asked.sets, asked.matrix)
    return text, workflow


def fetched(file: str, home: str) -> dict[str, Component]:
    """What the workflow in the file imports, fetched. Raises SpecError."""
    workflow = read_workflow(mains.read(file), file)
    folder = os.path.dirname(os.path.abspath(file))
    return _fetched(workflow, folder, home, read_lock(workflow, file)[0])


def _fetched(workflow: Workflow, folder: str, home: str, pins: Mapping[str, Json]) -> dict[str, Component]:
    problems = Problems(workflow.document)
    components = fetch(workflow, folder, environments_folder(home), pins, problems)
    problems.check()
    return components


def lock(file: str, home: str, resources: Mapping[str, float]) -> tuple[str, list[Component], list[str]]:
    """Pin what the workflow imports as it stands now, in its lock file; gives its path, the components, warnings."""
    ready = prepare(file, home, resources, Asked(locked=False))
    path = write_lock(file, ready.components, packages_of(ready.workflow, ready.around))
    return path, list(ready.components.values()), ready.workflow.warnings


def _free_bytes(home: str) -> float:
    import shutil

    private.make_folder(home)
    return float(shutil.disk_usage(home).free)


def new_run(
    host: Host, file: str, home: str, asked: Asked, *, name: str = "", warn: Callable[[str], None] | None = None
) -> NewRun:
    """A run of the workflow in the file, checked and not yet begun; `warn` is told what is odd.

    Its id is a workflow id as the original made them. Raises as `prepare` does.
    """
    ready = prepare(file, home, host.resources, asked)
    if warn is not None:
        for each in ready.workflow.warnings:
            warn(each)
    stored = host.artifacts.put((ready.text,))
    run = workflow_id(ready.workflow.name)
    path = os.path.abspath(file)
    program = {
        "voice": VOICE, "file": path, "cwd": os.getcwd(), "base": asked.base, "cached": asked.cached,
        "source": {"artifact": stored.digest, "size_bytes": stored.size_bytes},
        "imports": {name: each.pin() for name, each in ready.components.items()},
        "packages": packages_of(ready.workflow, ready.around), "locked": ready.locked,
    }  # fmt: skip
    return NewRun(
        run, name or run, ready.workflow.name, program, asked.to_json() or None, created_at=host.clock.now(),
        offset=host.store.head(),
    )  # fmt: skip


def described(
    host: Host, file: str, home: str, asked: Asked, *, warn: Callable[[str], None] | None = None
) -> Described:  # fmt: skip
    """What runs of the workflow are made of: its parameters are the inputs of steps that are not another step's
    outputs, as `step.input`. Raises as `prepare` does.
    """
    new = new_run(host, file, home, asked, warn=warn)
    properties = {
        f"{step.name}.{each.name}": {**_KINDS.get(each.type, {}), "default": each.value}
        for step in _read(host, new).steps.values()
        for each in step.inputs
        if each.source is None
    }
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return Described(new.workflow, new.program, schema, new.params or {}, within="set")


_KINDS: Mapping[str, Json] = {
    "string": {"type": ["string", "null"]}, "int": {"type": ["integer", "null"]},
    "float": {"type": ["number", "null"]}, "bool": {"type": ["boolean", "null"]},
    "dict": {"type": ["object", "null"]}, "list": {"type": ["array", "null"]},
}  # fmt: skip
"""What inputs of the built-in types may be."""


def forked(host: Host, row: RunRow, asked: Asked, anew: Collection[str], *, name: str = "") -> NewRun:
    """A run of the same workflow at the same commits, not yet begun, with what is asked in place of what that one was
    asked. Steps equal to earlier ones are taken from what is kept, but for the steps `anew` and what comes after them.

    Raises UsageError.
    """
    of_template = next((name for name in asked.sets if "." not in name), "")
    if of_template:
        raise UsageError(f"--set {of_template}: the template of run {row.name} was rendered.", "Run its file anew.")
    params = row.params or {}
    sets = {axis: value for axis, value in params.get("set", {}).items() if axis not in asked.matrix}
    matrix = {axis: values for axis, values in params.get("matrix", {}).items() if axis not in asked.sets}
    asked.sets, asked.matrix = {**sets, **asked.sets}, {**matrix, **asked.matrix}
    workflow = _read(host, row)
    variants.apply(workflow, asked.sets, asked.matrix)
    before = workflow_of(host, row).steps
    origins = {before[each].origin for each in anew if each not in workflow.steps}  # of variants that are no more
    after: dict[str, None] = {}
    for each in in_order(workflow.steps):
        if (
            each in anew
            or workflow.steps[each].origin in origins
            or any(need in after for need in workflow.steps[each].needs)
        ):
            after[each] = None
    run = workflow_id(workflow.name)
    program = {
        **row.program, "cached": asked.cached, "fork": {"run": row.id, "from": list(after)},
    }  # fmt: skip
    return NewRun(
        run, name or run, workflow.name, program, asked.to_json() or None, created_at=host.clock.now(),
        offset=host.store.head(),
    )  # fmt: skip


def check(file: str, asked: Asked) -> None:
    """Raise SpecError or UsageError for what is wrong in the file itself, or with what is asked of it."""
    _asked_for(file, asked)


def _read(host: Host, row: RunRow | NewRun) -> Workflow:
    """The workflow of a run as its file had it."""
    text = bytes(host.artifacts.get(row.program["source"]["artifact"]))
    return read_workflow(text, row.program["file"], kept=True)


def workflow_of(host: Host, row: RunRow | NewRun) -> Workflow:
    """The workflow of a run as it was when the run was made."""
    workflow = _read(host, row)
    params = row.params or {}
    variants.apply(workflow, params.get("set", {}), params.get("matrix", {}))
    return workflow


def program_of(host: Host, row: RunRow | NewRun, home: str) -> OrquestraProgram:
    """The program of a run, with its imports at the commits that it was begun with."""
    workflow = workflow_of(host, row)
    folder = environments_folder(home)
    pins = {name: pin for name, pin in row.program["imports"].items() if pin["type"] == "git"}
    components = _fetched(workflow, os.path.dirname(host.program_of(row)["file"]), home, pins)
    around = surroundings(workflow, components, folder, row.program["base"], row.program.get("locked", {}))
    work = Work(
        components, around, Code(workflow, components).tasks(), host, row.program["cached"],
        row.program.get("fork", {}),
        {name: pin["digest"] for name, pin in row.program["imports"].items() if pin["type"] == "local"},
    )  # fmt: skip
    return OrquestraProgram(workflow, work)


def planned(host: Host, new: NewRun) -> Planned:
    """A run that is not made, and its program."""
    return Planned(new, program_of(host, new, host.home), True)


def moved(row: RunRow, at: str) -> Json:
    """Where the workflow file is now, from which relative paths of its imports go. Raises TargetError."""
    path = os.path.join(at, os.path.basename(row.program["file"])) if os.path.isdir(at) else at
    if not os.path.isfile(path):
        raise TargetError(f"There is no file {path}.", f"Say where {row.program['file']} is now.")
    return {"file": os.path.abspath(path)}


def results_of(host: Host, row: RunRow) -> list[StepResult]:
    """What the steps that have succeeded so far have put out. Raises NotFound for contents that were pruned."""
    workflow = workflow_of(host, row)
    done = {step.key: step.result or {} for step in host.store.steps(row.id, status=SUCCEEDED, whole=True)}
    found = []
    for name, step in workflow.steps.items():
        if name in done:
            outputs = done[name].get("outputs", {})
            contents = {key: content(each, host.artifacts) for key, each in outputs.items() if is_json(each)}
            found.append(StepResult(step, contents))
    return found


def values(host: Host, row: RunRow) -> dict[str, dict[str, Json]]:
    """Contents by step and output, apart from all that is kept: what a Python caller gets."""
    return json.loads(json.dumps({each.step.name: dict(each.artifacts) for each in results_of(host, row)}))  # type: ignore[no-any-return]
