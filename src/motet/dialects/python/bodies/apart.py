"""Tasks that are submitted where nothing can record them: in a worker process a task is just its function.

It runs at once, and its future has its outcome. So what a task does with tasks of its own goes on working there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from motet.dialects.python import arguments
from motet.dialects.python.binding.mapping import split
from motet.dialects.python.bodies.calling import state_outside
from motet.dialects.python.futures import Future, FutureList
from motet.dialects.python.running.coroutines import finished
from motet.dialects.python.states import State
from motet.executors.whole import whole
from motet.values.kinds import Kind

if TYPE_CHECKING:
    from motet.dialects.python.tasks import Task


class Apart(Future[Any]):
    """The outcome of such a call."""

    __slots__ = ("_state",)

    def __init__(self, name: str, state: State) -> None:
        self.key = name
        self._element = -1
        self._state = state

    @property
    def state(self) -> State:
        """How it ended."""
        return self._state

    def wait(self, timeout: float | None = None) -> None:
        """It has ended."""

    async def wait_async(self, timeout: float | None = None) -> None:
        """It has ended."""

    def done(self) -> bool:
        """It has ended."""
        return True

    def idling(self) -> AbstractContextManager[None]:
        """Nobody has to wait."""
        return nullcontext()

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """The value; a failure is raised, or given where `raise_on_failure` is False."""
        return self._state.result(raise_on_failure=raise_on_failure)

    def known(self) -> Any:
        """The value, or the failure."""
        return self._state.result(raise_on_failure=False)

    def cancel(self) -> bool:
        """It has ended."""
        return False

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        """Call `fn` at once."""
        fn(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Future({self.key!r}, {self._state.name})"


class ApartList(FutureList[Any]):
    """The outcomes of a `.map` of such calls."""

    def __init__(self, name: str, futures: Sequence[Apart]) -> None:
        self.key = name
        self._futures = list(futures)

    def __len__(self) -> int:
        return len(self._futures)

    def __getitem__(self, index: Any) -> Any:
        return self._futures[index]

    def wait(self, timeout: float | None = None) -> None:
        """They have ended."""

    async def wait_async(self, timeout: float | None = None) -> None:
        """They have ended."""

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[Any]:
        """All values. The first failure (by place) is raised, or stands in its place."""
        return [each.result(raise_on_failure=raise_on_failure) for each in self._futures]

    def known(self) -> list[Any]:
        """The values, failures in their places."""
        return [each.known() for each in self._futures]

    def cancel(self) -> bool:
        """They have ended."""
        return False

    def __repr__(self) -> str:
        return f"FutureList({self.key!r}, {len(self)} elements)"


def submitted(task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], return_state: bool) -> Any:
    """Call the function now; gives its future, or its state."""
    made = Apart(task.name, _ended(task, args, kwargs))
    return made.state if return_state else made


def mapped(task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], return_state: bool) -> Any:
    """Call the function now for one element after the other; gives their futures, or their states."""
    made = ApartList(task.name, [Apart(task.name, _ended(task, *each)) for each in calls_of(task, args, kwargs)])
    return made.states if return_state else made


def calls_of(
    task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments of each call that a map makes."""
    parts = split(task.name, *task.shape.given(args, kwargs))
    size = len(next(iter(parts.spread.values())))
    return [
        task.called_with(
            task.shape.closed({**{name: values[each] for name, values in parts.spread.items()}, **parts.shared})
        )
        for each in range(size)
    ]


def _ended(task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> State:
    """How a call of the function ends, whatever kind it is of; futures among its arguments stand for their values."""

    def call() -> Any:
        return whole(finished(task.fn(*arguments.resolve(args, wait=True), **arguments.resolve(kwargs, wait=True))))

    state: State = state_outside(Kind.PLAIN, call, (), {})
    return state
