"""The lines that runs write: blocks of them, in segments, so that what is too much can go without the rest."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic, sleep, time

from motet import private
from motet.ports import ALL_LINES, Follower, LogFilter, LogLine, LogPage
from motet.stores.codec import BLOCK, PART, block
from motet.stores.wake import Bell, FifoFollower
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType
    from typing import TypeAlias

    _Origin: TypeAlias = tuple[str, str, int, str]

_END = ".lines"
_OLD_END = ".jsonl"
_MORE = ".more"
_LIST = ".keys"
_OPEN_FILES = 32
"""So many files are kept open: a process seldom drives more runs at once."""

_SEGMENT_BYTES = 4 * 2**20
_COPY_BYTES = 256 * 2**20
_UNHEARD_S = 10.0
_LIST_SHARE = 8
"""A list of steps is that much shorter than what they wrote, or there is none."""


class FileLogs:
    """Log lines below a folder. Lines of one `write` stand together, whoever else writes at the time.

    Each write is one append of whole blocks, and a line counts when its end is there: so a reader never sees half of
    one, and only the last of a process that was killed can be missing. What an earlier version wrote, in JSON, is
    read as well.

    What a task prints must not make it fail: lines that cannot be written (the disk is full) are counted, and the
    next one that can be written is preceded by one that says how many were lost.

    hide           gives a text as it may be written: without secrets
    segment_bytes  how large a file grows before the run's next one is begun; the same for all who write
    limit_bytes    how much is kept of a run, to the nearest segment: the first one stays, then the oldest go, and a
                   line without a key tells whoever reads that they did. None for all
    copy_bytes     how large a file grows that gets lines, too: then it is renamed to PATH.1, in place of the one before
    """

    def __init__(
        self, folder: str, hide: Callable[[str], str] = str, *, segment_bytes: int = _SEGMENT_BYTES,
        limit_bytes: int | None = None, copy_bytes: int = _COPY_BYTES,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._copy_bytes = copy_bytes
        self._hide = hide
        self._sizes = segment_bytes, limit_bytes
        self._files: dict[str, _Writer] = {}
        self._due_at = self._catch_up_at = 0.0
        self._unheard: dict[_Origin, LogLine] = {}
        self._uncopied: set[str] = set()
        self._written: set[str] = set()
        self._wake_folder = f"{folder}.wake"
        self._bell = Bell(self._wake_folder)
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def write(self, run: str, lines: Sequence[LogLine], also: str = "") -> None:
        if self._pid != os.getpid():  # in a forked child, a thread that is not there may seem to hold the lock
            self._lock, self._pid, self._catch_up_at, self._unheard = threading.Lock(), os.getpid(), 0.0, {}
        if not (lines[0].ended or self._bell.is_heard() or self._is_due(lines[0].at)):
            self._put_off(run, lines[0])
            return
        hide = self._hide
        texts = [hide(it.text) for it in lines]
        content = b"".join(map(block, lines, texts))
        if also:
            content += self._copied(also, lines, texts)
        with self._lock:
            if self._unheard:
                self._unheard.pop(_origin(run, lines[-1]), None)
            self._append(run, content, lines[-1])
        self._bell.ring(published=False)

    def _is_due(self, at: float) -> bool:
        """Whether a line without its end is to be kept though nobody follows: somebody may soon."""
        due = at >= self._due_at
        if due:
            self._due_at = at + _UNHEARD_S
        return due

    def _put_off(self, run: str, line: LogLine) -> None:
        """Keep a line without its end for some time, after which the last state of it is written."""
        now = monotonic()
        with self._lock:
            self._unheard[_origin(run, line)] = line
            if now < self._catch_up_at:
                return
            self._catch_up_at = now + _UNHEARD_S
        threading.Thread(target=self._catch_up, name="motet-open-lines", daemon=True).start()

    def _catch_up(self) -> None:
        sleep(_UNHEARD_S)
        with self._lock:  # whoever writes their ends does so after this
            unheard, self._unheard = self._unheard, {}
            for (run, *_), line in unheard.items():
                self._append(run, block(line, self._hide(line.text)), line)
        self._bell.ring(published=False)

    def _append(self, run: str, content: bytes, last: LogLine) -> None:
        file = self._files.get(run)
        if file is None:
            file = self._open(run)
        file.append(content, last)
        self._written.add(file.path)

    def _copied(self, path: str, lines: Sequence[LogLine], texts: Sequence[str]) -> bytes:
        """Add the texts to that file, too; gives what is to be said of that here. A full one makes room for another."""
        content = "".join([f"{text}\n" for line, text in zip(lines, texts, strict=True) if line.ended])
        try:
            with open(path, "ab", opener=_opened) as file:
                file.write(content.encode("utf-8", "backslashreplace"))
                is_full = file.tell() >= self._copy_bytes
            if is_full:
                os.replace(path, f"{path}.1")
        except OSError as error:
            if path not in self._uncopied:
                self._uncopied.add(path)
                return _own(lines[-1], f"(motet: what it writes cannot be added to {path}: {error.strerror or error})")
        return b""

    def follow(self) -> Follower:
        return FifoFollower(self._wake_folder, published=False)

    def read(
        self, run: str, position: int = 0, *, limit: int = 1000, of: LogFilter = ALL_LINES, skip: int = 0
    ) -> LogPage:  # fmt: skip
        page: LogPage = _reading().forward(_Segments(self._path(run)), position, of, limit, skip)
        return page

    def read_back(
        self, run: str, position: int | None = None, *, limit: int = 1000, of: LogFilter = ALL_LINES
    ) -> LogPage:  # fmt: skip
        page: LogPage = _reading().backward(_Segments(self._path(run)), position, of, limit)
        return page

    def runs(self) -> list[str]:
        try:
            names = [os.path.splitext(name) for name in os.listdir(self._folder)]
        except FileNotFoundError:
            return []
        return list({run: None for run, end in names if end in (_END, _OLD_END)})

    def remove(self, run: str) -> int:
        with self._lock:
            file = self._files.pop(run, None)
            if file is not None:
                file.close()
            self._unheard = {origin: line for origin, line in self._unheard.items() if origin[0] != run}
        segments = _Segments(self._path(run))
        freed_bytes = sum(segments.unlink(number) for number in segments.numbers())
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
        return os.path.join(self._folder, run)


class _Segments:
    """The files of one run: the first, and those after it in a folder of their own, by number.

    The next one is made when one is full. So where there is a next one, the one before it is complete, wherever a
    writer was killed.
    """

    def __init__(self, path: str) -> None:
        self._first = path
        self.folder = path + _MORE

    def path(self, number: int) -> str:
        """The file of that number; the first is 0."""
        path = os.path.join(self.folder, str(number)) if number else self._first
        old = path + _OLD_END
        return old if os.path.exists(old) else path + _END

    def list_of(self, number: int) -> str:
        """Where the steps are listed that have lines in it, once it is full: its size, then the key of each, without
        what is below an element. It counts only as long as the size is that.
        """
        return (os.path.join(self.folder, str(number)) if number else self._first) + _LIST

    def list_steps(self, number: int) -> None:
        """Write that list, unless it would be too long to be of use. Raises OSError."""
        with open(self.path(number), "rb") as file:
            content = file.read()
        keys = {each[: each.find(PART)].partition(b"[")[0] for each in content.split(BLOCK)[1:]}
        listed = b"".join([str(len(content)).encode(), PART, *(BLOCK + key + PART for key in keys)])
        if len(listed) * _LIST_SHARE < len(content):
            with (
                private.replacing(self.list_of(number)) as part,
                open(part, "wb", opener=private.opener) as file,
            ):
                file.write(listed)

    def numbers(self) -> list[int]:
        """The numbers of those that there are, in order."""
        try:
            names = [os.path.splitext(name) for name in os.listdir(self.folder)]
            more = {int(name) for name, end in names if end in (_END, _OLD_END)}
        except FileNotFoundError:
            more = set()
        return ([0] if os.path.exists(self.path(0)) else []) + sorted(more)

    def after(self, number: int) -> int | None:
        """The next number that there is. Those that went are the oldest after the first."""
        if os.path.exists(self.path(number + 1)):
            return number + 1
        if number and os.path.exists(self.path(number)):
            return None
        return next((each for each in self.numbers() if each > number), None)

    def for_lines(self) -> int:
        """The number of the one that lines are added to: the last, unless an earlier version wrote it."""
        last = max(self.numbers(), default=0)
        return last + 1 if self.path(last).endswith(_OLD_END) else last

    def unlink(self, number: int) -> int:
        """Remove it; gives the bytes freed."""
        return _unlinked(self.path(number)) + _unlinked(self.list_of(number))

    def let_go(self, limit_bytes: int) -> None:
        """Remove the oldest, but for the first and the last, until the rest is within the limit."""
        sizes = {}
        for number in self.numbers():
            with suppress(FileNotFoundError):  # another process was faster
                sizes[number] = os.stat(self.path(number)).st_size
        for number in [each for each in sizes if each][:-1]:
            if sum(sizes.values()) <= limit_bytes:
                break
            self.unlink(number)
            del sizes[number]


class _Writer:
    """Appends blocks to the last segment of a run; `lost` counts lines.

    Of several processes, whoever finds the segment full begins the next. A block that another one writes at that very
    moment may come to stand at the end of the full one, where somebody who follows has already been.
    """

    def __init__(self, segments: _Segments, segment_bytes: int, limit_bytes: int | None) -> None:
        self._segments = segments
        self._segment_bytes = segment_bytes
        self._limit_bytes = limit_bytes
        self.path = segments.path(0)
        self._number = 0
        self._fd = -1
        self._lost = 0

    def append(self, content: bytes, last: LogLine) -> None:
        """Write the blocks, or count their lines as lost. `last` is one of these."""
        lines = content.count(b"\n")
        try:
            if self._fd < 0:
                self._open(self._segments.for_lines())
            while os.lseek(self._fd, 0, os.SEEK_END) >= self._segment_bytes:
                self._begin_next()
            if self._lost:
                content = _said(self._lost, last) + content
            while (written := os.write(self._fd, content)) < len(content):
                content = _from_the_cut(content, written)
                self._lost, lines = 0, content.count(b"\n")
        except OSError:
            self._lost += lines
        else:
            self._lost = 0

    def close(self) -> None:
        """Let go of the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _begin_next(self) -> None:
        full = self._number
        self._open(max([full + 1, *self._segments.numbers()]))
        with suppress(OSError):  # it saves time, nothing more
            self._segments.list_steps(full)
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


def _origin(run: str, line: LogLine) -> _Origin:
    """Where the line comes from. One that has no end yet stands for those before it from there."""
    return run, line.key, line.attempt, line.stream


def _reading() -> ModuleType:
    """What reads. A process that only writes does without it."""
    from motet.stores.logs import reading

    return reading


def _opened(path: str, flags: int) -> int:
    """Opens a file of the user's, making its folder if need be."""
    try:
        return os.open(path, flags | os.O_CLOEXEC, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags | os.O_CLOEXEC, 0o666)


def _from_the_cut(content: bytes, written: int) -> bytes:
    """What is still to be written when only so much was: from the beginning of the line that was cut, with a head."""
    cut = content.rfind(b"\n", 0, written) + 1
    if content[cut : cut + 1] in (BLOCK, b""):
        return content[cut:]
    first = content.rfind(BLOCK, 0, cut + 1)
    head = content.find(PART, content.find(PART, first) + 1) + 1
    return content[first:head] + content[cut:]


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
    return _own(near, f"(motet: {lines} before this one could not be written and are lost)")


def _own(near: LogLine, text: str) -> bytes:
    """A line of the log's own, about what it does for that attempt."""
    return block(LogLine(time(), near.key, near.attempt, "stderr", text), text)
