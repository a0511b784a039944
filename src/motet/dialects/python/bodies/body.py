"""`Body`: a function that is about to be called as the body of a step, with its scope around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from motet.dialects.python.caching import say_once
from motet.dialects.python.outcomes import check_submitted, concluded, declares, wait_for_submitted
from motet.dialects.python.scope import current
from motet.errors import RunFailed
from motet.typed import TYPE_CHECKING, Any
from motet.values.containers import PLAIN
from motet.values.kinds import Kind

if TYPE_CHECKING:
    from motet.dialects.python.scope import Scope


class Body:
    """A function with its arguments and its scope. Whatever way it is run, what it submits is waited for.

    timeout_s  how long it may take; seen to here for flows and for coroutines
    grace_s    how long a coroutine may take to end when that time is up
    begin      what is to be done first, within the scope; it may wait
    deep       whether it is a flow's: futures and states then count wherever they stand in what it returns
    conclude   what its value comes to, where that is not as `outcomes.concluded` says
    declared   whether it has said itself how it ended
    lenient    whether failures that nobody looked at are only told of
    """

    __slots__ = (
        "args", "begin", "conclude", "declared", "deep", "fn", "grace_s", "kind", "kwargs", "lenient", "scope",
        "timeout_s",
    )  # fmt: skip

    def __init__(
        self, kind: Kind, scope: Scope, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self.kind = kind
        self.scope = scope
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.timeout_s: float | None = None
        self.grace_s = 0.0
        self.deep = False
        self.begin: Callable[[], None] | None = None
        self.conclude: Callable[[Any], Any] | None = None
        self.declared = self.lenient = False

    def run(self) -> Any:
        """Call it here and now, to its end: a coroutine in a loop of its own; a generator gives what it yields."""
        scope = self.scope
        before = current.get()
        current.set(scope)
        try:
            if self.begin is not None:
                self.begin()
            if self.kind is not Kind.PLAIN:
                value = self._whole()
            else:
                self.begin_limit()
                value = self.fn(*self.args, **self.kwargs)
            if type(value) not in PLAIN:
                value = self.concluded(value)
            if scope.unlooked:
                wait_for_submitted(scope)
            if scope.over is not None:
                raise scope.over
        except Exception as error:
            wait_for_submitted(scope)
            if scope.over is not None and scope.over is not error:
                raise scope.over from error
            raise
        finally:
            current.set(before)
            if scope.end():
                scope.call_back()
        self.check()
        return value

    def concluded(self, value: Any) -> Any:
        """What the value that was returned comes to; raises if that is a failure."""
        self.declared = declares(value)
        return concluded(value, deep=self.deep) if self.conclude is None else self.conclude(value)

    def check(self) -> None:
        """Raise RunFailed if something that it submitted failed, and nobody looked at that, nor said how it ends."""
        if not self.scope.unlooked or self.declared:
            return
        try:
            check_submitted(self.scope)
        except RunFailed as error:
            if not self.lenient:
                raise
            say_once(self.scope.driver, f"{error.what} As in Prefect, that is not held against the flow.")

    def begin_limit(self, is_inside: Callable[[], bool] = lambda: True) -> None:
        """From now on the time of a flow that is no coroutine runs; its code is interrupted where it `is_inside`."""
        if self.deep and self.timeout_s is not None:
            from motet.dialects.python.bodies.deadline import limit

            limit(self.scope, self.timeout_s, is_inside)

    def _whole(self) -> Any:
        if self.kind is Kind.GENERATOR:
            from motet.dialects.python.bodies.yielded import Yielded

            self.begin_limit()
            return Yielded.of(self.fn(*self.args, **self.kwargs)).plain()
        from motet.dialects.python.bodies.coroutines import run_alone
        from motet.interrupts import run_loop

        self.begin = None  # it was done
        return run_loop(run_alone(self))
