"""What tells in whose manner a script that imports Prefect is written: names, and what is done with task calls.

In the beta a task call gave a future; since 2.0b9 it gives the value. So whoever asks a plain call for `.result()`
wrote for the beta, and whoever uses it as a value, or calls `.submit`, did not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from motet.records import Record, field

Names = dict[str, str]
"""What names stand for: one of the constants below, "" for what is none of them."""

TASK, FLOW, TASK_MAKER, FLOW_MAKER = "task", "flow", "maker of tasks", "maker of flows"
CALL, FLOW_CALL, CALLS, EMPTY = "call of a task", "call of a flow", "calls of tasks", "empty list"
PREFECT, OLD_FLOW, CLASS, INSTANCE = "Prefect", "Flow of Prefect 1", "class", "instance"

OF_FUTURES = frozenset(("result", "wait", "get_state"))
ATTRIBUTES = OF_FUTURES | {"state", "run_id", "task_run", "flow_run", "task_runner", "name", "asynchronous", "key"}
WANT_VALUES = frozenset(
    ("len", "range", "sum", "min", "max", "sorted", "list", "tuple", "set", "dict", "enumerate", "zip", "int", "float",
     "iter", "next", "any", "all", "abs", "round", "reversed", "map", "filter")
)  # fmt: skip
TODAYS_OPTIONS = frozenset(("log_prints", "cache_policy", "retry_condition_fn", "result_storage"))
_TODAYS_MODULES = tuple(
    f"prefect.{each}" for each in ("cache_policies", "transactions", "runtime", "artifacts", "variables", "events")
)
_DEPLOYS_MODULES = ("prefect.flow_runners", "prefect.packaging")
_DEPLOYS_NAMES = frozenset(("DeploymentSpec", "FlowScript"))
_FIRST_NAMES = frozenset(("Parameter", "case", "Client", "mapped", "switch", "resource_manager"))
_FIRST_MODULES = tuple(
    f"prefect.{each}"
    for each in ("executors", "run_configs", "storage", "triggers", "backend", "core", "engine.signals", "engine.state",
                 "engine.result", "engine.results", "engine.executors", "schedules.clocks", "environments")
)  # fmt: skip
_FIRST_CLOCKS = frozenset(("IntervalSchedule", "CronSchedule", "Schedule", "clocks", "filters", "adjustments"))


class Signs(Record):
    """Where, as `file.py:12: load(x).result()`, the first sign of each kind stands; "" where there is none.

    today    a value is made of a task call, or something is called as it was only since 2.0b9
    certain  something else that only today's has: `log_prints`, `prefect.artifacts`, ...
    beta     a plain call of a task or flow is asked for its result
    deploys  deployments of the beta are imported
    first    it is written for Prefect 1
    files    the files that were read and import Prefect
    """

    today: str = ""
    certain: str = ""
    beta: str = ""
    deploys: str = ""
    first: str = ""
    files: list[str] = field(default_factory=list)


MAKERS = {"task": TASK_MAKER, "flow": FLOW_MAKER}


def kind_of(module: str, name: str) -> str:
    """What a name stands for that is imported from a module of Prefect's."""
    if module in ("prefect", "prefect.tasks", "prefect.flows") and name in MAKERS:
        return MAKERS[name]
    if name == "Flow" and module == "prefect":
        return OLD_FLOW
    return PREFECT if name in ("tasks", "flows") else ""


def parameters(given: ast.arguments) -> Iterator[str]:
    """The names of the parameters."""
    for each in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]:
        if each is not None:
            yield each.arg


def of_import(module: str, given: Sequence[str]) -> Iterator[str]:
    """The kinds of signs, by field of `Signs`, that the import of these names from a module of Prefect's is."""
    whole = [module, *(f"{module}.{each}" for each in given)]
    first = {"prefect": _FIRST_NAMES, "prefect.schedules": _FIRST_CLOCKS}.get(module, frozenset())
    if first.intersection(given) or module.startswith("prefect.tasks.") or any(map(_is_first, whole)):
        yield "first"
    if _DEPLOYS_NAMES.intersection(given) or any(_is_within(each, _DEPLOYS_MODULES) for each in whole):
        yield "deploys"
    if any(_is_within(each, _TODAYS_MODULES) for each in whole):
        yield "certain"


def _is_first(module: str) -> bool:
    return _is_within(module, _FIRST_MODULES)


def _is_within(module: str, places: Sequence[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in places)
