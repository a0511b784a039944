"""What voices keep in a SQLite store: documents, aliases, sequences."""

from __future__ import annotations

from motet.errors import Conflict, NotFound
from motet.ports import Document
from motet.stores.codec import pack, unpack
from motet.stores.sqlite.file import Database, Execute

_SELECT = "SELECT voice, kind, key, body, version FROM documents WHERE voice = ? AND kind = ? "

Name = tuple[str, str, str]
"""Voice, kind and key of a document."""


class SqliteDocuments:
    """The part of `ports.Store` that knows nothing of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def document(self, voice: str, kind: str, key: str) -> Document | None:
        found = self._database.read(_documents, _SELECT + "AND key = ?", voice, kind, key)
        return found[0] if found else None

    def documents(self, voice: str, kind: str) -> list[Document]:
        return self._database.read(_documents, _SELECT + "ORDER BY key", voice, kind)

    def put_document(self, document: Document) -> Document:
        name = (document.voice, document.kind, document.key)
        self._database.write(_put, name, document.version, pack(document.body))
        return Document(*name, document.body, document.version + 1)

    def delete_document(self, document: Document) -> None:
        self._database.write(_delete, (document.voice, document.kind, document.key), document.version)

    def set_alias(self, voice: str, name: str, run: str) -> None:
        meant = self._database.write(_set_alias, voice, name, run)
        if meant != run:
            raise Conflict(f"{name} already means run {meant}.", "Choose another name.")

    def alias(self, voice: str, name: str) -> str:
        found = self._database.read(_alias, voice, name)
        if found is None:
            raise NotFound(f"There is no run called {name}.", "`motet ls` lists the runs.")
        return found

    def next_number(self, voice: str, name: str) -> int:
        return self._database.write(_next_number, voice, name)


def _documents(execute: Execute, sql: str, *values: str) -> list[Document]:
    return [
        Document(voice, kind, key, unpack(body), version)
        for voice, kind, key, body, version in execute(sql, values).fetchall()
    ]


def _put(execute: Execute, name: Name, version: int, body: str | None) -> None:
    _check_version(execute, name, version)
    execute(
        "INSERT OR REPLACE INTO documents (voice, kind, key, body, version) VALUES (?, ?, ?, ?, ?)",
        (*name, body, version + 1),
    )


def _delete(execute: Execute, name: Name, version: int) -> None:
    _check_version(execute, name, version)
    execute("DELETE FROM documents WHERE voice = ? AND kind = ? AND key = ?", name)


def _check_version(execute: Execute, name: Name, version: int) -> None:
    """Raise Conflict unless the document stands in that version (0: does not exist)."""
    row = execute("SELECT version FROM documents WHERE voice = ? AND kind = ? AND key = ?", name).fetchone()
    found = row[0] if row else 0
    if found != version:
        raise Conflict(f"Document {'/'.join(name)} has version {found}, not {version}.", "Read it again, then write.")


def _set_alias(execute: Execute, voice: str, name: str, run: str) -> str | None:
    """Let the name mean the run unless it means one; gives what it means now."""
    execute("INSERT INTO aliases (voice, name, run) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (voice, name, run))
    return _alias(execute, voice, name)


def _alias(execute: Execute, voice: str, name: str) -> str | None:
    row = execute("SELECT run FROM aliases WHERE voice = ? AND name = ?", (voice, name)).fetchone()
    return row and str(row[0])


def _next_number(execute: Execute, voice: str, name: str) -> int:
    execute(
        "INSERT INTO sequences (voice, name, number) VALUES (?, ?, 1) "
        "ON CONFLICT (voice, name) DO UPDATE SET number = number + 1",
        (voice, name),
    )
    row = execute("SELECT number FROM sequences WHERE voice = ? AND name = ?", (voice, name)).fetchone()
    return int(row[0])
