"""The lines that runs write: JSON lines, in segments, so that what is too much can go without the rest."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import time

from motet import private
from motet.ports import Follower, LogLine
from motet.stores.codec import decode, encode
from motet.stores.wake import Bell, FifoFollower

_END = ".jsonl"
_MORE = ".more"
_OPEN_FILES = 32
"""So many files are kept open: a process seldom drives more runs at once."""

_SEGMENT_BYTES = 16 * 2**20
_OFFSET_BITS = 32
"""A position is the number of a segment, followed by so many bits for the place in it."""

_GONE = "(motet: lines are missing here: the log of this run grew beyond its limit, MOTET_LOG_LIMIT)"


class FileLogs:
    """Log lines below a folder. Lines of one `write` stand together, whoever else writes at the time.

    Each write is one append of whole lines, so that a reader never sees half of one, except perhaps the last
    of a process that was killed: that one is passed over.

    What a task prints must not make it fail: lines that cannot be written (the disk is full) are counted, and the
    next one that can be written is preceded by one that says how many were lost.

    hide           gives a line's text as it may be written: without secrets
    segment_bytes  how large a file grows before the run's next one is begun; the same for all who write
    limit_bytes    how much is kept of a run, to the nearest segment: the first one stays, then the oldest go, and a
                   line without a key tells whoever reads that they did. None for all
    """

    def __init__(
        self, folder: str, hide: Callable[[str], str] = str, *, segment_bytes: int = _SEGMENT_BYTES,
        limit_bytes: int | None = None,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._hide = hide
        self._sizes = segment_bytes, limit_bytes
        self._files: dict[str, _Writer] = {}
        self._written: set[str] = set()
        self._wake_folder = f"{folder}.wake"
        self._bell = Bell(self._wake_folder)
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def write(self, run: str, lines: Sequence[LogLine]) -> None:
        hide = self._hide
        rows = [encode([it.at, it.key, it.attempt, it.stream, hide(it.text)]) for it in lines]
        content = "".join([f"{row}\n" for row in rows]).encode()
        if self._pid != os.getpid():  # in a forked child, a thread that is not there may seem to hold the lock
            self._lock, self._pid = threading.Lock(), os.getpid()
        with self._lock:
            file = self._files.get(run)
            if file is None:
                file = self._open(run)
            file.append(content, lines)
            self._written.add(file.path)
        self._bell.ring(published=False)

    def follow(self) -> Follower:
        return FifoFollower(self._wake_folder, published=False)

    def read(self, run: str, position: int = 0, *, limit: int = 1000) -> tuple[list[LogLine], int]:
        segments = _Segments(self._path(run))
        number, offset = position >> _OFFSET_BITS, position & ((1 << _OFFSET_BITS) - 1)
        found: list[LogLine] = []
        while True:
            later = segments.after(number)  # before this one is read: where there is a later one, it takes no more
            end = _read(segments.path(number), offset, limit, found)
            if later is None or len(found) >= limit:
                return found, number << _OFFSET_BITS | (offset if end is None else end)
            if end is None or later > number + 1:
                found.append(LogLine(found[-1].at if found else time(), "", 0, "stderr", _GONE))
            number, offset = later, 0

    def runs(self) -> list[str]:
        try:
            return [name.removesuffix(_END) for name in os.listdir(self._folder) if name.endswith(_END)]
        except FileNotFoundError:
            return []

    def remove(self, run: str) -> int:
        with self._lock:
            file = self._files.pop(run, None)
            if file is not None:
                file.close()
        segments = _Segments(self._path(run))
        freed_bytes = sum(_unlinked(segments.path(number)) for number in (*segments.more(), 0))
        with suppress(OSError):
            os.rmdir(segments.folder)
        return freed_bytes

    def sync(self) -> None:
        with self._lock:
            written, self._written = self._written, set()
        for path in (*written, *{os.path.dirname(path) for path in written}):
            with suppress(FileNotFoundError):  # it was let go since
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)

    def _open(self, run: str) -> _Writer:
        if len(self._files) >= _OPEN_FILES:
            self._files.pop(next(iter(self._files))).close()
        file = self._files[run] = _Writer(_Segments(self._path(run)), *self._sizes)
        return file

    def _path(self, run: str) -> str:
        return os.path.join(self._folder, run + _END)


class _Segments:
    """The files of one run: the first, and those after it in a folder of their own, by number.

    The next one is made when one is full. So where there is a next one, the one before it is complete, wherever a
    writer was killed.
    """

    def __init__(self, path: str) -> None:
        self._first = path
        self.folder = path.removesuffix(_END) + _MORE

    def path(self, number: int) -> str:
        """The file of that number; the first is 0."""
        return os.path.join(self.folder, f"{number}{_END}") if number else self._first

    def more(self) -> list[int]:
        """The numbers of those after the first that there are, in order."""
        try:
            return sorted(int(name.removesuffix(_END)) for name in os.listdir(self.folder))
        except FileNotFoundError:
            return []

    def after(self, number: int) -> int | None:
        """The next number that there is. Those that went are the oldest after the first."""
        if os.path.exists(self.path(number + 1)):
            return number + 1
        if number and os.path.exists(self.path(number)):
            return None
        return next((each for each in self.more() if each > number), None)

    def let_go(self, limit_bytes: int) -> None:
        """Remove the oldest, but for the first and the last, until the rest is within the limit."""
        more = self.more()
        sizes = {}
        for number in (0, *more):
            with suppress(FileNotFoundError):  # another process was faster
                sizes[number] = os.stat(self.path(number)).st_size
        for number in more[:-1]:
            if sum(sizes.values()) <= limit_bytes:
                break
            _unlinked(self.path(number))
            sizes.pop(number, None)


class _Writer:
    """Appends lines to the last segment of a run. `torn` says that its last line has no end; `lost` counts lines.

    Of several processes, whoever finds the segment full begins the next. A line that another one writes at that very
    moment may come to stand at the end of the full one, where somebody who follows has already been.
    """

    def __init__(self, segments: _Segments, segment_bytes: int, limit_bytes: int | None) -> None:
        self._segments = segments
        self._segment_bytes = segment_bytes
        self._limit_bytes = limit_bytes
        self.path = segments.path(0)
        self._number = 0
        self._fd = -1
        self._torn = False
        self._lost = 0

    def append(self, content: bytes, lines: Sequence[LogLine]) -> None:
        """Write the content of the lines, or count them as lost."""
        try:
            if self._fd < 0:
                self._open(max(self._segments.more(), default=0))
            while os.lseek(self._fd, 0, os.SEEK_END) >= self._segment_bytes:
                self._begin_next()
            if self._lost:
                content = _said(self._lost, lines[-1]) + content
            if self._torn:
                content = b"\n" + content
            written = os.write(self._fd, content)
            while written < len(content):
                self._torn = True
                written += os.write(self._fd, content[written:])
            self._torn, self._lost = False, 0
        except OSError:
            self._lost += len(lines)

    def close(self) -> None:
        """Let go of the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _begin_next(self) -> None:
        self._open(max([self._number + 1, *self._segments.more()]))
        if self._limit_bytes is not None:
            self._segments.let_go(self._limit_bytes)

    def _open(self, number: int) -> None:
        path = self._segments.path(number)
        how = os.O_RDWR | os.O_APPEND | os.O_CREAT
        try:
            fd = private.opener(path, how)
        except FileNotFoundError:
            private.make_folder(os.path.dirname(path))
            fd = private.opener(path, how)
        self.close()
        self._fd, self._number, self.path = fd, number, path
        size_bytes = os.fstat(fd).st_size
        self._torn = size_bytes > 0 and os.pread(fd, 1, size_bytes - 1) != b"\n"


def _read(path: str, offset: int, limit: int, found: list[LogLine]) -> int | None:
    """Add the lines from the offset on, until there are `limit`; gives the offset behind them. None: no such file."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            for line in file:
                if len(found) >= limit or not line.endswith(b"\n"):
                    break
                offset += len(line)
                try:
                    found.append(LogLine(*decode(line.decode())))
                except (ValueError, TypeError):
                    continue  # torn by a kill or a full disk
    except FileNotFoundError:
        return None
    return offset


def _unlinked(path: str) -> int:
    """Remove the file, if it is there; gives its size."""
    try:
        size_bytes = os.stat(path).st_size
        os.unlink(path)
    except FileNotFoundError:
        return 0
    return size_bytes


def _said(lost: int, near: LogLine) -> bytes:
    lines = "1 line" if lost == 1 else f"{lost} lines"
    text = f"(motet: {lines} before this one could not be written and are lost)"
    return f"{encode([time(), near.key, near.attempt, 'stderr', text])}\n".encode()
