"""What runs here right now: what the code of an attempt may ask about itself, in every kind of executor.

Kept small: a worker process imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from threading import Lock, Thread
from time import monotonic, sleep, thread_time, time

from motet.typed import TYPE_CHECKING, Any, Protocol
from motet.values.secrets import hide, settled

if TYPE_CHECKING:
    from motet.kernel.events import Json
    from motet.ports import ArtifactStore, LineLog

LINE_CHARS = 64 * 1024
"""A line longer than this is logged in pieces, so that output without line ends needs no endless memory."""

NEAR_CHARS = 4 * 1024
_STEP_CHARS = 64
_SHOWN_CHARS = 4 * 1024
_SHORT_S = 0.001

OPEN_S = 0.1
"""A line that has no end after so long is told to whoever follows; and again, not more often, as it grows."""


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


def pieces(rest: str) -> list[str]:
    """A line that has no end yet, in pieces: the last one waits for more, the others are long enough to be logged."""
    found = []
    while len(rest) >= LINE_CHARS + NEAR_CHARS:
        end = piece_end(rest, LINE_CHARS)
        found.append(rest[:end])
        rest = rest[end:]
    return [*found, rest]


def so_far(rest: str) -> str:
    """What can be seen of a line that has no end yet: its last state, without what may turn out to be a secret."""
    return hide(settled(rest)).rstrip("\r").rpartition("\r")[2][-_SHOWN_CHARS:]


class Keeper(Protocol):
    """Keeps the checkpoints of an attempt in another process than the run's."""

    @property
    def artifacts(self) -> ArtifactStore:
        """Where they are."""
        ...

    def keep(self, made: Mapping[str, Json]) -> int:
        """See `ports.Attempt`."""
        ...


class Current:
    """The attempt that runs in this context (see `ports.Attempt` for `context` and `log`).

    stopping     why the attempt was asked to stop; None if it was not
    at_stop      called when it is, from any thread; None: the code looks at `stopping` itself, if it does
    tee          whether what it writes is also shown where it would have gone: its lines as they end, the rest of one
                 when the stream is flushed
    whole_lines  whether others write beside it, so that its last line has to end
    kept         what those remember of the attempt that its code calls: how many artifacts it has published, ...
    keeper       keeps its checkpoints, where the run is driven by another process; None where nobody does
    printed      called with each line that it writes to stdout, in place of all that; None for none
    burst        what it writes in haste (see `capture`); None for nothing. `rush` lines were written until `rush_until`
    """

    __slots__ = (
        "_cpu_s", "_late_at", "_lock", "_rests", "_shown", "_since_s", "_told_at", "at_stop", "burst", "context",
        "keeper", "kept", "log", "printed", "rush", "rush_until", "stopping", "tee", "whole_lines",
    )  # fmt: skip

    def __init__(
        self, context: Mapping[str, Json], log: LineLog | None = None, tee: bool = True, *, whole_lines: bool = False
    ) -> None:  # fmt: skip
        self.context = context
        self.log = log
        self.tee = tee
        self.whole_lines = whole_lines
        self.stopping: str | None = None
        self.at_stop: Callable[[], None] | None = None
        self.kept: dict[str, Any] = {}
        self.keeper: Keeper | None = None
        self.printed: Callable[[str], None] | None = None
        self.burst: Any = None
        self.rush = 0
        self.rush_until = 0.0
        self._rests: dict[str, str] = {}
        self._shown: dict[str, int] = {}
        self._told_at = self._cpu_s = self._since_s = 0.0
        self._late_at: dict[str, float] = {}
        self._lock = Lock()

    def stop(self, reason: str) -> None:
        """Ask the attempt to stop."""
        self.stopping = reason
        if self.at_stop is not None:
            self.at_stop()

    def work(self) -> None:
        """Its code runs from here on, in this thread."""
        self._since_s = thread_time()

    def rest(self) -> Json:
        """Its code pauses, or has ended; gives what it took up to now (see `ports.Success`): what this thread did, as
        memory is the whole process's. None where that is not worth a word in the history.
        """
        self._cpu_s += thread_time() - self._since_s
        return {"cpu_s": round(self._cpu_s, 6)} if self._cpu_s >= _SHORT_S else None

    def write(self, stream: str, text: str) -> str:
        """Log the lines that end in `text`; the rest waits for its end. Gives what is to be shown by now."""
        if self.log is None and self.printed is None:
            return text
        with self._lock:
            text = self._rests.get(stream, "") + text
            whole, end, rest = text.rpartition("\n")
            *lines, rest = pieces(rest) if len(rest) >= LINE_CHARS else [rest]
            if end:
                lines.insert(0, whole)
            self._rests[stream] = rest
            cut, shown = len(text) - len(rest), self._shown.get(stream, 0)
            self._shown[stream] = max(0, shown - cut)
        if lines:
            self._lines(stream, "\n".join(lines), time())
        return text[shown:cut]

    def flushed(self, stream: str) -> str:
        """What is to be shown of a line begun, since the stream is flushed. Who follows the log sees it too."""
        with self._lock:
            rest = self._rests.get(stream)
            if not rest:
                return ""
            shown = self._shown.get(stream, 0)
            self._shown[stream] = max(shown, len(settled(rest)))
            to_show = rest[shown : self._shown[stream]]
        if self.log is not None and not (self.printed is not None and stream == "stdout"):
            self._tell_open(stream)
        return to_show

    def _tell_open(self, stream: str) -> None:
        """Log what there is of the line begun: now, or once it was not told for long enough. So its last state is told,
        whenever that came.
        """
        now = monotonic()
        wait_s = self._told_at + OPEN_S - now
        if wait_s <= 0:
            self._told_at = now
            self._log_open(stream)
        elif self._late_at.get(stream, 0.0) <= now:
            self._late_at[stream] = now + wait_s
            Thread(target=self._log_late, args=(stream, wait_s), name="motet-open-line", daemon=True).start()

    def _log_late(self, stream: str, wait_s: float) -> None:
        sleep(wait_s)
        self._told_at = monotonic()
        self._log_open(stream)

    def _log_open(self, stream: str) -> None:
        with self._lock:  # whoever ends the line logs it after this
            rest = self._rests.get(stream)
            if rest and self.log is not None:
                self.log(stream, so_far(rest), time(), False)

    def finish(self) -> list[tuple[str, str]]:
        """Log what has no line end, now that the attempt's code has ended; gives what of that is not shown yet."""
        if self.burst is not None:
            self.burst.flush()
        left = []
        for stream in tuple(self._rests):
            with self._lock:
                rest, shown = self._rests.pop(stream, ""), self._shown.pop(stream, 0)
            if rest:
                self._lines(stream, rest, time())
                left.append((stream, rest[shown:]))
        return left

    def _lines(self, stream: str, text: str, at: float) -> None:
        if self.printed is not None and stream == "stdout":
            for line in text.split("\n"):
                self.printed(line)
        elif self.log is not None:
            self.log(stream, text, at)


concluding: list[Callable[[Any], Any]] = []
"""What a voice makes of a value that a function returned in a worker process, or raises: as it does where it drives."""


running: ContextVar[Current | None] = ContextVar("motet_running", default=None)
"""The attempt that this code is part of. Tasks and threads that are given the context belong to it too."""


is_own_thread: ContextVar[bool] = ContextVar("motet_own_thread", default=False)
"""Whether this is a thread that an attempt's code has started itself: what it writes is the attempt's, no more."""


def get() -> Current | None:
    """The attempt that the calling code is part of, None outside of any."""
    return running.get()


def stop_requested() -> str | None:
    """Why the calling attempt was asked to stop; None if it was not. For code that cannot be killed."""
    here = running.get()
    return None if here is None else here.stopping
