"""The task run that the calling code is part of: `task_run.id`, `.name`, `.run_count`, ... as in `TaskRun`."""

from __future__ import annotations

from typing import Any

_EMPTY: dict[str, Any] = {"parameters": {}, "tags": ()}
_NAMES = ("id", "name", "task_name", "parameters", "tags", "run_count")


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"a task run has no {name!r}; it has {', '.join(_NAMES)}")
    from motet.dialects.python.running.about import here

    found = here()
    run = found.task_run if found is not None else None
    return getattr(run, name) if run is not None else _EMPTY.get(name)


def __dir__() -> list[str]:
    return sorted(_NAMES)
