"""Checks of what voices keep."""

from __future__ import annotations

from motet.errors import Conflict, NotFound
from motet.ports import Document, Store
from motet.testing.checking import SetClock, checks_of, refused


def check_documents(store: Store, clock: SetClock) -> None:
    """Versions count from 1; writing or removing another version than the one that stands is a Conflict."""
    assert store.document("v", "k", "a") is None
    first = store.put_document(Document("v", "k", "a", {"x": 1}, 0))
    assert first == Document("v", "k", "a", {"x": 1}, 1)
    with refused(Conflict, "v/k/a"):
        store.put_document(Document("v", "k", "a", {"x": 2}, 0))
    second = store.put_document(Document("v", "k", "a", None, first.version))
    assert second.version == 2
    with refused(Conflict):
        store.put_document(first)
    with refused(Conflict):
        store.delete_document(first)
    with refused(Conflict):
        store.put_document(Document("v", "k", "new", 1, 1))
    assert store.document("v", "k", "a") == second
    store.delete_document(second)
    assert store.document("v", "k", "a") is None
    assert store.put_document(Document("v", "k", "a", 1, 0)).version == 1


def check_documents_are_listed_by_key(store: Store, clock: SetClock) -> None:
    """All of one voice and kind, and no others."""
    for voice, kind, key in [("v", "k", "b"), ("v", "k", "a"), ("v", "other", "c"), ("w", "k", "d")]:
        store.put_document(Document(voice, kind, key, key, 0))
    assert [(each.key, each.body, each.version) for each in store.documents("v", "k")] == [
        ("a", "a", 1),
        ("b", "b", 1),
    ]
    assert store.documents("v", "none") == []


def check_aliases(store: Store, clock: SetClock) -> None:
    """A name means one run for one voice, and may be set to the same again."""
    store.set_alias("v", "338", "r1")
    store.set_alias("v", "338", "r1")
    store.set_alias("w", "338", "r2")
    with refused(Conflict, "338", "r1"):
        store.set_alias("v", "338", "r2")
    assert (store.alias("v", "338"), store.alias("w", "338")) == ("r1", "r2")
    with refused(NotFound, "339"):
        store.alias("v", "339")


def check_sequences(store: Store, clock: SetClock) -> None:
    """Each counts 1, 2, 3, ... on its own."""
    assert [store.next_number("v", "runs") for _ in range(3)] == [1, 2, 3]
    assert store.next_number("v", "other") == 1
    assert store.next_number("w", "runs") == 1
    assert store.next_number("v", "runs") == 4


CHECKS = checks_of(__name__)
