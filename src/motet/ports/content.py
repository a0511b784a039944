"""Where large values and log lines are kept; and the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from motet.ports.rows import Pruned
from motet.ports.store import Follower
from motet.records import Protocol, Record


class Clock(Protocol):
    """Where time comes from, so that a simulator can make its own."""

    def now(self) -> float:
        """Seconds since the epoch. It may step in either direction, as a wall clock does."""
        ...


class LogLine(Record):
    """One line that an attempt wrote: when it ended, to which stream (stdout, stderr) or at which level.

    A line of the log itself, such as that older lines were let go, has no key.
    """

    at: float
    key: str
    attempt: int
    stream: str
    text: str


class LogStore(Protocol):
    """The lines that runs write, in the order in which they arrived. Safe from any thread and process."""

    def write(self, run: str, lines: Sequence[LogLine]) -> None:
        """Add lines. They are readable by others when it returns."""
        ...

    def read(self, run: str, position: int = 0, *, limit: int = 1000) -> tuple[list[LogLine], int]:
        """Lines from that position on, and the position behind them. Position 0 is the beginning."""
        ...

    def follow(self) -> Follower:
        """A follower that wakes when lines were written, of whatever run, by whatever process."""
        ...

    def runs(self) -> list[str]:
        """The ids of the runs that have lines."""
        ...

    def remove(self, run: str) -> int:
        """Forget the run's lines; gives the bytes freed."""
        ...

    def sync(self) -> None:
        """Bring the lines that were written from here to the disk. Raises OSError where the disk fails."""
        ...


class Stored(Record, frozen=True):
    """An artifact: its content's hash (hex) and size."""

    digest: str
    size_bytes: int


class ArtifactStore(Protocol):
    """Immutable content, addressed by its hash. Safe from any thread and process."""

    def put(self, parts: Sequence[bytes | memoryview]) -> Stored:
        """Keep the concatenation of `parts`. When it returns, the whole content is in place under its hash.

        Writing the same content again is cheap and changes nothing.
        """
        ...

    def get(self, digest: str) -> memoryview:
        """The content, mapped where possible rather than read. Raises NotFound."""
        ...

    def path(self, digest: str) -> str:
        """A file with the content, to be read only. Raises NotFound; ValueError for what is no digest."""
        ...

    def sync(self, digests: set[str]) -> None:
        """Bring these to the disk, those that there are. Raises OSError where the disk fails."""
        ...

    def sweep(self, used: Callable[[str], bool], older_than: float, *, dry_run: bool = False) -> Pruned:
        """Remove what nobody uses and was last put before that time."""
        ...
