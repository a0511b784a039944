"""One builder at a time, over all processes of the host."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from motet import private
from motet.environments.spec import Runner

_POLL_S = 0.1


@contextmanager
def locked(path: str, runner: Runner, what: str) -> Iterator[None]:
    """Hold the lock file meanwhile; waiting for another process is said once. It ends with this process."""
    fd = _open(path)
    try:
        said = False
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    said = True
                    runner.say(f"(motet: waiting for another process, which is making {what})")
                runner.pause(_POLL_S)
        yield
    finally:
        os.close(fd)


@contextmanager
def free(path: str) -> Iterator[bool]:
    """Hold the lock file meanwhile, if nobody else does: whether that is so."""
    fd = _open(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(fd)


def _open(path: str) -> int:
    private.make_folder(os.path.dirname(path))
    return private.opener(path, os.O_RDWR | os.O_CREAT)
