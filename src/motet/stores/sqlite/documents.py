"""What voices keep in a SQLite store: documents, aliases, sequences."""

from __future__ import annotations

from collections.abc import Callable

from motet.errors import StoreCorrupt
from motet.ports import Document
from motet.stores import rules
from motet.stores.codec import pack, unpack
from motet.stores.sqlite.file import Database
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import UNREADABLE, check, damaged, seal

SQL = Queries("documents")


class SqliteDocuments:
    """The port `Documents`."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def document(self, voice: str, kind: str, key: str) -> Document | None:
        found = self._database.read(_documents, SQL.one, voice, kind, key)
        return found[0] if found else None

    def documents(self, voice: str, kind: str) -> list[Document]:
        return self._database.read(_sound, voice, kind)

    def put_document(self, document: Document) -> Document:
        self._database.write(_put, document, pack(document.body), self._now())
        return Document(document.voice, document.kind, document.key, document.body, document.version + 1)

    def delete_document(self, document: Document) -> None:
        self._database.write(_delete, document)

    def set_alias(self, voice: str, name: str, run: str) -> None:
        self._database.write(_set_alias, voice, name, run)

    def alias(self, voice: str, name: str) -> str:
        found = self._database.read(_alias, voice, name)
        if found is None:
            raise rules.no_alias(name)
        return found

    def next_number(self, voice: str, name: str) -> int:
        return self._database.write(_next_number, voice, name)


def _documents(execute: Execute, sql: str, *values: str) -> list[Document]:
    return [document_of(*row) for row in execute(sql, values).fetchall()]


def _sound(execute: Execute, voice: str, kind: str) -> list[Document]:
    """All documents of that kind but for damaged ones, which are told in the log: the others are none the worse."""
    found = []
    for row in execute(SQL.all, (voice, kind)).fetchall():
        try:
            found.append(document_of(*row))
        except StoreCorrupt as error:
            import logging

            logging.getLogger("motet.stores").warning("%s", error.what)
    return found


def document_of(voice: str, kind: str, key: str, body: str | None, version: int, sealed: int | None) -> Document:
    """The document of a row. Raises StoreCorrupt."""
    place = f"document {voice}/{kind}/{key}"
    try:
        check(sealed, "", place, f"{voice} {kind} {key} {version}", body)
        return Document(voice, kind, key, unpack(body), version)
    except UNREADABLE as error:
        raise damaged("", place) from error


def _put(execute: Execute, document: Document, body: str | None, now: float) -> None:
    name, version = _at_version(execute, document), document.version + 1
    execute(SQL.put, (*name, body, version, now, seal(" ".join((*name, str(version))), body)))


def _delete(execute: Execute, document: Document) -> None:
    execute(SQL.delete, _at_version(execute, document))


def _at_version(execute: Execute, document: Document) -> tuple[str, str, str]:
    """The document's name. Raises Conflict unless it stands in that version (0: does not exist)."""
    name = (document.voice, document.kind, document.key)
    row = execute(SQL.version, name).fetchone()
    rules.check_version(document, row[0] if row else 0)
    return name


def _set_alias(execute: Execute, voice: str, name: str, run: str) -> None:
    execute(SQL.set_alias, (voice, name, run))
    rules.check_alias(name, run, _alias(execute, voice, name))


def _alias(execute: Execute, voice: str, name: str) -> str | None:
    row = execute(SQL.alias, (voice, name)).fetchone()
    return row and str(row[0])


def _next_number(execute: Execute, voice: str, name: str) -> int:
    execute(SQL.count_on, (voice, name))
    return int(execute(SQL.number, (voice, name)).fetchone()[0])
