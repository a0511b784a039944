"""What the running code is: the body of a flow, which may call tasks and flows, or that of a task, which may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from motet.dialects.python.orion.futures import PrefectFuture
from motet.dialects.python.orion.states import Failed, State
from motet.dialects.python.orion.telling import Teller, run_logger
from motet.dialects.python.scope import Lineage, Scope, current
from motet.dialects.python.states import StateType
from motet.dialects.python.task_runners import SequentialTaskRunner, TaskRunner
from motet.errors import StateFailed
from motet.kernel.transitions import CANCELLING

if TYPE_CHECKING:
    import logging

    from motet.engine.driver import Driver


class FlowScope(Scope):
    """The body of a flow: `futures` of the tasks that it called, `states` of its subflows.

    untold  what tells of tasks that were not ready, whose end no thread of theirs can tell of
    """

    __slots__ = ("futures", "numbers", "sequential", "states", "teller", "untold")

    def __init__(self, driver: Driver, key: str, lineage: Lineage, runner: TaskRunner, teller: Teller) -> None:
        super().__init__(driver, key, lineage, runner.executor, runner.max_workers)
        self.sequential = isinstance(runner, SequentialTaskRunner)
        self.teller = teller
        self.futures: list[PrefectFuture[Any]] = []
        self.states: list[State] = []
        self.numbers: dict[str, int] = {}
        self.untold: list[Callable[[], None]] = []

    def next_name(self, name: str, task_key: str) -> str:
        """What the next run of the task is called: `augment_data-505b3e0c-0`."""
        number = self.numbers.get(task_key, 0)
        self.numbers[task_key] = number + 1
        return f"{name}-{task_key[:8]}-{number}"

    def wait(self) -> list[State]:
        """Wait for all tasks, and until their ends are told; gives their states, then those of the subflows."""
        ended = [state for each in self.futures if (state := each.wait()) is not None]
        for tell in self.untold:
            tell()
        return ended + self.states


class TaskScope(Scope):
    """The body of a task."""

    __slots__ = ("teller",)

    def __init__(self, driver: Driver, key: str, lineage: Lineage, teller: Teller) -> None:
        super().__init__(driver, key, lineage)
        self.teller = teller


def calling(what: str) -> FlowScope | None:
    """The flow whose body calls a task or flow (`what`); None outside. Raises RuntimeError where that may not be."""
    scope = current.get()
    if scope is None or isinstance(scope, FlowScope):
        return scope
    if isinstance(scope, TaskScope):
        raise RuntimeError(
            f"{what.title()}s cannot be called from within tasks. Did you mean to call this {what} in a flow?"
        )
    raise RuntimeError(f"This {what} of motet.orion was called in a flow of motet: decorate both by the same module.")


def get_run_logger() -> logging.Logger:
    """The logger of the run of the task or flow that calls this. Raises RuntimeError outside of any."""
    scope = current.get()
    if not isinstance(scope, FlowScope | TaskScope):
        raise RuntimeError("There is no active flow or task run context.")
    return run_logger(scope.teller.who)


def tell_how_it_ends(teller: Teller, what: str, run: Callable[[], State]) -> Any:
    """Run a body, and tell how it went. Gives what is to be recorded of a success; raises what is of a failure."""
    driver = teller.driver
    failure: Exception
    try:
        state = run()
    except Exception as error:  # boundary: whatever a user's function raises is in its state, too
        if driver.session.broken is not None or driver.state.status == CANCELLING:
            raise
        teller.error("Encountered exception during execution:", error)
        state, failure = Failed(f"{what} run encountered an exception.", data=error), error
    else:
        if state.type is StateType.COMPLETED:
            teller.tell(f"Finished in state {state}")
            return state if state.message or state.name != "Completed" else state.content
        failure = StateFailed(state.message or str(state), state=state)
    tell_failure(teller, state)
    raise failure


def tell_failure(teller: Teller, state: State) -> None:
    """Tell that an attempt failed: whether another one follows, or else the state."""
    step = teller.driver.state.steps[teller.key]
    if step.failures < step.policy.retries:
        teller.tell(
            f"Received non-final state 'AwaitingRetry' when proposing final state {state.name!r} and will attempt to "
            "run again..."
        )
    else:
        teller.error(f"Finished in state {state}")
