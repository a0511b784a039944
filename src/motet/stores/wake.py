"""Waking followers in this and other processes without polling: a FIFO for each in a folder beside the store.

A follower first makes its FIFO, then rewrites the file `.census`, then reads the journal. A writer first
commits, then looks whether the census has changed since it last listed the folder. So whichever comes first,
a commit is either read or rung for. A FIFO that nobody listens to any more is removed by the next writer.
"""

from __future__ import annotations

import errno
import math
import os
import select
import threading
from contextlib import suppress

from motet import forks, private
from motet.errors import StoreUnavailable
from motet.records import Record

_ALL, _PUBLISHED = "all-", "published-"
_CENSUS = ".census"
_CENSUS_BYTES = 8


class _Known(Record):
    """The followers of all commits and of published events, as they were at that census."""

    census: bytes | None
    all: list[str]
    published: list[str]


_NOBODY = _Known(None, [], [])


class Bell:
    """Rings the followers of one store after each commit. Costs next to nothing while there are none.

    It has no lock, so that a process may fork at any moment: what it knows is replaced as a whole, and whatever
    is found to be out of date is listed anew by the next look.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._census_fd = -1
        self._depth = forks.depth
        self._known = _NOBODY

    def ring(self, *, published: bool) -> None:
        """Wake everybody who wants to know of a commit: of published events, or of others. Never raises."""
        known = self._now_known()
        if known.all or (published and known.published):
            listening = known.all + known.published if published else known.all
            gone = [path for path in listening if not _poke(path)]
            if gone:
                self._known = _NOBODY

    def is_heard(self) -> bool:
        """Whether anybody wants to know of all commits."""
        return bool(self._now_known().all)

    def _now_known(self) -> _Known:
        try:
            if self._census_fd < 0 or self._depth != forks.depth:
                self._census_fd, self._depth = _open_census(self._folder), forks.depth
                forks.own(self._census_fd)
            census = os.pread(self._census_fd, _CENSUS_BYTES, 0)
            known = self._known
            if census != known.census:
                known = self._known = self._look(census)
        except OSError:
            return _NOBODY  # what was committed stays so; and where no folder can be opened, no follower is
        return known

    def close(self) -> None:
        """Let go of the folder."""
        fd, self._census_fd = self._census_fd, -1
        if fd >= 0:
            os.close(fd)

    def _look(self, census: bytes) -> _Known:
        """List the followers, after the census was read: one who came since is found by the next look."""
        paths = {
            kind: [os.path.join(self._folder, name) for name in os.listdir(self._folder) if name.startswith(kind)]
            for kind in (_ALL, _PUBLISHED)
        }
        return _Known(census, paths[_ALL], paths[_PUBLISHED])


class FifoFollower:
    """A follower that its own and other processes' bells wake. See `ports.Follower`."""

    def __init__(self, folder: str, *, published: bool) -> None:
        try:
            census_fd = _open_census(folder)
        except OSError as error:
            raise _no_place(folder, error) from error
        kind = _PUBLISHED if published else _ALL
        name = f"{kind}{os.getpid()}-{os.urandom(6).hex()}"
        self._path = os.path.join(folder, name)
        hidden = os.path.join(folder, "." + name)
        try:
            os.mkfifo(hidden, private.FILE)
            # Open for both: it then never sees the end of the file when a writer closes it.
            self._fd = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            forks.own(self._fd)
            os.rename(hidden, self._path)  # only now may a writer see it: it is listened to
            os.pwrite(census_fd, os.urandom(_CENSUS_BYTES), 0)
        except OSError as error:
            raise _no_place(folder, error) from error
        finally:
            os.close(census_fd)
        self._waiting = threading.Lock()
        self._open = threading.Lock()
        self._closed = False

    def wait(self, timeout_s: float | None) -> bool:
        """See the port."""
        with self._waiting:
            if self._closed:
                return False
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            if not poll.poll(None if timeout_s is None else math.ceil(max(0.0, timeout_s) * 1000)):
                return False
            try:
                os.read(self._fd, 65536)
            except BlockingIOError:
                return False
            return True

    def wake(self) -> None:
        """See the port."""
        with self._open:
            if not self._closed:
                self._write()

    def close(self) -> None:
        """See the port."""
        with self._open:
            if self._closed:
                return
            self._closed = True
            _unlink(self._path)
            self._write()  # a wait that is under way ends now, and only then is the file let go
        with self._waiting:
            os.close(self._fd)

    def _write(self) -> None:
        with suppress(BlockingIOError):  # full: it will wake anyway
            os.write(self._fd, b"!")


def _no_place(folder: str, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"No follower can be placed in {folder}: {error.strerror}.",
        "Set MOTET_HOME to a folder on a local disk that this user may write to.",
    )


def _open_census(folder: str) -> int:
    private.make_folder(folder)
    return private.opener(os.path.join(folder, _CENSUS), os.O_RDWR | os.O_CREAT)


def _poke(path: str) -> bool:
    """Wake the follower; says whether there still is one."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            _unlink(path)
        return error.errno not in (errno.ENXIO, errno.ENOENT)
    try:
        os.write(fd, b"!")
    except (BlockingIOError, BrokenPipeError):
        pass  # it is full, so the follower will wake, or gone, which the next writer will notice
    finally:
        os.close(fd)
    return True


def sweep(folder: str, older_than: float) -> None:
    """Remove what a process left that died while it placed a follower."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        path = os.path.join(folder, name)
        if name.startswith((f".{_ALL}", f".{_PUBLISHED}")):
            try:
                stale = os.stat(path).st_mtime < older_than
            except FileNotFoundError:
                continue
            if stale:
                _unlink(path)


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
