"""Where large values and log lines are kept; and the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf

from motet.ports.rows import Pruned
from motet.ports.store import Follower
from motet.records import Record, field
from motet.typed import Protocol


class Clock(Protocol):
    """Where time comes from, so that a simulator can make its own."""

    def now(self) -> float:
        """Seconds since the epoch. It may step in either direction, as a wall clock does."""
        ...


class LogLine(Record):
    """One line that an attempt wrote: when it came, to which stream (stdout, stderr) or at which level.

    Where it is written, `text` may be several lines, with line ends between them: they are read one by one.
    A line of the log itself, such as that older lines were let go, has no key.

    ended  False for what there was of a line that had no end yet. Once it has one it comes again, whole
    """

    at: float
    key: str
    attempt: int
    stream: str
    text: str
    ended: bool = True


class LogFilter(Record, frozen=True):
    """Which lines: those that fulfil all of it.

    step     of the step with that key, of its elements and of the steps below it; "" for all
    attempt  of the attempts of that number; 0 for all
    text     that hold this, as it stands; it has no line ends
    stream   that came to that stream, or at that level; "" for all
    since    that came then or later, and not after `until`; seconds since the epoch
    unended  True: also those that had no end yet
    """

    step: str = ""
    attempt: int = 0
    text: str = ""
    since: float = 0.0
    until: float = inf
    unended: bool = False
    stream: str = ""


class LogPage(Record):
    """Lines in the order in which they arrived, and where to go on.

    positions  where each of the lines begins: what is read from there on has it first
    more       whether there may be more that way by now. It can be True beside few lines or none: one call looks at so
               much of a log and no more, whatever is looked for
    """

    lines: list[LogLine]
    position: int
    more: bool = False
    positions: list[int] = field(default_factory=list)


ALL_LINES = LogFilter()


class LogStore(Protocol):
    """The lines that runs write, in the order in which they arrived. Safe from any thread and process.

    A position is a place in the log of a run, between lines; 0 is the beginning. It stays good while the log grows.
    """

    def write(self, run: str, lines: Sequence[LogLine], also: str = "") -> None:
        """Add lines. They are readable by others when it returns. What cannot be written is counted, and told by the
        next line that can be: it raises nothing.

        also  a file to which the texts are added, too: as they are here, each with its end, and nothing else. Where
              that cannot be, a line here says so, once

        What lines are that have no end yet may be left out while nobody follows.
        """
        ...

    def read(
        self, run: str, position: int = 0, *, limit: int = 1000, of: LogFilter = ALL_LINES, skip: int = 0
    ) -> LogPage:  # fmt: skip
        """Lines from that position on, but for the first `skip` of them, and the position behind them. However many
        are to be skipped, the page is beyond them.
        """
        ...

    def read_back(
        self, run: str, position: int | None = None, *, limit: int = 1000, of: LogFilter = ALL_LINES
    ) -> LogPage:  # fmt: skip
        """The last lines before that position (None: the end), and the position before them."""
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

    def put_stream(self, parts: Iterable[bytes | memoryview]) -> Stored:
        """As `put`, for parts that are made one by one, and of which only one is to be in memory at a time.

        What making them raises is raised, and nothing is kept.
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

    def remove(self, digest: str) -> None:
        """Remove what its only user needs no more; nothing if it is not there."""
        ...

    def sweep(self, used: Callable[[str], bool], older_than: float, *, dry_run: bool = False) -> Pruned:
        """Remove what nobody uses and was last put before that time."""
        ...
