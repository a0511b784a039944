"""The options of tasks and flows, checked when the function is decorated. Names are those of Prefect 3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from motet.dialects.python.running.checks import ABSENT, check_values, nearest
from motet.dialects.python.running.retrying import delays_of, jitter_of
from motet.dialects.python.task_runners import TaskRunner
from motet.errors import UsageError
from motet.kernel.policy import Policy
from motet.typed import TYPE_CHECKING, Any, TypedDict
from motet.values.kinds import written

if TYPE_CHECKING:
    from datetime import timedelta
    from typing import TypeAlias

    from motet.dialects.python.cache_policies import CachePolicy
    from motet.dialects.python.running.about import FlowRun, TaskRun
    from motet.dialects.python.states import State
    from motet.rules import Rule


Delays: TypeAlias = "float | Sequence[float] | Callable[[int], Sequence[float]] | None"
FlowHooks: TypeAlias = "Sequence[Callable[[Any, FlowRun, State], Any]]"
TaskHooks: TypeAlias = "Sequence[Callable[[Any, TaskRun, State], Any]]"


class FlowOptions(TypedDict, total=False):
    """What `@flow` takes.

    name                 what the flow is called; the function's name by default
    flow_run_name        what its runs are called: a template with the parameters' names in braces, or a function
    description, version, tags
    retries              attempts after the first; steps that succeeded are not run again
    retry_delay_seconds  seconds before each retry: a number, a list, or a function of the number of retries
    retry_jitter_factor  waits are lengthened by up to this share
    task_runner          where submitted tasks run: ThreadPoolTaskRunner() by default
    timeout_seconds      an attempt that takes longer fails: its steps are stopped, and its code is interrupted where it
                         waits; on the main thread anywhere
    limits               capacity of the named limits that tasks of a run share: {"database": 2}
    validate_parameters  False leaves parameters as they are
    priority             of its steps that wait for the machine, higher ones come first: 0
    log_prints           True logs what is printed, for its tasks too unless they say otherwise
    on                   a rule, or the key of an event, upon which runs of it are to begin: see `motet.reactions`
    on_running, on_completion, on_failure, on_cancellation, on_crashed
                         functions of (flow, flow_run, state), called when that has happened
    """

    name: str
    flow_run_name: str | Callable[..., str]
    description: str
    version: str
    tags: Iterable[str]
    retries: int
    retry_delay_seconds: Delays
    retry_jitter_factor: float | None
    task_runner: TaskRunner | type[TaskRunner]
    timeout_seconds: float | None
    limits: Mapping[str, float]
    priority: int
    validate_parameters: bool
    log_prints: bool | None
    persist_result: bool | None
    cache_result_in_memory: bool
    on: Rule | str
    on_running: FlowHooks | None
    on_completion: FlowHooks | None
    on_failure: FlowHooks | None
    on_cancellation: FlowHooks | None
    on_crashed: FlowHooks | None


class TaskOptions(TypedDict, total=False):
    """What `@task` takes.

    name                 what the task is called; the function's name by default
    task_run_name        what its steps are called: a template with the arguments' names in braces, or a function
    description, version, tags
    retries              attempts after the first
    retry_delay_seconds  seconds before each retry: a number, a list with one for each (the last holds on), or a
                         function of the number of retries that gives such a list: exponential_backoff(2)
    retry_jitter_factor  waits are lengthened by up to this share, by a hash of step and attempt
    retry_condition_fn   a function of (task, task_run, state) that says whether a retry is of use
    timeout_seconds      an attempt that takes longer fails; it runs in a process, which is killed. Coroutines run
                         where they are awaited, and are cancelled
    grace_seconds        how long a process has to end by itself when it is asked to, before it is killed: 5
    executor             "threads" or "processes": where it runs, whatever the flow's runner
    limits               what an attempt takes of the flow's named limits: {"database": 1}
    resources            cpu, memory, gpu that an attempt takes of the machine: {"cpu": 2, "memory": "4Gi"}
    priority             of those who wait for the machine, higher ones come first; that of the run is added
    cache_policy         what a kept result depends on: INPUTS, TASK_SOURCE, ...; nothing is kept by default
    cache_key_fn         a function of context and arguments that gives the key instead
    cache_expiration     how long a result is kept, a timedelta
    refresh_cache        True runs the task, and keeps its result in place of the old one
    persist_result       False keeps the result in memory only: after a crash the step runs again
    cache_result_in_memory  False reads the result from the store each time that it is used
    log_prints           True logs what is printed; None: as the flow says
    on_running, on_completion, on_failure
                         functions of (task, task_run, state), called when that has happened
    on_commit, on_rollback
                         functions of the transaction that the task was called in
    """

    name: str
    task_run_name: str | Callable[..., str]
    description: str
    version: str
    tags: Iterable[str]
    retries: int
    retry_delay_seconds: Delays
    retry_jitter_factor: float | None
    timeout_seconds: float | None
    grace_seconds: float
    executor: str
    limits: Mapping[str, float]
    resources: Mapping[str, float | str]
    priority: int
    cache_policy: CachePolicy | None
    cache_key_fn: Callable[[Any, Mapping[str, Any]], str | None] | None
    cache_expiration: timedelta | None
    refresh_cache: bool
    persist_result: bool | None
    cache_result_in_memory: bool
    log_prints: bool | None
    retry_condition_fn: Callable[[Any, TaskRun, State], Any] | None
    on_running: TaskHooks | None
    on_completion: TaskHooks | None
    on_failure: TaskHooks | None
    on_commit: Sequence[Callable[[Any], Any]] | None
    on_rollback: Sequence[Callable[[Any], Any]] | None


FLOW_OPTIONS = FlowOptions.__optional_keys__
TASK_OPTIONS = TaskOptions.__optional_keys__

_RESERVED = frozenset(("return_state", "wait_for"))
_SURROUNDING = ("log_prints", "on_running", "tags")
_ASKING = (
    "retries", "timeout_seconds", "cache_policy", "cache_key_fn", "limits", "resources", "on_running", "on_completion",
    "on_failure", "retry_condition_fn",
)  # fmt: skip


def checked(kind: str, function: Callable[..., Any], options: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raise UsageError for an option that does not exist, naming the nearest one that does, or has no such value."""
    where = f"@{kind} on {_called(function)}"
    for name in options:
        if name in ABSENT:
            raise UsageError(f"{where} has no option {name!r}.", ABSENT[name])
        if name not in known:
            raise UsageError(f"{where} has no option {name!r}.", nearest(name, known))
    check_values(where, options)
    code = getattr(written(function), "__code__", None)
    taken = _RESERVED.intersection(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ())
    if taken:
        what = f"{where} has a parameter called {min(taken)}, which calls of tasks and flows take for themselves."
        raise UsageError(what, "Give it another name.")


def is_surrounded(options: Mapping[str, Any]) -> bool:
    """Whether there is anything to do around the body of a task with these options."""
    return any(options.get(each) for each in _SURROUNDING)


def asks_for_a_run(options: Mapping[str, Any]) -> bool:
    """Whether a call outside of a flow is to be recorded for what these options ask for."""
    return any(options.get(each) for each in _ASKING)


def template(options: Mapping[str, Any]) -> str:
    """What the elements of a map are called, as its step records it: by a function, only they themselves know."""
    return name if isinstance(name := options.get("task_run_name", ""), str) else ""


def policy_of(kind: str, function: Callable[..., Any], options: Mapping[str, Any], executor: str) -> Policy:
    """The engine's policy for these options. Raises UsageError for values that make no sense."""
    where = f"@{kind} on {_called(function)}"
    retries = options.get("retries") or 0
    if not isinstance(retries, int) or retries < 0:
        raise UsageError(f"{where}: retries is {retries!r}.", "Give a whole number, 0 or more.")
    timeout_s = options.get("timeout_seconds")
    if executor == "inline":
        raise UsageError(f"{where}: executor is {executor!r}.", "Leave it out: what is called plainly runs inline.")
    delays = delays_of(where, options, retries)
    taken = options.get("limits", {}) if kind == "task" else {}  # those of a flow say how much there is
    demands = {name: float(amount) for name, amount in taken.items()}
    if "resources" in options:
        from motet.values.quantities import quantity

        demands.update({f"resource:{name}": quantity(amount) for name, amount in options["resources"].items()})
    return Policy(
        retries=retries, delays_s=delays, jitter=jitter_of(where, options), max_delay_s=max((86400.0, *delays)),
        timeout_s=timeout_s, demands=demands, executor=executor, grace_s=_grace(where, options),
        priority=(options.get("priority") or 0) if kind == "task" else 0,
    )  # fmt: skip


def _grace(where: str, options: Mapping[str, Any]) -> float:
    grace_s = options.get("grace_seconds", 5.0)
    if not grace_s >= 0:
        raise UsageError(f"{where}: grace_seconds is {grace_s!r}.", "Give seconds, 0 or more.")
    return float(grace_s)


def _called(function: Any) -> str:
    return str(getattr(function, "__qualname__", "")) or written(function).__qualname__
