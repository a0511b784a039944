"""Whether flows are being defined only, and which of them is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motet.dialects.python.flows import Flow

_loading: ContextVar[str | None] = ContextVar("motet_loading", default=None)


class _Enough(BaseException):
    """The flow that was wanted is defined: the rest of its file need not run."""


def definitions_only(flow: Flow[..., Any]) -> bool:
    """Whether flows are only being defined: a call at the top of a file then does not run its flow."""
    wanted = _loading.get()
    if wanted is None:
        return False
    if flow.fn.__qualname__ == wanted:
        raise _Enough
    return True


@contextmanager
def defining(wanted: str) -> Iterator[None]:
    """While it lasts, flows are defined only; the definition of the one called `wanted` is enough."""
    token = _loading.set(wanted)
    try:
        yield
    except _Enough:
        pass
    finally:
        _loading.reset(token)
