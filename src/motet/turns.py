"""The right to write what several processes share, a store or a machine's board: one process has it at a time.

A lock on a file, which the kernel hands on: waiting neither polls nor times out, and a process that dies gives its
turn up. SQLite's own lock would be polled for, and lost by whoever is unlucky.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from functools import partial

from motet import private

_TRIES = 50


class Turn:
    """`acquire` waits for the turn; `release` gives it up, or does nothing. One thread at a time may use it.

    A process that waits longer than `patience_s` logs once which process holds the turn. `fd` is the lock's file, in
    which whoever has the turn may leave a mark for all.
    """

    def __init__(self, path: str, patience_s: float = 30.0) -> None:
        self._path = path
        self._patience_s = patience_s
        self.fd = private.opener(path, os.O_RDWR | os.O_CREAT)
        # Bare C, so that no interrupt gets in between when it stands in a `finally`.
        self.release = partial(fcntl.flock, self.fd, fcntl.LOCK_UN)
        self._guard = threading.Lock()
        self._watched = False
        self._waits = 0
        self._waiting = False

    def acquire(self) -> None:
        """Wait until no other process has the turn."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait()

    def acquire_soon(self) -> None:
        """As `acquire`, but raises TimeoutError if it cannot be had soon. It polls: not for what must be done."""
        for _ in range(_TRIES):
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.001)
        raise TimeoutError

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.fd)

    def _wait(self) -> None:
        with self._guard:
            self._waits += 1
            self._waiting = True
            if not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, name="motet-turn", daemon=True).start()
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX)
        finally:
            self._waiting = False

    def _watch(self) -> None:
        """Tell of a wait that goes on and on. Ends when nobody waits; a later wait starts it again."""
        told = 0
        while True:
            wait = self._waits
            time.sleep(self._patience_s)
            with self._guard:
                if not self._waiting:
                    self._watched = False
                    return
            if self._waits == wait and told != wait:
                told = wait
                self._tell()

    def _tell(self) -> None:
        import logging

        pid = lock_owner(self._path)
        who = f"process {pid} holds it" if pid else "it cannot be told which process holds it"
        logging.getLogger("motet.turns").warning(
            "Still waiting to write to %s: %s. If that process is stopped, continue or end it.",
            os.path.dirname(self._path), who,
        )  # fmt: skip


def lock_owner(path: str) -> int:
    """The process that holds the lock on the file, 0 where the system does not say."""
    try:
        inode = str(os.stat(path).st_ino)
        with open("/proc/locks", encoding="ascii") as locks:
            for line in locks:
                fields = line.split()
                if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode:
                    return int(fields[4])
    except (OSError, IndexError, ValueError):
        pass
    return 0
