"""What running code knows of its run, under Prefect's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motet.dialects.python.prefect.runs import FlowRun, TaskRun
from motet.dialects.python.running import about


class _Context:
    """The flow run, or the task run, that the calling code is part of."""

    def __init__(self, told: about.RunContext) -> None:
        self.flow = told.flow
        self.task = told.task
        self.flow_run = FlowRun(told.flow_run) if told.flow_run is not None else None
        self.task_run = TaskRun(told.task_run) if told.task_run is not None else None
        self.parameters: Mapping[str, Any] = dict(told.parameters)
        self.task_runner = getattr(told.flow, "task_runner", None)
        run = self.task_run or self.flow_run
        self.start_time = run.start_time if run is not None else None
        self.log_prints = bool((told.task or told.flow) and (told.task or told.flow).options.get("log_prints"))  # type: ignore[union-attr]


class EngineContext(_Context):
    """The run of the flow: `FlowRunContext.get()`, None outside of one."""

    @classmethod
    def get(cls) -> EngineContext | None:
        """What the calling code is part of."""
        found = about.here()
        return cls(found) if found is not None and found.flow_run is not None else None


class TaskRunContext(_Context):
    """The run of the task: `TaskRunContext.get()`, None outside of one."""

    @classmethod
    def get(cls) -> TaskRunContext | None:
        """What the calling code is part of."""
        found = about.here()
        return cls(found) if found is not None and found.task_run is not None else None


def get_run_context() -> _Context:
    """The run of the task, or else of the flow. Raises UsageError outside of both."""
    found = about.get_run_context()
    return TaskRunContext(found) if found.task_run is not None else EngineContext(found)


class _Told:
    """What may be asked of one kind of run: each attribute is what holds now, None outside of a run."""

    def __init__(self, kind: str, names: str, empty: Mapping[str, Any]) -> None:
        self._kind, self._names, self._empty = kind, names.split(), empty

    def __getattr__(self, name: str) -> Any:
        if name not in self._names:
            raise AttributeError(f"prefect.runtime.{self._kind} has no {name!r}. It has {', '.join(self._names)}.")
        found = about.here()
        run = getattr(found, self._kind) if found is not None else None
        if run is None:
            return self._empty.get(name)
        given = (FlowRun if self._kind == "flow_run" else TaskRun)(run)
        value = getattr(given, {"scheduled_start_time": "start_time"}.get(name, name), None)
        return str(value) if name.endswith("id") and value is not None else value

    def __dir__(self) -> list[str]:
        return sorted(self._names)


_EMPTY: Mapping[str, Any] = {"parameters": {}, "tags": [], "run_count": 0}
flow_run = _Told(
    "flow_run",
    "id name flow_name flow_version parameters tags run_count parent_flow_run_id root_flow_run_id "
    "scheduled_start_time parent_deployment_id api_url ui_url job_variables",
    _EMPTY,
)
task_run = _Told("task_run", "id name task_name parameters tags run_count api_url ui_url", _EMPTY)


class _NoDeployment:
    """The deployment of the run: there is none."""

    id = name = version = flow_run_id = None
    parameters: Mapping[str, Any] = {}


deployment = _NoDeployment()
