"""Schedules, triggers and alerts as documents: added under a name, found, changed by compare-and-set, removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from motet.errors import Conflict, NotFound, UsageError, did_you_mean
from motet.kernel.events import Json
from motet.ports import STEERING, Document, Publication, Store
from motet.records import Record
from motet.values.naming import checked

_VOICE = "motet"
CHANGED = "scheduling.changed"
"""The event that tells schedulers that something was added, changed or removed."""

T = TypeVar("T", bound=Record)


class Kept(Generic[T]):
    """What is kept of one kind: records with a `name`, a `number` and `created_at`."""

    def __init__(self, kind: str, of: type[T]) -> None:
        self.kind = kind
        self._of = of

    def add(self, store: Store, item: T, now: float) -> T:
        """Keep it under its name, with a number of its own. Raises Conflict if the name is taken; UsageError."""
        name = str(item.name)  # type: ignore[attr-defined]
        if not checked(name, f"The name of the {self.kind}"):
            raise UsageError(f"A {self.kind} needs a name.", "Give it one: --name NAME.")
        item.number, item.created_at = store.next_number(_VOICE, self.kind), now  # type: ignore[attr-defined]
        try:
            store.put_document(Document(_VOICE, self.kind, name, _written(item), 0))
        except Conflict:
            raise Conflict(
                f"There is a {self.kind} {name!r} already.",
                f"Name it otherwise, or remove that: motet {self.kind} rm {name}",
            ) from None
        self._tell(store, name, now)
        return item

    def find(self, store: Store, name: str) -> T:
        """The one of that name. Raises NotFound."""
        return self._read(self._document(store, name))

    def every(self, store: Store) -> list[T]:
        """All, by name."""
        return [self._read(each) for each in store.documents(_VOICE, self.kind)]

    def change(self, store: Store, name: str, change: Callable[[T], bool]) -> T:
        """Change it as it stands then, again if another process was quicker; not if `change` gives False. Gives it as
        it is then. Raises NotFound.
        """
        while True:
            document = self._document(store, name)
            item = self._read(document)
            if not change(item):
                return item
            try:
                store.put_document(Document(_VOICE, self.kind, name, _written(item), document.version))
            except Conflict:
                continue
            return item

    def change_and_tell(self, store: Store, name: str, change: Callable[[T], bool], now: float) -> T:
        """As `change`, and let schedulers look at it."""
        item = self.change(store, name, change)
        self._tell(store, name, now)
        return item

    def remove(self, store: Store, name: str, now: float) -> T:
        """Remove it; gives what it was. Raises NotFound."""
        while True:
            document = self._document(store, name)
            try:
                store.delete_document(document)
            except Conflict:
                continue
            self._tell(store, name, now)
            return self._read(document)

    def _document(self, store: Store, name: str) -> Document:
        found = store.document(_VOICE, self.kind, name)
        if found is None:
            names = [each.key for each in store.documents(_VOICE, self.kind)]
            raise NotFound(
                f"There is no {self.kind} {name!r}.", did_you_mean(name, names, f"`motet {self.kind} ls` lists them.")
            )
        return found

    def _read(self, document: Document) -> T:
        return self._of(**{name: each for name, each in document.body.items() if name in self._of.__record__})

    def _tell(self, store: Store, name: str, now: float) -> None:
        store.publish([Publication(CHANGED, {"kind": self.kind, "name": name}, STEERING, "motet", at=now)])


def _written(item: Record) -> dict[str, Json]:
    return {name: getattr(item, name) for name in type(item).__record__}
