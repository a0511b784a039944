"""Records that a voice keeps for its users, by name and by number: documents, changed by compare-and-set.

Each is JSON, with its number ("id") and when it was made and changed last ("created_at", "updated_at").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from motet.errors import Conflict, NotFound
from motet.kernel.events import Json
from motet.ports import Document, Store


class Shelf:
    """The records of one kind that a voice keeps for an owner ("": for all of them). Safe from any thread."""

    def __init__(self, store: Store, now: Callable[[], float], voice: str, owner: str, kind: str) -> None:
        self._store, self._now, self._voice, self._kind, self._place = store, now, voice, kind, f"{owner}/{kind}"

    def add(self, name: str, body: Mapping[str, Json]) -> dict[str, Json]:
        """Keep a new one. Raises Conflict where there is one of that name."""
        if self._store.document(self._voice, self._place, name) is not None:
            raise Conflict(
                f"There is a {self._kind} {name!r} already.", "Choose another name, or remove that one first."
            )
        number, now = self._store.next_number(self._voice, self._place), self._now()
        made = {**body, "id": number, "created_at": now, "updated_at": now}
        self._store.put_document(Document(self._voice, self._place, name, made, 0))
        return made

    def every(self) -> dict[str, dict[str, Any]]:
        """All there are, by name, in the order in which they were made."""
        found = self._store.documents(self._voice, self._place)
        return {each.key: each.body for each in sorted(found, key=lambda it: int(it.body["id"]))}

    def get(self, name: str) -> dict[str, Any] | None:
        """The one of that name; None for none."""
        found = self._store.document(self._voice, self._place, name)
        return None if found is None else found.body

    def numbered(self, number: int) -> tuple[str, dict[str, Any]]:
        """The one with that number, and its name. Raises NotFound."""
        for name, body in self.every().items():
            if body["id"] == number:
                return name, body
        raise NotFound(f"There is no {self._kind} {number}.", "Check the number.")

    def change(self, number: int, change: Callable[[dict[str, Any]], Mapping[str, Json]]) -> dict[str, Any]:
        """Change one: `change` gives what is to be different. Raises NotFound, and what `change` raises."""
        while True:
            name, _ = self.numbered(number)
            found = self._store.document(self._voice, self._place, name)
            if found is None:
                continue
            body = {**found.body, **change(found.body), "updated_at": self._now()}
            try:
                self._store.put_document(Document(self._voice, self._place, name, body, found.version))
            except Conflict:
                continue
            return body

    def remove(self, name: str) -> None:
        """Remove the one of that name. Raises NotFound, Conflict."""
        found = self._store.document(self._voice, self._place, name)
        if found is None:
            raise NotFound(f"There is no {self._kind} {name!r}.", "Check the name.")
        self._store.delete_document(found)
