"""What voices keep in a memory store: documents, aliases, sequences."""

from __future__ import annotations

import threading
from dataclasses import replace

from motet.errors import Conflict, NotFound
from motet.ports import Document
from motet.stores.codec import decode, encode


class MemoryDocuments:
    """The part of `ports.Store` that knows nothing of runs."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._documents: dict[tuple[str, str, str], tuple[int, str]] = {}
        self._aliases: dict[tuple[str, str], str] = {}
        self._numbers: dict[tuple[str, str], int] = {}

    def document(self, voice: str, kind: str, key: str) -> Document | None:
        with self._lock:
            found = self._documents.get((voice, kind, key))
        return found and Document(voice, kind, key, decode(found[1]), found[0])

    def documents(self, voice: str, kind: str) -> list[Document]:
        with self._lock:
            found = sorted((name, it) for name, it in self._documents.items() if name[:2] == (voice, kind))
        return [Document(*name, decode(text), version) for name, (version, text) in found]

    def put_document(self, document: Document) -> Document:
        text = encode(document.body)
        with self._lock:
            name = self._at_version(document)
            self._documents[name] = (document.version + 1, text)
        return replace(document, version=document.version + 1)

    def delete_document(self, document: Document) -> None:
        with self._lock:
            self._documents.pop(self._at_version(document), None)

    def _at_version(self, document: Document) -> tuple[str, str, str]:
        """The document's name. Raises Conflict unless it stands in that version (0: does not exist)."""
        name = (document.voice, document.kind, document.key)
        found = self._documents[name][0] if name in self._documents else 0
        if found != document.version:
            raise Conflict(
                f"Document {'/'.join(name)} has version {found}, not {document.version}.",
                "Read it again, then write.",
            )
        return name

    def set_alias(self, voice: str, name: str, run: str) -> None:
        with self._lock:
            meant = self._aliases.setdefault((voice, name), run)
        if meant != run:
            raise Conflict(f"{name} already means run {meant}.", "Choose another name.")

    def alias(self, voice: str, name: str) -> str:
        with self._lock:
            found = self._aliases.get((voice, name))
        if found is None:
            raise NotFound(f"There is no run called {name}.", "`motet ls` lists the runs.")
        return found

    def next_number(self, voice: str, name: str) -> int:
        with self._lock:
            number = self._numbers[voice, name] = self._numbers.get((voice, name), 0) + 1
        return number
