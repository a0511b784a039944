"""Conditions: what must have happened for a rule to act. Each is asked about the events of its keys alone."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, cast

from motet.dialects.aiflow.model.contexts import Context, ValueState, ValueStateDescriptor
from motet.dialects.aiflow.model.events import Event, TaskStatusChangedEvent
from motet.dialects.aiflow.model.words import AIFlowException, TaskAction, TaskStatus

__all__ = [
    "Condition", "MeetAllCondition", "MeetAnyCondition", "SingleEventCondition", "TaskRule",
    "TaskStatusAllMetCondition", "TaskStatusCondition", "WorkflowRule", "match_events",
]  # fmt: skip


class Condition(ABC):
    """One of a user's own overrides `is_met`."""

    def __init__(self, expect_event_keys: list[str]) -> None:
        self.expect_event_keys = expect_event_keys

    @abstractmethod
    def is_met(self, event: Event, context: Context) -> bool:
        """Whether the event, whose key is one of those expected, completes what is waited for."""


def match_events(event_keys: Sequence[str], event: Event) -> bool:
    """Whether the event's key is one of these."""
    return event.key in event_keys


class SingleEventCondition(Condition):
    """Met by each event of the key."""

    def __init__(self, expect_event_key: str) -> None:
        super().__init__([expect_event_key])

    def is_met(self, event: Event, context: Context) -> bool:
        return True


class MeetAllCondition(Condition):
    """Met when each of the conditions was met at least once.

    name   what it is called among the conditions of the workflow: it remembers under this name
    reset  False: what was met once stays so, so each further event meets it; True: it waits for all of them again
    """

    def __init__(self, name: str, conditions: list[Condition], reset: bool = False) -> None:
        super().__init__([key for each in conditions for key in each.expect_event_keys])
        self.name = name
        self.conditions = conditions
        self.reset = reset

    def is_met(self, event: Event, context: Context) -> bool:
        state = cast(ValueState, context.get_state(ValueStateDescriptor(self.name)))
        met = list(cast(list[bool], state.value() or [False] * len(self.conditions)))
        for at, each in enumerate(self.conditions):
            if match_events(each.expect_event_keys, event):
                met[at] = each.is_met(event, context)
        state.update([False] * len(met) if self.reset and all(met) else met)
        return all(met)


class MeetAnyCondition(Condition):
    """Met whenever one of the conditions is."""

    def __init__(self, conditions: list[Condition]) -> None:
        super().__init__([key for each in conditions for key in each.expect_event_keys])
        self.conditions = conditions

    def is_met(self, event: Event, context: Context) -> bool:
        return any(
            match_events(each.expect_event_keys, event) and each.is_met(event, context) for each in self.conditions
        )


class TaskStatusCondition(Condition):
    """Met when the task's status becomes the one that is expected."""

    def __init__(self, workflow_name: str, task_name: str, namespace: str, expect_status: TaskStatus) -> None:
        changed = TaskStatusChangedEvent.event_key(namespace, workflow_name, task_name)
        super().__init__([changed])
        self.workflow_name = workflow_name
        self.namespace = namespace
        self.task_name = task_name
        self.expect_status = TaskStatus(expect_status)

    def is_met(self, event: Event, context: Context) -> bool:
        told = json.loads(event.context) if event.context else {}
        return bool(told.get("task_status") == self.expect_status.value)


class TaskStatusAllMetCondition(Condition):
    """Met when, as one of the tasks changes, the latest executions of all of them stand as expected."""

    def __init__(self, condition_list: list[TaskStatusCondition]) -> None:
        super().__init__([key for each in condition_list for key in each.expect_event_keys])
        self.condition_list = condition_list

    def is_met(self, event: Event, context: Context) -> bool:
        return all(context.get_task_status(each.task_name) == each.expect_status for each in self.condition_list)


class TaskRule:
    """When the condition is met, the action is taken with the task that the rule is of."""

    def __init__(self, condition: Condition, action: TaskAction) -> None:
        if not isinstance(condition, Condition):
            raise AIFlowException(f"{condition!r:.80} is no condition.", "Make one of a class that extends Condition.")
        self.condition = condition
        self.action = TaskAction(action)

    def trigger(self, event: Event, context: Context) -> TaskAction | None:
        """The action, if the event completes the condition."""
        return self.action if self.condition.is_met(event, context) else None


class WorkflowRule:
    """When the condition is met, an execution of the workflow is started."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    def trigger(self, event: Event, context: Any) -> bool:
        """Whether the event completes the condition."""
        return self.condition.is_met(event, context)
