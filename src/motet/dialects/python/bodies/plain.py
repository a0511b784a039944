"""Steps that their caller carries out on its own thread, and runs that are driven from one."""

from __future__ import annotations

from collections.abc import Callable

from motet.dialects.python.bodies.outcome import Outcome
from motet.dialects.python.scope import Leaving
from motet.errors import Cancelled
from motet.executors import capture
from motet.interrupts import Unheeded, held_back, in_main
from motet.kernel.inputs import Ended, Failed, Succeeded, tries_again
from motet.kernel.program import AddStep, Finish
from motet.kernel.state import Step
from motet.kernel.transitions import CANCELLING
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    from motet.dialects.python.calls import TaskCall
    from motet.engine.driver import Driver

Conclude: TypeAlias = Callable[[Succeeded | Failed | Ended], Step]
"""Commits how an attempt ended; gives the step."""


def carry_out(
    driver: Driver, call: TaskCall, attempt: int, conclude: Conclude | None = None,
    begun: Callable[[], None] | None = None,
) -> Step:  # fmt: skip
    """Carry out the attempts on this thread, until the step has its outcome; gives the step."""
    while attempt or (attempt := driver.granted(call.key)):
        if begun is not None:
            begun()
        with Outcome(driver, call, attempt) as outcome:
            outcome.value = call.run()
        step = (conclude or call.conclude)(outcome.told)
        if step.ended:
            return step
        attempt = 0
    return driver.state.steps[call.key]


def drive(driver: Driver, action: AddStep, call: TaskCall) -> None:
    """Drive a run whose root step is `action` to its end. Raises errors of the engine, and interruptions."""
    capture.hold()
    try:
        with held_back(driver):
            try:
                try:
                    attempt = driver.add(action, call)
                    carry_out(driver, call, attempt, lambda told: conclude_run(call, told), _stops_of(driver, call.key))
                except Cancelled:
                    if call.key not in driver.state.steps:  # stopped before its first step was there
                        raise
                if not driver.finished.is_set():
                    call.ended()
                    finish(call)
            except BaseException as stop:
                let_go(call, stop)
                if isinstance(stop, Unheeded):
                    raise driver.stopped from None
                raise
    finally:
        capture.release()


def _stops_of(driver: Driver, key: str) -> Callable[[], None] | None:
    """What looks out for a stop of the run from elsewhere while its root step is carried out on the main thread: it is
    raised there in the user's code, as Ctrl-C is, unless a call has told of it before.
    """
    raise_in_main = in_main(driver.stop, lambda: driver.finished.is_set() or driver.state.steps[key].ended)
    if raise_in_main is None:
        return None

    def changed() -> None:
        if driver.state.status == CANCELLING:
            raise_in_main(driver.stopped)

    def watch() -> None:
        driver.turn(key, changed)

    return watch


def conclude_run(call: TaskCall, told: Succeeded | Failed | Ended, *, wait: bool = True) -> Step:
    """As `driver.conclude` for the root step of a run: its end is the run's, in the same commit.

    With hooks it is not: they come after it, and before the run has ended, so that a crash repeats them.
    """
    driver = call.driver
    if call.task.hooks or tries_again(driver.state, told):
        return driver.conclude(told)
    ending = Finish("cancelled")
    if not isinstance(told, Ended):
        ending = Finish("succeeded", told.result) if isinstance(told, Succeeded) else Finish("failed", error=told.error)
    driver.finish(ending, told, wait=wait)
    return driver.state.steps[told.key]


def finish(call: TaskCall, *, wait: bool = True) -> None:
    """End a run whose root step has ended."""
    step = call.driver.state.steps[call.key]
    call.driver.finish(Finish(step.status, step.result, step.error), wait=wait)


def let_go(call: TaskCall, stop: BaseException, *, wait: bool = True) -> None:
    """What becomes of a run whose driving was stopped so: one that was interrupted ends as cancelled."""
    driver, name = call.driver, type(stop).__name__
    if driver.session.broken is not None:
        return
    if isinstance(stop, KeyboardInterrupt | SystemExit) or name == "CancelledError":
        told = {"KeyboardInterrupt": "interrupted by Ctrl-C", "SystemExit": "interrupted by exit"}
        driver.cancel(told.get(name, "its asyncio task was cancelled"))
        call.ended()
        driver.finish(Finish("cancelled"), wait=wait)
    elif driver.state.status == CANCELLING:
        driver.finish(Finish("cancelled"), wait=wait)
    else:
        driver.leave()
        if isinstance(stop, Leaving):
            raise stop.suspended(driver.run) from None
