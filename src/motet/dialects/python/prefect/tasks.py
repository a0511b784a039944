"""Tasks as Prefect's users have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, ParamSpec, TypeVar

from motet.dialects.python import tasks
from motet.dialects.python.arguments import resolve
from motet.dialects.python.bodies.apart import Apart, ApartList, calls_of
from motet.dialects.python.options import TaskOptions
from motet.dialects.python.prefect.accepted import Attributes, accepted, decorated, hook
from motet.dialects.python.prefect.calls import PrefectMapCall, PrefectTaskCall
from motet.dialects.python.running.coroutines import finished
from motet.dialects.python.scope import current, tags_now
from motet.dialects.python.states import State
from motet.executors.current import running

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Task(Attributes, tasks.Task[P, R]):
    """A function that runs as a step where a flow calls it. Attributes are its options, under Prefect's names."""

    call_type = PrefectTaskCall
    map_type = PrefectMapCall
    from_options: ClassVar[Mapping[str, str]] = {
        **{each: each for each in ("version", "retries", "retry_delay_seconds", "retry_jitter_factor",
                                   "timeout_seconds", "log_prints", "task_run_name", "cache_key_fn", "cache_expiration",
                                   "refresh_cache", "persist_result", "cache_result_in_memory", "retry_condition_fn",
                                   "result_storage", "result_serializer", "result_storage_key", "viz_return_value")},
        "on_completion_hooks": "on_completion", "on_failure_hooks": "on_failure", "on_running_hooks": "on_running",
        "on_commit_hooks": "on_commit", "on_rollback_hooks": "on_rollback",
    }  # fmt: skip
    defaults: ClassVar[Mapping[str, Any]] = {
        "retries": 0, "retry_delay_seconds": 0, "cache_result_in_memory": True,
        **{f"on_{each}_hooks": [] for each in ("completion", "failure", "running", "commit", "rollback")},
    }  # fmt: skip

    def __init__(self, fn: Callable[P, R] | None = None, options: TaskOptions | None = None, **more: Any) -> None:
        super().__init__(fn, accepted("task", fn, {**(options or {}), **more}))  # type: ignore[arg-type]
        self.records_alone = True
        self.tags = {*self.options.get("tags", ()), *tags_now.get()}

    def submit(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """Run the task beside its caller; gives a future. Outside of any flow it is run at once."""
        if _is_outside():
            made = Apart(self.name, self._ended(*args, **kwargs))
            return made.state if return_state else made
        return super().submit(*args, return_state=return_state, wait_for=wait_for, **kwargs)

    def map(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """Run the task once for each element of the arguments; gives the futures. Outside of any flow, at once."""
        if _is_outside():
            ended = [self._ended(*given, **named) for given, named in calls_of(self, args, kwargs)]
            made = ApartList(self.name, [Apart(self.name, each) for each in ended])
            return made.states if return_state else made
        return super().map(*args, return_state=return_state, wait_for=wait_for, **kwargs)

    def _ended(self, *args: Any, **kwargs: Any) -> State:
        args, kwargs = resolve(args, wait=True), resolve(kwargs, wait=True)
        state: State = finished(self(*args, return_state=True, **kwargs))
        return state

    def _hook(self, event: str, fn: Any) -> Any:
        super()._hook(event, hook(fn) if event in ("on_running", "on_completion", "on_failure") else fn)
        return fn

    @property
    def task_key(self) -> str:
        """The name of its function, and a hash of where that stands."""
        from hashlib import sha1

        module = getattr(self.fn, "__module__", "")
        where = f"{module}.{getattr(self.fn, '__qualname__', type(self.fn).__qualname__)}"
        return f"{self.name}-{sha1(where.encode(), usedforsecurity=False).hexdigest()[:8]}"


def _is_outside() -> bool:
    return current.get() is None and running.get() is None


def task(fn: Any = None, /, **options: Any) -> Any:
    """Make a function a task: `@task` or `@task(retries=3)`."""
    return decorated(Task, fn, options)
