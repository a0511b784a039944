"""Workflows and the tasks in them, as a script defines them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Self

from motet.dialects.aiflow.model.conditions import (
    Condition,
    SingleEventCondition,
    TaskRule,
    TaskStatusAllMetCondition,
    TaskStatusCondition,
)  # fmt: skip
from motet.dialects.aiflow.model.contexts import Context
from motet.dialects.aiflow.model.words import AIFlowException, TaskAction, TaskStatus

__all__ = ["AIFlowOperator", "Operator", "OperatorConfigItem", "Workflow", "WorkflowContextManager"]


class OpenWorkflow:
    """Which workflow is being defined: the one whose `with` block runs."""

    _open: list[Workflow] = []  # noqa: RUF012 - of the process, as scripts know it

    @classmethod
    def push_context_managed_workflow(cls, workflow: Workflow) -> None:
        """Begin to define it. Raises AIFlowException within another."""
        if cls._open:
            raise AIFlowException("Sub-workflows are not allowed to be defined in a Workflow.")
        cls._open.append(workflow)

    @classmethod
    def pop_context_managed_workflow(cls) -> Workflow | None:
        """End that; gives it."""
        return cls._open.pop() if cls._open else None

    @classmethod
    def get_current_workflow(cls) -> Workflow | None:
        """The one that is being defined."""
        return cls._open[-1] if cls._open else None


WorkflowContextManager = OpenWorkflow
"""Its name in scripts."""


class Workflow:
    """Tasks, and the rules by which they start and stop.

    config  what else was given; `interpreter` is the Python that runs its tasks
    tasks   by name
    rules   by the name of their task, in the order in which they are tried
    """

    def __init__(self, name: str, namespace: str = "default", **kwargs: Any) -> None:
        self.name = name
        self.namespace = namespace
        self.config = kwargs
        self.tasks: dict[str, Operator] = {}
        self.rules: dict[str, list[TaskRule]] = {}

    def __enter__(self) -> Self:
        OpenWorkflow.push_context_managed_workflow(self)
        return self

    def __exit__(self, *error: object) -> None:
        OpenWorkflow.pop_context_managed_workflow()

    def action_on_condition(self, task_name: str, action: TaskAction, condition: Condition) -> None:
        """Take the action with the task when the condition is met."""
        self.rules.setdefault(task_name, []).append(TaskRule(condition, action))

    def action_on_event_received(self, task_name: str, event_key: str, action: TaskAction) -> None:
        """Take the action with the task at each event of that key."""
        self.action_on_condition(task_name, action, SingleEventCondition(event_key))

    def action_on_task_status(
        self, task_name: str, action: TaskAction, upstream_task_status_dict: Mapping[Operator, TaskStatus]
    ) -> None:
        """Take the action with the task whenever the latest executions of all these tasks stand so."""
        parts = [
            TaskStatusCondition(self.name, task.name, self.namespace, status)
            for task, status in upstream_task_status_dict.items()
        ]
        self.action_on_condition(task_name, action, TaskStatusAllMetCondition(parts))


class OperatorConfigItem:
    """The names of what may be given to any operator beside its own."""

    PERIODIC_EXPRESSION = "periodic_expression"
    INTERPRETER = "interpreter"


class Operator:
    """A task of the workflow that is being defined. One that is no AIFlowOperator does nothing, and succeeds.

    config   what else was given: `periodic_expression`, by which it starts again and again; `interpreter`
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        self.name = name
        self.config = kwargs
        workflow = OpenWorkflow.get_current_workflow()
        if workflow is None:
            raise AIFlowException(
                f"Task {name} is defined outside of any workflow.", "Define it below `with Workflow(...):`."
            )
        self.workflow = workflow
        workflow.tasks[name] = self

    def action_on_condition(self, action: TaskAction, condition: Condition) -> None:
        """Take the action with this task when the condition is met."""
        self.workflow.action_on_condition(self.name, action, condition)

    def action_on_event_received(self, action: TaskAction, event_key: str) -> None:
        """Take the action with this task at each event of that key."""
        self.workflow.action_on_event_received(self.name, event_key, action)

    def action_on_task_status(
        self, action: TaskAction, upstream_task_status_dict: Mapping[Operator, TaskStatus]
    ) -> None:
        """Take the action with this task whenever the latest executions of all those stand so."""
        self.workflow.action_on_task_status(self.name, action, upstream_task_status_dict)

    def start_after(self, tasks: Operator | list[Operator]) -> None:
        """Start this task when that one, or all of those, have succeeded."""
        upstream = list(tasks) if isinstance(tasks, list | tuple) else [tasks]
        self.action_on_task_status(TaskAction.START, dict.fromkeys(upstream, TaskStatus.SUCCESS))


class AIFlowOperator(Operator):
    """A task that does something: it is started, and waited for; when it is to stop, `stop` is called."""

    def __init__(self, task_name: str, **kwargs: Any) -> None:
        super().__init__(task_name, **kwargs)
        self.log = logging.getLogger("aiflow.task.operator")

    def start(self, context: Context) -> None:
        """Begin."""

    def stop(self, context: Context) -> None:
        """End what `start` has begun. Called when the task is to stop."""

    def await_termination(self, context: Context, timeout: int | None = None) -> None:
        """Wait until what `start` has begun is over. Raises for what has failed."""

    def get_metrics(self, context: Context) -> dict[str, Any]:
        """Figures of the work."""
        return {}
