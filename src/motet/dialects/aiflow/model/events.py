"""Events as AIFlow's code sees them, and those that are told of by the system itself."""

from __future__ import annotations

import json

from motet.dialects.aiflow.model.words import TaskStatus
from motet.kernel.events import Json

__all__ = ["ANY_CONDITION", "DEFAULT_NAMESPACE", "Event", "EventContextConstant", "TaskStatusChangedEvent"]

DEFAULT_NAMESPACE = "DEFAULT"
ANY_CONDITION = "*"


class Event:
    """Something that happened: a key and a text. What was published has a place in the order of all, and a time.

    create_time  in milliseconds since 1970
    context      text that goes with it; JSON in events of tasks
    """

    def __init__(self, key: str, value: str | None) -> None:
        self.key = key
        self.value = value
        self.namespace: str | None = None
        self.sender: str | None = None
        self.context: str | None = None
        self.create_time: int | None = None
        self.offset: int | None = None

    def __str__(self) -> str:
        return (
            f"key: {self.key}, value: {self.value}, namespace: {self.namespace}, sender: {self.sender}, "
            f"context: {self.context}, create_time: {self.create_time}, offset: {self.offset}"
        )

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.key, self.offset))


class EventContextConstant:
    """The names in the context of an event of the system."""

    NAMESPACE = "namespace"
    WORKFLOW_NAME = "workflow_name"
    WORKFLOW_ID = "workflow_id"
    WORKFLOW_EXECUTION_ID = "workflow_execution_id"
    WORKFLOW_SNAPSHOT_ID = "workflow_snapshot_id"
    WORKFLOW_SCHEDULE_ID = "workflow_schedule_id"
    TASK_NAME = "task_name"
    TASK_STATUS = "task_status"
    TASK_EXECUTION_ID = "task_execution_id"
    SEQUENCE_NUMBER = "sequence_number"


class TaskStatusChangedEvent(Event):
    """A task of an execution has a new status. Rules are judged by it."""

    VALUE = "TASK_STATUS_CHANGED"

    def __init__(self, workflow_execution_id: int, task_name: str, status: TaskStatus, place: tuple[str, str]) -> None:
        namespace, workflow_name = place
        super().__init__(self.event_key(namespace, workflow_name, task_name), self.VALUE)
        self.namespace = namespace
        told: dict[str, Json] = {
            EventContextConstant.NAMESPACE: namespace,
            EventContextConstant.WORKFLOW_EXECUTION_ID: workflow_execution_id,
            EventContextConstant.WORKFLOW_NAME: workflow_name,
            EventContextConstant.TASK_NAME: task_name,
            EventContextConstant.TASK_STATUS: TaskStatus(status).value,
        }
        self.context = json.dumps(told)

    @staticmethod
    def event_key(namespace: str, workflow_name: str, task_name: str) -> str:
        """The key under which changes of that task are told."""
        return f"[task_status_change].{namespace}.{workflow_name}.{task_name}"
