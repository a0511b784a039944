"""Which names `import prefect` gives through the beta's door."""

from __future__ import annotations

from collections.abc import Mapping


def _from(module: str, names: str) -> dict[str, str]:
    return {name: f"{module}:{name}" for name in names.split()}


_ALL = _from(
    "motet.orion",
    "flow task Flow Task PrefectFuture get_run_logger ConcurrentTaskRunner SequentialTaskRunner State StateType "
    "Cancelled Completed Failed Pending Running allow_failure quote task_input_hash unmapped",
)
_RUNNERS = _from("motet.orion.task_runners", "ConcurrentTaskRunner ProcessPoolTaskRunner SequentialTaskRunner")

SERVED: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("prefect", "prefect.flows", "prefect.tasks", "prefect.futures", "prefect.states"), _ALL),
    **dict.fromkeys(("prefect.logging", "prefect.logging.loggers"), _ALL),
    **dict.fromkeys(("prefect.orion", "prefect.orion.schemas", "prefect.orion.schemas.states"), _ALL),
    "prefect.task_runners": _RUNNERS,
}
"""Modules of the beta with their names, as `faces.TableFace` has them."""

INSTEAD: Mapping[str, str] = {
    "prefect.task_runners.DaskTaskRunner": 'Take ConcurrentTaskRunner, or tasks with executor="processes".',
    "prefect.task_runners.RayTaskRunner": 'Take ConcurrentTaskRunner, or tasks with executor="processes".',
}
"""What to do in place of what is not served."""
