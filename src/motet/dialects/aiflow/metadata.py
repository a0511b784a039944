"""What is kept of namespaces, workflows and executions, as commands print it and `ops` gives it.

Times are seconds since 1970; None for what has not happened.
"""

from __future__ import annotations

from collections.abc import Mapping

from motet.kernel.events import Json
from motet.records import Record, field

__all__ = [
    "NamespaceMeta", "TaskExecutionMeta", "WorkflowEventTriggerMeta", "WorkflowExecutionMeta", "WorkflowMeta",
    "WorkflowScheduleMeta", "WorkflowSnapshotMeta",
]  # fmt: skip

VOICE = "aiflow"


class NamespaceMeta(Record):
    """A namespace: a boundary for names and events."""

    name: str
    properties: Mapping[str, Json] = field(default_factory=dict)


class WorkflowMeta(Record):
    """A workflow that was uploaded; `snapshot` is the id of its newest snapshot."""

    id: int
    name: str
    namespace: str
    create_time: float
    update_time: float
    is_enabled: bool = True
    event_offset: int = 0
    snapshot: int = 0

    @property
    def workflow_name(self) -> str:
        """The name, as columns call it."""
        return self.name

    @property
    def title(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}.{self.name}"


class WorkflowSnapshotMeta(Record):
    """The files of one upload. They never change, and executions of it never see others.

    uri         where they are
    signature   their hash
    file        the script, by its name
    home        the AIFLOW_HOME in which executions stand that nobody starts by hand
    definition  the workflow as data; see `definition`
    """

    id: int
    workflow_id: int
    create_time: float
    signature: str
    size_bytes: int
    file: str
    home: str
    definition: Mapping[str, Json]

    @property
    def uri(self) -> str:
        """Where the files are."""
        return f"artifact:{self.signature}"


class WorkflowExecutionMeta(Record):
    """One execution of a workflow; `run` is what Motet calls it."""

    id: int
    workflow_id: int
    begin_date: float | None
    end_date: float | None
    status: str
    run_type: str
    snapshot_id: int
    event_offset: int
    run: str = ""


class TaskExecutionMeta(Record):
    """One execution of a task. `id` is that of its workflow execution and its place there, in one number."""

    id: int
    workflow_execution_id: int
    task_name: str
    sequence_number: int
    try_number: int
    begin_date: float | None
    end_date: float | None
    status: str


class WorkflowScheduleMeta(Record):
    """When executions of a workflow are started."""

    id: int
    workflow_id: int
    expression: str
    create_time: float
    is_paused: bool = False


class WorkflowEventTriggerMeta(Record):
    """By which events executions of a workflow are started."""

    id: int
    workflow_id: int
    rule: Json
    create_time: float
    is_paused: bool = False
