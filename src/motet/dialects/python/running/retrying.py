"""Retries: how long each waits, whether one is of use at all. Names are those of Prefect 3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from motet.dialects.python.running.about import task_run_of
from motet.dialects.python.running.coroutines import finished
from motet.dialects.python.running.hooks import attributed, key_of
from motet.dialects.python.states import State, StateType
from motet.engine.calls import Settled
from motet.errors import UsageError
from motet.ports import Failure
from motet.values.errors import decode_error

if TYPE_CHECKING:
    from motet.dialects.python.calls import MapCall, TaskCall

MOST_DELAYS = 50


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """For `retry_delay_seconds`: the first retry waits so many seconds, each further one twice as long."""

    def delays(retries: int) -> list[float]:
        return [backoff_factor * max(0, 2**each) for each in range(min(retries, MOST_DELAYS))]

    return delays


def delays_of(where: str, options: Mapping[str, Any], retries: int) -> tuple[float, ...]:
    """Seconds before the 1st, 2nd, ... retry; a function among the options is asked once, here. Raises UsageError."""
    given = options.get("retry_delay_seconds")
    if callable(given):
        given = given(retries)
    delays = () if given is None else given if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    try:
        listed = tuple(float(each) for each in delays)
    except (TypeError, ValueError):
        listed = (-1.0,)
    if any(not 0 <= each < float("inf") for each in listed):
        raise UsageError(
            f"{where}: retry_delay_seconds is {given!r}.",
            "Give seconds, 0 or more; or a list of them; or a function of the number of retries that gives a list.",
        )
    if len(listed) > MOST_DELAYS:
        raise UsageError(
            f"{where}: retry_delay_seconds holds {len(listed)} delays.",
            f"Give {MOST_DELAYS} at most: the last one holds for all further retries.",
        )
    return listed


def jitter_of(where: str, options: Mapping[str, Any]) -> float:
    """By which share of itself a wait may be lengthened. Raises UsageError."""
    given = options.get("retry_jitter_factor") or 0.0
    if not isinstance(given, int | float) or not 0 <= given < float("inf"):
        raise UsageError(f"{where}: retry_jitter_factor is {given!r}.", "Give a number, 0 or more.")
    return float(given)


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
    state = State(
        StateType.FAILED, message=f"{error.get('type', 'Error')}: {error.get('message', '')}",
        error=lambda: outcome.exception or decode_error(outcome.error),
    )  # fmt: skip
    with attributed(driver, key, task_run=run):
        try:
            settled.retry = bool(finished(condition(task, run, state)))
        except Exception:  # boundary: the user's condition
            import logging

            logging.getLogger("motet").exception("retry_condition_fn of task %s failed: no retry", task.name)
            settled.retry = False
