"""The journal from its end: the newest events that are wanted, without reading what is older than they."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from motet.ports import ARTIFACTS, Entry, Store
from motet.values.published import TYPES

_SPAN = 1000
_AT_ONCE = 1000
_LOOKED_THROUGH = 20_000


def latest(
    store: Store, before: int | None, limit: int, wanted: Callable[[Entry], bool], **read: Any
) -> tuple[list[Entry], int | None]:  # fmt: skip
    """Up to `limit` wanted events before that offset (None: of all), newest first; and before which one to go on, None
    at the beginning. There may be fewer, even none: so much was looked through. `read` narrows what is read.
    """
    end = store.head() + 1 if before is None else before
    found: list[Entry] = []
    span, looked = _SPAN, 0
    while end > 1 and looked < _LOOKED_THROUGH:
        start = max(0, end - 1 - span)
        window = list(_between(store, start, end, read))
        looked += max(len(window), _SPAN // 10)
        for each in reversed(window):
            if wanted(each):
                found.append(each)
                if len(found) == limit:
                    return found, each.offset if each.offset > 1 else None
        end = start + 1
        span = span * 2 if len(window) < span // 4 else span
    return found, end if end > 1 else None


def artifacts(
    store: Store, before: int | None, limit: int, kind: str = "", text: str = ""
) -> tuple[list[Entry], int | None]:  # fmt: skip
    """The same of what runs have published as artifacts: of that kind, at first all but the points of metrics; with the
    text in the name, description, step or run.
    """
    kinds, needle = {kind} if kind else set(TYPES) - {"metric"}, text.casefold()

    def wanted(each: Entry) -> bool:
        value = each.value if isinstance(each.value, dict) else {}
        words = (each.key, each.run, str(value.get("description", "")), str(value.get("step", "")))
        is_of = each.namespace == ARTIFACTS and value.get("type") in kinds
        return is_of and any(needle in it.casefold() for it in words)

    return latest(store, before, limit, wanted, published=True)


def _between(store: Store, after: int, end: int, read: dict[str, Any]) -> Iterator[Entry]:
    while entries := store.read(after, limit=_AT_ONCE, **read):
        for each in entries:
            if each.offset >= end:
                return
            yield each
        after = entries[-1].offset
