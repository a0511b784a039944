"""Whether a scheduler lives in a home, and starting one that is alone there.

A home in which something is to be scheduled has a mark, so that commands find out by one look at a file; a scheduler
holds a lock, which the system takes from whoever dies. One that was started by a command has it from its beginning.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from contextlib import suppress

from motet import private

_FOLDER, _MARK, _SEAT, _LOG = "scheduler", "wanted", "seat", "log"


def is_wanted(home: str) -> bool:
    """Whether something in the home is to be scheduled."""
    return os.path.exists(os.path.join(home, _FOLDER, _MARK))


def want(home: str) -> None:
    """Have commands see to it that a scheduler lives."""
    private.make_folder(os.path.join(home, _FOLDER))
    with open(os.path.join(home, _FOLDER, _MARK), "a", opener=private.opener):
        pass


def unwant(home: str) -> None:
    """Nothing is to be scheduled any more."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(home, _FOLDER, _MARK))


def log_file(home: str) -> str:
    """Where a scheduler that a command has started says what it does."""
    return os.path.join(home, _FOLDER, _LOG)


def owner(home: str) -> int:
    """The process of the scheduler that lives there; 0 for none, or for one that has only begun."""
    with suppress(OSError, ValueError), open(os.path.join(home, _FOLDER, _SEAT), encoding="ascii") as file:
        return int(file.read()) if is_living(home) else 0
    return 0


def sign(seat: int) -> None:
    """Note in the lock's file that this process has it."""
    os.ftruncate(seat, 0)
    os.pwrite(seat, str(os.getpid()).encode(), 0)


def is_living(home: str) -> bool:
    """Whether a scheduler lives there."""
    try:
        seat = _taken(home)
    except OSError:
        return False
    if seat is None:
        return True
    os.close(seat)
    return False


def sit(home: str) -> int | None:
    """Be the home's scheduler until the process ends; None if another one is. The number is the lock's file."""
    return _taken(home)


def start(home: str) -> int:
    """Start a scheduler of its own session unless one lives; gives its process, 0 for none. Raises OSError."""
    seat = _taken(home)
    if seat is None:
        return 0
    try:
        with open(log_file(home), "ab", opener=private.opener) as log:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "motet.cli", "scheduler", "--seat", str(seat)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=[seat],
                env={**os.environ, "MOTET_HOME": home}, cwd=home,
            )  # fmt: skip
    finally:
        os.close(seat)
    return child.pid


def _taken(home: str) -> int | None:
    """The lock, held by whoever has the file; None if another has it."""
    private.make_folder(os.path.join(home, _FOLDER))
    seat = private.opener(os.path.join(home, _FOLDER, _SEAT), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(seat, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(seat)
        return None
    return seat
