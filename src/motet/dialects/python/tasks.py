"""Tasks: functions that a flow runs as recorded steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from functools import cached_property, update_wrapper
from types import MethodType

from motet.dialects.python import arguments
from motet.dialects.python.bodies.plain import carry_out
from motet.dialects.python.caching import policy_of as cache_policy_of
from motet.dialects.python.calls import MapCall, TaskCall
from motet.dialects.python.futures import Future, FutureList, final
from motet.dialects.python.options import (
    TASK_OPTIONS,
    TaskOptions,
    asks_for_a_run,
    checked,
    is_surrounded,
    policy_of,
    template,
)
from motet.dialects.python.running import hooked
from motet.dialects.python.running.hooked import TaskHooked
from motet.dialects.python.scope import Scope, current, tags_now
from motet.dialects.python.states import State
from motet.errors import UsageError
from motet.executors.current import is_own_thread, running
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.program import AddStep
from motet.kernel.transitions import SUCCEEDED
from motet.typed import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, Unpack, overload
from motet.values.identity.known import KnownCode
from motet.values.kinds import Kind, kind_of, name_of, written
from motet.values.shape import Shape

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R", covariant=True)
T = TypeVar("T")


class Task(TaskHooked, Generic[P, R]):
    """A function that runs as a step where a flow calls it, and as it is anywhere else.

    fn      the function
    name    what its steps are called
    """

    call_type: type[TaskCall] = TaskCall
    map_type: type[MapCall] = MapCall

    def __init__(self, fn: Callable[P, R], options: TaskOptions) -> None:
        self._binding: Any = type(fn) if isinstance(fn, staticmethod | classmethod) else None
        self.fn: Callable[P, R] = fn if self._binding is None else getattr(fn, "__func__")  # noqa: B009
        checked("task", self.fn, options, TASK_OPTIONS)
        self.options = options
        self.name: str = options.get("name") or name_of(self.fn)
        if "/" in self.name or "[" in self.name:
            raise UsageError(f"A task may not be called {self.name!r}.", "Leave out / and [ in its name.")
        self.kind = kind_of(self.fn)
        self.policy: Policy = policy_of("task", self.fn, options, self._executor())
        self.cache_policy = cache_policy_of(options)
        self.hooks = hooked.given(f"@task on {self.name}", options, hooked.TASK_EVENTS)
        self._surrounded = is_surrounded(options)
        self.keep_as(options)
        self.code = KnownCode(self.fn, written)
        self.records_alone = asks_for_a_run(options)
        self.receiver: Any = arguments.NOT_BOUND
        self._submitted: dict[str, Policy] = {}
        update_wrapper(self, self.fn, updated=())

    def _executor(self) -> str:
        """Where it runs, whatever the flow's runner: what is timed must be killed, unless it can be cancelled."""
        timed = self.options.get("timeout_seconds") is not None and self.kind is not Kind.COROUTINE
        return self.options.get("executor", "") or ("processes" if timed else "")

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Task[P, R]: ...
    @overload
    def __get__(self: Task[Concatenate[Any, Q], R], instance: object, owner: type | None = None) -> Task[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A task that is a method gets its instance (or class) like any method."""
        if self._binding is classmethod:
            instance = owner
        if instance is None or self._binding is staticmethod:
            return self
        from copy import copy

        bound = copy(self)
        bound.fn, bound.receiver = MethodType(self.fn, instance), instance
        bound.__dict__.pop("shape", None)
        return bound

    def __reduce__(self) -> Any:
        return type(self), (self._given, dict(self.options))

    def with_options(self, **options: Unpack[TaskOptions]) -> Task[P, R]:
        """The same task with some options changed; of a method, of the same instance."""
        return type(self)(self._given, {**self.options, **options})

    @property
    def _given(self) -> Any:
        """The function as it was decorated; of a method that was looked up, with its instance."""
        return self.fn if self._binding is None or isinstance(self.fn, MethodType) else self._binding(self.fn)

    # ------------------------------------------------------------ calls

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(
        self: Task[P, Coroutine[Any, Any, T]],
        /,
        *args: Any,
        return_state: Literal[True],
        wait_for: Any = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, State]: ...  # fmt: skip
    @overload
    def __call__(self, /, *args: Any, return_state: Literal[True], wait_for: Any = None, **kwargs: Any) -> State: ...
    def __call__(self, /, *args: Any, return_state: Any = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """Run the task now, as a step of the flow that this is called in, and give its value.

        Raises what the last attempt raised. Futures among the arguments are waited for.
        """
        scope = current.get()
        if scope is None:
            if running.get() is not None:  # in a worker process, where futures have their outcomes at once
                _refuse_own_threads(self.name)
                args, kwargs = arguments.resolve(args, wait=True), arguments.resolve(kwargs, wait=True)
            elif self.records_alone:
                return self._outside(args, kwargs, return_state)
            return self._outside(args, kwargs, return_state) if return_state else self.fn(*args, **kwargs)
        key = scope.next_key(self.name)
        call = self.call_type(self, scope.driver, key, scope.lineage, args, kwargs)
        action = self._action(scope, call, wait_for, self.policy)
        future = call.future(scope)
        if self.kind is not Kind.PLAIN:
            from motet.dialects.python.bodies.calling import called

            return called(self.kind, scope, future, call, action, return_state)
        attempt = scope.driver.add(action, call)
        if not self.policy.executor:
            step = carry_out(scope.driver, call, attempt)
            if step.status == SUCCEEDED and not return_state:
                return future.value(step)
        scope.driver.wait(key)
        if scope.line is not None:
            scope.line.catch_up()
        return future.state if return_state else future.result()

    @overload
    def submit(self, *args: Any, return_state: Literal[True], wait_for: Any = None, **kwargs: Any) -> State: ...
    @overload
    def submit(self: Task[P, Coroutine[Any, Any, T]], *args: Any, wait_for: Any = None, **kwargs: Any) -> Future[T]: ...
    @overload
    def submit(self: Task[P, Iterator[T]], *args: Any, wait_for: Any = None, **kwargs: Any) -> Future[list[T]]: ...
    @overload
    def submit(self: Task[P, AsyncIterator[T]], *args: Any, wait_for: Any = None, **kwargs: Any) -> Future[list[T]]: ...
    @overload
    def submit(self, *args: Any, wait_for: Any = None, **kwargs: Any) -> Future[R]: ...
    def submit(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """Run the task on the flow's task runner, as soon as what it needs is there; gives a future at once."""
        if (scope := _inside(self, "submit")) is None:
            from motet.dialects.python.bodies import apart

            return apart.submitted(self, args, kwargs, return_state)
        key = scope.next_key(self.name)
        call = self.call_type(self, scope.driver, key, scope.lineage, args, kwargs)
        policy = self._submit_policy(scope)
        future = call.future(scope)
        scope.driver.add(self._action(scope, call, wait_for, policy), call)
        scope.submitted(key)
        return final(future) if return_state else future

    @overload
    def map(self, *args: Any, return_state: Literal[True], wait_for: Any = None, **kwargs: Any) -> list[State]: ...
    @overload
    def map(
        self: Task[P, Coroutine[Any, Any, T]], *args: Any, wait_for: Any = None, **kwargs: Any
    ) -> FutureList[T]: ...
    @overload
    def map(self, *args: Any, wait_for: Any = None, **kwargs: Any) -> FutureList[R]: ...
    def map(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """Run the task once for each element of the arguments, in parallel; gives the futures at once.

        Sequences (and futures of maps) give one value to each element and must be equally long; strings, scalars
        and what stands in `unmapped()` go to all of them.
        """
        from motet.dialects.python.binding.mapping import split

        if (scope := _inside(self, "map")) is None:
            from motet.dialects.python.bodies import apart

            return apart.mapped(self, args, kwargs, return_state)
        key = scope.next_key(self.name)
        parts = split(self.name, *self.shape.given(args, kwargs))
        call = self.map_type(self, scope.driver, key, scope.lineage, parts.spread, parts.shared)
        related = arguments.relations((*parts.loose, wait_for), scope.lineage)
        scope.accepts(related.after)
        action = AddStep(
            key, self.name, needs=list(related.needs), after=list(related.after), each=parts.each, size=call.size,
            form="map", policy=self._submit_policy(scope), parent=scope.key, name=template(self.options),
        )  # fmt: skip
        known = scope.driver.state.steps.get(key)
        action.call, action.fingerprint = arguments.asked_of_all(
            self.code.spec(scope, _told), self.shape, parts, scope.lineage, self.receiver, known
        )
        futures = call.futures(scope)
        scope.driver.add(action, call)
        scope.submitted(key)
        if return_state:
            futures.wait()
        return futures.states if return_state else futures

    # ------------------------------------------------------------ inside

    def _action(self, scope: Scope, call: TaskCall, wait_for: Any, policy: Policy) -> AddStep:
        key, args, kwargs = call.key, call.args, call.kwargs
        needs: Sequence[str] = ()
        after: Sequence[str] = ()
        if wait_for is not None or not call.plain:
            related = arguments.relations((args, kwargs, wait_for), scope.lineage)
            needs, after = list(related.needs), list(related.after)
            scope.accepts(after)
        asked, fingerprint = self.asked(scope, key, (args, kwargs))
        return AddStep(
            key, self.name, needs=needs, after=after, policy=policy, parent=scope.key, call=asked,
            name=self._run_name(scope, key, args, kwargs) if "task_run_name" in self.options else "",
            fingerprint=fingerprint,
        )  # fmt: skip

    def _run_name(self, scope: Scope, key: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        from motet.dialects.python.running.about import task_run_of

        return task_run_of(self, scope.driver, key, (args, kwargs), tags_now.get()).name

    def _outside(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], return_state: bool) -> Any:
        from motet.dialects.python.bodies.calling import outside

        return outside(self, args, kwargs, return_state)

    def _submit_policy(self, scope: Scope) -> Policy:
        executor = self.policy.executor or scope.executor or "threads"
        if executor == self.policy.executor and not scope.limits:
            return self.policy
        place = f"{executor} {scope.key}" if scope.limits else executor
        found = self._submitted.get(place)
        if found is None:
            options = {**self.options, "limits": {**self.options.get("limits", {}), **dict.fromkeys(scope.limits, 1)}}
            found = self._submitted[place] = policy_of("task", self.fn, options, executor)
        return found

    @property
    def surrounded(self) -> bool:
        """Whether anything is to be done around its body."""
        return self._surrounded or "on_running" in self.hooks

    def asked(self, scope: Scope, key: str, call: arguments.Call) -> tuple[dict[str, Json], str]:
        """What a call from that scope asks for, and the fingerprint of its inputs: see `arguments.asked`."""
        known = scope.driver.state.steps.get(key)
        return arguments.asked(self.code.spec(scope, _told), self.shape, call, scope.lineage, self.receiver, known)

    @cached_property
    def shape(self) -> Shape:
        """How the function takes its arguments."""
        return Shape(self.fn)

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by parameter name; variadic ones under the name of their parameter. Raises TypeError."""
        return self.shape.bind(args, kwargs)

    def with_receiver(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments by name, for a method with the object that it is called on as its first one."""
        if self.receiver is arguments.NOT_BOUND:
            return inputs
        code = getattr(written(self.fn), "__code__", None)
        return {(code.co_varnames[0] if code is not None and code.co_argcount else "self"): self.receiver, **inputs}

    def called_with(self, arguments: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments for a call, from arguments by parameter name as `bound` gives them."""
        return self.shape.call(arguments)


def _told(scope: Scope, name: str) -> Any:
    """What code that is called from there finds when it reads `name` of its run: as flow_run.parameters."""
    from motet.dialects.python.running.about import told_to_callee

    return told_to_callee(scope, name)


def _inside(task: Task[..., Any], method: str) -> Scope | None:
    """The scope of the caller; None in an attempt that has none, in a worker process. Raises UsageError outside."""
    scope = current.get()
    if scope is None and running.get() is None:
        raise UsageError(
            f"{task.name}.{method}() was called outside a flow.",
            f"Call it inside a function decorated with @flow; {task.name}(...) itself runs anywhere.",
        )
    if scope is None:
        _refuse_own_threads(task.name)
    return scope


def _refuse_own_threads(name: str) -> None:
    """Calls in threads of the code's own come in another order each time: no resume could tell which is which."""
    if is_own_thread.get():
        raise UsageError(
            f"Task {name} was called in a thread that its flow, or a task, has started itself.",
            f"Let Motet run calls beside each other: {name}.submit(...) or {name}.map(...). In a thread of your own, "
            f"call what is no task: {name}.fn(...).",
        )


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(**options: Unpack[TaskOptions]) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function a task: `@task` or `@task(retries=3)`. For the options see `TaskOptions`."""
    if fn is None:
        return lambda function: Task(function, options)  # type: ignore[arg-type]
    if not isinstance(fn, Callable | classmethod):  # type: ignore[arg-type]
        raise UsageError(f"@task was given {fn!r}.", "Write @task above a function.")
    return Task(fn, options)  # type: ignore[arg-type]
