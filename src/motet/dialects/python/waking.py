"""Waiting in a coroutine for what other threads bring about: the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motet.engine.driver import Driver


class Wake:
    """Called from any thread, it wakes the coroutine that awaits it."""

    __slots__ = ("_loop", "_woken")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = self._loop.create_future()

    def __call__(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    def __await__(self) -> Generator[Any, None, None]:
        return self._woken.__await__()


async def wait(driver: Driver, key: str, element: int = -1, timeout_s: float | None = None) -> bool:
    """As `driver.wait`, while the loop goes on."""
    wake = Wake()
    if driver.when_ended(key, element, wake):
        return True
    try:
        with driver.idling():
            async with asyncio.timeout(timeout_s) as limit:
                await wake
    except TimeoutError:
        if limit.expired():
            return False
        raise
    finally:
        driver.forget(key, wake)
    driver.check()
    return True
