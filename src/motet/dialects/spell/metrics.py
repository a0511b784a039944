"""Series of numbers, and of texts, that runs send: kept as metrics of Motet, so that all its views show them."""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from motet.dialects.spell import words
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED
from motet.ports import ARTIFACTS, Entry, EventFilter, RunRow
from motet.values import previews
from motet.values.naming import KEY_CHARS, checked
from motet.values.published import publication

if TYPE_CHECKING:
    from motet.ports.voice import Host

_LOOK_S = 1.0
_PAGE = 1000
_last: dict[tuple[str, str, str], int] = {}
_lock = threading.Lock()
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


def sent(host: Host, run: str, name: str, value: float | str, index: int | None) -> int:
    """Keep a point; gives its index. Raises UsageError for what is no point."""
    if not name or "#" in name or not isinstance(value, int | float | str):
        raise UsageError(f"{name!r} cannot have the value {value!r:.80}.", "Send a number or a text under a name.")
    if not isinstance(index, int | None):
        raise UsageError(f"{index!r:.80} is no index of a point of {name}.", "Send a whole number, or none.")
    checked(name, "The metric", KEY_CHARS)
    with _lock:
        index = _next(host, run, name) if index is None else index
        _last[host.home, run, name] = index
    told: dict[str, Json] = {
        "type": "metric", "step": words.STEP, "attempt": 1, "description": "", "content": None,
        "preview": {"x": float(index), "value": value},
    }  # fmt: skip
    if isinstance(value, str):
        content = {"media_type": "text/markdown", "text": value}
        told |= {"type": "markdown", "content": content, "preview": {**previews.text(value), "x": float(index)}}
    host.store.publish([publication(run, name, told, host.clock.now())])
    return index


def _next(host: Host, run: str, name: str) -> int:
    """The index after the last one; what this process has sent is remembered."""
    known = _last.get((host.home, run, name))
    return (max((at for _, at, _ in _points(host, run, name)), default=-1) if known is None else known) + 1


def points(
    host: Host, row: RunRow, name: str, start: int | None, *, follow: bool = False
) -> Iterator[tuple[float, int, float | str]]:  # fmt: skip
    """The points (when, index, value) with an index beyond `start`, as they come; with `follow` until the run ends."""
    follower, after = host.store.follow(), 0
    try:
        while True:
            is_over = host.store.run(row.id).status in ENDED
            for entry in _entries(host, row.id, name, after):
                after = entry.offset
                point = _point(entry)
                if point is not None and (start is None or point[1] > start):
                    yield point
            if is_over or not follow:
                return
            follower.wait(_LOOK_S)
    finally:
        follower.close()


def names(host: Host, run: str) -> list[str]:
    """The series of the run."""
    found = {entry.key for entry in _entries(host, run, None, 0) if _point(entry) is not None}
    return sorted(found)


def met(host: Host, row: RunRow) -> str:
    """Which of the run's conditions to stop holds, in words; "" for none."""
    for some in row.program["request"].get("stop_conditions", ()):
        told = []
        for each in some:
            series = [(at, value) for _, at, value in _points(host, row.id, each["metric"])]
            last = series[-1] if series else (-1, math.nan)
            if last[0] < (each.get("min_indices") or 0) or isinstance(last[1], str):
                break
            if not _COMPARED[each["operator"]](last[1], each["value"]):
                break
            told.append(f"{each['metric']} {each['operator']} {each['value']}")
        else:
            return " && ".join(told)
    return ""


def _points(host: Host, run: str, name: str) -> Iterator[tuple[float, int, float | str]]:
    return filter(None, map(_point, _entries(host, run, name, 0)))


def _entries(host: Host, run: str, name: str | None, after: int) -> Iterator[Entry]:
    while page := host.store.read(
        after, limit=_PAGE, run=run, published=True, where=EventFilter(key=name, namespace=ARTIFACTS)
    ):
        yield from page
        after = page[-1].offset


def _point(entry: Entry) -> tuple[float, int, float | str] | None:
    value = entry.value
    if not isinstance(value, dict) or "x" not in (value.get("preview") or {}):
        return None
    preview = value["preview"]
    return entry.at, int(preview["x"]), preview["value"] if "value" in preview else value["content"]["text"]
