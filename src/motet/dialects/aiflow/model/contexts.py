"""What code of a workflow may ask about itself: conditions of their execution, tasks of theirs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from motet.dialects.aiflow.model.words import AIFlowException, ExecutionType, TaskStatus, WorkflowStatus

__all__ = [
    "Context", "State", "StateDescriptor", "StateType", "TaskExecution", "TaskExecutionContext", "TaskExecutionKey",
    "ValueState", "ValueStateDescriptor", "WorkflowContext", "WorkflowExecution", "WorkflowExecutionContext",
    "get_runtime_task_context", "set_runtime_task_context",
]  # fmt: skip


class Named(Protocol):
    """A workflow, as far as contexts need to know one: see `workflow.Workflow`."""

    name: str
    namespace: str


# ---------------------------------------------------------------- state


class StateType(StrEnum):
    """The kinds of state."""

    VALUE = "value"


class StateDescriptor(ABC):
    """Which state is asked for. States of one name are one, within an execution (of triggers: within a workflow)."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def get_state_type(self) -> StateType:
        """Of which kind it is."""


class ValueStateDescriptor(StateDescriptor):
    """A state that holds one value."""

    def get_state_type(self) -> StateType:
        return StateType.VALUE


class State(ABC):
    """Something remembered between one event and the next."""

    @abstractmethod
    def clear(self) -> None:
        """Forget it."""


class ValueState(State):
    """One value."""

    @abstractmethod
    def value(self) -> object:
        """What was remembered last; None for nothing."""

    @abstractmethod
    def update(self, state: object) -> None:
        """Remember this instead."""


class KeptValue(ValueState):
    """A value among others in a dict: what a condition remembers, until whoever asks it keeps the dict."""

    def __init__(self, values: dict[str, Any], name: str) -> None:
        self._values = values
        self._name = name

    def value(self) -> object:
        return self._values.get(self._name)

    def update(self, state: object) -> None:
        self._values[self._name] = state

    def clear(self) -> None:
        self._values.pop(self._name, None)


# ---------------------------------------------------------------- executions


class WorkflowExecution:
    """One execution of a workflow."""

    def __init__(
        self, workflow_execution_id: int, workflow: Named, execution_type: ExecutionType,
        begin_date: datetime | None, end_date: datetime | None, status: WorkflowStatus,
    ) -> None:  # fmt: skip
        self.id = workflow_execution_id
        self.workflow = workflow
        self.execution_type = execution_type
        self.begin_date = begin_date
        self.end_date = end_date
        self.status = status


class TaskExecutionKey:
    """Which execution of a task it is: the how manieth in which execution of its workflow. Written `1_train_2`."""

    def __init__(self, workflow_execution_id: int, task_name: str, seq_num: int) -> None:
        self.workflow_execution_id = workflow_execution_id
        self.task_name = task_name
        self.seq_num = seq_num

    def __str__(self) -> str:
        return f"{self.workflow_execution_id}_{self.task_name}_{self.seq_num}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TaskExecutionKey) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class TaskExecution:
    """One execution of a task."""

    def __init__(
        self, workflow_execution_id: int, task_name: str, sequence_number: int, execution_type: ExecutionType,
        begin_date: datetime | None = None, status: TaskStatus = TaskStatus.RUNNING,
    ) -> None:  # fmt: skip
        self.workflow_execution_id = workflow_execution_id
        self.task_name = task_name
        self.sequence_number = sequence_number
        self.execution_type = execution_type
        self.begin_date = begin_date
        self.end_date: datetime | None = None
        self.status = status
        self.try_number = 1

    @property
    def key(self) -> TaskExecutionKey:
        """Which one it is."""
        return TaskExecutionKey(self.workflow_execution_id, self.task_name, self.sequence_number)


# ---------------------------------------------------------------- contexts


class Context(ABC):
    """What a condition or an operator may ask."""

    @abstractmethod
    def get_state(self, state_descriptor: StateDescriptor) -> State | None:
        """The state of that name."""

    @abstractmethod
    def get_task_status(self, task_name: str) -> TaskStatus | None:
        """How the latest execution of the task stands; None for one that never started."""


class WorkflowContext(Context):
    """What conditions of triggers see. State is the workflow's."""

    def __init__(self, namespace: str, workflow: Named | None, values: dict[str, Any] | None = None) -> None:
        self.namespace = namespace
        self.workflow = workflow
        self.values: dict[str, Any] = {} if values is None else values

    def get_state(self, state_descriptor: StateDescriptor) -> State:
        """The state of that name. Raises AIFlowException for another kind than values."""
        if not isinstance(state_descriptor, ValueStateDescriptor):
            raise AIFlowException("Now AIFlow only support value state.")
        return KeptValue(self.values, state_descriptor.name)

    def get_task_status(self, task_name: str) -> TaskStatus | None:
        return None


class WorkflowExecutionContext(WorkflowContext):
    """What conditions of tasks see. State is the execution's.

    statuses   gives the status of the latest execution of a task
    """

    def __init__(
        self, workflow_execution: WorkflowExecution, values: dict[str, Any] | None = None,
        statuses: Callable[[str], TaskStatus | None] = lambda _: None,
    ) -> None:  # fmt: skip
        super().__init__(workflow_execution.workflow.namespace, workflow_execution.workflow, values)
        self.workflow_execution = workflow_execution
        self._statuses = statuses

    def get_task_status(self, task_name: str) -> TaskStatus | None:
        return self._statuses(task_name)


class TaskExecutionContext(Context):
    """What a task sees of itself. It has no state.

    run, step   what Motet calls the execution and this execution of the task; "" outside of any
    cause       the event or events that started it, oldest first: {"key", "value", "offset", ...}
    """

    def __init__(
        self, workflow: Named, task_execution: TaskExecution, *, run: str = "", step: str = "",
        cause: list[Any] | None = None,
    ) -> None:  # fmt: skip
        self.workflow = workflow
        self.task_execution = task_execution
        self.task_name = task_execution.task_name
        self.run = run
        self.step = step
        self.cause: list[Any] = cause or []

    @property
    def task_execution_key(self) -> TaskExecutionKey:
        """Which execution of the task this is."""
        return self.task_execution.key

    def get_state(self, state_descriptor: StateDescriptor) -> State | None:
        return None

    def get_task_status(self, task_name: str) -> TaskStatus | None:
        return None


_runtime: list[TaskExecutionContext] = []


def set_runtime_task_context(context: TaskExecutionContext) -> None:
    """From now on, this process runs that execution of a task."""
    _runtime[:] = [context]


def get_runtime_task_context() -> TaskExecutionContext | None:
    """The execution of a task that this process runs; None where it runs none."""
    return _runtime[0] if _runtime else None
