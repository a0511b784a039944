"""Coroutines as steps and runs. Nothing here blocks the loop but commits, which are short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from motet.dialects.python.bodies.forks import forking
from motet.dialects.python.bodies.outcome import Outcome
from motet.dialects.python.bodies.plain import Conclude, conclude_run, finish, let_go
from motet.dialects.python.outcomes import pending
from motet.dialects.python.scope import Scope, current
from motet.dialects.python.waking import Wake, wait
from motet.engine.replay import GIVEN_UP
from motet.errors import Cancelled
from motet.executors import capture
from motet.executors.current import running
from motet.interrupts import Unheeded, held_back
from motet.kernel.program import AddStep, StopStep
from motet.kernel.state import Step
from motet.kernel.transitions import CANCELLING, RUNNING
from motet.values.kinds import Kind

if TYPE_CHECKING:
    from motet.dialects.python.bodies.body import Body
    from motet.dialects.python.calls import TaskCall
    from motet.engine.driver import Driver

# ---------------------------------------------------------------- waiting


async def granted(driver: Driver, key: str) -> int:
    """As `driver.granted`. If this is cancelled meanwhile, the step is given up."""
    try:
        while True:
            wake = Wake()
            number = driver.turn(key, wake)
            if number is not None:
                return number
            with driver.idling():
                await wake
    except asyncio.CancelledError:
        driver.act([StopStep(key, GIVEN_UP)])
        raise


async def arrived(driver: Driver, keys: Iterable[str]) -> None:
    """Wait until the steps, or elements, have their outcomes."""
    for key in keys:
        element = None if key in driver.state.steps else driver.state.element(key)
        await (wait(driver, key) if element is None else wait(driver, element[0].key, element[1]))


# ---------------------------------------------------------------- bodies


async def run(body: Body, *, alone: bool = False) -> Any:
    """Await the coroutine that the body's function gives; an async generator gives the list of what it yields."""
    async with _around(body):
        value = await _limited(body, alone=alone)
        await arrived(body.scope.driver, pending(value, deep=body.deep))
        value = body.concluded(value)
    body.check()
    return value


async def run_alone(body: Body) -> Any:
    """As `run`, for the only coroutine of a loop that was made for an attempt: it is cancelled when that is to stop."""
    attempt, loop, task = running.get(), asyncio.get_running_loop(), asyncio.current_task()

    def cancel() -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(task.cancel)  # type: ignore[union-attr]

    if attempt is not None:
        attempt.at_stop = cancel
        if attempt.stopping is not None:
            cancel()
    return await run(body, alone=True)


@asynccontextmanager
async def _around(body: Body) -> AsyncIterator[None]:
    """The scope around a coroutine. At its end, what it submitted, and its asyncio tasks carry out, is waited for."""
    scope, before = body.scope, current.get()
    current.set(scope)
    try:
        with forking():
            if body.begin is not None:
                await asyncio.to_thread(body.begin)
            try:
                yield
            except Exception:
                await settled(scope)
                raise
            await settled(scope)
    finally:
        current.set(before)
        if scope.end():
            await asyncio.to_thread(scope.call_back)


async def settled(scope: Scope) -> None:
    """Wait for what a body submitted, and for what its asyncio tasks carry out."""
    for key in list(scope.unlooked or ()):
        await wait(scope.driver, key)
    while scope.awaited:
        await wait(scope.driver, next(iter(scope.awaited)))
    await _over_late(scope)


async def _over_late(scope: Scope) -> None:
    """Wait for coroutines that have timed out, as long as their grace."""
    while scope.late:
        inner, grace_s = scope.late.popitem()
        await asyncio.wait((inner,), timeout=grace_s)


async def _limited(body: Body, *, alone: bool = False) -> Any:
    """What the body's coroutine gives. When its time is up it is cancelled where it waits, and has timed out whatever
    it does then. Its caller is told at once, and what called it waits for it at its own end; on a loop of its own
    (`alone`) the caller waits itself. Either waits as long as the task's grace.
    """
    coroutine, timeout_s, outer = _coroutine(body), body.timeout_s, body.scope.outer
    if timeout_s is None:
        return await coroutine
    context, until = copy_context(), asyncio.get_running_loop().time() + timeout_s
    inner = asyncio.get_running_loop().create_task(coroutine, context=context)
    try:
        await asyncio.wait((inner,), timeout=timeout_s)
        if inner.done() and asyncio.get_running_loop().time() < until:
            for variable, value in context.items():
                variable.set(value)
            return inner.result()
    except asyncio.CancelledError:
        inner.cancel()
        await asyncio.wait((inner,), timeout=body.grace_s)
        raise
    inner.cancel()
    inner.add_done_callback(lambda done: done.cancelled() or done.exception())  # else asyncio says that nobody asked
    if outer is None or alone:
        await asyncio.wait((inner,), timeout=body.grace_s)
    elif not inner.done():
        outer.late[inner] = body.grace_s
    raise body.scope.timed_out(timeout_s)


async def _coroutine(body: Body) -> Any:
    given = body.fn(*body.args, **body.kwargs)
    return await given if body.kind is not Kind.ASYNC_GENERATOR else [each async for each in given]


# ---------------------------------------------------------------- steps and runs


async def carry_out(scope: Scope, call: TaskCall, action: AddStep) -> Step:
    """Add a step, and carry it out in the running asyncio task until it has its outcome; gives the step."""
    scope.awaited.add(call.key)
    try:
        return await _carry_out(call, call.driver.add(action, call), call.driver.conclude)
    finally:
        scope.awaited.discard(call.key)


async def _carry_out(call: TaskCall, attempt: int, conclude: Conclude, begun: Callable[[], None] | None = None) -> Step:
    while attempt or (attempt := await granted(call.driver, call.key)):
        if begun is not None:
            begun()
        with Outcome(call.driver, call, attempt) as outcome:
            outcome.value = await call.run_async()
        step = conclude(outcome.told)
        if step.ended:
            if call.task.hooks:
                await asyncio.to_thread(call.ended)
            return step
        await _over_late(call.scope)
        attempt = 0
    return call.driver.state.steps[call.key]


async def drive(driver: Driver, action: AddStep, call: TaskCall) -> None:
    """Drive a run whose root step is `action` to its end. Raises errors of the engine, and interruptions."""
    stopping = _Stopping(driver, call.key)
    capture.hold()
    try:
        with held_back(driver):
            try:
                attempt = driver.add(action, call)
                await _carry_out(call, attempt, lambda told: conclude_run(call, told, wait=False), stopping.watch)
            except BaseException as stop:  # boundary: a run that was stopped is told of in its future
                if not isinstance(stop, Cancelled) or call.key not in driver.state.steps:
                    let_go(call, stop, wait=False)
                    await _over(driver)
                    if isinstance(stop, Unheeded):
                        raise driver.stopped from None
                    if not stopping.asked or not isinstance(stop, asyncio.CancelledError):
                        raise
                    stopping.take_back()
            if not driver.finished.is_set():
                finish(call, wait=False)
            await finished(driver)
    finally:
        capture.release()


async def finished(driver: Driver) -> None:
    """Wait until the run has ended. Raises what broke it."""
    await _over(driver)
    driver.check()


async def _over(driver: Driver) -> None:
    if not driver.finished.is_set():
        await asyncio.to_thread(driver.finished.wait)


class _Stopping:
    """Cancels the asyncio task that drives a run when the run is stopped, or breaks."""

    def __init__(self, driver: Driver, key: str) -> None:
        self.asked = False
        self._driver = driver
        self._key = key
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()

    def watch(self) -> None:
        """Look out for the next change of the root step, whose attempt is under way."""
        self._driver.turn(self._key, self._changed)

    def _changed(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        driver = self._driver
        if driver.finished.is_set() and driver.session.broken is None:
            return
        if driver.session.broken is None and driver.state.status != CANCELLING:
            if driver.state.steps[self._key].status == RUNNING:
                self.watch()
        elif not self.asked and self._task is not None:
            self.asked = True
            self._task.cancel()

    def take_back(self) -> None:
        """The cancelling has been heeded."""
        if self._task is not None:
            self._task.uncancel()
