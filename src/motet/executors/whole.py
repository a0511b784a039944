"""What a function gives that has not done its work yet: coroutines and generators, run to their end.

Kept small: a worker process imports it.
"""

from __future__ import annotations

from types import AsyncGeneratorType, CoroutineType, GeneratorType

from motet.typed import Any


def whole(value: Any) -> Any:
    """The value; a coroutine's own, from an event loop made for it; of a generator the list of what it yields."""
    if type(value) is GeneratorType:
        return list(value)
    if type(value) is not CoroutineType and type(value) is not AsyncGeneratorType:
        return value
    from asyncio import run

    return run(value if type(value) is CoroutineType else _listed(value))


async def _listed(values: Any) -> list[Any]:
    return [each async for each in values]
