"""Starting and stopping executions, for commands and for code alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from motet import requests
from motet.dialects.aiflow import executions, planning, registry
from motet.dialects.aiflow.metadata import VOICE, TaskExecutionMeta, WorkflowMeta
from motet.errors import NotFound, UsageError
from motet.kernel.transitions import PENDING
from motet.ports import STEERING, Publication, Retention, RunRow, Store
from motet.registry import definitions
from motet.views import lookup

if TYPE_CHECKING:
    from motet.ports.voice import Host

_BEGIN_S = 20.0
_LOOK_S = 1.0


def start(host: Host, meta: WorkflowMeta, start_engine: Callable[[str], None]) -> int:
    """Start an execution of the workflow in a process of its own; gives its number once it is under way."""
    number, row = executions.make(host, meta)
    start_engine(row.id)
    _until(host, lambda: host.store.run(row.id).status != PENDING)
    return number


def _until(host: Host, happened: Callable[[], bool]) -> bool:
    """Wait for something that is seen in the store, not for ever."""
    until = time.monotonic() + _BEGIN_S
    follower = host.store.follow()
    try:
        while not happened():
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            follower.wait(min(_LOOK_S, left_s))
    finally:
        follower.close()
    return True


def stop(host: Host, row: RunRow, start_engine: Callable[[str], None]) -> bool:
    """Ask for the execution to be stopped; False if it has ended. One whose process died is taken up for that."""
    if executions.is_over(row):
        return False
    told = Publication("run.stop", "stopped by aiflow", STEERING, VOICE, row.id, "", host.clock.now())
    host.store.publish([told])
    _take_up(host, row, start_engine)
    return True


def _take_up(host: Host, row: RunRow, start_engine: Callable[[str], None]) -> None:
    """Have an execution whose process died go on in a new one."""
    if lookup.has_crashed(row, host.clock.now()):
        start_engine(row.id)


def stop_all(host: Host, meta: WorkflowMeta, start_engine: Callable[[str], None]) -> int:
    """Ask for all executions of the workflow to be stopped; gives how many go on."""
    return sum(stop(host, row, start_engine) for _, row in executions.of_workflow(host.store, meta))


def delete_execution(store: Store, number: int) -> None:
    """Forget an execution that is over. Its files and logs stay. Raises UsageError for one that goes on."""
    row = executions.find(store, number)
    if not executions.is_over(row):
        raise UsageError(
            f"Workflow execution {number} has not ended.", f"Stop it first: aiflow workflow-execution stop {number}"
        )
    store.prune(Retention(runs=[row.id]))
    registry.forget(store, "execution", row.id)


def delete_workflow(host: Host, meta: WorkflowMeta) -> None:
    """Forget the workflow, its snapshots, executions, schedules and triggers. Raises UsageError while one goes on."""
    store = host.store
    found = list(executions.of_workflow(store, meta))
    for number, row in found:
        if not executions.is_over(row):
            raise UsageError(
                f"Workflow execution {number} of {meta.title} has not ended.",
                f"Stop it first: aiflow workflow-execution stop-all {meta.name} -n {meta.namespace}",
            )
    for kind in ("schedule", "trigger"):
        planning.delete_all(host, meta, kind)
    for number, _ in found:
        delete_execution(store, number)
    registry.delete_workflow(store, meta)
    if definitions.is_registered(store, meta.title):
        definitions.remove(store, meta.title)


def enable(host: Host, namespace: str, name: str, enabled: bool) -> WorkflowMeta:
    """Let the workflow be started, by whomever, schedules and triggers included, or not. Raises NotFound."""

    def changed(before: WorkflowMeta | None) -> WorkflowMeta:
        if before is None:
            raise registry.no_workflow(namespace, name)
        before.is_enabled = enabled
        return before

    made = registry.change(host.store, namespace, name, changed)
    (planning.let_go if enabled else planning.hold)(host, made)
    return made


# ---------------------------------------------------------------- tasks


def latest(host: Host, number: int, task: str) -> tuple[RunRow, TaskExecutionMeta | None]:
    """The run of that execution, and the newest execution of the task in it. Raises NotFound for no such task."""
    row = executions.find(host.store, number)
    if task not in [each["name"] for each in row.program["definition"]["tasks"]]:
        raise NotFound(
            f"Workflow execution {number} has no task {task}.", f"aiflow task-execution list {number} shows them."
        )
    found = [each for each in executions.tasks_of(host.store, number, row) if each.task_name == task]
    return row, found[-1] if found else None


def start_task(host: Host, number: int, task: str, start_engine: Callable[[str], None]) -> str:
    """Start a task of an execution that has not ended; gives which execution of it that is: "1_train_2".

    Raises NotFound; UsageError while one is alive, or if the execution has ended.
    """
    row, before = latest(host, number, task)
    if executions.is_over(row):
        raise UsageError(
            f"Workflow execution {number} has ended: {executions.status_of(row)}.", "Start another one of the workflow."
        )
    if before is not None and before.end_date is None:
        raise UsageError(
            f"Task {task} of workflow execution {number} is {before.status} already.",
            f"Stop it first: aiflow task-execution stop {number} {task}",
        )
    _ask(host, row, "task.start", task)
    _take_up(host, row, start_engine)

    def newer() -> bool:
        found = latest(host, number, task)[1]
        return found is not None and (before is None or found.sequence_number > before.sequence_number)

    if not _until(host, newer):
        raise UsageError(f"Workflow execution {number} does not answer.", f"motet show {row.name} says how it stands.")
    found = latest(host, number, task)[1]
    assert found is not None
    return f"{number}_{task}_{found.sequence_number}"


def stop_task(host: Host, number: int, task: str, start_engine: Callable[[str], None]) -> bool:
    """Ask for the task's newest execution to be stopped; False if it has ended. Raises NotFound."""
    row, found = latest(host, number, task)
    if found is None or found.end_date is not None or executions.is_over(row):
        return False
    _ask(host, row, "task.stop", task)
    _take_up(host, row, start_engine)
    return True


def _ask(host: Host, row: RunRow, key: str, task: str) -> None:
    value = {"task": task, "token": requests.token(host.home, row.id)}
    host.store.publish([Publication(key, value, STEERING, VOICE, row.id, "", host.clock.now())])
