"""`Body`: a function that is about to be called as the body of a step, with its scope around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from motet.dialects.python.outcomes import check_submitted, concluded, wait_for_submitted
from motet.dialects.python.scope import current
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
    """

    __slots__ = ("args", "begin", "deep", "fn", "grace_s", "kind", "kwargs", "scope", "timeout_s")

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
                value = concluded(value, deep=self.deep)
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
        if scope.unlooked:
            check_submitted(scope)
        return value

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
