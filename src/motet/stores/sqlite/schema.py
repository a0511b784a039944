"""Bringing a database file up to this version's tables: `sql/0001_first.sql`, `sql/0002_...`, each once."""

from __future__ import annotations

import os
import sqlite3

from motet.errors import StoreCorrupt, StoreUnavailable
from motet.stores.sqlite.errors import patiently
from motet.stores.turn import Turn

VERSION = 1
"""The newest version of the tables, and the number of the last file in `sql/`."""

_SQL = os.path.join(os.path.dirname(os.path.dirname(__file__)), "sql")


def migrate(db: sqlite3.Connection, turn: Turn, home: str) -> None:
    """Apply the files that the store lacks, in one transaction. Raises StoreUnavailable for a newer store."""
    if _version(db, home) == VERSION:
        return
    turn.acquire()
    try:
        found = _version(db, home)  # another process may have migrated it meanwhile
        if found == VERSION:
            return
        if found == 0:
            _refuse_others(db, home)
            patiently(db.execute, "PRAGMA auto_vacuum=INCREMENTAL")
            patiently(lambda: db.execute("PRAGMA journal_mode=WAL").fetchone())
        patiently(db.execute, "BEGIN IMMEDIATE")
        try:
            for name in sorted(os.listdir(_SQL)):
                if name.endswith(".sql") and int(name[:4]) > found:
                    _apply(db, os.path.join(_SQL, name))
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    finally:
        turn.release()


def _version(db: sqlite3.Connection, home: str) -> int:
    found: int = patiently(lambda: db.execute("PRAGMA user_version").fetchone()[0])
    if found > VERSION:
        raise StoreUnavailable(
            f"The store at {home} was written by a newer Motet (its tables have version {found}; "
            f"this Motet knows them up to version {VERSION}).",
            "Upgrade Motet, or set MOTET_HOME to another folder.",
        )
    return found


def _refuse_others(db: sqlite3.Connection, home: str) -> None:
    """Write nothing into a database that is not Motet's."""
    if db.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StoreCorrupt(
            f"{os.path.join(home, 'store.db')} is a database, but not a store of Motet's.",
            "Move it away, or set MOTET_HOME to another folder.",
        )


def _apply(db: sqlite3.Connection, path: str) -> None:
    """Run the statements of a file one by one: `executescript` would commit first."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    statement = ""
    for part in text.splitlines(keepends=True):
        statement += part
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
