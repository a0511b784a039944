"""The floors: the least that anybody pays for the same durable result, without an engine."""

from __future__ import annotations

import os
import sqlite3
import time

EVENTS = "e" * 300
"""As many bytes as the three events of a step in Motet's journal (added, started, succeeded)."""

STEP = "s" * 120
"""As many bytes as the row that is shown of a step."""


class TwoRows:
    """Keeps a step in SQLite as any program would: a row for its events, and a row for the step under its key.

    WAL, one transaction a step (or one for many), the texts ready-made, all else as SQLite and Python's sqlite3
    have it by default.
    """

    def __init__(self, path: str, synchronous: str = "NORMAL") -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=60.0)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={synchronous}")
        self._db.execute("CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, body TEXT)")
        self._db.execute("CREATE TABLE IF NOT EXISTS steps (run INTEGER, key TEXT, body TEXT, PRIMARY KEY (run, key))")
        self._run = os.getpid()
        self._count = 0

    def one_by_one(self, count: int) -> float:
        """Seconds a step, each in a transaction of its own."""
        began = time.perf_counter()
        for _ in range(count):
            self._db.execute("BEGIN IMMEDIATE")
            self._insert()
            self._db.execute("COMMIT")
        return (time.perf_counter() - began) / count

    def batched(self, count: int, batch: int = 1000) -> float:
        """Seconds a step, many in one transaction."""
        began = time.perf_counter()
        for first in range(0, count, batch):
            self._db.execute("BEGIN IMMEDIATE")
            for _ in range(min(batch, count - first)):
                self._insert()
            self._db.execute("COMMIT")
        return (time.perf_counter() - began) / count

    def _insert(self) -> None:
        self._count += 1
        self._db.execute("INSERT INTO events (body) VALUES (?)", (EVENTS,))
        self._db.execute(
            "INSERT INTO steps (run, key, body) VALUES (?, ?, ?)", (self._run, f"flow/step-{self._count}", STEP)
        )


def beside(name: str = "floor.db") -> str:
    """A file for a floor, on the disk of the home that is measured."""
    home = os.environ["MOTET_HOME"]
    os.makedirs(home, exist_ok=True)
    return os.path.join(home, name)
