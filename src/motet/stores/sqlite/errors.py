"""What SQLite's and the system's errors mean to a user, and what to do about them."""

from __future__ import annotations

import _sqlite3 as sqlite3
import errno
import os
import time
from collections.abc import Callable

from motet.errors import StoreCorrupt, StoreError, StoreFull, StoreUnavailable
from motet.typed import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def patiently(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call it, again as long as a program that takes no turns holds SQLite's lock, for whatever time."""
    while True:
        try:
            return act(*args, **kwargs)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.001)  # SQLite itself has waited before, but not for all locks


# What Motet itself writes breaks no constraint: where one is broken, rows are missing, or another's.
_DAMAGE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH)
# And what it asks for stands in the tables of its version: where it does not, their description is damaged.
_DAMAGED_TABLES = ("no such ", "table ", "index ", "malformed ", "unknown ")


def explained(error: sqlite3.Error | OSError, path: str) -> StoreError:
    """What the error means to a user, and what to do about it."""
    if isinstance(error, OSError):
        return _explained_os(error, path)
    code = getattr(error, "sqlite_errorcode", None) or 0
    said = f"{error} [{getattr(error, 'sqlite_errorname', None) or type(error).__name__}]"
    cause = code & 0xFF
    if cause in _DAMAGE or (cause == sqlite3.SQLITE_ERROR and str(error).startswith(_DAMAGED_TABLES)):
        return StoreCorrupt(
            f"The store {path} is damaged: {said}.",
            "Put a backup in its place; or, to begin anew, move it away with the two files beside it, "
            f"{path}-wal and {path}-shm.",
        )
    if cause == sqlite3.SQLITE_FULL or (cause == sqlite3.SQLITE_IOERR and _room_bytes(path) < 1 << 20):
        return StoreFull(
            f"There is no room left for the store {path}: {said}. What was recorded before is safe.",
            "Free some disk space (`motet prune` removes old runs), then resume.",
        )
    if cause == sqlite3.SQLITE_CANTOPEN and (error_now := _no_more_files()) is not None:
        return _explained_os(error_now, path)
    if cause in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreUnavailable(
            f"The store {path} cannot be opened for writing: {said}.",
            "Make the folder writable for this user, or set MOTET_HOME to one that is.",
        )
    if cause == sqlite3.SQLITE_IOERR:
        return StoreUnavailable(
            f"The disk under the store {path} failed: {said}.",
            "Check the disk, its quota and the system's log.",
        )
    return StoreError(f"The store {path} refused: {said}.", "This is a fault in Motet: please report it.")


def _explained_os(error: OSError, path: str) -> StoreError:
    place = error.filename or path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(
            f"There is no room left for the store {path}: {error.strerror}.",
            "Free some disk space (`motet prune` removes old runs), then resume.",
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return StoreUnavailable(
            f"The store {path} cannot be opened: {error.strerror}: {place}.",
            "Raise the limit of open files: `ulimit -n 1024`; the system's own is in /proc/sys/fs/file-max.",
        )
    return StoreUnavailable(
        f"The store {path} cannot be opened: {error.strerror}: {place}.",
        "Make it a folder that this user may write to, or set MOTET_HOME to one.",
    )


def _no_more_files() -> OSError | None:
    """What the system says if this process may open no more files, which SQLite does not tell."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error
    return None


def _room_bytes(path: str) -> int:
    """Free space beneath the file, as far as this user may use it."""
    try:
        room = os.statvfs(os.path.dirname(path))
    except OSError:
        return 1 << 62
    return room.f_bavail * room.f_frsize
