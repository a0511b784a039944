"""The board on which the processes of one machine see who has what, and who waits: a file in a folder they all know.

Whoever reads or changes it has a lock that the system takes from a process that dies. The file is replaced as a whole,
so a process that is killed leaves what was there before. What a dead process had is struck off by the next to look;
those who wait are woken by its death where the system tells of it.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from motet import private
from motet.admission.lines import Standing
from motet.owners import is_dead, this_process, written
from motet.ports import Owner
from motet.turns import Turn


class Board:
    """The board in `folder`. With the lock (`with board.held()`), `standings` is what is on it, by process."""

    def __init__(self, folder: str, patience_s: float = 30.0) -> None:
        self.folder = folder
        self._patience_s = patience_s
        self._guard = threading.Lock()
        self._turn: Turn | None = None
        self._text = b""
        self._boot = this_process().boot

    @contextmanager
    def held(self) -> Iterator[dict[str, Standing]]:
        """All processes' standings, to be changed; what was changed is on the board afterwards."""
        with self._guard:
            if self._turn is None:
                private.make_folder(self.folder)
                self._turn = Turn(os.path.join(self.folder, "lock"), self._patience_s)
            self._turn.acquire()
            try:
                standings = self._read()
                yield standings
                self._write(standings)
            finally:
                self._turn.release()

    def seen(self) -> list[Standing]:
        """What is on it now, without those who are dead."""
        return [each for each in self._read().values() if not is_dead(Owner(**each["owner"]))]

    def ring(self, standing: Standing) -> bool:
        """Wake that process; False if it listens no more."""
        try:
            fd = os.open(os.path.join(self.folder, standing["bell"]), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in (errno.ENXIO, errno.ENOENT):
                raise
            return False
        with suppress(BlockingIOError, BrokenPipeError):  # full: it will look anyway
            os.write(fd, b"!")
        os.close(fd)
        return True

    def close(self) -> None:
        """Let go of the lock's file."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.close()

    @property
    def _path(self) -> str:
        return os.path.join(self.folder, "board.json")

    def _read(self) -> dict[str, Standing]:
        try:
            with open(self._path, "rb") as file:
                self._text = file.read()
        except FileNotFoundError:
            self._text = b""
        try:
            found = json.loads(self._text or b"{}")
        except ValueError:  # a machine that stopped: nobody who was on it lives
            found = {}
        return found if found.pop("boot", self._boot) == self._boot else {}

    def _write(self, standings: dict[str, Standing]) -> None:
        assert self._turn is not None
        # Always, and first: who is killed in between leaves a mark that sends others here, or is set right here.
        os.pwrite(self._turn.fd, bytes([any(each["front"] for each in standings.values())]), 0)
        text = json.dumps({"boot": self._boot, **standings}, separators=(",", ":")).encode()
        if text == self._text:
            return
        part = f"{self._path}.part"  # of whoever has the lock
        with open(part, "wb", opener=private.opener) as file:
            file.write(text)
        os.replace(part, self._path)

    def somebody_waits(self) -> bool:
        """Whether a ticket stands on it that is not served, as a look without the lock tells."""
        turn = self._turn
        return turn is not None and os.pread(turn.fd, 1, 0) == b"\1"


def seen(folder: str) -> list[Standing]:
    """Who has what of the machine, and who waits: without those who are dead."""
    return Board(folder).seen()


def new_standing(bell: str) -> Standing:
    """The standing of this process, which has nothing yet."""
    return {
        "owner": written(this_process()), "bell": bell,
        "holds": {}, "gpus": [], "front": [], "rest": [], "granted": {}, "by": [], "watch": False,
    }  # fmt: skip


def strike_off_dead(standings: dict[str, Standing]) -> bool:
    """Take those off the board who have something and are dead; whether there were any."""
    dead = [name for name, each in standings.items() if each["holds"] and is_dead(Owner(**each["owner"]))]
    for name in dead:
        del standings[name]
    return bool(dead)
