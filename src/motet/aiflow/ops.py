"""What the commands do, for Python: `from ai_flow import ops`. Lists are None where they would be empty, as in the
original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from motet.dialects.aiflow import executions, planning, registry, steering, uploading
from motet.dialects.aiflow.metadata import (
    NamespaceMeta,
    TaskExecutionMeta,
    WorkflowEventTriggerMeta,
    WorkflowExecutionMeta,
    WorkflowMeta,
    WorkflowScheduleMeta,
    WorkflowSnapshotMeta,
)  # fmt: skip
from motet.dialects.aiflow.model.conditions import WorkflowRule
from motet.errors import NotFound
from motet.kernel.events import Json
from motet.voices import hosting

if TYPE_CHECKING:
    from motet.ports import Store

__all__ = [
    "add_namespace", "add_workflow_schedule", "add_workflow_trigger", "delete_namespace", "delete_workflow",
    "delete_workflow_execution", "delete_workflow_schedule", "delete_workflow_schedules", "delete_workflow_snapshot",
    "delete_workflow_snapshots", "delete_workflow_trigger", "delete_workflow_triggers", "disable_workflow",
    "enable_workflow", "get_namespace", "get_task_execution", "get_workflow", "get_workflow_execution",
    "get_workflow_schedule", "get_workflow_snapshot", "get_workflow_trigger", "list_namespace",
    "list_task_executions", "list_workflow_executions", "list_workflow_schedules", "list_workflow_snapshots",
    "list_workflow_triggers", "list_workflows", "pause_workflow_schedule", "pause_workflow_trigger",
    "resume_workflow_schedule", "resume_workflow_trigger", "start_task_execution", "start_workflow_execution",
    "stop_task_execution", "stop_workflow_execution", "stop_workflow_executions", "update_namespace",
    "upload_workflows",
]  # fmt: skip

T = TypeVar("T")


def _store() -> Store:
    return hosting().host().store


def _page(found: Sequence[T], limit: int | None, offset: int | None) -> list[T] | None:
    """Some of what there is; None for nothing."""
    begin = offset or 0
    return list(found[begin : None if limit is None else begin + limit]) or None


# ---------------------------------------------------------------- namespaces


def add_namespace(name: str, properties: Mapping[str, Json] | None = None) -> NamespaceMeta:
    """Add a namespace; one that is there stays as it is."""
    registry.add_namespace(_store(), name, properties)
    return registry.namespace(_store(), name) or NamespaceMeta(name)


def get_namespace(name: str) -> NamespaceMeta | None:
    """The namespace of that name."""
    return registry.namespace(_store(), name)


def update_namespace(name: str, properties: Mapping[str, Json]) -> NamespaceMeta:
    """Give it these properties. Raises NotFound."""
    return registry.update_namespace(_store(), name, properties)


def list_namespace(limit: int | None = None, offset: int | None = None) -> list[NamespaceMeta] | None:
    """The namespaces, by name."""
    return _page(registry.namespaces(_store()), limit, offset)


def delete_namespace(name: str) -> bool:
    """Remove it; False if it is not there. Raises UsageError while it holds workflows."""
    return registry.delete_namespace(_store(), name)


# ---------------------------------------------------------------- workflows


def upload_workflows(workflow_file_path: str, artifacts: Sequence[str] | None = None) -> list[WorkflowMeta]:
    """Keep the workflows that the script defines, with the files and folders that stand beside it."""
    return uploading.upload(hosting().host(), workflow_file_path, artifacts or (), lambda _: None)


def get_workflow(workflow_name: str, namespace: str = "default") -> WorkflowMeta | None:
    """The workflow of that name."""
    return registry.workflow(_store(), namespace, workflow_name)


def list_workflows(
    namespace: str = "default", limit: int | None = None, offset: int | None = None
) -> list[WorkflowMeta] | None:  # fmt: skip
    """The workflows of the namespace."""
    return _page(list(registry.workflows(_store(), namespace)), limit, offset)


def delete_workflow(workflow_name: str, namespace: str = "default") -> bool:
    """Remove it with its executions; False if it is not there. Raises UsageError while one of them goes on."""
    found = registry.workflow(_store(), namespace, workflow_name)
    if found is not None:
        steering.delete_workflow(hosting().host(), found)
    return found is not None


def disable_workflow(workflow_name: str, namespace: str = "default") -> bool:
    """Let it not be started, by whomever. Raises NotFound."""
    return not steering.enable(hosting().host(), namespace, workflow_name, False).is_enabled


def enable_workflow(workflow_name: str, namespace: str = "default") -> bool:
    """Let it be started. Raises NotFound."""
    return steering.enable(hosting().host(), namespace, workflow_name, True).is_enabled


# ---------------------------------------------------------------- snapshots


def get_workflow_snapshot(snapshot_id: int) -> WorkflowSnapshotMeta | None:
    """The snapshot of that number."""
    return registry.snapshot(_store(), snapshot_id)


def list_workflow_snapshots(
    workflow_name: str, namespace: str = "default", limit: int | None = None, offset: int | None = None
) -> list[WorkflowSnapshotMeta] | None:  # fmt: skip
    """Those of a workflow, oldest first. Raises NotFound."""
    meta = registry.named(_store(), namespace, workflow_name)
    return _page(registry.snapshots(_store(), meta.id), limit, offset)


def delete_workflow_snapshot(snapshot_id: int) -> bool:
    """Forget it; False if it is not there. Executions of it go on."""
    found = registry.snapshot(_store(), snapshot_id) is not None
    registry.delete_snapshot(_store(), snapshot_id)
    return found


def delete_workflow_snapshots(workflow_name: str, namespace: str = "default") -> bool:
    """Forget all but the newest, of which executions are made."""
    meta = registry.named(_store(), namespace, workflow_name)
    older = [each for each in registry.snapshots(_store(), meta.id) if each.id != meta.snapshot]
    for each in older:
        registry.delete_snapshot(_store(), each.id)
    return bool(older)


# ---------------------------------------------------------------- executions


def start_workflow_execution(workflow_name: str, namespace: str = "default") -> int:
    """Start an execution in a process of its own; gives its number. Raises NotFound; UsageError if it is disabled."""
    lent = hosting()
    return steering.start(lent.host(), registry.named(_store(), namespace, workflow_name), lent.start_engine)


def stop_workflow_execution(workflow_execution_id: int) -> bool:
    """Ask for it to be stopped; False if it has ended. Raises NotFound."""
    lent = hosting()
    return steering.stop(lent.host(), executions.find(_store(), workflow_execution_id), lent.start_engine)


def stop_workflow_executions(workflow_name: str, namespace: str = "default") -> bool:
    """Ask for all of them to be stopped; False if none goes on. Raises NotFound."""
    lent = hosting()
    return bool(steering.stop_all(lent.host(), registry.named(_store(), namespace, workflow_name), lent.start_engine))


def get_workflow_execution(workflow_execution_id: int) -> WorkflowExecutionMeta | None:
    """The execution of that number."""
    try:
        return executions.meta_of(workflow_execution_id, executions.find(_store(), workflow_execution_id))
    except NotFound:
        return None


def list_workflow_executions(
    workflow_name: str, namespace: str = "default", limit: int | None = None, offset: int | None = None
) -> list[WorkflowExecutionMeta] | None:  # fmt: skip
    """Those of a workflow, oldest first. Raises NotFound."""
    meta = registry.named(_store(), namespace, workflow_name)
    found = [executions.meta_of(number, row) for number, row in executions.of_workflow(_store(), meta)]
    return _page(found[::-1], limit, offset)


def delete_workflow_execution(workflow_execution_id: int) -> bool:
    """Forget one that has ended; its files stay. Raises NotFound; UsageError for one that goes on."""
    steering.delete_execution(_store(), workflow_execution_id)
    return True


# ---------------------------------------------------------------- tasks


def start_task_execution(workflow_execution_id: int, task_name: str) -> str:
    """Start a task of an execution that goes on; gives which execution of it that is: "1_train_2".

    Raises NotFound; UsageError while one is alive.
    """
    lent = hosting()
    return steering.start_task(lent.host(), workflow_execution_id, task_name, lent.start_engine)


def stop_task_execution(workflow_execution_id: int, task_name: str) -> bool:
    """Ask for the task's newest execution to be stopped; False if it has ended. Raises NotFound."""
    lent = hosting()
    return steering.stop_task(lent.host(), workflow_execution_id, task_name, lent.start_engine)


def get_task_execution(task_execution_id: int) -> TaskExecutionMeta | None:
    """The execution of a task that has that id."""
    return executions.task(_store(), task_execution_id)


def list_task_executions(
    workflow_execution_id: int, limit: int | None = None, offset: int | None = None
) -> list[TaskExecutionMeta] | None:  # fmt: skip
    """Those in an execution, in the order in which they were asked for. Raises NotFound."""
    row = executions.find(_store(), workflow_execution_id)
    return _page(executions.tasks_of(_store(), workflow_execution_id, row), limit, offset)


# ---------------------------------------------------------------- schedules


def add_workflow_schedule(expression: str, workflow_name: str, namespace: str = "default") -> WorkflowScheduleMeta:
    """Have executions started at times: "cron@* * * * *" or "interval@0 0 10 0". Raises NotFound, UsageError."""
    host = hosting().host()
    return planning.add_schedule(host, registry.named(host.store, namespace, workflow_name), expression)


def get_workflow_schedule(schedule_id: int) -> WorkflowScheduleMeta | None:
    """The schedule of that number."""
    return planning.schedule(_store(), schedule_id)


def list_workflow_schedules(
    workflow_name: str, namespace: str = "default", limit: int | None = None, offset: int | None = None
) -> list[WorkflowScheduleMeta] | None:  # fmt: skip
    """Those of a workflow. Raises NotFound."""
    return _page(planning.schedules_of(_store(), registry.named(_store(), namespace, workflow_name)), limit, offset)


def delete_workflow_schedule(schedule_id: int) -> bool:
    """Delete it. Raises NotFound."""
    planning.change_schedule(hosting().host(), schedule_id, "delete")
    return True


def delete_workflow_schedules(workflow_name: str, namespace: str = "default") -> bool:
    """Delete all of a workflow; False if there was none. Raises NotFound."""
    meta = registry.named(_store(), namespace, workflow_name)
    return bool(planning.delete_all(hosting().host(), meta, "schedule"))


def pause_workflow_schedule(schedule_id: int) -> bool:
    """Let it start nothing; safe to repeat. Raises NotFound."""
    planning.change_schedule(hosting().host(), schedule_id, "pause")
    return True


def resume_workflow_schedule(schedule_id: int) -> bool:
    """Let it go on from now; safe to repeat. Raises NotFound."""
    planning.change_schedule(hosting().host(), schedule_id, "resume")
    return True


# ---------------------------------------------------------------- triggers


def add_workflow_trigger(
    rule: WorkflowRule, workflow_name: str, namespace: str = "default"
) -> WorkflowEventTriggerMeta:  # fmt: skip
    """Have an execution started by each event that meets the rule. Raises NotFound, UsageError."""
    host = hosting().host()
    return planning.add_trigger(host, registry.named(host.store, namespace, workflow_name), rule)


def get_workflow_trigger(trigger_id: int) -> WorkflowEventTriggerMeta | None:
    """The trigger of that number."""
    return planning.trigger(_store(), trigger_id)


def list_workflow_triggers(
    workflow_name: str, namespace: str = "default", limit: int | None = None, offset: int | None = None
) -> list[WorkflowEventTriggerMeta] | None:  # fmt: skip
    """Those of a workflow. Raises NotFound."""
    return _page(planning.triggers_of(_store(), registry.named(_store(), namespace, workflow_name)), limit, offset)


def delete_workflow_trigger(trigger_id: int) -> bool:
    """Delete it. Raises NotFound."""
    planning.change_trigger(hosting().host(), trigger_id, "delete")
    return True


def delete_workflow_triggers(workflow_name: str, namespace: str = "default") -> bool:
    """Delete all of a workflow; False if there was none. Raises NotFound."""
    meta = registry.named(_store(), namespace, workflow_name)
    return bool(planning.delete_all(hosting().host(), meta, "trigger"))


def pause_workflow_trigger(trigger_id: int) -> bool:
    """Let it start nothing; safe to repeat. Raises NotFound."""
    planning.change_trigger(hosting().host(), trigger_id, "pause")
    return True


def resume_workflow_trigger(trigger_id: int) -> bool:
    """Let events count again, from now on; safe to repeat. Raises NotFound."""
    planning.change_trigger(hosting().host(), trigger_id, "resume")
    return True
