"""Contexts made of what the engine knows: for tasks in their processes, for conditions in their steps."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from motet.dialects.aiflow import serving
from motet.dialects.aiflow.model.contexts import (
    TaskExecution,
    TaskExecutionContext,
    WorkflowExecution,
    WorkflowExecutionContext,
    set_runtime_task_context,
)  # fmt: skip
from motet.dialects.aiflow.model.words import ExecutionType, TaskStatus, WorkflowStatus
from motet.dialects.aiflow.model.workflow import Workflow
from motet.kernel.events import Json
from motet.values import pickle

__all__ = ["set_mock_runtime_context"]


def begin(context: Mapping[str, Json], workflow: Workflow | None = None) -> TaskExecutionContext:
    """The context of the execution of a task that this process runs from now on.

    context  {"workflow_execution_id", "namespace", "workflow", "task", "sequence_number", "run", "step", "cause"}
    """
    found = workflow or Workflow(context["workflow"], context["namespace"])
    kind = ExecutionType.EVENT if context.get("cause") else ExecutionType.MANUAL
    execution = TaskExecution(
        context["workflow_execution_id"], context["task"], context["sequence_number"], kind, datetime.now()  # noqa: DTZ005
    )  # fmt: skip
    step = context.get("step") or f"{context['task']}#{context['sequence_number']}"
    causes = (context.get("cause") or {}).get("causes", [])
    made = TaskExecutionContext(found, execution, run=context.get("run", ""), step=step, cause=causes)
    set_runtime_task_context(made)
    serving.stay()
    return made


def conditions(
    context: Mapping[str, Json], states: Mapping[str, Json], statuses: Mapping[str, str],
    workflow: Workflow | None = None,
) -> tuple[WorkflowExecutionContext, Callable[[], dict[str, Json]]]:  # fmt: skip
    """What a condition of an execution may ask, and a function that gives the states as they are afterwards.

    states    as that function gave them last time
    statuses  of the latest execution of each task
    """
    found = workflow or Workflow(context["workflow"], context["namespace"])
    values = {name: _read(each) for name, each in states.items()}
    number, known = context["workflow_execution_id"], {name: TaskStatus(each) for name, each in statuses.items()}
    execution = WorkflowExecution(number, found, ExecutionType.MANUAL, None, None, WorkflowStatus.RUNNING)
    made = WorkflowExecutionContext(execution, values, known.get)
    return made, lambda: {name: _written(each) for name, each in values.items()}


def _written(value: Any) -> Json:
    """As JSON: plain values as they are, so that they can be read; others pickled."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list) and all(isinstance(each, bool | int | float | str) for each in value):
        return value
    return {"pickle": base64.b64encode(b"".join(pickle.dumps(value, portable=True))).decode()}


def _read(record: Json) -> Any:
    return pickle.loads(base64.b64decode(record["pickle"])) if isinstance(record, dict) else record


def set_mock_runtime_context() -> None:
    """Have this process be the first execution of a task, so that operators and clients can be tried by hand."""
    begin({
        "workflow_execution_id": 1, "namespace": "default", "workflow": "mock_workflow", "task": "mock_task",
        "sequence_number": 1,
    })  # fmt: skip
