"""Which transaction the running code is in, so that calls of tasks can join it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from motet.dialects.python.calls import MapCall, TaskCall


class Block(Protocol):
    """A transaction that is under way."""

    def called(self, call: TaskCall | MapCall) -> None:
        """A task with hooks for commit or rollback is called within."""
        ...


block: ContextVar[Block | None] = ContextVar("motet_transaction", default=None)
"""The innermost transaction that is under way; None outside of any."""


def join(call: TaskCall | MapCall) -> None:
    """Let the call take part in the transaction that it is made in."""
    hooks, inside = call.task.hooks, block.get()
    if inside is not None and ("on_commit" in hooks or "on_rollback" in hooks):
        inside.called(call)
