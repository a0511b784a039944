"""Whether flows are being defined only, and which of them is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motet.dialects.python.flows import Flow

_loading: ContextVar[tuple[str, Callable[[], bool]] | None] = ContextVar("motet_loading", default=None)


class _Enough(BaseException):
    """The flow that was wanted is defined: the rest of its file need not run."""


def definitions_only(flow: Flow[..., Any]) -> bool:
    """Whether flows are only being defined: a call at the top of a file then does not run its flow."""
    wanted = _loading.get()
    if wanted is None:
        return False
    name, is_there = wanted
    if getattr(flow.fn, "__qualname__", "") == name and is_there():
        raise _Enough
    return True


@contextmanager
def defining(wanted: str, is_there: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """While it lasts, flows are defined only. A call of the one called `wanted` says that no more is needed, once it
    `is_there`.
    """
    token = _loading.set((wanted, is_there))
    try:
        yield
    except _Enough:
        pass
    finally:
        _loading.reset(token)
