"""Options of Prefect that do nothing here are accepted, and said once; the others mean what they mean there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from motet.dialects.python.prefect.either import inert
from motet.dialects.python.prefect.runs import FlowRun, TaskRun, uuid_of
from motet.dialects.python.prefect.states import FLOW_WORDS, TASK_WORDS, dressed, in_words
from motet.dialects.python.running import about
from motet.dialects.python.running.checks import ABSENT
from motet.dialects.python.task_runners import TaskRunner

_HOOKS = ("on_running", "on_completion", "on_failure", "on_cancellation", "on_crashed", "retry_condition_fn")


def accepted(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the decorator of Motet takes."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name in ABSENT:
            if value is not None:
                inert(f"{name}= of @{kind}", ABSENT[name])
        elif value is not None or name in ("retries", "cache_policy", "log_prints"):
            found[name] = _fit(name, value)
    if found.get("task_runner") is not None and not _is_runner(found["task_runner"]):
        inert(f"task_runner={found.pop('task_runner')!r}", "Submitted tasks run in threads.")
    return found


def _is_runner(value: Any) -> bool:
    return isinstance(value, TaskRunner) or (isinstance(value, type) and issubclass(value, TaskRunner))


def _fit(name: str, value: Any) -> Any:
    if name in _HOOKS and callable(value):
        return hook(value)
    if name in _HOOKS and isinstance(value, list | tuple):
        return [hook(each) if callable(each) else each for each in value]
    if name == "timeout_seconds" and value is not None and not value > 0:
        return None
    return value


def hook(function: Callable[..., Any]) -> Callable[..., Any]:
    """The user's hook, which is given the run as Prefect gives it, with its state."""
    if getattr(function, "__motet_hook__", None) is not None:
        return function

    @wraps(function)
    def call(of: Any, run: Any, state: Any) -> Any:
        if isinstance(run, about.FlowRun):
            in_words(state, FLOW_WORDS)
            dressed(state, flow_run_id=uuid_of(run.id))
            run = FlowRun(run, state)
        elif isinstance(run, about.TaskRun):
            in_words(state, TASK_WORDS)
            dressed(state, flow_run_id=uuid_of(run.flow_run_id), task_run_id=uuid_of(run.id))
            run = TaskRun(run, state)
        return function(of, run, state)

    call.__motet_hook__ = function  # type: ignore[attr-defined]
    return call
