"""What runs here right now: what the code of an attempt may ask about itself, in every kind of executor.

Kept small: a worker process imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from threading import Lock
from time import time
from typing import TYPE_CHECKING, Any, TypeAlias

from motet.values.secrets import hide

if TYPE_CHECKING:
    from motet.kernel.events import Json

Log: TypeAlias = Callable[[str, str, float], None]

LINE_CHARS = 64 * 1024
"""A line longer than this is logged in pieces, so that output without line ends needs no endless memory."""

NEAR_CHARS = 4 * 1024
_STEP_CHARS = 64


def piece_end(text: str, most: int) -> int:
    """Where to end a piece of a line: behind a blank not far before `most`, else there, but never within a secret.

    What follows that place has to be there too, at least NEAR_CHARS of it.
    """
    at = text.rfind(" ", most - NEAR_CHARS, most) + 1 or most
    while at > most - NEAR_CHARS:
        left, right = text[max(0, at - NEAR_CHARS) : at], text[at : at + NEAR_CHARS]
        if hide(left + right) == hide(left) + hide(right):
            return at
        at -= _STEP_CHARS
    return most


class Current:
    """The attempt that runs in this context (see `ports.Attempt` for `context` and `log`).

    stopping   why the attempt was asked to stop; None if it was not
    at_stop    called when it is, from any thread; None: the code looks at `stopping` itself, if it does
    tee        whether what it writes is also shown where it would have gone
    held       by stream, the line begun that is not shown yet: of an attempt that others write beside, whole lines are
               shown; None for one that shows each word at once
    kept       what those remember of the attempt that its code calls: how many artifacts it has published, ...
    printed    called with each line that it writes to stdout, in place of all that; None for none
    """

    __slots__ = ("_lock", "_pending", "at_stop", "context", "held", "kept", "log", "printed", "stopping", "tee")

    def __init__(
        self, context: Mapping[str, Json], log: Log | None = None, tee: bool = True, *, whole_lines: bool = False
    ) -> None:  # fmt: skip
        self.context = context
        self.log = log
        self.tee = tee
        self.stopping: str | None = None
        self.at_stop: Callable[[], None] | None = None
        self.held: dict[str, str] | None = {} if whole_lines else None
        self.kept: dict[str, Any] = {}
        self.printed: Callable[[str], None] | None = None
        self._pending: dict[str, str] = {}
        self._lock = Lock()

    def stop(self, reason: str) -> None:
        """Ask the attempt to stop."""
        self.stopping = reason
        if self.at_stop is not None:
            self.at_stop()

    def write(self, stream: str, text: str) -> None:
        """Log the lines that end in `text`; the rest waits for its end."""
        if self.log is None and self.printed is None:
            return
        at = time()
        with self._lock:
            *lines, rest = (self._pending.get(stream, "") + text).split("\n")
            while len(rest) >= LINE_CHARS + NEAR_CHARS:
                end = piece_end(rest, LINE_CHARS)
                lines.append(rest[:end])
                rest = rest[end:]
            self._pending[stream] = rest
        for line in lines:
            self._line(stream, line, at)

    def finish(self) -> None:
        """Log what was written without a line end. Called when the attempt's code has ended."""
        while self._pending:
            stream, rest = self._pending.popitem()
            if rest:
                self._line(stream, rest, time())

    def _line(self, stream: str, line: str, at: float) -> None:
        if self.printed is not None and stream == "stdout":
            self.printed(line)
        elif self.log is not None:
            self.log(stream, line, at)


running: ContextVar[Current | None] = ContextVar("motet_running", default=None)
"""The attempt that this code is part of. Tasks and threads that are given the context belong to it too."""


def get() -> Current | None:
    """The attempt that the calling code is part of, None outside of any."""
    return running.get()


def stop_requested() -> str | None:
    """Why the calling attempt was asked to stop; None if it was not. For code that cannot be killed."""
    here = running.get()
    return None if here is None else here.stopping
