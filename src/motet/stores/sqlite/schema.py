"""Bringing a database file up to this version's tables: `sql/0001_first.sql`, `sql/0002_...`, each once."""

from __future__ import annotations

import _sqlite3 as sqlite3
import os
import time

from motet.errors import StoreCorrupt, StoreUnavailable
from motet.owners import is_dead
from motet.ports import Owner
from motet.stores.codec import decode, unpack
from motet.stores.sqlite import runs
from motet.stores.sqlite.errors import patiently
from motet.turns import Turn

VERSION = 2
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
            _refuse_living(db, home, found)
            for name in sorted(os.listdir(_SQL)):
                if name.endswith(".sql") and int(name[:4]) > found:
                    _apply(db, os.path.join(_SQL, name))
            if found < 2:  # since then runs are found by what stands in `terms` and `run_texts`
                _index_runs(db)
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


def _refuse_living(db: sqlite3.Connection, home: str, found: int) -> None:
    """Migrate nothing under the hands of engines that know the older tables only."""
    if not found:
        return
    rows = db.execute("SELECT name, owner FROM runs WHERE owner IS NOT NULL AND lease_until > ?", (time.time(),))
    owners = [(name, Owner(**decode(owner))) for name, owner in rows.fetchall()]
    driven = [f"{name} (process {owner.pid} on {owner.host})" for name, owner in owners if not is_dead(owner)]
    if driven:
        raise StoreUnavailable(
            f"The store at {home} is to be brought up to this version of Motet, but an older one still drives "
            f"{len(driven)} of its runs: {', '.join(driven[:10])}.",
            "Wait until they have ended, or stop them with that version; then do this again.",
        )


def _index_runs(db: sqlite3.Connection) -> None:
    """Let the runs that there are be found by text, tags and parameters."""
    try:
        db.execute("CREATE VIRTUAL TABLE run_texts USING fts5 (text, tokenize = 'trigram')")
    except sqlite3.OperationalError:  # an SQLite without it: the same by looking at every text
        db.execute("CREATE TABLE run_texts (text TEXT NOT NULL)")
    for number, id_, name, workflow, params, tags in db.execute(
        "SELECT number, id, name, workflow, params, tags FROM runs"
    ).fetchall():
        runs.index(db.execute, number, unpack(params), unpack(tags) or [], f"{id_}\n{name}\n{workflow}")


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
