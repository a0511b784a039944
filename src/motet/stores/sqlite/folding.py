"""Bringing the table of steps up to date for pages, beside whoever asks for one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from motet.errors import StoreError
from motet.stores.sqlite import steps
from motet.stores.sqlite.file import Database


class Folder:
    """Folds the runs that are wanted, on a thread that is there as long as any is. `told` is called when one is."""

    def __init__(self, database: Database, told: Callable[[], None]) -> None:
        self._database = database
        self._told = told
        self._wanted: dict[str, None] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def want(self, run: str) -> None:
        """Let the run be folded soon."""
        if self._pid != os.getpid():  # in a forked child the thread is not there, and the lock may seem to be held
            self._lock, self._thread, self._pid = threading.Lock(), None, os.getpid()
        with self._lock:
            self._wanted[run] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._fold, name="motet-fold", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Let go of what is not folded yet."""
        with self._lock:
            self._wanted.clear()
            thread = self._thread
        if thread is not None and self._pid == os.getpid():
            thread.join()

    def _next(self) -> str | None:
        with self._lock:
            run = next(iter(self._wanted), None)
            if run is None:
                self._thread = None
            return run

    def _fold(self) -> None:
        while (run := self._next()) is not None:
            try:
                self._database.write_soon(steps.fold_some, run)
                more = self._database.read(steps.is_behind, run)
            except StoreError:  # a page that stays behind says so; who writes is told why
                more = False
            if not more:
                with self._lock:
                    self._wanted.pop(run, None)
                self._told()
