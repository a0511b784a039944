"""How a decorated function finds the host that its runs live on: the composition root says so when it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from motet.errors import UsageError

if TYPE_CHECKING:
    from motet.engine.host import Host

_opener: list[Callable[[], Host]] = []


def use(opener: Callable[[], Host]) -> None:
    """From now on, ask `opener` for the host."""
    _opener[:] = [opener]


def host() -> Host:
    """The host for new runs."""
    if not _opener:
        raise UsageError("Nothing says where runs are kept.", "Import flow and task from motet itself.")
    return _opener[0]()
