"""The flow run that the calling code is part of: `flow_run.id`, `.name`, `.parameters`, ... as in `FlowRun`."""

from __future__ import annotations

from typing import Any

_EMPTY: dict[str, Any] = {"parameters": {}, "tags": ()}
_NAMES = (
    "id", "name", "flow_name", "flow_version", "parameters", "tags", "run_count", "parent_flow_run_id",
    "root_flow_run_id", "scheduled_start_time",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"a flow run has no {name!r}; it has {', '.join(_NAMES)}")
    from motet.dialects.python.running.about import here

    found = here()
    run = found.flow_run if found is not None else None
    if name == "scheduled_start_time":  # nothing waits here for a schedule
        name = "start_time"
    return getattr(run, name) if run is not None else _EMPTY.get(name)


def __dir__() -> list[str]:
    return sorted(_NAMES)
