"""The options of tasks and flows, checked when the function is decorated. Names are those of Prefect 3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from motet.dialects.python.task_runners import TaskRunner
from motet.errors import UsageError
from motet.kernel.policy import Policy
from motet.values.quantities import quantity

if TYPE_CHECKING:
    from datetime import timedelta

    from motet.dialects.python.cache_policies import CachePolicy


class FlowOptions(TypedDict, total=False):
    """What `@flow` takes.

    name                 what the flow is called; the function's name by default
    flow_run_name        what its runs are called: a template with the parameters' names in braces
    description, version, tags
    retries              attempts after the first; steps that succeeded are not run again
    retry_delay_seconds  seconds before each retry: a number, or a list with one for each
    retry_jitter_factor  waits are lengthened by up to this share
    task_runner          where submitted tasks run: ThreadPoolTaskRunner() by default
    limits               capacity of the named limits that tasks of a run share: {"database": 2}
    validate_parameters  False leaves parameters as they are
    """

    name: str
    flow_run_name: str
    description: str
    version: str
    tags: Iterable[str]
    retries: int
    retry_delay_seconds: float | Sequence[float]
    retry_jitter_factor: float
    task_runner: TaskRunner | type[TaskRunner]
    limits: Mapping[str, float]
    validate_parameters: bool


class TaskOptions(TypedDict, total=False):
    """What `@task` takes.

    name                 what the task is called; the function's name by default
    task_run_name        what its steps are called: a template with the arguments' names in braces
    description, version, tags
    retries              attempts after the first
    retry_delay_seconds  seconds before each retry: a number, or a list with one for each (the last holds on)
    retry_jitter_factor  waits are lengthened by up to this share, by a hash of step and attempt
    timeout_seconds      an attempt that takes longer fails; it runs in a process, which is killed
    executor             "threads" or "processes": where it runs, whatever the flow's runner
    limits               what an attempt takes of the flow's named limits: {"database": 1}
    resources            cpu, memory, gpu that an attempt takes of the machine: {"cpu": 2, "memory": "4Gi"}
    cache_policy         what a kept result depends on: INPUTS, TASK_SOURCE, ...; nothing is kept by default
    cache_key_fn         a function of context and arguments that gives the key instead
    cache_expiration     how long a result is kept, a timedelta
    refresh_cache        True runs the task, and keeps its result in place of the old one
    """

    name: str
    task_run_name: str
    description: str
    version: str
    tags: Iterable[str]
    retries: int
    retry_delay_seconds: float | Sequence[float]
    retry_jitter_factor: float
    timeout_seconds: float | None
    executor: str
    limits: Mapping[str, float]
    resources: Mapping[str, float | str]
    cache_policy: CachePolicy | None
    cache_key_fn: Callable[[Any, Mapping[str, Any]], str | None] | None
    cache_expiration: timedelta | None
    refresh_cache: bool


FLOW_OPTIONS = FlowOptions.__optional_keys__
TASK_OPTIONS = TaskOptions.__optional_keys__


def checked(kind: str, function: Callable[..., Any], options: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raise UsageError for an option that does not exist, naming the nearest one that does."""
    for name in options:
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, known, 1)
            cure = f"Did you mean {near[0]}?" if near else f"It takes: {', '.join(sorted(known))}."
            raise UsageError(f"@{kind} on {function.__qualname__} has no option {name!r}.", cure)


def policy_of(kind: str, function: Callable[..., Any], options: Mapping[str, Any], executor: str) -> Policy:
    """The engine's policy for these options. Raises UsageError for values that make no sense."""
    where = f"@{kind} on {function.__qualname__}"
    retries = options.get("retries", 0)
    if not isinstance(retries, int) or retries < 0:
        raise UsageError(f"{where}: retries is {retries!r}.", "Give a whole number, 0 or more.")
    timeout_s = options.get("timeout_seconds")
    if timeout_s is not None and not timeout_s > 0:
        raise UsageError(f"{where}: timeout_seconds is {timeout_s!r}.", "Give seconds above 0, or None.")
    if executor == "inline":
        raise UsageError(f"{where}: executor is {executor!r}.", "Leave it out: what is called plainly runs inline.")
    delays = options.get("retry_delay_seconds", ())
    listed = tuple(float(each) for each in delays) if isinstance(delays, Iterable) else (float(delays),)
    if any(each < 0 for each in listed):
        raise UsageError(f"{where}: retry_delay_seconds is negative.", "Give seconds, 0 or more.")
    taken = options.get("limits", {}) if kind == "task" else {}  # those of a flow say how much there is
    demands = {name: float(amount) for name, amount in taken.items()}
    for name, amount in options.get("resources", {}).items():
        demands[f"resource:{name}"] = quantity(amount)
    return Policy(
        retries=retries, delays_s=listed, jitter=float(options.get("retry_jitter_factor", 0.0) or 0.0),
        timeout_s=timeout_s, demands=demands, executor=executor,
    )  # fmt: skip
