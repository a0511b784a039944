"""The database file of a store: opening it, and transactions among threads and processes."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal, TypeAlias

from motet.errors import StoreUnavailable
from motet.failpoints import hit
from motet.stores.mounts import mountinfo, network_file_system
from motet.stores.sqlite.errors import explained, is_busy
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

    `with writing as execute:` is one transaction, committed at its end and rolled back if it raises; it waits
    for its turn among threads and processes. `with reading as execute:` never waits for a writer, and each
    statement in it sees all that was committed before; all in `with snapshot as execute:` sees one state.
    None may be entered within another. SQLite's errors leave them as `StoreError`s.
    """

    def __init__(self, home: str, durability: Durability, patience_s: float) -> None:
        self.home = home
        self.path = os.path.join(home, "store.db")
        self.writing = _Writing(self)
        self.reading = _Reading(self)
        self.snapshot = _Snapshot(self)
        self.write_lock = threading.Lock()
        self.read_lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._turn: Turn | None = None
        self._synchronous = {"normal": "NORMAL", "full": "FULL"}[durability]
        self._patience_s = patience_s
        self._prepared = False
        _close_before_fork(self)

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """Carry out one INSERT as a transaction, at half the cost of `writing`; gives the row's number.

        A violated constraint is raised as it is (sqlite3.IntegrityError).
        """
        writer = self.take_turn()
        try:
            while True:
                try:
                    hit("transaction.before")
                    number = writer.execute(sql, values).lastrowid or 0
                    hit("transaction.after")
                    return number
                except sqlite3.OperationalError as error:
                    if not is_busy(error):
                        raise
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise explained(error, self.path) from error
        finally:
            self.end_turn()

    @contextmanager
    def writing_within(self, seconds: float) -> Iterator[Execute | None]:
        """As `writing`, but with None, and no transaction, if others write for that long."""
        writer = self.take_turn_within(seconds)
        if writer is None:
            yield None
            return
        execute = self.writing.begin(writer)
        try:
            yield execute
        except BaseException as error:
            self.writing.__exit__(type(error), error, None)
            raise
        self.writing.__exit__(None, None, None)

    def take_turn(self) -> sqlite3.Connection:
        """Wait until no other thread or process writes. `end_turn` must follow."""
        self.write_lock.acquire()
        try:
            writer = self._writer or self._open_writer()
            self._turn.acquire()  # type: ignore[union-attr]
        except BaseException:
            self.write_lock.release()
            raise
        return writer

    def take_turn_within(self, seconds: float) -> sqlite3.Connection | None:
        """As `take_turn`, but None if others write for that long."""
        if not self.write_lock.acquire(timeout=seconds):
            return None
        writer = None
        try:
            writer = self._writer or self._open_writer()
            if not self._turn.acquire_within(seconds):  # type: ignore[union-attr]
                writer = None
        finally:
            if writer is None:
                self.write_lock.release()
        return writer

    def end_turn(self) -> None:
        """Let others write."""
        try:
            self._turn.release()  # type: ignore[union-attr]
        finally:
            self.write_lock.release()

    def reader(self) -> sqlite3.Connection:
        """The reading connection. The caller has the read lock."""
        if self._reader is None:
            if self._writer is None:  # else its lock is not needed, and whoever has it may wait for a turn
                with self.write_lock:
                    if self._writer is None:
                        self._open_writer()
            try:
                self._reader = self._connect("?mode=ro")
            except sqlite3.Error as error:
                raise explained(error, self.path) from error
        return self._reader

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

    def _open_writer(self) -> sqlite3.Connection:
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
        return writer

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


class _Writing:
    """A transaction; reusable, as only the thread that has the write lock is in it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Execute:
        return self.begin(self._database.take_turn())

    def begin(self, writer: sqlite3.Connection) -> Execute:
        """Enter with a turn that was taken already."""
        database = self._database
        try:
            patiently(lambda: writer.execute("BEGIN IMMEDIATE"))
        except BaseException as error:
            database.end_turn()
            if isinstance(error, sqlite3.Error):
                raise explained(error, database.path) from error
            raise
        self._writer = writer
        return writer.execute

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        database, writer = self._database, self._writer
        try:
            if error is None:
                hit("transaction.before")
                writer.execute("COMMIT")
                hit("transaction.after")
        except sqlite3.Error as failure:
            raise explained(failure, database.path) from failure
        finally:
            try:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
            finally:
                database.end_turn()
        if isinstance(error, sqlite3.Error):
            raise explained(error, database.path) from error


class _Reading:
    """Reads, one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Execute:
        database = self._database
        database.read_lock.acquire()
        try:
            return database.reader().execute
        except BaseException:
            database.read_lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.read_lock.release()
        if isinstance(error, sqlite3.Error):
            raise explained(error, self._database.path) from error


class _Snapshot(_Reading):
    """Reads that all see the same state."""

    def __enter__(self) -> Execute:
        execute = super().__enter__()
        try:
            execute("BEGIN")
        except BaseException:
            self._database.read_lock.release()
            raise
        return execute

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._database.reader().execute("COMMIT")
        finally:
            super().__exit__(kind, error, trace)


def patiently(act: Callable[[], Any]) -> Any:
    """Do it, and again as long as a program that knows nothing of turns holds SQLite's lock."""
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise


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
