"""The words of the language: statuses of tasks and workflows, what rules do, what began an execution, errors."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from motet.errors import MotetError
from motet.kernel import transitions as words

__all__ = [
    "TASK_ALIVE_SET", "TASK_FINISHED_SET", "WORKFLOW_ALIVE_SET", "WORKFLOW_FINISHED_SET", "AIFlowConfigException",
    "AIFlowDBException", "AIFlowException", "AIFlowK8sException", "AIFlowYAMLException", "ExecutionType", "TaskAction",
    "TaskFailedException", "TaskForceStoppedException", "TaskStatus", "WorkflowStatus",
]  # fmt: skip


class TaskAction(StrEnum):
    """What a rule does with its task."""

    START = "START"
    RESTART = "RESTART"
    STOP = "STOP"


class ExecutionType(StrEnum):
    """What an execution of a workflow was begun by: a person, an event, a schedule."""

    MANUAL = "MANUAL"
    EVENT = "EVENT"
    PERIODIC = "PERIODIC"


class WorkflowStatus(StrEnum):
    """How an execution of a workflow stands."""

    INIT = "INIT"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class TaskStatus(StrEnum):
    """How one execution of a task stands."""

    INIT = "INIT"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    RETRYING = "RETRYING"


TASK_FINISHED_SET = frozenset({TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.STOPPED})
TASK_ALIVE_SET = frozenset({TaskStatus.INIT, TaskStatus.QUEUED, TaskStatus.RETRYING, TaskStatus.RUNNING})
WORKFLOW_FINISHED_SET = frozenset({WorkflowStatus.SUCCESS, WorkflowStatus.FAILED, WorkflowStatus.STOPPED})
WORKFLOW_ALIVE_SET = frozenset({WorkflowStatus.INIT, WorkflowStatus.RUNNING})

RUN_WORDS: Mapping[str, str] = {
    words.PENDING: "INIT", words.RUNNING: "RUNNING", words.CANCELLING: "RUNNING", words.SUCCEEDED: "SUCCESS",
    words.FAILED: "FAILED", words.CANCELLED: "STOPPED",
}  # fmt: skip
"""What the language calls the statuses of runs, by Motet's."""

STEP_WORDS: Mapping[str, str] = {
    words.PENDING: "INIT", words.READY: "QUEUED", words.RUNNING: "RUNNING", words.RETRYING: "RETRYING",
    words.SUCCEEDED: "SUCCESS", words.FAILED: "FAILED", words.CANCELLED: "STOPPED", words.SKIPPED: "STOPPED",
}  # fmt: skip
"""The same of steps."""


# ---------------------------------------------------------------- errors


class AIFlowException(MotetError):
    """Something that a script asked for cannot be done."""


class AIFlowConfigException(AIFlowException):
    """A setting is wrong."""


class AIFlowDBException(AIFlowException):
    """What is kept cannot be read or written."""


class AIFlowYAMLException(AIFlowException):
    """A YAML file cannot be read."""


class AIFlowK8sException(AIFlowException):
    """A cluster refused something."""


class TaskFailedException(AIFlowException):
    """A task has not done its work."""


class TaskForceStoppedException(AIFlowException):
    """A task was stopped while it ran."""
