"""What running code may know about itself: the flow run and the task run that it is part of.

In the process that drives the run this is read from the scope; a task in another process is told with its attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from motet.dialects.python.scope import Scope, current
from motet.errors import UsageError
from motet.executors.current import running
from motet.kernel.state import element_key
from motet.records import Record, field
from motet.values.naming import fitting

if TYPE_CHECKING:
    from motet.dialects.python.flows import Flow
    from motet.dialects.python.tasks import Task
    from motet.engine.driver import Driver
    from motet.kernel.events import Json

Arguments: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]
_PLAIN = frozenset((type(None), bool, int, float, str))


class FlowRun(Record, frozen=True):
    """One run of a flow. Of a flow called inside another it is a step of that one's run.

    id         the run's id; of a subflow the id of its run, and the key of its step
    run_count  how manieth attempt this is, from 1
    """

    id: str
    name: str
    flow_name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    run_count: int = 1
    flow_version: str | None = None
    parent_flow_run_id: str | None = None
    root_flow_run_id: str = ""
    start_time: float | None = None


class TaskRun(Record, frozen=True):
    """One run of a task. `id` is the id of its run, and the key of its step; `run_count` counts attempts from 1."""

    id: str
    name: str
    task_name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    run_count: int = 1
    flow_run_id: str = ""
    start_time: float | None = None


class RunContext(Record, frozen=True):
    """The flow run and the task run that the calling code is part of; with the objects, in the run's own process."""

    flow_run: FlowRun | None
    task_run: TaskRun | None = None
    flow: Flow[..., Any] | None = None
    task: Task[..., Any] | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters of the task, or else of the flow."""
        of = self.task_run or self.flow_run
        return of.parameters if of is not None else {}


def here() -> RunContext | None:
    """What the calling code is part of; None outside of any run."""
    if (being_named := named.get()) is not None:
        return being_named
    scope = current.get()
    if scope is not None and scope.owner is not None:
        return context_of(scope)
    attempt = running.get()
    told: Any = attempt.context.get("about") if attempt is not None else None
    return None if told is None else _from_json(told)


def get_run_context() -> RunContext:
    """The flow run and the task run that the calling code is part of. Raises UsageError outside of a run."""
    found = here()
    if found is None:
        raise UsageError(
            "There is no flow run and no task run here.", "Ask inside a function decorated with @flow or @task."
        )
    return found


def context_of(scope: Scope) -> RunContext:
    """What the body with that scope is part of."""
    flow = _flow_scope(scope)
    flow_run = flow_run_of(flow.owner, flow.driver, flow.key, flow.values) if flow is not None else None
    if flow is scope:
        return RunContext(flow_run, flow=scope.owner)
    args, kwargs = scope.values
    run = task_run_of(scope.owner, scope.driver, scope.key, (args, kwargs), scope.tags)
    return RunContext(flow_run, run, flow.owner if flow is not None else None, scope.owner)


def _flow_scope(scope: Scope | None) -> Scope | None:
    """The innermost body of a flow around that scope."""
    while scope is not None and not (scope.owner is not None and isinstance(scope.values, dict)):
        scope = scope.outer
    return scope


def flow_parameters(scope: Scope) -> Mapping[str, Any]:
    """The parameters of the flow that the body with that scope is part of."""
    flow = _flow_scope(scope)
    return flow.values if flow is not None else scope.driver.run.params or {}


def told_to_callee(scope: Scope, name: str) -> Any:
    """What the body of a task that is called in `scope` finds as `name` in `motet.runtime`; for "*", all of it."""
    flow = _flow_scope(scope)
    if flow is None:
        return None
    run = flow_run_of(flow.owner, flow.driver, flow.key, flow.values)
    of, _, attribute = name.partition(".")
    if of == "task_run" or name == "*":  # the id of a task's run holds that of its flow's
        return run.id, dict(run.parameters)
    return run.start_time if attribute == "scheduled_start_time" else getattr(run, attribute)


def flow_run_of(flow: Flow[..., Any], driver: Driver, key: str, values: Mapping[str, Any]) -> FlowRun:
    """The run of the flow that is the step `key`."""
    run, step, top = driver.run, driver.state.steps.get(key), "/" not in key
    own = run.name if top else step.name if step is not None else ""
    parent = None if top else key.rpartition("/")[0]
    return FlowRun(
        run.id if top else f"{run.id}/{key}", own or key.rpartition("/")[2], flow.name, dict(values),
        tuple(run.tags) if top else tuple(sorted(flow.options.get("tags", ()))),
        step.attempt if step is not None else 1, flow.options.get("version"),
        None if parent is None else run.id if "/" not in parent else f"{run.id}/{parent}",
        run.id, driver.state.started_at if top or step is None else step.started_at,
    )  # fmt: skip


def task_run_of(
    task: Task[..., Any],
    driver: Driver,
    key: str,
    call: tuple[tuple[Any, ...], Mapping[str, Any]],
    tags: frozenset[str],
) -> TaskRun:
    """The run of the task that is the step, or element, `key`, called with those arguments."""
    step = driver.state.steps.get(key) or driver.state.steps.get(key.rpartition("[")[0])
    attempt = step.attempt if step is not None else 1
    name = step.name if step is not None and step.key == key else ""
    try:
        parameters = task.bound(*call)
    except TypeError:  # the call itself says so
        parameters = {}
    run = TaskRun(
        f"{driver.run.id}/{key}", name or key.rpartition("/")[2], task.name, parameters,
        tuple(sorted(tags.union(task.options.get("tags", ())))), max(1, attempt), driver.run.id,
        step.started_at if step is not None else None,
    )  # fmt: skip
    template = task.options.get("task_run_name")
    if name or not template or not parameters.keys() >= set(task.shape.names):
        return run
    around = _flow_scope(current.get())
    flow_run = flow_run_of(around.owner, driver, around.key, around.values) if around is not None else None
    about = RunContext(flow_run, run, around.owner if around is not None else None, task)
    name = filled(f"task_run_name of task {task.name}", template, parameters, about)
    return TaskRun(**{**{each: getattr(run, each) for each in run.__match_args__}, "name": name})


def flow_run_name(flow: Flow[..., Any], run: str, values: Mapping[str, Any]) -> str:
    """What the run `run` of the flow is called by its `flow_run_name`, '' without one. Raises UsageError."""
    template = flow.options.get("flow_run_name")
    if not template:
        return ""
    parent = here()
    outer = parent.flow_run.id if parent is not None and parent.flow_run is not None else None
    about = FlowRun(run, "", flow.name, dict(values), parent_flow_run_id=outer, root_flow_run_id=run.partition("/")[0])
    return filled(f"flow_run_name of flow {flow.name}", template, values, RunContext(about, flow=flow))


def told_elsewhere(
    scope: Scope, task: Task[..., Any], place: tuple[str, int], call: Arguments, tags: frozenset[str]
) -> dict[str, Json]:
    """What the attempt of a task is told that runs in another process: JSON, so plain parameters only."""
    key, element = place
    flow = _flow_scope(scope)
    flow_run = flow_run_of(flow.owner, flow.driver, flow.key, flow.values) if flow is not None else None
    run = task_run_of(task, scope.driver, key if element < 0 else element_key(key, element), call, tags)
    return {"flow_run": None if flow_run is None else plain(flow_run), "task_run": plain(run)}


def plain(run: FlowRun | TaskRun) -> dict[str, Json]:
    """The run as JSON, so with its plain parameters only."""
    parameters = {name: value for name, value in run.parameters.items() if type(value) in _PLAIN}
    whole: dict[str, Json] = {name: getattr(run, name) for name in run.__match_args__ if name != "parameters"}
    return {**whole, "tags": list(run.tags), "parameters": parameters}


def _from_json(told: Mapping[str, Any]) -> RunContext:
    flow_run, task_run = told.get("flow_run"), told.get("task_run")
    return RunContext(
        None if flow_run is None else FlowRun(**{**flow_run, "tags": tuple(flow_run["tags"])}),
        None if task_run is None else TaskRun(**{**task_run, "tags": tuple(task_run["tags"])}),
    )


__all__ = ["FlowRun", "RunContext", "TaskRun", "get_run_context", "here"]


# ---------------------------------------------------------------- names


named: ContextVar[RunContext | None] = ContextVar("motet_named", default=None)
"""The run that is being named just now: what a function that gives names sees of it."""


def filled(what: str, name: str | Callable[..., str], values: Mapping[str, Any], about: RunContext) -> str:
    """The name that a template gives, or a function of nothing or of `parameters`, which may ask `motet.runtime`.

    Raises UsageError.
    """
    token = named.set(about)
    try:
        if isinstance(name, str):
            return fitting(name.format(**values))
        from inspect import signature

        given = name(parameters=dict(values)) if "parameters" in signature(name).parameters else name()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        where = repr(name) if isinstance(name, str) else "the function"
        raise UsageError(
            f"{what}: {where} does not fit its parameters: {error!r}.", "Use the names of its parameters in braces."
        ) from None
    finally:
        named.reset(token)
    if not isinstance(given, str):
        raise UsageError(f"{what}: the function gave {given!r}.", "Return a text.")
    return fitting(given)
