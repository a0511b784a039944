"""The live side of task calls: what the engine asks when an attempt is due, and when one has ended."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from contextvars import Context, copy_context

from motet.dialects.python import arguments
from motet.dialects.python.bodies.body import Body
from motet.dialects.python.caching import Hit, hit_of, keep, slot_of, taken_from
from motet.dialects.python.futures import Future, FutureList
from motet.dialects.python.outcomes import settle
from motet.dialects.python.scope import Lineage, Scope, tags_now
from motet.kernel.events import Json
from motet.kernel.inputs import Ended, Failed, Succeeded
from motet.kernel.state import Step, element_key
from motet.ports import Attempt, Failure, Outcome, Success
from motet.ports.execution import Prepared, Settled
from motet.reuse.kept import Slot
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import ClassVar

    from motet.dialects.python.tasks import Task
    from motet.engine.driver import Driver
    from motet.values.iterators import Given


class TaskCall:
    """One task call. Its future is referred to weakly: a value nobody holds is not kept.

    plain  whether no argument can be, or hold, anything but a scalar
    """

    __slots__ = (
        "_future", "_given", "_slot", "args", "context", "driver", "key", "kwargs", "lineage", "plain", "scope", "tags",
        "task",
    )  # fmt: skip
    scope: Scope
    tags: frozenset[str]
    context: Context
    future_type: ClassVar[type[Future[Any]]] = Future

    def __init__(
        self, task: Task[..., Any], driver: Driver, key: str, lineage: Lineage, args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.task = task
        self.driver = driver
        self.key = key
        self.lineage = lineage
        self.args = args
        self.kwargs = kwargs
        self.plain = arguments.is_plain(args, kwargs)
        self._future: weakref.ref[Future[Any]] | None = None
        self._slot: Slot | None = None
        self._given: Given | None = None

    def future(self, scope: Scope) -> Future[Any]:
        """The future that is to get the live value."""
        self.scope, self.tags, self.context = scope, tags_now.get(), copy_context()
        if self.task.hooks:
            from motet.dialects.python.running.blocks import join

            join(self)
        made = self.future_type(scope, self.key)
        self._future = weakref.ref(made)
        return made

    def arguments_of(self, element: int = -1) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """The arguments of the call, as they were given."""
        return self.args, self.kwargs

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """In this process the scope is set around the call; another process gets function and arguments bare."""
        if here:
            context = {"run": self.driver.run.id, "key": self.key, "attempt": attempt}
            if (options := _bare(self)) is None:
                return Prepared(_in_its_context, (self,), context=context)
            return Prepared(self.task.fn, *self._resolved(), context=context, options=options)
        from motet.dialects.python.running import surrounding

        if (taken := self._taken()) is not None:
            return surrounding.found(self, taken.settled())
        args, kwargs = self._resolved()
        if (hit := self._look_up(args, kwargs)) is not None:
            return surrounding.found(self, hit.settled())
        return surrounding.elsewhere(self, args, kwargs, (-1, attempt))

    def _taken(self) -> Hit | None:
        """What is taken over from the run that this one was forked from, if it was."""
        return taken_from(self.lineage.reuse, self.driver, self.key) if self.lineage.reuse is not None else None

    def body(self) -> Body | Hit:
        """The function, ready to be called as the body of this step; a `Hit` where that is not needed."""
        if (taken := self._taken()) is not None:
            return taken
        args, kwargs = (self.args, self.kwargs) if self.plain else self._resolved()
        if self.task.cache_policy is not None and (hit := self._look_up(args, kwargs)) is not None:
            return hit
        if not self.plain and self.task.policy.retries:
            self._check_iterators(self.task.bound(args, kwargs))
        return body_of(self, args, kwargs)

    def _check_iterators(self, values: Mapping[str, Any]) -> None:
        """Raise UsedUp if an attempt before this one has read from an iterator among the arguments."""
        self._given = self._given or given_before()
        self._given.check(self.key, values)

    def run(self) -> Any:
        """Call the function as the body of this step, to its end, whatever kind it is of."""
        body = self.body()
        return body.run() if type(body) is Body else body

    def conclude(self, told: Succeeded | Failed | Ended) -> Step:
        """Commit how an attempt ended that the caller has carried out; gives the step."""
        step = self.driver.conclude(told)
        if self.task.hooks and step.ended:
            self.ended()
        return step

    def ended(self) -> None:
        """The step has ended, which is recorded: its hooks are to be called."""
        if self.task.hooks:
            from motet.dialects.python.running.hooks import task_ended

            task_ended(self)

    async def run_async(self) -> Any:
        """Await the function as the body of this step."""
        from motet.dialects.python.bodies.coroutines import run

        body = self.body()
        return await run(body) if type(body) is Body else body

    def _resolved(self) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        args, kwargs = self.args, self.kwargs
        if self.plain:
            return args, kwargs
        resolve = arguments.resolve
        return tuple([resolve(each) for each in args]), {name: resolve(each) for name, each in kwargs.items()}

    def _look_up(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Hit | None:
        if self.task.cache_policy is None:
            return None
        self._slot = slot_of(self.task, self.scope, self.key, self.task.bound(args, kwargs))
        return hit_of(self._slot) if self._slot is not None else None

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """How the outcome is recorded; called on the thread that computed it."""
        settled = self.settled(attempt.number, outcome)
        if self.task.hooks:
            from motet.dialects.python.running import surrounding

            surrounding.tell(self, settled)
        return settled

    def settled(self, number: int, outcome: Outcome) -> Settled:
        """Encode the value of attempt `number`, hold it for the future, and keep it for later calls."""
        if isinstance(outcome, Success) and type(outcome.value) is Hit:
            return outcome.value.settled()
        future = self._future() if self._future is not None else None
        if not self.task.persist:
            outcome = self.task.held(outcome, self.driver.host.artifacts)
        if future is not None:
            if isinstance(outcome, Success) and outcome.record is None and self.task.in_memory:
                future.keep(number, outcome.value)
            elif isinstance(outcome, Failure) and isinstance(outcome.exception, Exception):
                future.keep(number, outcome.exception)
        settled = settle(self.driver, self.key, outcome, persist=self.task.persist)
        if isinstance(outcome, Failure):
            from motet.dialects.python.running.surrounding import ask

            ask(self, settled, outcome)
        elif self._slot is not None and settled.ok:
            keep(self.task, self.driver, self.key, self._slot, settled.record)
            settled.note = self._slot.note
        return settled


class MapCall:
    """One `.map` call: for each parameter a sequence with one value for each element, or one value for all."""

    __slots__ = (
        "_futures", "_given", "_slots", "context", "driver", "key", "lineage", "scope", "shared", "size", "spread",
        "tags", "task",
    )  # fmt: skip
    scope: Scope
    tags: frozenset[str]
    context: Context
    list_type: ClassVar[type[FutureList[Any]]] = FutureList

    def __init__(
        self, task: Task[..., Any], driver: Driver, key: str, lineage: Lineage, spread: dict[str, Sequence[Any]],
        shared: dict[str, Any],
    ) -> None:  # fmt: skip
        self.task = task
        self.driver = driver
        self.key = key
        self.lineage = lineage
        self.spread = spread
        self.shared = shared
        self.size = len(next(iter(spread.values()))) if spread else 0
        self._futures: weakref.ref[FutureList[Any]] | None = None
        self._slots: dict[int, Slot] = {}
        self._given: dict[int, Given] = {}

    def futures(self, scope: Scope) -> FutureList[Any]:
        """The futures that are to get the live values."""
        self.scope, self.tags, self.context = scope, tags_now.get(), copy_context()
        if self.task.hooks:
            from motet.dialects.python.running.blocks import join

            join(self)
        made = self.list_type(scope, self.key, self.size)
        self._futures = weakref.ref(made)
        return made

    def arguments_of(self, element: int) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """The arguments of one element, as they were given."""
        given = {name: values[element] for name, values in self.spread.items()}
        return self.task.called_with(self.task.shape.closed({**given, **self.shared}))

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """As for a single call, with the element's arguments."""
        if here:
            context = {"run": self.driver.run.id, "key": self.key, "attempt": attempt, "element": element}
            if (options := _bare(self)) is None:
                return Prepared(_in_its_context, (self, element), context=context)
            return Prepared(self.task.fn, *self._looked_up(element)[:2], context=context, options=options)
        from motet.dialects.python.running import surrounding

        args, kwargs, hit = self._looked_up(element)
        if hit is not None:
            return surrounding.found(self, hit.settled(), element)
        return surrounding.elsewhere(self, args, kwargs, (element, attempt))

    def _looked_up(self, element: int) -> tuple[tuple[Any, ...], Mapping[str, Any], Hit | None]:
        """The arguments of one element, futures replaced by their values; and what is kept of such a call."""
        reuse = self.lineage.reuse
        if reuse is not None and (taken := taken_from(reuse, self.driver, self.key, element)) is not None:
            return (), {}, taken
        resolve = arguments.resolve
        found = {name: resolve(values[element]) for name, values in self.spread.items()}
        for name, value in self.shared.items():
            found[name] = resolve(value)
        found = self.task.shape.closed(found)
        hit = None
        if self.task.cache_policy is not None:
            slot = slot_of(self.task, self.scope, f"{self.key}[{element}]", found)
            if slot is not None:
                self._slots[element] = slot
                hit = hit_of(slot)
        args, kwargs = self.task.called_with(found)
        return args, kwargs, hit

    def run(self, element: int) -> Any:
        """Call the function as the body of this element; a `Hit` where that is not needed."""
        args, kwargs, hit = self._looked_up(element)
        if hit is not None:
            return hit
        if self.task.policy.retries and not arguments.is_plain(args, kwargs):
            given = self._given.setdefault(element, given_before())
            given.check(element_key(self.key, element), self.task.bound(args, kwargs))
        return body_of(self, args, kwargs, element).run()

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """Encode the value; hold it if it is no scalar, which its record is anyway; keep it for later calls."""
        slot = self._slots.pop(attempt.element, None) if self._slots else None
        if isinstance(outcome, Success) and type(outcome.value) is Hit:
            from motet.dialects.python.running import surrounding

            return surrounding.found(self, outcome.value.settled(), attempt.element)
        if not self.task.persist:
            outcome = self.task.held(outcome, self.driver.host.artifacts)
        settled = settle(self.driver, self.key, outcome, persist=self.task.persist)
        if isinstance(outcome, Failure):
            from motet.dialects.python.running.surrounding import ask

            ask(self, settled, outcome, attempt.element)
        if self.task.hooks:
            from motet.dialects.python.running import surrounding

            surrounding.tell(self, settled, attempt.element)
        if (
            isinstance(outcome, Success)
            and outcome.record is None
            and type(settled.record) is dict
            and self.task.in_memory
        ):
            futures = self._futures() if self._futures is not None else None
            if futures is not None:
                futures.keep(attempt.element, attempt.number, outcome.value)
        if slot is not None and settled.ok:
            keep(self.task, self.driver, f"{self.key}[{attempt.element}]", slot, settled.record)
        return settled


class FlowCall(TaskCall):
    """A call of a flow: its function gets the scope of a flow."""

    __slots__ = ()

    def body(self) -> Body:
        """The function, ready to be called as the body of this step."""
        flow: Any = self.task
        values = flow.parameters.fit_late(self._resolved()[1], self.kwargs)
        if self.task.policy.retries:
            self._check_iterators(values)
        return flow.body(self, values)  # type: ignore[no-any-return]

    def ended(self) -> None:
        """The step has ended, which is recorded: its hooks are to be called."""
        flow: Any = self.task
        if flow.hooks:
            from motet.dialects.python.running.hooks import flow_ended

            flow_ended(flow, self.driver, self.key, self.kwargs)


def _bare(call: TaskCall | MapCall) -> Mapping[str, Json] | None:
    """The options with which an executor may call the function itself at any moment, if it says that it takes no
    time, and there is nothing around it; else None.
    """
    task = call.task
    options: Mapping[str, Json] | None = getattr(task.fn, "at_any_moment", None)
    if options is None or task.surrounded or task.cache_policy is not None:
        return None
    return None if call.tags or call.scope.prints or call.lineage.reuse is not None else options


def _in_its_context(call: TaskCall | MapCall, *element: int) -> Any:
    """Carry out the call, as the attempt that the executor has begun, where context variables are as they were where it
    was made, but for those that the executor has set: the attempt itself, and the tools that prepare its command.
    """
    return call.context.copy().run(_as_attempt, copy_context(), call, *element)


def _as_attempt(here: Context, call: Any, *element: int) -> Any:
    for variable, value in here.items():
        variable.set(value)
    return call.run(*element)


def given_before() -> Given:
    """A note of what attempts were given, for tasks and flows that may be tried again."""
    from motet.values.iterators import Given

    return Given()


def body_of(call: TaskCall | MapCall, args: tuple[Any, ...], kwargs: Mapping[str, Any], element: int = -1) -> Body:
    """A task's function, with a scope of its own."""
    task = call.task
    key = call.key if element < 0 else element_key(call.key, element)
    scope = Scope(call.driver, key, call.lineage, task.policy.executor)
    scope.outer, scope.owner, scope.values, scope.tags = call.scope, task, (args, kwargs), call.tags
    body = Body(task.kind, scope, task.fn, args, kwargs)
    body.timeout_s, body.grace_s = task.policy.timeout_s, task.policy.grace_s
    if task.surrounded or call.tags or call.scope.prints:
        from motet.dialects.python.running import surrounding

        body.begin = lambda: surrounding.enter(call, scope, element)
    return body
