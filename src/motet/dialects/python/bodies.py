"""Running bodies: one attempt at a task or flow on the calling thread, and the end of what it submitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from motet.dialects.python.calls import TaskCall
from motet.dialects.python.running.hooks import task_ended
from motet.engine.attempts import news_of
from motet.engine.calls import Settled
from motet.errors import Cancelled
from motet.executors import capture
from motet.executors.current import Current, running
from motet.kernel.inputs import Ended, Failed, Succeeded
from motet.kernel.state import Step
from motet.kernel.transitions import CANCELLING
from motet.ports import Failure, Success
from motet.values.errors import encode_error

if TYPE_CHECKING:
    from motet.engine.driver import Driver


def attempt_here(driver: Driver, call: TaskCall, number: int, run: Callable[[], Any]) -> Step:
    """Carry out one attempt on this thread and commit how it ended; gives the step."""
    step = driver.conclude(outcome_here(driver, call, number, run))
    if call.task.hooks and step.ended:
        task_ended(call)
    return step


def outcome_here(driver: Driver, call: TaskCall, number: int, run: Callable[[], Any]) -> Succeeded | Failed:
    """Carry out one attempt on this thread; gives the news of how it ended.

    Errors that break the run itself (a replay that differs, a store that fails) are no outcome: they pass through.
    An interruption (Ctrl-C) is recorded, and passes on.
    """
    clock = driver.host.clock
    try:
        settled = _settled(driver, call, number, run)
    except Exception:
        raise
    except BaseException as stop:
        driver.conclude(Ended(clock.now(), call.key, number, f"interrupted by {type(stop).__name__}"))
        raise
    return news_of(clock.now(), call.key, number, settled)


def _settled(driver: Driver, call: TaskCall, number: int, run: Callable[[], Any]) -> Settled:
    try:
        value = _captured(driver, call.key, number, run)
    except Exception as error:  # boundary: whatever a user's function raises is the outcome of its attempt
        if driver.session.broken is not None:
            raise driver.session.broken from error
        if isinstance(error, Cancelled) and driver.state.status == CANCELLING:
            driver.conclude(Ended(driver.host.clock.now(), call.key, number, driver.state.reason))
            raise
        return call.settled(number, Failure(encode_error(error), error))
    return call.settled(number, Success(value))


def _captured(driver: Driver, key: str, number: int, run: Callable[[], Any]) -> Any:
    """What it prints and logs goes to the run's log, and on to where it would have gone."""
    here = Current({"run": driver.run.id, "key": key, "attempt": number}, driver.log_of(key, number))
    capture.ensure()
    token = running.set(here)
    try:
        return run()
    finally:
        here.finish()
        running.reset(token)
