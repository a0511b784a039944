"""Which names `import prefect` gives through the door for Prefect 2 and 3, module by module."""

from __future__ import annotations

from collections.abc import Mapping


def _from(module: str, names: str) -> dict[str, str]:
    """Each of the names, with its place in that module; `name=other` where it is called otherwise there."""
    return {each.partition("=")[0]: f"{module}:{each.partition('=')[2] or each}" for each in names.split()}


_FLOWS = _from("motet", "flow Flow")
_TASKS = _from("motet.tasks", "task Task exponential_backoff task_input_hash")
_STATES = _from(
    "motet.states",
    "State StateType get_state_exception get_state_result is_state is_state_iterable raise_state_exception "
    "AwaitingConcurrencySlot AwaitingRetry Cached Cancelled Cancelling Completed Crashed Failed InfrastructurePending "
    "Late NotReady Paused Pending Resuming Retrying RolledBack Running Scheduled Submitting Suspended TimedOut",
)
_LOGGERS = _from("motet", "get_run_logger disable_run_logger")
_ANNOTATIONS = _from("motet", "unmapped allow_failure quote opaque")
_FUTURES = _from("motet.futures", "PrefectFuture=Future PrefectFutureList=FutureList wait as_completed")
_TRANSACTIONS = _from("motet.transactions", "transaction get_transaction Transaction CommitMode IsolationLevel")
_POLICIES = _from(
    "motet.cache_policies", "CachePolicy DEFAULT FLOW_PARAMETERS INPUTS NO_CACHE NONE=NO_CACHE RUN_ID TASK_SOURCE"
)
_RUNS = _from("motet", "pause_flow_run suspend_flow_run resume_flow_run")
_ARTIFACTS = _from(
    "motet.artifact",
    "create_image_artifact create_link_artifact create_markdown_artifact create_progress_artifact "
    "create_table_artifact update_progress_artifact",
)

SERVED: Mapping[str, Mapping[str, str]] = {
    "prefect": {
        **_FLOWS, **_from("motet", "task Task"), **_from("motet", "State tags get_run_logger unmapped allow_failure"),
        **_from("motet.futures", "as_completed"), **_from("motet", "transaction"), **_RUNS,
    },
    "prefect.flows": _FLOWS,
    "prefect.tasks": _TASKS,
    "prefect.states": _STATES,
    "prefect.orion.schemas.states": _STATES,
    "prefect.futures": _FUTURES,
    "prefect.logging": _LOGGERS,
    "prefect.logging.loggers": _LOGGERS,
    "prefect.utilities.annotations": _ANNOTATIONS,
    "prefect.task_runners": _from(
        "motet.task_runners",
        "ConcurrentTaskRunner ProcessPoolTaskRunner SequentialTaskRunner TaskRunner ThreadPoolTaskRunner",
    ),
    "prefect.cache_policies": _POLICIES,
    "prefect.transactions": _TRANSACTIONS,
    "prefect.context": _from("motet.context", "get_run_context tags"),
    "prefect.runtime": {"flow_run": "motet.runtime.flow_run:", "task_run": "motet.runtime.task_run:"},
    "prefect.concurrency.sync": _from("motet", "concurrency rate_limit"),
    "prefect.artifacts": _ARTIFACTS,
    "prefect.flow_runs": _RUNS,
    "prefect.input": _from("motet", "RunInput"),
}  # fmt: skip
"""Modules with their names, as `faces.TableFace` has them."""

INSTEAD: Mapping[str, str] = {
    "prefect.task_runners.DaskTaskRunner": 'Take ThreadPoolTaskRunner, or tasks with executor="processes".',
    "prefect.task_runners.RayTaskRunner": 'Take ThreadPoolTaskRunner, or tasks with executor="processes".',
}
"""What to do in place of what is not served."""
