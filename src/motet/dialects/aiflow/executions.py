"""Executions of workflows and of their tasks: runs and their steps, by the numbers that the language gives them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from glob import escape, glob
from typing import TYPE_CHECKING

from motet.dialects.aiflow import places, registry
from motet.dialects.aiflow.loading import stem_of
from motet.dialects.aiflow.metadata import VOICE, TaskExecutionMeta, WorkflowExecutionMeta, WorkflowMeta
from motet.dialects.aiflow.model.words import RUN_WORDS, STEP_WORDS, ExecutionType
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import CANCELLED, ENDED, SKIPPED
from motet.ports import NewRun, RunFilter, RunRow, StepRow, Store
from motet.registry import snapshots
from motet.values.naming import fitting, new_id
from motet.views.listing import listed

if TYPE_CHECKING:
    from motet.ports.voice import Host

_EXECUTION = "execution"
_STEP = re.compile(r"(.+)#(\d+)")
_WITHIN = 1_000_000
"""So many executions of tasks have ids of their own within one execution of a workflow."""


def program_of(meta: WorkflowMeta, store: Store) -> dict[str, Json]:
    """What is kept of an execution of the workflow's newest snapshot, whoever starts it. Raises NotFound."""
    snapshot = registry.snapshot(store, meta.snapshot)
    if snapshot is None:
        raise NotFound(f"Workflow {meta.title} has no snapshot.", "Upload it anew.")
    return {
        "voice": VOICE, "workflow_id": meta.id, "snapshot_id": snapshot.id, "home": snapshot.home,
        "file": snapshot.file, "source": {"artifact": snapshot.signature, "size_bytes": snapshot.size_bytes},
        "definition": dict(snapshot.definition),
    }  # fmt: skip


def make(host: Host, meta: WorkflowMeta) -> tuple[int, RunRow]:
    """Make an execution of the workflow, with its files in place, that is yet to begin; gives its number.

    Raises UsageError for a workflow that is disabled.
    """
    if not meta.is_enabled:
        raise UsageError(
            f"Workflow {meta.title} is disabled.", f"aiflow workflow enable {meta.name} -n {meta.namespace}"
        )
    store, now = host.store, host.clock.now()
    program = program_of(meta, store)
    number = _next_number(store, places.get_aiflow_home())
    new = NewRun(
        new_id(now), fitting(f"{meta.name}-{number}"), meta.title, program, created_at=now, offset=store.head()
    )  # fmt: skip
    _lay_out(host, program, places.get_aiflow_home(), number)
    _number(store, new.id, number, places.get_aiflow_home())
    host.create(new)
    return number, store.run(new.id)


def ready(host: Host, row: RunRow) -> RunRow:
    """The run with all that its tasks need in its definition, numbered, and with its files in place."""
    found = registry.known(host.store, _EXECUTION, row.id)
    if found is None:
        home = str(row.program["home"])
        found = _number(host.store, row.id, _next_number(host.store, home), home)
    number, home = found["number"], found["home"]
    _lay_out(host, row.program, home, number)
    name, stem = row.program["definition"]["name"], stem_of(row.program["file"])
    folder = os.path.join(places.working_dir(home, name, number), stem)
    more = {
        "execution": number, "namespace": row.program["definition"]["namespace"], "name": name, "home": home,
        "folder": folder, "file": os.path.join(folder, row.program["file"]), "stem": stem,
        "logs": places.logs_dir(home, name, number), "run_type": type_of(row).value,
    }  # fmt: skip
    return replace(row, program={**row.program, **more})


def _next_number(store: Store, home: str) -> int:
    """A number that no execution has, nor a folder there: another store may have put files in the same place."""
    while True:
        number = registry.number(store, _EXECUTION)
        if not glob(os.path.join(escape(home), places.WORK, "*", str(number))):
            return number


def _number(store: Store, run: str, number: int, home: str) -> dict[str, Json]:
    body: dict[str, Json] = {"number": number, "home": home}
    registry.keep(store, _EXECUTION, run, body)
    store.set_alias(VOICE, str(number), run)
    return body


def _lay_out(host: Host, program: Mapping[str, Json], home: str, number: int) -> None:
    """Put the files of the snapshot in the folder of the execution, whole or not at all; once they are there, nothing
    is done: what its tasks have changed stays.
    """
    folder = os.path.join(places.working_dir(home, program["definition"]["name"], number), stem_of(program["file"]))
    try:
        snapshots.unpacked(host.artifacts, program["source"], folder)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}.", "Set AIFLOW_HOME to another folder.") from None


# ---------------------------------------------------------------- executions of workflows


def find(store: Store, number: int | str) -> RunRow:
    """The run of that execution. Raises NotFound."""
    try:
        return store.run(store.alias(VOICE, str(number)))
    except NotFound:
        raise NotFound(f"There is no workflow execution {number}.", "aiflow workflow-execution list WORKFLOW") from None


def of_workflow(store: Store, meta: WorkflowMeta) -> Iterator[tuple[int, RunRow]]:
    """The executions of the workflow with their numbers, newest first."""
    for row in listed(store, RunFilter(voice=VOICE, workflow=meta.title)):
        number = number_of(store, row)
        if number is not None and row.program["workflow_id"] == meta.id:
            yield number, row


def number_of(store: Store, row: RunRow) -> int | None:
    """The number of the run among executions; None for one that is yet to be begun."""
    found = registry.known(store, _EXECUTION, row.id)
    return None if found is None else int(found["number"])


def meta_of(number: int, row: RunRow) -> WorkflowExecutionMeta:
    """What is known of the execution."""
    return WorkflowExecutionMeta(
        number, row.program["workflow_id"], row.started_at or row.created_at, row.ended_at, status_of(row),
        type_of(row).value, row.program["snapshot_id"], row.offset, row.id,
    )  # fmt: skip


def status_of(row: RunRow) -> str:
    """How the execution stands."""
    return RUN_WORDS.get(row.status, "RUNNING")


def type_of(row: RunRow) -> ExecutionType:
    """What it was begun by."""
    begun = row.program.get("begun_by", {})
    if "schedule" in begun:
        return ExecutionType.PERIODIC
    return ExecutionType.EVENT if "trigger" in begun else ExecutionType.MANUAL


def is_over(row: RunRow) -> bool:
    """Whether it has ended."""
    return row.status in ENDED


# ---------------------------------------------------------------- executions of tasks


def tasks_of(store: Store, number: int, row: RunRow) -> list[TaskExecutionMeta]:
    """The executions of its tasks, in the order in which they were asked for."""
    found = []
    for place, step in enumerate(store.steps(row.id), 1):
        named = _STEP.fullmatch(step.key)
        if named is not None and named[1] == step.task and not step.task.startswith(("@", "?")):
            found.append(_task_meta(number, place, step, int(named[2])))
    return found


def task(store: Store, number: int) -> TaskExecutionMeta | None:
    """The execution of a task that has that id."""
    try:
        row = find(store, number // _WITHIN)
    except NotFound:
        return None
    return next((each for each in tasks_of(store, number // _WITHIN, row) if each.id == number), None)


def _task_meta(number: int, place: int, step: StepRow, sequence: int) -> TaskExecutionMeta:
    status = "STOPPED" if step.status in (CANCELLED, SKIPPED) else STEP_WORDS.get(step.status, "RUNNING")
    began = step.started_at or step.added_at
    return TaskExecutionMeta(
        number * _WITHIN + place, number, step.task, sequence, max(step.attempt, 1), began, step.ended_at, status
    )  # fmt: skip
