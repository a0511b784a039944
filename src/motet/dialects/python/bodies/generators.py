"""Generators as steps and runs: they run while their caller asks for values, where it does.

What they yield is recorded when they end; a generator that is closed early has ended well, with what it yielded until
then. Where a step is recorded, the values come from the record. As in Prefect 3, a retry begins from the start.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from motet.dialects.python.bodies import plain
from motet.dialects.python.bodies.body import Body
from motet.dialects.python.bodies.outcome import Outcome
from motet.dialects.python.bodies.yielded import Yielded
from motet.dialects.python.outcomes import check_submitted, wait_for_submitted
from motet.dialects.python.scope import current
from motet.executors import capture
from motet.interrupts import held_back
from motet.kernel.program import AddStep
from motet.values.kinds import Kind

if TYPE_CHECKING:
    from motet.dialects.python.bodies.plain import Conclude
    from motet.dialects.python.calls import TaskCall
    from motet.dialects.python.futures import Future


class _Stream:
    """A generator under way: its scope and its attempt are set while its own code runs, and only then."""

    def __init__(self, body: Body, outcome: Outcome) -> None:
        outcome.leave()
        self.outcome = outcome
        self.scope = body.scope
        self.values = Yielded()
        self.sent: Any = None
        self.thrown: BaseException | None = None
        self._timeout_s = body.timeout_s
        self._begun_at = time.monotonic()
        self._is_inside = False
        with self.inside():
            if body.begin is not None:
                body.begin()
            if body.kind is Kind.GENERATOR:
                body.begin_limit(lambda: self._is_inside)
            self.generator = body.fn(*body.args, **body.kwargs)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Around the generator's own code."""
        before = current.get()
        current.set(self.scope)
        self.outcome.enter()
        self._is_inside = True
        try:
            yield
        finally:
            self._is_inside = False
            self.outcome.leave()
            current.set(before)

    def advance(self) -> bool:
        """Run it up to its next value, which is `values[-1]`; False when it has ended."""
        thrown, self.thrown = self.thrown or self.scope.over, None
        try:
            with self.inside():
                value = self.generator.send(self.sent) if thrown is None else self.generator.throw(thrown)
        except StopIteration as end:
            return self._ended(end.value)
        if self.scope.over is not None:  # whatever it has yielded
            self.close()
            raise self.scope.over
        self.values.append(value)
        return True

    async def advance_async(self) -> bool:
        """The same for an async generator."""
        thrown, self.thrown = self.thrown, None
        try:
            with self.inside():
                asked = self.generator.asend(self.sent) if thrown is None else self.generator.athrow(thrown)
                value = await (asked if self._timeout_s is None else self._limited(self._timeout_s, asked))
        except StopAsyncIteration:
            return self._ended(None)
        self.values.append(value)
        return True

    async def _limited(self, timeout_s: float, asked: Awaitable[Any]) -> Any:
        """The next value, while there is time."""
        import asyncio

        left_s = self._begun_at + timeout_s - time.monotonic()
        try:
            async with asyncio.timeout(left_s) as limit:
                value = await asked
        except TimeoutError:
            if not limit.expired():
                raise
        if limit.expired() or time.monotonic() >= self._begun_at + timeout_s:
            raise self.scope.timed_out(timeout_s)
        return value

    def _ended(self, returned: Any) -> bool:
        if returned is not None:
            self.values.returned = returned
        return False

    def close(self) -> None:
        """Its caller wants no more."""
        with self.inside():
            self.generator.close()

    async def close_async(self) -> None:
        """The same for an async generator."""
        with self.inside():
            await self.generator.aclose()

    def finish(self) -> None:
        """What it submitted is waited for. Raises TimedOut if it has taken too long."""
        if self.scope.over is not None:
            raise self.scope.over
        wait_for_submitted(self.scope)
        if self.scope.end():
            self.scope.call_back()
        check_submitted(self.scope)
        self.outcome.value = self.values.plain()


def carry_out(future: Future[Any], call: TaskCall, attempt: int, conclude: Conclude) -> Generator[Any, Any, Any]:
    """Carry out a step on the thread of whoever asks for its values, or give the recorded ones."""
    streamed = closed = False
    while attempt or (attempt := call.driver.granted(call.key)):
        with Outcome(call.driver, call, attempt) as outcome:
            outcome.value = body = call.body()
            if type(body) is Body:
                streamed, stream = True, _Stream(body, outcome)
                while not closed and stream.advance():
                    try:
                        stream.sent = yield stream.values[-1]
                    except GeneratorExit:
                        closed = True
                        stream.close()
                    except Exception as error:  # noqa: BLE001 - boundary: what is thrown in is the generator's
                        stream.thrown = error
                stream.finish()
        if conclude(outcome.told).ended:
            break
        attempt = 0
    if closed:
        return None
    values = future.result()
    if not streamed:
        yield from values
    return getattr(values, "returned", None)


def drive(future: Future[Any], action: AddStep, call: TaskCall) -> Generator[Any, Any, Any]:
    """Drive a run whose root step is `action` to its end, while its values are asked for."""
    driver = call.driver
    capture.hold()
    try:
        with held_back(driver):
            try:
                attempt = driver.add(action, call)
                returned = yield from carry_out(future, call, attempt, lambda told: plain.conclude_run(call, told))
                _let_go(call)
                return returned
            except BaseException as stop:
                _let_go(call, stop)
                raise
    finally:
        capture.release()


def _let_go(call: TaskCall, stop: BaseException | None = None) -> None:
    """End a run that is driven no further: because its root step has ended, or because of `stop`."""
    if call.driver.finished.is_set():
        return
    step = call.driver.state.steps.get(call.key)
    if step is not None and step.ended:
        call.ended()
        plain.finish(call)
    elif stop is not None:
        plain.let_go(call, stop)


async def carry_out_async(
    future: Future[Any], call: TaskCall, attempt: int, conclude: Conclude
) -> AsyncGenerator[Any, Any]:
    """As `carry_out` for an async generator."""
    from motet.dialects.python.bodies.coroutines import granted, settled
    from motet.dialects.python.bodies.forks import forking

    streamed = closed = False
    while attempt or (attempt := await granted(call.driver, call.key)):
        with Outcome(call.driver, call, attempt) as outcome, forking():
            outcome.value = body = call.body()
            if type(body) is Body:
                streamed, stream = True, _Stream(body, outcome)
                while not closed and await stream.advance_async():
                    try:
                        stream.sent = yield stream.values[-1]
                    except GeneratorExit:
                        closed = True
                        await stream.close_async()
                    except Exception as error:  # noqa: BLE001 - boundary: what is thrown in is the generator's
                        stream.thrown = error
                await settled(stream.scope)
                stream.finish()
        if conclude(outcome.told).ended:
            break
        attempt = 0
    if closed:
        return
    values = future.result()
    if not streamed:
        for each in values:
            yield each


async def drive_async(future: Future[Any], action: AddStep, call: TaskCall) -> AsyncGenerator[Any, Any]:
    """As `drive` for an async generator."""
    from motet.dialects.python.bodies.coroutines import finished

    driver = call.driver
    capture.hold()
    try:
        with held_back(driver):
            values = carry_out_async(
                future, call, driver.add(action, call), lambda told: plain.conclude_run(call, told, wait=False)
            )
            try:
                async for each in values:
                    yield each
            except GeneratorExit:
                await values.aclose()
            except BaseException as stop:
                await values.aclose()
                _let_go(call, stop)
                raise
            _let_go(call)
            await finished(driver)
    finally:
        capture.release()
