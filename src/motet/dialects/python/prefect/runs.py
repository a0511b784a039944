"""Runs of flows and tasks as Prefect's users are given them: by hooks, by what running code asks, by the client."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from motet.dialects.python.running import about
from motet.dialects.python.states import NAMES, State, made
from motet.kernel import transitions as st
from motet.ports import RunRow
from motet.values.naming import id_number, id_of_number

_STEPS = UUID("5f5c9bb6-8f2c-5d10-9a53-6d6f74657431")
_RUN_BITS, _RUN_MARK = 100, 0x2A
"""A run's id has 100 bits, so that a UUID can hold it and be read back; the rest says that it does."""

STATUSES = {
    **NAMES,
    st.CANCELLING: NAMES[st.CANCELLED],
}


def uuid_of(identity: str) -> UUID:
    """The UUID of a run, by its id; of a step, by the run's id and its key; always the same."""
    if "/" in identity or (number := id_number(identity)) is None:
        return uuid5(_STEPS, identity)
    whole = number << (122 - _RUN_BITS) | _RUN_MARK  # 122 bits are free in a UUID of version 4
    high, low = whole >> 62, whole & ((1 << 62) - 1)
    return UUID(int=(high >> 12) << 80 | 4 << 76 | (high & 0xFFF) << 64 | 2 << 62 | low)


def run_of(identity: object) -> str:
    """The id or name of the run that is meant: by a UUID that `uuid_of` made of it, or as it stands."""
    text = str(identity)
    try:
        whole = UUID(text).int
    except ValueError:
        return text
    high = (whole >> 80) << 12 | (whole >> 64 & 0xFFF)
    free = high << 62 | whole & ((1 << 62) - 1)
    return id_of_number(free >> (122 - _RUN_BITS)) if free & ((1 << (122 - _RUN_BITS)) - 1) == _RUN_MARK else text


def moment(at: float | None) -> datetime | None:
    """The time, as Prefect has it."""
    return None if at is None else datetime.fromtimestamp(at, UTC)


class _Run:
    """What runs of flows and tasks have in common. Attributes that there are none of are None."""

    id: UUID
    name: str
    state: State | None
    tags: list[str]
    run_count: int
    start_time: datetime | None
    end_time: datetime | None = None

    @property
    def state_name(self) -> str | None:
        """The name of its state."""
        return self.state.name if self.state is not None else None

    @property
    def state_type(self) -> Any:
        """The type of its state."""
        return self.state.type if self.state is not None else None

    @property
    def created(self) -> datetime | None:
        """When it began: nothing waits here for a schedule."""
        return self.start_time

    expected_start_time = next_scheduled_start_time = created

    @property
    def total_run_time(self) -> timedelta:
        """How long it has taken."""
        if self.start_time is None:
            return timedelta(0)
        return (self.end_time or datetime.now(UTC)) - self.start_time

    @property
    def estimated_run_time(self) -> timedelta:
        """The same."""
        return self.total_run_time

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={str(self.id)!r}, name={self.name!r})"


class FlowRun(_Run):
    """A run of a flow."""

    deployment_id = deployment_version = work_queue_name = work_pool_name = parent_task_run_id = None
    idempotency_key = infrastructure_pid = infrastructure_document_id = created_by = auto_scheduled = None

    def __init__(self, run: about.FlowRun, state: State | None = None, end_at: float | None = None) -> None:
        self.id = uuid_of(run.id)
        self.name = run.name
        self.flow_name = run.flow_name
        self.flow_id = uuid5(_STEPS, f"flow {run.flow_name}")
        self.flow_version = run.flow_version
        self.parameters: Mapping[str, Any] = dict(run.parameters)
        self.tags = list(run.tags)
        self.run_count = run.run_count
        self.state = state
        self.start_time, self.end_time = moment(run.start_time), moment(end_at)
        self.parent_flow_run_id = uuid_of(run.parent_flow_run_id) if run.parent_flow_run_id else None
        self.root_flow_run_id = uuid_of(run.root_flow_run_id or run.id)
        self.labels: dict[str, str] = {}


class TaskRun(_Run):
    """A run of a task."""

    cache_key = task_version = cache_expiration = None

    def __init__(self, run: about.TaskRun, state: State | None = None) -> None:
        self.id = uuid_of(run.id)
        self.name = run.name
        self.task_name = self.task_key = run.task_name
        self.dynamic_key = run.name.rpartition("-")[2]
        self.task_inputs: Mapping[str, Any] = dict(run.parameters)
        self.parameters = self.task_inputs
        self.tags = list(run.tags)
        self.run_count = run.run_count
        self.flow_run_run_count = 1
        self.flow_run_id = uuid_of(run.flow_run_id) if run.flow_run_id else None
        self.state = state
        self.start_time = moment(run.start_time)


def of_row(row: RunRow) -> FlowRun:
    """A run as the store has it."""
    told = about.FlowRun(
        row.id, row.name, row.workflow, {}, tuple(row.tags), 1, None, None, row.id, row.started_at or row.created_at
    )
    kind, name = STATUSES.get(row.status, NAMES[st.RUNNING])
    error = row.error if isinstance(row.error, dict) else {}
    message = f"{error.get('type')}: {error.get('message')}" if error else ""
    return FlowRun(told, made(kind, name, message), row.ended_at)
