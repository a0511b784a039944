"""Flows: functions whose calls are runs; called inside another flow, they are steps of its run."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from functools import cached_property, partial, update_wrapper

from motet.dialects.python import arguments
from motet.dialects.python.binding.parameters import Parameters
from motet.dialects.python.bodies import plain
from motet.dialects.python.bodies.body import Body
from motet.dialects.python.caching import say_once
from motet.dialects.python.calls import FlowCall, TaskCall
from motet.dialects.python.doors import door_now
from motet.dialects.python.futures import Future, final
from motet.dialects.python.hosting import taken_up
from motet.dialects.python.options import FLOW_OPTIONS, FlowOptions, checked, policy_of
from motet.dialects.python.running import hooked
from motet.dialects.python.running.hooked import FlowHooked
from motet.dialects.python.scope import Lineage, Scope, current, tags_now
from motet.dialects.python.states import State, failed_by
from motet.dialects.python.task_runners import TaskRunner, ThreadPoolTaskRunner
from motet.errors import ParameterError, UsageError
from motet.interrupts import run_loop
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.program import AddStep
from motet.mains import definitions_only
from motet.ports import ArtifactStore, NewRun
from motet.typed import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload
from motet.values.identity.known import KnownCode
from motet.values.kinds import Kind, kind_of, name_of, written
from motet.values.naming import new_id, new_name
from motet.values.records import encode

if TYPE_CHECKING:
    from typing import ClassVar, Concatenate, Literal, Unpack

    from motet.engine.driver import Driver
    from motet.engine.host import Host
    from motet.reuse.forks import Reuse

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R", covariant=True)
T = TypeVar("T")


class Flow(FlowHooked, Generic[P, R]):
    """A function whose calls are recorded runs.

    fn      the function
    name    what the workflow is called: as the function, with hyphens for underscores, as in Prefect
    """

    call_type: ClassVar[type[TaskCall]] = FlowCall
    takes_asked = True  # whether what is asked on a command line for the flows of a script concerns it

    def __init__(self, fn: Callable[P, R], options: FlowOptions) -> None:
        self._binding: Any = type(fn) if isinstance(fn, staticmethod | classmethod) else None
        self.fn: Callable[P, R] = fn if self._binding is None else getattr(fn, "__func__")  # noqa: B009
        checked("flow", self.fn, options, FLOW_OPTIONS)
        self.options = options
        self.name = options.get("name") or name_of(self.fn).replace("_", "-")
        self.kind = kind_of(self.fn)
        self.policy = policy_of("flow", self.fn, options, "")
        self.keep_as(options)
        self.hooks = hooked.given(f"@flow on {self.name}", options, hooked.FLOW_EVENTS)
        self.code = KnownCode(self.fn, written)
        self._first: tuple[Any, ...] = ()
        self._changed_from: Flow[P, R] | None = None
        runner = options.get("task_runner", ThreadPoolTaskRunner())
        self.task_runner: TaskRunner = runner() if isinstance(runner, type) else runner
        self.parameters = Parameters(self.name, self.fn, validate=options.get("validate_parameters", True))
        update_wrapper(self, self.fn, updated=())

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Flow[P, R]: ...
    @overload
    def __get__(self: Flow[Concatenate[Any, Q], R], instance: object, owner: type | None = None) -> Flow[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A flow that is a method gets its instance (or class) as its first parameter, recorded like the others."""
        if self._binding is classmethod:
            instance = owner
        if instance is None or self._binding is staticmethod:
            return self
        from copy import copy

        bound = copy(self)
        bound._first = (instance,)
        return bound

    def with_options(self, **options: Unpack[FlowOptions]) -> Flow[P, R]:
        """The same flow with some options changed, for as long as its runs live: a resumed run has them, too."""
        made = type(self)(self.fn, {**self.options, **options})
        made._binding, made._first, made._changed_from = self._binding, self._first, self._defined
        return made

    # ------------------------------------------------------------ calls

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(
        self: Flow[P, Coroutine[Any, Any, T]],
        /,
        *args: Any,
        return_state: Literal[True],
        wait_for: Any = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, State]: ...  # fmt: skip
    @overload
    def __call__(self, /, *args: Any, return_state: Literal[True], wait_for: Any = None, **kwargs: Any) -> State: ...
    def __call__(self, /, *args: Any, return_state: Any = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """Run the flow and give what its function returns; what it raises is raised.

        At the top this is a run of its own; inside another flow it is a step of that one's run.
        """
        scope, args = current.get(), (*self._first, *args)
        if scope is not None:
            if isinstance(values := _bound(self, args, kwargs, return_state), State):
                return values if self.kind in (Kind.PLAIN, Kind.GENERATOR) else _awaited(values)
            return self._as_step(scope, values, wait_for, return_state)
        nothing = definitions_only(self.fn)
        if nothing or (self.kind is not Kind.PLAIN and not (self.kind is Kind.GENERATOR and return_state)):
            from motet.dialects.python.bodies import runs

            return runs.nothing(self.kind) if nothing else runs.called(self, args, kwargs, return_state)
        try:
            future = self.drive(*taken_up(self, args, kwargs))
        except ParameterError as error:
            if not return_state:
                raise
            return failed_by(error)
        return future.state if return_state else future.result()

    @overload
    def submit(self, *args: Any, return_state: Literal[True], wait_for: Any = None, **kwargs: Any) -> State: ...
    @overload
    def submit(self: Flow[P, Coroutine[Any, Any, T]], *args: Any, wait_for: Any = None, **kwargs: Any) -> Future[T]: ...
    @overload
    def submit(self: Flow[P, Iterator[T]], *args: Any, wait_for: Any = None, **kwargs: Any) -> Future[list[T]]: ...
    @overload
    def submit(self: Flow[P, AsyncIterator[T]], *args: Any, wait_for: Any = None, **kwargs: Any) -> Future[list[T]]: ...
    @overload
    def submit(self, *args: Any, wait_for: Any = None, **kwargs: Any) -> Future[R]: ...
    def submit(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """Run the flow as a step in a thread of its own, beside its caller, as soon as what it needs is there; gives a
        future at once. Inside flows and tasks only.
        """
        scope = current.get()
        if scope is None:
            raise UsageError(
                f"{self.name}.submit() was called outside a flow.",
                f"Call it inside a function decorated with @flow; {self.name}(...) itself runs anywhere.",
            )
        if isinstance(values := _bound(self, (*self._first, *args), kwargs, return_state), State):
            return values
        call, action = self._step(scope, values, wait_for)
        action.policy = self._threaded
        future = call.future(scope)
        scope.driver.add(action, call)
        scope.submitted(call.key)
        return final(future) if return_state else future

    def new_run(self, on: Host, values: Mapping[str, Any], *, name: str = "", run: str = "") -> NewRun:
        """A run of this flow, not yet begun, with these parameters."""
        run = run or new_id(on.clock.now())
        return NewRun(
            id=run, name=name or self._run_name(run, values) or new_name(), workflow=self.name,
            program={**self._spec(), **_begun_with(self, self._defined.options, on.artifacts)},
            params={key: encode(value, on.artifacts) for key, value in values.items()},
            tags=sorted(tags_now.get().union(self.options.get("tags", ()))),
            created_at=on.clock.now(), offset=on.store.head(),
        )  # fmt: skip

    def created(
        self, on: Host, values: Mapping[str, Any], *, name: str = "", run: str = ""
    ) -> tuple[Driver, Mapping[str, Any]]:
        """A new run of this flow, taken up; with the values."""
        new = self.new_run(on, values, name=name, run=run)
        on.create(new)
        return on.take_up(new.id), values

    def start(self, on: Host, values: Mapping[str, Any], *, name: str = "", run: str = "") -> Future[R]:
        """Begin a run of this flow and drive it to its end on this thread; gives the future of its root step."""
        return self.drive(*self.created(on, values, name=name, run=run))

    def drive(self, driver: Driver, values: Mapping[str, Any]) -> Future[R]:
        """Drive a run that was taken up to its end, on this thread; gives the future of its root step.

        What is recorded is not run again. Raises errors of the engine, and interruptions; a failure of the flow is in
        the future.
        """
        if self.kind in (Kind.COROUTINE, Kind.ASYNC_GENERATOR):
            return run_loop(self.drive_async(driver, values))
        future, call, action = self.root(driver, values)
        plain.drive(driver, action, call)
        return future

    async def drive_async(self, driver: Driver, values: Mapping[str, Any]) -> Future[R]:
        """The same, in the running asyncio task."""
        from motet.dialects.python.bodies import coroutines

        future, call, action = self.root(driver, values)
        await coroutines.drive(driver, action, call)
        return future

    def root(self, driver: Driver, values: Mapping[str, Any]) -> tuple[Future[R], TaskCall, AddStep]:
        """The root step of a run of this flow."""
        lineage = Lineage(_reuse_of(driver))
        action = self._action(self.name, "", arguments.Relations())
        known = driver.state.steps.get(self.name)  # its values are those that the run recorded
        action.fingerprint = arguments.digest((), values, lineage) if known is None else known.fingerprint
        call = self.call_type(self, driver, self.name, lineage, (), values)  # type: ignore[arg-type]
        return call.future(Scope(driver, "", lineage)), call, action

    def _as_step(self, scope: Scope, values: Mapping[str, Any], wait_for: Any, return_state: bool) -> Any:
        call, action = self._step(scope, values, wait_for)
        future = call.future(scope)
        if self.kind is not Kind.PLAIN:
            from motet.dialects.python.bodies.calling import called

            return called(self.kind, scope, future, call, action, return_state)
        plain.carry_out(scope.driver, call, scope.driver.add(action, call))
        return future.state if return_state else future.result()

    def _step(self, scope: Scope, values: Mapping[str, Any], wait_for: Any) -> tuple[TaskCall, AddStep]:
        key = scope.next_key(self.name)
        related = arguments.relations((dict(values), wait_for), scope.lineage)
        scope.accepts(related.after)
        call = self.call_type(self, scope.driver, key, scope.lineage, (), values)  # type: ignore[arg-type]
        action = self._action(key, scope.key, related)
        code, known = self.code.spec(scope, _within_a_run), scope.driver.state.steps.get(key)
        action.call, action.fingerprint = arguments.asked(
            code, self.parameters.shape, ((), values), scope.lineage, arguments.NOT_BOUND, known
        )
        action.name = self._run_name(f"{scope.driver.run.id}/{key}", values)
        return call, action

    @cached_property
    def _threaded(self) -> Policy:
        return policy_of("flow", self.fn, self.options, "threads")

    # ------------------------------------------------------------ inside

    def body(self, call: TaskCall, values: Mapping[str, Any]) -> Body:
        """The function, with the scope of a flow: that of an attempt at the step of `call`."""
        runner, driver = self.task_runner, call.driver
        scope = Scope(driver, call.key, call.lineage, runner.executor, runner.max_workers)
        driver.limit({**self.options.get("limits", {}), **scope.limits})
        args, kwargs = self.parameters.call(values)
        outer = call.scope if call.scope.key else None
        scope.outer, scope.owner, scope.values = outer, self, dict(values)
        body = Body(self.kind, scope, self.fn, args, kwargs)
        body.timeout_s, body.grace_s, body.deep = self.policy.timeout_s, self.policy.grace_s, True
        own = self.options.get("log_prints")
        scope.prints = bool(own) if own is not None else outer is not None and outer.prints
        if scope.prints or self.hooks:
            body.begin = lambda: self._begins(scope)
        return body

    def _begins(self, scope: Scope) -> None:
        if self.hooks:
            from motet.dialects.python.running import hooks

            hooks.flow_begins(self, scope.driver, scope.key, scope.values)
        if scope.prints:
            from motet.dialects.python.running import logs

            logs.log_prints()

    def _action(self, key: str, parent: str, related: arguments.Relations) -> AddStep:
        return AddStep(
            key, self.name, needs=list(related.needs), after=list(related.after), policy=self.policy,
            form="flow", parent=parent,
        )  # fmt: skip

    def _run_name(self, run: str, values: Mapping[str, Any]) -> str:
        if "flow_run_name" not in self.options:
            return ""
        from motet.dialects.python.running.about import flow_run_name

        return flow_run_name(self, run, values)

    @property
    def _defined(self) -> Flow[P, R]:
        """The flow as it stands in the code, before any `with_options`."""
        return self._changed_from or self

    def _spec(self) -> Json:
        also = {"priority": self.options.get("priority"), "door": door_now()}
        return {**_found_by(self, self._defined), **{name: value for name, value in also.items() if value}}


def _bound(
    flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], return_state: bool
) -> Mapping[str, Any] | State:  # fmt: skip
    """The values of the parameters; or, where a state is wanted, the one that says what is wrong with them."""
    try:
        return flow.parameters.bind(args, kwargs)
    except ParameterError as error:
        if not return_state:
            raise
        return failed_by(error)


async def _awaited(state: State) -> State:
    return state


def _within_a_run(scope: Scope, name: str) -> None:
    """What a flow's code finds of its run counts for nothing: no other run takes its outcome over."""


def _found_by(flow: Flow[..., Any], defined: Flow[..., Any]) -> dict[str, Json]:
    """How another process finds the flow again: by its function's name, else by its own in a module."""
    function = written(flow.fn)
    module = getattr(function, "__module__", "")
    own = function is getattr(flow.fn, "__func__", flow.fn)  # what was made of another function has no place there
    qualname = str(function.__qualname__) if own else defined.name
    found = vars(sys.modules[module]).get(qualname) if module in sys.modules else None
    variable = {}
    if not (isinstance(found, Flow) and found.fn is flow.fn) and ("." not in qualname or "<locals>" in qualname):
        module, name = _variable(module, (flow, defined))
        variable = {"variable": name} if name else {}
    return {
        "voice": "python", "module": module, "qualname": qualname, "cwd": os.getcwd(), **_started(module, function),
        "path": sys.path[0], **variable,
    }  # fmt: skip


def _started(module: str, function: Any) -> dict[str, Json]:
    """How the program was started, so that it can be again: its file, its module, its arguments, its search path.

    A debugger or a profiler is not the program: then the file that the function stands in is.
    """
    main = sys.modules.get("__main__")
    file, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    found: dict[str, Json] = {"file": None}
    if module == "__main__" and file is not None:
        own = getattr(getattr(function, "__code__", None), "co_filename", file)
        is_own = os.path.abspath(own) == os.path.abspath(file) or not os.path.isfile(own)
        found["file"] = os.path.abspath(file if is_own else own)
        if is_own and spec is not None:
            found["main"] = spec.name
    if file is not None and sys.argv[1:]:
        found["args"] = sys.argv[1:]
    if search := os.environ.get("PYTHONPATH"):
        found["search"] = [os.path.abspath(each) for each in search.split(os.pathsep) if each]
    return found


def _variable(module: str, flows: tuple[object, ...]) -> tuple[str, str]:
    """The module and the name in it under which one of the flows stands; "" for one that was made in passing."""
    for each in dict.fromkeys((module, "__main__")):
        names = vars(sys.modules[each]) if each in sys.modules else {}
        for name, value in list(names.items()):
            if any(value is flow for flow in flows):
                return each, name
    return module, ""


def _begun_with(flow: Flow[..., Any], defined: Mapping[str, Any], artifacts: ArtifactStore) -> dict[str, Json]:
    """What a run of the flow is begun with beside its parameters, where that is not what stands in the code.

    {"begun": {"options": {name: record}, "tags": [...]}}: what `with_options` changed, the tags around the call.
    """
    tags, options = tags_now.get(), dict(flow.options)
    if flow.options is defined and not tags:
        return {}
    if callable(options.get("retry_delay_seconds")):
        options["retry_delay_seconds"] = list(flow.policy.delays_s)
    changed = {name: value for name, value in options.items() if defined.get(name) is not value}
    changed.update(dict.fromkeys(defined.keys() - options.keys()))  # hooks that were added to the other one alone
    return {"begun": {"options": {each: encode(changed[each], artifacts) for each in changed}, "tags": sorted(tags)}}


def _reuse_of(driver: Driver) -> Reuse | None:
    """What may be taken over, for a run that was forked from another."""
    if "fork" not in driver.run.program:
        return None
    from motet.reuse.forks import reuse_of

    return reuse_of(driver.host, driver.run.program["fork"], partial(say_once, driver))


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(**options: Unpack[FlowOptions]) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function a flow: `@flow` or `@flow(retries=1)`. For the options see `FlowOptions`."""
    if fn is None:
        return lambda function: Flow(function, options)  # type: ignore[arg-type]
    if not isinstance(fn, Callable | classmethod):  # type: ignore[arg-type]
        raise UsageError(f"@flow was given {fn!r}.", "Write @flow above a function.")
    return Flow(fn, options)  # type: ignore[arg-type]
