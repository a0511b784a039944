"""The database file of a store: opening it, and transactions among threads and processes."""

from __future__ import annotations

import _sqlite3 as sqlite3
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress

from motet import private
from motet.errors import StoreUnavailable
from motet.failpoints import hit
from motet.stores.homes import keep_reserve, mountinfo, network_file_system, refuse_open_home
from motet.stores.sqlite.errors import explained, patiently
from motet.stores.sqlite.queries import Execute
from motet.stores.sqlite.schema import VERSION, migrate
from motet.turns import Turn
from motet.typed import TYPE_CHECKING, Concatenate, Literal, ParamSpec, TypeVar

if TYPE_CHECKING:
    from typing import TypeAlias

Durability: TypeAlias = Literal["normal", "full"]
P = ParamSpec("P")
T = TypeVar("T")
Act: TypeAlias = "Callable[Concatenate[Execute, P], T]"
"""What is done with a connection's `execute` and further arguments."""

# A checkpoint syncs, and writes each changed page once however often it changed: four times rarer than by
# default it costs a commit less, and the log that is found after a crash (16 MB) is still read in a moment.
_CHECKPOINT_PAGES = 4000
# The first to open the file reads the whole log, so commands that follow one another would each read what all before
# them wrote: a log longer than this is written back by the last to close the file.
_LOG_BYTES = 1_000_000
_BUSY_S = 30.0
_HEAD = "SELECT coalesce(max(last_offset), 0) FROM records"
_SOON_S = 0.05


class Database:
    """One writing and one reading connection to the file, made at first use. Safe from any thread.

    What is to be done comes as a function of `execute` (that of a connection) and its further arguments; it must
    not call the database again. SQLite's errors come out as `StoreError`s.

    The locks are taken in `with` statements of the frame that does the work, and not by context managers: so an
    interrupt (Ctrl-C) leaves no lock behind, wherever it strikes.
    """

    def __init__(self, home: str, durability: Durability, patience_s: float) -> None:
        self.home = home
        self.path = os.path.join(home, "store.db")
        self.write_lock = threading.Lock()
        self.read_lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._turn: Turn | None = None
        self.durability = durability
        self._synchronous = {"normal": "NORMAL", "full": "FULL"}[durability]
        self._patience_s = patience_s
        self._prepared = False
        _close_before_fork(self)

    def write(self, act: Act[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """One transaction, committed if `act` returns and rolled back if it raises.

        It waits for its turn among threads and processes.
        """
        with self.write_lock:
            return self._in_turn(Turn.acquire, _transaction, act, *args, **kwargs)

    def write_alone(self, act: Act[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write`, for an act of one statement, which is a transaction by itself: that costs half as much."""
        with self.write_lock:
            return self._in_turn(Turn.acquire, _alone, act, *args, **kwargs)

    def write_soon(self, act: Act[P, object], /, *args: P.args, **kwargs: P.kwargs) -> bool:
        """As `write`, unless others write all the time; says whether it was done."""
        if not self.write_lock.acquire(timeout=_SOON_S):
            return False
        try:
            self._in_turn(Turn.acquire_soon, _transaction, act, *args, **kwargs)
        except TimeoutError:
            return False
        finally:
            self.write_lock.release()
        return True

    def maintain(self, act: Act[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Statements that cannot stand in a transaction, while nobody else writes."""
        with self.write_lock:
            return self._in_turn(Turn.acquire, act, *args, **kwargs)

    def _in_turn(self, take: Callable[[Turn], None], act: Act[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Act while it is this process' turn; the caller has the write lock."""
        writer, turn = self._open()
        try:
            take(turn)
            try:
                return act(writer.execute, *args, **kwargs)
            except sqlite3.OperationalError as error:
                if not _made_lenient(writer, error):
                    raise
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                return act(writer.execute, *args, **kwargs)
        except sqlite3.Error as error:
            raise explained(error, self.path) from error
        finally:
            try:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
            finally:
                turn.release()

    def read(self, act: Act[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Statements that read, each what was committed before. They never wait for a writer."""
        with self.read_lock:
            try:
                reader = self._open_reader()
                try:
                    return act(reader.execute, *args, **kwargs)
                except sqlite3.OperationalError as error:
                    if not _made_lenient(reader, error):
                        raise
                    if reader.in_transaction:
                        reader.execute("ROLLBACK")
                    return act(reader.execute, *args, **kwargs)
                finally:
                    if reader.in_transaction:
                        reader.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise explained(error, self.path) from error

    def snapshot(self, act: Act[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Statements that read, all of them the same state."""
        return self.read(_from_one_state, act, *args, **kwargs)

    def copy_to(self, path: str) -> None:
        """Write all as it is at one moment to another file, while others go on writing."""
        with self.read_lock:
            try:
                os.close(private.opener(path, os.O_RDWR | os.O_CREAT))  # SQLite would make it as the umask says
                copy = sqlite3.connect(path, isolation_level=None)
                try:
                    self._open_reader().backup(copy)
                    copy.execute("PRAGMA journal_mode=DELETE")
                    copy.execute("UPDATE runs SET owner = NULL, lease_until = NULL")
                finally:
                    copy.close()
            except (sqlite3.Error, OSError) as error:
                raise explained(error, path) from error

    def close(self) -> None:
        """Close both connections. A later use opens them again."""
        with self.read_lock, self.write_lock:
            self.close_now()

    def close_now(self) -> None:
        """Close; the caller has both locks.

        While the log is short the reader goes last: as it may not write, SQLite then leaves the log where it is,
        rather than writing it back at the end of every short-lived process.
        """
        writer, reader, turn = self._writer, self._reader, self._turn
        self._writer = self._reader = self._turn = None
        if writer is None or turn is None:
            if reader is not None:
                reader.close()
            return
        if self._log_is_long():
            last = [reader, writer]
        else:
            last = [writer, reader or self._spare_reader()]
        for each in last:
            if each is not None:
                each.close()
        turn.close()

    def _log_is_long(self) -> bool:
        try:
            return os.stat(f"{self.path}-wal").st_size > _LOG_BYTES
        except OSError:
            return False

    def _spare_reader(self) -> sqlite3.Connection | None:
        """A reader that is there only to be the last; none if the file is gone or damaged: then nothing is spared."""
        try:
            reader = self._connect("?mode=ro")
            reader.execute("PRAGMA schema_version").fetchone()
        except sqlite3.Error:
            return None
        return reader

    def _open(self) -> tuple[sqlite3.Connection, Turn]:
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
        self._tell_loss(writer)

    def _tell_loss(self, db: sqlite3.Connection) -> None:
        if os.path.exists(os.path.join(self.home, "synced")):
            from motet.stores.sqlite.syncing import tell_loss  # short runs leave none

            tell_loss(self.home, lambda: int(db.execute(_HEAD).fetchone()[0]))

    def _open_reader(self) -> sqlite3.Connection:
        """The reading connection; the caller has the read lock."""
        if self._reader is None:
            if self._writer is None:  # else its lock is not needed, and whoever has it may wait for a turn
                self._reader = self._reader_alone()
            if self._reader is None:
                if self._writer is None:
                    with self.write_lock:
                        self._open()
                self._reader = self._connect("?mode=ro")
        return self._reader

    def _reader_alone(self) -> sqlite3.Connection | None:
        """A reader that needs no writer: it makes nothing, and takes no turn. None where the store has to be made, or
        brought up to this version, first.
        """
        try:
            if not os.path.isfile(self.path) or not os.path.getsize(self.path):
                return None
        except OSError:
            return None
        self._check_home()
        try:
            try:
                reader = self._connect("?mode=ro")
                found = reader.execute("PRAGMA user_version").fetchone()[0]
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                    raise
                reader = _frozen_reader(self._connect_to, self.path)
                found = reader.execute("PRAGMA user_version").fetchone()[0]
        except (sqlite3.Error, OSError) as error:
            raise explained(error, self.path) from error
        if found == VERSION:
            self._tell_loss(reader)
            return reader
        reader.close()
        return None

    def _prepare_home(self) -> None:
        """Make the folder, if it is not there."""
        if not self._prepared:
            try:
                private.make_folder(self.home)
                with suppress(FileExistsError):  # SQLite would make it as the umask says, and its log after it
                    os.close(private.opener(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
                keep_reserve(self.home)
            except OSError as error:
                raise explained(error, self.home) from error
            self._check_home()

    def _check_home(self) -> None:
        """Refuse a home that everybody may write to, or that is on a network file system."""
        if self._prepared:
            return
        refuse_open_home(self.home, self.path)
        kind = network_file_system(os.path.realpath(self.home), mountinfo())
        if kind is not None:
            raise StoreUnavailable(
                f"The store at {self.home} is on a network file system ({kind}), where locks do not hold.",
                "Set MOTET_HOME to a folder on a local disk; `motet backup FILE` takes what is in it to a shared one.",
            )
        self._prepared = True

    def _connect(self, how: str) -> sqlite3.Connection:
        return self._connect_to(self.path, how)

    @staticmethod
    def _connect_to(path: str, how: str) -> sqlite3.Connection:
        path = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        return sqlite3.connect(
            f"file:{path}{how}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )


def _frozen_reader(connect: Callable[[str, str], sqlite3.Connection], path: str) -> sqlite3.Connection:
    """A connection that reads where nothing can be written: a read-only file system, or a home that one may only read.

    SQLite needs a file of its own beside a database in WAL mode, even to read it, unless that is there. Without it a
    database whose log is empty is read as one that nobody changes; with a log, from a copy, so that the log is seen.
    """
    log = f"{path}-wal"
    if not (os.path.exists(log) and os.path.getsize(log)):
        return connect(path, "?mode=ro&immutable=1")
    import logging
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="motet-")
    try:
        copy = os.path.join(folder, "store.db")
        shutil.copyfile(path, copy)
        shutil.copyfile(log, f"{copy}-wal")
        found = connect(copy, "")
        found.execute("SELECT count(*) FROM sqlite_master").fetchone()  # now all files are open: they may go
        return found
    except OSError:
        logging.getLogger("motet.stores").warning(
            "There is no room for a copy of %s: its newest moments, which stand in %s, are not shown.", path, log
        )
        return connect(path, "?mode=ro&immutable=1")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made_lenient(connection: sqlite3.Connection, error: sqlite3.OperationalError) -> bool:
    """Let the connection read text that is none, if that was the error: whoever asked can tell which row is damaged."""
    if connection.text_factory is not str or "decode to UTF-8" not in str(error):
        return False
    connection.text_factory = _lenient
    return True


def _lenient(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _transaction(execute: Execute, act: Act[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    patiently(execute, "BEGIN IMMEDIATE")
    done = act(execute, *args, **kwargs)
    hit("transaction.before")
    execute("COMMIT")
    hit("transaction.after")
    return done


def _alone(execute: Execute, act: Act[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    hit("transaction.before")
    done = patiently(act, execute, *args, **kwargs)
    hit("transaction.after")
    return done


def _from_one_state(execute: Execute, act: Act[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    execute("BEGIN")
    return act(execute, *args, **kwargs)


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
