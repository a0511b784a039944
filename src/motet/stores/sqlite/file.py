"""The database file of a store: opening it, and transactions among threads and processes."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

from motet.errors import StoreUnavailable
from motet.stores.mounts import mountinfo, network_file_system
from motet.stores.sqlite.errors import explained, patiently
from motet.stores.sqlite.schema import migrate
from motet.stores.turn import Turn

Durability: TypeAlias = Literal["normal", "full"]
Execute: TypeAlias = Callable[..., sqlite3.Cursor]

# A checkpoint syncs, and writes each changed page once however often it changed: four times rarer than by
# default it costs a commit less, and the log that is found after a crash (16 MB) is still read in a moment.
_CHECKPOINT_PAGES = 4000
_BUSY_S = 30.0


class Database:
    """One writing and one reading connection to the file, made at first use. Safe from any thread.

    `with writing() as execute:` is one transaction, committed at its end and rolled back if it raises; it waits
    for its turn among threads and processes. `with reading() as execute:` never waits for a writer, and each
    statement in it sees all that was committed before; all in `with snapshot() as execute:` sees one state.
    None may be entered within another. SQLite's errors leave them as `StoreError`s.

    They are generators with their locks in `with` statements, so that an interrupt (Ctrl-C) leaves no lock behind
    wherever it strikes.
    """

    def __init__(self, home: str, durability: Durability, patience_s: float) -> None:
        self.home = home
        self.path = os.path.join(home, "store.db")
        self.write_lock = threading.Lock()
        self.read_lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._turn: Turn | None = None
        self._synchronous = {"normal": "NORMAL", "full": "FULL"}[durability]
        self._patience_s = patience_s
        self._prepared = False
        _close_before_fork(self)

    @contextmanager
    def writing(self) -> Iterator[Execute]:
        """A transaction."""
        with self.turn() as writer, _transaction(writer):
            yield writer.execute

    @contextmanager
    def writing_soon(self, patience_s: float) -> Iterator[Execute | None]:
        """A transaction, or None if others write for that long."""
        if not self.write_lock.acquire(timeout=patience_s):
            yield None
            return
        try:
            writer, turn = self._opened()
            if not turn.acquire_within(patience_s):
                yield None
                return
            try:
                with self._explaining(), _transaction(writer):
                    yield writer.execute
            finally:
                turn.release()
        finally:
            self.write_lock.release()

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """The writing connection, while no other thread or process writes, and outside of any transaction."""
        with self.write_lock:
            writer, turn = self._opened()
            turn.acquire()
            try:
                yield writer
            except sqlite3.Error as error:
                raise explained(error, self.path) from error
            finally:
                turn.release()

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """Carry out one INSERT as a transaction, at half the cost of `writing`; gives the row's number.

        A violated constraint is raised as it is (sqlite3.IntegrityError).
        """
        with self.write_lock:
            writer, turn = self._opened()
            turn.acquire()
            try:
                return patiently(writer.execute, sql, values).lastrowid or 0
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as error:
                raise explained(error, self.path) from error
            finally:
                turn.release()

    @contextmanager
    def reading(self) -> Iterator[Execute]:
        """Statements that read."""
        with self.read_lock, self._explaining():
            yield self._open_reader().execute

    @contextmanager
    def snapshot(self) -> Iterator[Execute]:
        """Statements that read one and the same state."""
        with self.reading() as execute:
            execute("BEGIN")
            try:
                yield execute
            finally:
                execute("COMMIT")

    def close(self) -> None:
        """Close both connections. A later use opens them again."""
        with self.read_lock, self.write_lock:
            self.close_now()

    def close_now(self) -> None:
        """Close; the caller has both locks.

        The reader goes last: as it may not write, SQLite then leaves the log where it is, rather than writing
        it back at the end of every short-lived process.
        """
        writer, reader, turn = self._writer, self._reader, self._turn
        if writer is None or turn is None:
            return
        self._writer = self._reader = self._turn = None
        try:
            if reader is None:
                reader = self._connect("?mode=ro")
                reader.execute("PRAGMA schema_version").fetchone()
        except sqlite3.Error:
            pass  # the file is gone or damaged: there is nothing to spare
        writer.close()
        if reader is not None:
            reader.close()
        turn.close()

    def _opened(self) -> tuple[sqlite3.Connection, Turn]:
        """The writing connection and the turn; the caller has the write lock."""
        if self._writer is None or self._turn is None:
            self._open_writer()
        return self._writer, self._turn  # type: ignore[return-value]

    def _open_writer(self) -> None:
        """Open the file, making or migrating it where needed."""
        self._prepare_home()
        turn = writer = None
        try:
            turn = Turn(os.path.join(self.home, "store.lock"), self._patience_s)
            writer = self._connect("")
            migrate(writer, turn, self.home)
            writer.execute(f"PRAGMA synchronous={self._synchronous}")
            writer.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        except BaseException as error:
            if writer is not None:
                writer.close()
            if turn is not None:
                turn.close()
            if isinstance(error, (sqlite3.Error, OSError)):
                raise explained(error, self.path) from error
            raise
        self._turn, self._writer = turn, writer

    def _open_reader(self) -> sqlite3.Connection:
        """The reading connection; the caller has the read lock."""
        if self._reader is None:
            if self._writer is None:  # else its lock is not needed, and whoever has it may wait for a turn
                with self.write_lock:
                    self._opened()
            self._reader = self._connect("?mode=ro")
        return self._reader

    def _prepare_home(self) -> None:
        """Make the folder, and refuse one on a network file system."""
        if self._prepared:
            return
        try:
            os.makedirs(self.home, exist_ok=True)
        except OSError as error:
            raise explained(error, self.home) from error
        kind = network_file_system(os.path.realpath(self.home), mountinfo())
        if kind is not None:
            raise StoreUnavailable(
                f"The store at {self.home} is on a network file system ({kind}), where locks do not hold.",
                "Set MOTET_HOME to a folder on a local disk.",
            )
        self._prepared = True

    def _connect(self, how: str) -> sqlite3.Connection:
        from urllib.parse import quote

        return sqlite3.connect(
            f"file:{quote(self.path)}{how}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(error, self.path) from error


@contextmanager
def _transaction(writer: sqlite3.Connection) -> Iterator[None]:
    patiently(writer.execute, "BEGIN IMMEDIATE")
    try:
        yield
        writer.execute("COMMIT")
    finally:
        if writer.in_transaction:
            writer.execute("ROLLBACK")


def _close_before_fork(database: Database) -> None:
    """Let no connection be open while the process forks: SQLite's must not exist in a forked child.

    Both sides open the file again at their next use.
    """
    known = weakref.ref(database)

    def before() -> None:
        if (it := known()) is not None:
            it.read_lock.acquire()
            it.write_lock.acquire()
            it.close_now()

    def after() -> None:
        if (it := known()) is not None:
            it.write_lock.release()
            it.read_lock.release()

    os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)
