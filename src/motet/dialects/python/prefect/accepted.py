"""Options of flows and tasks under Prefect's names: those that do nothing here are accepted, and said once; the others
mean what they mean there, and are attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import getdoc
from typing import Any, ClassVar

from motet.dialects.python.prefect.either import inert
from motet.dialects.python.prefect.runs import FlowRun, TaskRun, uuid_of
from motet.dialects.python.prefect.states import FLOW_WORDS, TASK_WORDS, dressed, in_words
from motet.dialects.python.running import about
from motet.dialects.python.running.checks import ABSENT
from motet.dialects.python.task_runners import TaskRunner
from motet.values.kinds import Kind

_HOOKS = ("on_running", "on_completion", "on_failure", "on_cancellation", "on_crashed", "retry_condition_fn")


class Attributes:
    """What flows and tasks have as attributes: their options, and what their function is.

    from_options    the attributes that are options, with the names of these
    defaults        what those are that were not given
    """

    from_options: ClassVar[Mapping[str, str]]
    defaults: ClassVar[Mapping[str, Any]]
    fn: Any
    kind: Kind
    options: Any

    def __getattr__(self, name: str) -> Any:
        if name in self.from_options:
            return self.options.get(self.from_options[name], self.defaults.get(name))
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def description(self) -> str | None:
        """What it does: the option, else its docstring."""
        return self.options.get("description") or getdoc(self.fn)

    @property
    def isasync(self) -> bool:
        """Whether it is a coroutine function, or an async generator function."""
        return self.kind in (Kind.COROUTINE, Kind.ASYNC_GENERATOR)

    @property
    def isgenerator(self) -> bool:
        """Whether it is a generator function."""
        return self.kind in (Kind.GENERATOR, Kind.ASYNC_GENERATOR)


def decorated(of: type[Any], fn: Any, options: dict[str, Any]) -> Any:
    """The function as a flow or task; without one, the decorator that makes it."""
    fn = options.pop("__fn", fn)
    return of(fn, options) if fn is not None else lambda function: of(function, options)


def accepted(kind: str, fn: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the decorator of Motet takes. Raises TypeError unless there is a function to decorate."""
    if not isinstance(fn, Callable | staticmethod | classmethod):  # type: ignore[arg-type]
        raise TypeError("'fn' must be callable")
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
