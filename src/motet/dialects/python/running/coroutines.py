"""Coroutines that code without a loop of its own has to see through: hooks may be async."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any


def finished(value: Any) -> Any:
    """The value; of a coroutine what it gives, run to its end here and now."""
    if not isinstance(value, Coroutine):
        return value
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(value)
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    with ThreadPoolExecutor(1) as thread:  # a loop runs on this thread already: another one needs another thread
        return thread.submit(copy_context().run, asyncio.run, value).result()
