"""What is done around the body of a task: hooks for its beginning, limits for its tags, prints as log lines; and
whether another attempt is of use when it has failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from motet.dialects.python.running.about import task_run_of, told_elsewhere
from motet.dialects.python.running.coroutines import finished
from motet.dialects.python.running.hooks import attributed, is_first, key_of, line_of, task_begins
from motet.dialects.python.scope import Scope
from motet.dialects.python.states import State, StateType
from motet.executors.whole import whole
from motet.ports import Failure
from motet.ports.execution import Prepared, Settled
from motet.values.errors import decode_error

if TYPE_CHECKING:
    from motet.dialects.python.calls import MapCall, TaskCall
    from motet.ports import Store


def _limits_of(store: Store, tags: Iterable[str]) -> list[str]:
    """The limits that there are for these tags."""
    listed = list(tags)
    if not listed:
        return []
    from motet.dialects.python.running import limits

    return limits.of_tags(store, listed)


def enter(call: TaskCall | MapCall, scope: Scope, element: int) -> None:
    """Before the body of a task begins in this process. What is to be undone is done by `scope.end`."""
    task = call.task
    names = _limits_of(scope.driver.host.store, {*task.options.get("tags", ()), *scope.tags})
    if names:
        from motet.dialects.python.running import limits

        scope.at_end(limits.held(names))
    own = task.options.get("log_prints")
    scope.prints = call.scope.prints if own is None else own
    if scope.prints:
        from motet.dialects.python.running import logs

        logs.log_prints()
    if is_first(call, element):
        task_begins(call, element)


def elsewhere(
    call: TaskCall | MapCall, args: tuple[Any, ...], kwargs: Mapping[str, Any], attempt: tuple[int, int]
) -> Prepared:
    """The task's function, for another process: with what is around it there, if anything is."""
    task, (element, number) = call.task, attempt
    about = told_elsewhere(call.scope, task, (call.key, element), (args, kwargs), call.tags)
    context = {"run": call.driver.run.id, "key": call.key, "attempt": number, "about": about}
    if element >= 0:
        context["element"] = element
    names = _limits_of(call.driver.host.store, about["task_run"]["tags"])
    printing = task.options.get("log_prints")
    printing = call.scope.prints if printing is None else printing
    if "on_running" in task.hooks:
        line_of(call.scope).begins(call, element)
    if not names and not printing:
        return Prepared(task.fn, args, kwargs, context=context)
    return Prepared(_body, (task.fn, args, kwargs, names, printing), context=context)


def _body(fn: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], names: list[str], printing: bool) -> Any:
    """The body of a task in another process."""
    from contextlib import ExitStack

    from motet.dialects.python.running import logs
    from motet.dialects.python.running.limits import concurrency

    with ExitStack() as stack:
        if names:
            stack.enter_context(concurrency(names))
        if printing:
            stack.enter_context(logs.prints_of_process())
        return whole(fn(*args, **kwargs))


def tell(call: TaskCall | MapCall, settled: Settled, element: int = -1) -> None:
    """An attempt of a submitted task has ended so: have its hooks called if no other attempt follows."""
    if not left(call, settled, element):
        line_of(call.scope).ends(call, element)


def found(call: TaskCall | MapCall, settled: Settled, element: int = -1) -> Settled:
    """The outcome, which nothing had to run for."""
    if call.task.hooks:
        tell(call, settled, element)
    return settled


def left(call: TaskCall | MapCall, settled: Settled, element: int = -1) -> bool:
    """Whether another attempt may follow the one that ended so."""
    if settled.ok or not settled.retry:
        return False
    steps = call.driver.state.steps
    step = steps.get(key_of(call, element))
    failures = step.failures if step is not None else 0
    return failures < call.task.policy.retries


def ask(call: TaskCall | MapCall, settled: Settled, outcome: Failure, element: int = -1) -> None:
    """Let `retry_condition_fn` say whether another attempt is of use. If it fails, that is logged, and none is."""
    condition = call.task.options.get("retry_condition_fn")
    if condition is None or not left(call, settled, element):
        return
    task, driver = call.task, call.driver
    key = key_of(call, element)
    run = task_run_of(task, driver, key, call.arguments_of(element), call.tags)
    error = outcome.error if isinstance(outcome.error, dict) else {}
    name = "TimedOut" if error.get("type") == "TimedOut" else "Failed"
    state = State(
        StateType.FAILED, name, f"{error.get('type', 'Error')}: {error.get('message', '')}",
        error=lambda: outcome.exception or decode_error(outcome.error),
    )  # fmt: skip
    with attributed(driver, key, task_run=run):
        try:
            settled.retry = bool(finished(condition(task, run, state)))
        except Exception:  # boundary: the user's condition
            import logging

            logging.getLogger("motet").exception("retry_condition_fn of task %s failed: no retry", task.name)
            settled.retry = False
