"""What the commands of one executor share."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING

from motet import private
from motet.errors import UsageError
from motet.executors.commands.keeping import Watch
from motet.executors.commands.marks import brand_of, fresh_mark, marked, numbered
from motet.executors.orphans import OrphanKiller

if TYPE_CHECKING:
    from motet.ports import ArtifactStore

_SPARES = 64
_SWEEP_S = 1.0
"""How often to look for what is left of ended commands, at most: it means reading all of /proc."""


class Setting:
    """Where commands run and what is kept of them.

    folder     below it each attempt has a folder of its own
    shared     the folder for what all runs share, such as environments; by default "shared" in the first one
    artifacts  opens the store for outputs
    secrets    gives the value of a named secret; raises UsageError for an unknown one
    hidden     folders that a command sees nothing of, but for its own, where its place can hide them
    token      of a run: what its commands show to ask things of it
    watch      looks into the checkpoint folders of attempts
    mark       what every process of this executor is known by (see `marks`)
    """

    def __init__(
        self, folder: str, artifacts: Callable[[], ArtifactStore], secrets: Callable[[str], str] | None = None,
        shared: str = "", hidden: tuple[str, ...] = (), token: Callable[[str], str] = lambda run: "",
    ) -> None:  # fmt: skip
        self.folder = folder
        self.shared = shared or os.path.join(folder, "shared")
        self.secret = secrets or _no_secret
        self.token = token
        self.hidden = tuple(map(os.path.realpath, hidden))
        self.mark = fresh_mark()
        self._open_artifacts = artifacts
        self._artifacts: ArtifactStore | None = None
        self.watch = Watch(folder, lambda: self.artifacts)
        self._orphans = OrphanKiller(self.mark, brand_of(self.mark))
        self._told: set[int] = set()
        self._watched = False
        self._marks: dict[str, tuple[str, ...]] = {}
        self._swept_at = 0.0
        self._spares: list[str] = []
        self._runs: set[str] = set()
        os.umask(mask := os.umask(0))
        self._mode = 0o777 & ~mask
        self._serial = 0
        self._lock = threading.Lock()

    @property
    def artifacts(self) -> ArtifactStore:
        """The store for outputs."""
        if self._artifacts is None:
            self._artifacts = self._open_artifacts()
        return self._artifacts

    @contextmanager
    def marked(self, orders: tuple[str, ...] = ()) -> Iterator[str]:
        """A mark for one command: that of the executor is a part of it. What has it ends with the context.

        Should the engine be killed, all that has it is killed too, and `orders` are carried out: shell commands that
        end what is known elsewhere, such as a container.
        """
        mark = self.next_mark(orders)
        try:
            yield mark
        finally:
            self.unmark(mark)

    def next_mark(self, orders: tuple[str, ...] = ()) -> str:
        """A mark, until `unmark`."""
        with self._lock:
            self._serial += 1
            mark = numbered(self.mark, self._serial)
            self._marks[mark] = orders
            if orders or not self._watched:
                self._watched = True
                self._update()
        return mark

    def unmark(self, mark: str) -> None:
        """Nothing may have this mark any more. What left its group without a word is ended by and by."""
        with self._lock:
            if self._marks.pop(mark):
                self._update()
            due = monotonic() - self._swept_at > _SWEEP_S
            if due:
                self._swept_at = monotonic()
        if due:
            self._sweep()

    def _sweep(self) -> None:
        """End what is left of commands that have ended."""
        found = marked(self.mark)
        with self._lock:
            living = tuple(self._marks)
        for pid, environ in found.items():
            if not any(each.encode() in environ for each in living):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def tell(self, pid: int) -> None:
        """The process group lasts: have it ended with the engine even where marks cannot be read."""
        with self._lock:
            if pid not in self._told:
                self._told.add(pid)
                self._update()

    def ended(self, pid: int) -> None:
        """Nothing of this group is left."""
        with self._lock:
            if pid in self._told:
                self._told.discard(pid)
                self._update()

    def _update(self) -> None:
        orders = (order for some in self._marks.values() for order in some)
        self._orphans.update(self._told, orders)

    # -- folders

    def make_folder(self, path: str) -> None:
        """Make the fresh folder of an attempt: one that was left empty is renamed, which costs less than a new one.

        What an earlier engine has left at that path goes. Raises OSError.
        """
        run = os.path.dirname(path)
        if run not in self._runs:
            private.make_folder(run)
            self._runs.add(run)
        with suppress(OSError, IndexError):
            os.rename(self._spares.pop(), path)
            return
        try:
            os.mkdir(path)
        except FileExistsError:
            from shutil import rmtree

            rmtree(path)
            os.mkdir(path)

    def free_folder(self, path: str) -> None:
        """Nobody needs the folder any more."""
        with suppress(OSError):
            if not os.listdir(path) and os.stat(path).st_mode & 0o7777 == self._mode and len(self._spares) < _SPARES:
                self._spares.append(path)
                return
        from shutil import rmtree

        rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """End what is left of the commands, which have all ended."""
        self.watch.close()
        if self._serial:
            self._sweep()
        while self._spares:
            with suppress(OSError):
                os.rmdir(self._spares.pop())
        for run in self._runs:
            with suppress(OSError):  # what failed in it is kept
                os.rmdir(run)
        self._runs.clear()
        with self._lock:
            self._orphans.close()
            self._watched = False


def environment_of(change: Mapping[str, str | None]) -> dict[bytes, bytes]:
    """The environment of this process with a change (None: removed). In bytes, as the system takes it."""
    # Item by item, `os.environb` takes a tenth as long as to start a process.
    whole = getattr(os.environb, "_data", os.environb)
    found: dict[bytes, bytes] = dict(whole)
    for name, value in change.items():
        if value is None:
            found.pop(os.fsencode(name), None)
        else:
            found[os.fsencode(name)] = os.fsencode(value)
    return found


def _no_secret(name: str) -> str:
    raise UsageError(f"There is no secret {name!r}: this executor knows none.", "Give it a source of secrets.")
