"""Bringing commits to the disk, beside those who make them, and telling afterwards what a loss of power has cost.

SQLite syncs its log itself at each checkpoint, and at each commit with durability "full". In between, the thread here
does every second. What it has synced is noted in the file `synced`; so whoever opens the store after the machine has
stopped knows up to which event nothing can be missing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from motet import private
from motet.errors import StoreError
from motet.owners import this_process
from motet.stores.codec import decode, encode
from motet.typed import Any

EVERY_S = 1.0


class Syncer:
    """Syncs the log of the database in `home` every second, once started.

    head         gives the newest event's offset
    referred_to  the artifacts that some events beyond an offset refer to, and up to which offset these go
    beside       brings artifacts, and what else is to be safe as soon as the log, to the disk
    """

    def __init__(
        self, home: str, head: Callable[[], int], referred_to: Callable[[int], tuple[set[str], int]],
        beside: Callable[[set[str]], None] | None = None,
    ) -> None:  # fmt: skip
        self._home = home
        self._head = head
        self._referred_to = referred_to
        self._beside = beside
        self._safe_to: int | None = None
        self._synced = -1
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def start(self) -> None:
        """Sync from now on; safe to repeat."""
        if self._pid != os.getpid():  # a forked child has no thread yet
            self._pid = os.getpid()
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, name="motet-sync", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Sync once more, if it was started here, and no more after that."""
        if self._pid == os.getpid() and self._thread is not None:
            self._pid, thread = 0, self._thread
            self._stopped.set()
            thread.join()
            with suppress(OSError):
                self.sync(closed=True)

    def sync(self, *, closed: bool = False) -> None:
        """Bring what is committed by now to the disk, and note it; `closed` says that nothing more is to come."""
        head = self._head()
        self._sync_beside(head)
        if head == self._synced and not closed:
            return
        with suppress(FileNotFoundError):  # no log: all is in the database, which was synced when that was cut
            private.sync(os.path.join(self._home, "store.db-wal"))
        _note(self._home, {"boot": boot(), "offset": head, "at": time.time(), "closed": closed})
        self._synced = head

    def _sync_beside(self, head: int) -> None:
        """Bring to the disk what events up to `head` need; from where the last sync ended, in whatever process."""
        if self._beside is None:
            return
        if self._safe_to is None:
            noted = synced(self._home)
            self._safe_to = noted["offset"] if noted is not None and noted["boot"] == boot() else 0
        self._beside(set())
        while self._safe_to < head:
            digests, reached = self._referred_to(self._safe_to)
            if digests:
                self._beside(digests)
            self._safe_to = reached

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_S):
            with suppress(OSError, StoreError):  # the disk fails: whoever writes to the store hears of it
                self.sync()


def tell_loss(home: str, head: Callable[[], int]) -> None:
    """Log once what the store in `home` has lost, or may have, since the machine stopped under it; also without that,
    where events are gone that were there: damage in the log costs all that stands behind it.
    """
    noted = synced(home)
    if noted is None:
        return
    found = head()
    if noted["boot"] == boot() and found >= noted["offset"]:
        return
    import logging

    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(noted["at"]))
    log = logging.getLogger("motet.stores")
    if found < noted["offset"]:
        log.warning(
            "The store at %s has lost events: it ends at event %d, and up to event %d they were on the disk at %s. "
            "Its disk, or what copied or changed the file, did not keep it. Runs go on from what is there.",
            home, found, noted["offset"], when,
        )  # fmt: skip
    elif not noted["closed"]:
        log.warning(
            "The machine stopped while runs were recorded in %s. Nothing up to event %d, of %s, is missing; "
            "what was recorded in the second after that may be. Steps that are not recorded run again on resume.",
            home, noted["offset"], when,
        )  # fmt: skip
    with suppress(OSError):
        os.unlink(os.path.join(home, "synced"))
        _note(home, {"boot": boot(), "offset": found, "at": time.time(), "closed": True})


def synced(home: str) -> dict[str, Any] | None:
    """What is noted of the last sync: boot, offset, at, closed. None where nothing is, or nothing that can be read."""
    try:
        with open(os.path.join(home, "synced"), encoding="utf-8") as file:
            noted = decode(file.read())
    except (OSError, ValueError):
        return None
    wanted = (("boot", str), ("offset", int), ("at", float), ("closed", bool))
    fits = isinstance(noted, dict) and all(isinstance(noted.get(name), kind) for name, kind in wanted)
    return noted if fits else None


def boot() -> str:
    """The boot of this host, another one after each start of the machine."""
    return this_process().boot


def _note(home: str, noted: dict[str, Any]) -> None:
    """Write the note as a whole; of several processes the one that has synced furthest counts."""
    before = synced(home)
    if before is not None and before["boot"] == noted["boot"] and before["offset"] > noted["offset"]:
        return
    with private.replacing(os.path.join(home, "synced")) as part:
        with open(part, "x", encoding="ascii", opener=private.opener) as file:
            file.write(encode(noted))
        private.sync(part)
