"""What voices keep in a SQLite store: documents, aliases, sequences."""

from __future__ import annotations

from motet.errors import Conflict, NotFound
from motet.ports import Document
from motet.stores.codec import pack, unpack
from motet.stores.sqlite.file import Database, Execute

_SELECT = "SELECT voice, kind, key, body, version FROM documents WHERE voice = ? AND kind = ? "


class SqliteDocuments:
    """The part of `ports.Store` that knows nothing of runs."""

    def __init__(self, database: Database) -> None:
        self._writing = database.writing
        self._reading = database.reading

    def document(self, voice: str, kind: str, key: str) -> Document | None:
        with self._reading() as execute:
            row = execute(_SELECT + "AND key = ?", (voice, kind, key)).fetchone()
        return row and _document(*row)

    def documents(self, voice: str, kind: str) -> list[Document]:
        with self._reading() as execute:
            found = execute(_SELECT + "ORDER BY key", (voice, kind)).fetchall()
        return [_document(*row) for row in found]

    def put_document(self, document: Document) -> Document:
        name = (document.voice, document.kind, document.key)
        body, version = pack(document.body), document.version
        with self._writing() as execute:
            _check_version(execute, name, version)
            execute(
                "INSERT OR REPLACE INTO documents (voice, kind, key, body, version) VALUES (?, ?, ?, ?, ?)",
                (*name, body, version + 1),
            )
        return Document(*name, document.body, version + 1)

    def delete_document(self, document: Document) -> None:
        name = (document.voice, document.kind, document.key)
        with self._writing() as execute:
            _check_version(execute, name, document.version)
            execute("DELETE FROM documents WHERE voice = ? AND kind = ? AND key = ?", name)

    def set_alias(self, voice: str, name: str, run: str) -> None:
        with self._writing() as execute:
            execute(
                "INSERT INTO aliases (voice, name, run) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (voice, name, run),
            )
            meant = _alias(execute, voice, name)
        if meant != run:
            raise Conflict(f"{name} already means run {meant}.", "Choose another name.")

    def alias(self, voice: str, name: str) -> str:
        with self._reading() as execute:
            found = _alias(execute, voice, name)
        if found is None:
            raise NotFound(f"There is no run called {name}.", "`motet ls` lists the runs.")
        return found

    def next_number(self, voice: str, name: str) -> int:
        with self._writing() as execute:
            execute(
                "INSERT INTO sequences (voice, name, number) VALUES (?, ?, 1) "
                "ON CONFLICT (voice, name) DO UPDATE SET number = number + 1",
                (voice, name),
            )
            row = execute("SELECT number FROM sequences WHERE voice = ? AND name = ?", (voice, name)).fetchone()
        return int(row[0])


def _document(voice: str, kind: str, key: str, body: str | None, version: int) -> Document:
    return Document(voice, kind, key, unpack(body), version)


def _check_version(execute: Execute, name: tuple[str, str, str], version: int) -> None:
    """Raise Conflict unless the document stands in that version (0: does not exist)."""
    row = execute("SELECT version FROM documents WHERE voice = ? AND kind = ? AND key = ?", name).fetchone()
    found = row[0] if row else 0
    if found != version:
        raise Conflict(f"Document {'/'.join(name)} has version {found}, not {version}.", "Read it again, then write.")


def _alias(execute: Execute, voice: str, name: str) -> str | None:
    row = execute("SELECT run FROM aliases WHERE voice = ? AND name = ?", (voice, name)).fetchone()
    return row and str(row[0])
