"""Flows in the manner of the Prefect 2.0 beta: task calls give futures, flow calls give states and never raise.

    from motet.orion import flow, task

    @task(retries=3)
    def fetch(url): ...

    @flow
    def pipeline(url):
        store(fetch(url))

    pipeline("...")     # Completed(message='All states completed.', type=COMPLETED, result=[...], flow_run_id=...)

Runs are recorded and resumed like those of `motet`, in the same store. `motet run --door orion FILE` serves
`import prefect` from here.
"""

from motet import app as app  # puts the parts together, so that flows find where to run
from motet.dialects.python.annotations import allow_failure, quote, unmapped
from motet.dialects.python.cache_policies import task_input_hash
from motet.dialects.python.orion.flows import Flow, flow
from motet.dialects.python.orion.futures import PrefectFuture
from motet.dialects.python.orion.scopes import get_run_logger
from motet.dialects.python.orion.states import Cancelled, Completed, Failed, Pending, Running, State
from motet.dialects.python.orion.tasks import Task, task
from motet.dialects.python.states import StateType
from motet.dialects.python.task_runners import ConcurrentTaskRunner, SequentialTaskRunner

__all__ = [
    "flow", "task", "Flow", "Task", "PrefectFuture", "get_run_logger", "ConcurrentTaskRunner", "SequentialTaskRunner",
    "State", "StateType", "Cancelled", "Completed", "Failed", "Pending", "Running",
    "allow_failure", "quote", "task_input_hash", "unmapped",
]  # fmt: skip
