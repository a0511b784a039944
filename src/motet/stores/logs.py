"""The lines that runs write, one file of JSON lines for each run."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from time import time

from motet.ports import Follower, LogLine
from motet.stores.codec import decode, encode
from motet.stores.wake import Bell, FifoFollower

_END = ".jsonl"
_OPEN_FILES = 32
"""So many files are kept open: a process seldom drives more runs at once."""


class FileLogs:
    """Log lines below a folder. Lines of one `write` stand together, whoever else writes at the time.

    Each write is one append of whole lines, so that a reader never sees half of one, except perhaps the last
    of a process that was killed: that one is passed over.

    What a task prints must not make it fail: lines that cannot be written (the disk is full) are counted, and the
    next one that can be written is preceded by one that says how many were lost.

    hidden   gives, when the first line is written, the texts for which *** is to be written
    """

    def __init__(self, folder: str, hidden: Callable[[], Sequence[str]] | None = None) -> None:
        self._folder = folder
        self._hidden = hidden
        self._secrets: Sequence[str] | None = None
        self._files: dict[str, _File] = {}
        self._wake_folder = f"{folder}.wake"
        self._bell = Bell(self._wake_folder)
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def write(self, run: str, lines: Sequence[LogLine]) -> None:
        if self._secrets is None:
            self._secrets = self._hidden() if self._hidden is not None else ()
        if self._secrets:
            lines = [self._without_secrets(line) for line in lines]
        content = "".join([f"{encode([it.at, it.key, it.attempt, it.stream, it.text])}\n" for it in lines]).encode()
        if self._pid != os.getpid():  # in a forked child, a thread that is not there may seem to hold the lock
            self._lock, self._pid = threading.Lock(), os.getpid()
        with self._lock:
            file = self._files.get(run)
            if file is None:
                file = self._open(run)
            file.append(content, lines)
        self._bell.ring(published=False)

    def follow(self) -> Follower:
        return FifoFollower(self._wake_folder, published=False)

    def _without_secrets(self, line: LogLine) -> LogLine:
        text = line.text
        for each in self._secrets or ():
            text = text.replace(each, "***")
        return LogLine(line.at, line.key, line.attempt, line.stream, text)

    def read(self, run: str, position: int = 0, *, limit: int = 1000) -> tuple[list[LogLine], int]:
        found: list[LogLine] = []
        try:
            with open(self._path(run), "rb") as file:
                file.seek(position)
                for line in file:
                    if len(found) >= limit or not line.endswith(b"\n"):
                        break
                    position += len(line)
                    try:
                        found.append(LogLine(*decode(line.decode())))
                    except (ValueError, TypeError):
                        continue  # torn by a kill or a full disk
        except FileNotFoundError:
            pass
        return found, position

    def runs(self) -> list[str]:
        try:
            return [name.removesuffix(_END) for name in os.listdir(self._folder) if name.endswith(_END)]
        except FileNotFoundError:
            return []

    def remove(self, run: str) -> int:
        path = self._path(run)
        with self._lock:
            file = self._files.pop(run, None)
            if file is not None:
                file.close()
        try:
            size_bytes = os.stat(path).st_size
            os.unlink(path)
        except FileNotFoundError:
            return 0
        return size_bytes

    def _open(self, run: str) -> _File:
        if len(self._files) >= _OPEN_FILES:
            self._files.pop(next(iter(self._files))).close()
        file = self._files[run] = _File(self._path(run))
        return file

    def _path(self, run: str) -> str:
        return os.path.join(self._folder, run + _END)


class _File:
    """A file that lines are appended to. `torn` says that its last line has no end; `lost` counts lines."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._torn = False
        self._lost = 0

    def append(self, content: bytes, lines: Sequence[LogLine]) -> None:
        """Write the content of the lines, or count them as lost."""
        try:
            if self._fd < 0:
                self._open()
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
        if self._fd >= 0:
            os.close(self._fd)

    def _open(self) -> None:
        how = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._fd = os.open(self._path, how, 0o644)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._fd = os.open(self._path, how, 0o644)
        size_bytes = os.fstat(self._fd).st_size
        self._torn = size_bytes > 0 and os.pread(self._fd, 1, size_bytes - 1) != b"\n"


def _said(lost: int, near: LogLine) -> bytes:
    lines = "1 line" if lost == 1 else f"{lost} lines"
    text = f"(motet: {lines} before this one could not be written and are lost)"
    return f"{encode([time(), near.key, near.attempt, 'stderr', text])}\n".encode()
