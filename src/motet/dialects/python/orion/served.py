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
_DEPLOYMENTS = _from("prefect.deployments", "DeploymentSpec Deployment")
_FLOW_RUNNERS = _from("prefect.inert", "SubprocessFlowRunner UniversalFlowRunner DockerFlowRunner KubernetesFlowRunner")

SERVED: Mapping[str, Mapping[str, str]] = {
    "prefect": {**_ALL, **_DEPLOYMENTS, **_from("prefect.client", "get_client"), **_from("motet", "tags")},
    **dict.fromkeys(("prefect.flows", "prefect.tasks", "prefect.futures", "prefect.states"), _ALL),
    **dict.fromkeys(("prefect.logging", "prefect.logging.loggers"), _ALL),
    **dict.fromkeys(("prefect.orion", "prefect.orion.schemas", "prefect.orion.schemas.states"), _ALL),
    **dict.fromkeys(
        ("prefect.orion.schemas.schedules", "prefect.orion.schemas.data"),
        _from("prefect.deployments", "CronSchedule IntervalSchedule RRuleSchedule"),
    ),
    "prefect.task_runners": {**_RUNNERS, "DaskTaskRunner": "prefect.inert:DaskTaskRunner"},
    "prefect.deployments": _DEPLOYMENTS,
    "prefect.flow_runners": _FLOW_RUNNERS,
    "prefect.packaging": _from("prefect.inert", "OrionPackager FilePackager DockerPackager"),
    "prefect.context": _from("prefect.context", "get_run_context"),
    "prefect.client": {**_from("prefect.client", "get_client"), "OrionClient": "prefect.client:PrefectClient"},
    "prefect.utilities.annotations": _from("motet", "unmapped allow_failure quote"),
}
"""Modules of the beta with their names, as `choosing.TableFace` has them."""

INSTEAD: Mapping[str, str] = {
    "prefect.task_runners.RayTaskRunner": 'Take ConcurrentTaskRunner, or tasks with executor="processes".',
    "prefect.orion": "There is no API to ask: `motet ls`, `show` and `stop` do the most common.",
}
"""What to do in place of what is not served."""
