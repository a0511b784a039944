"""Tags: words that runs are found by, and that limits are set for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from motet.dialects.python.scope import tags_now
from motet.values.naming import checked


@contextmanager
def tags(*new_tags: str) -> Iterator[set[str]]:
    """Flows and tasks that are called within get these tags too; gives all that hold here."""
    for each in new_tags:
        checked(each, "The tag")
    whole = tags_now.get().union(new_tags)
    token = tags_now.set(whole)
    try:
        yield set(whole)
    finally:
        tags_now.reset(token)
