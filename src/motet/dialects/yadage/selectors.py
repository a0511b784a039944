"""Which steps of a scope a text means.

Stages are selected by a small part of JSONPath: `a`, `a[1]`, `a[*]`, `a[0:2]`, `a,b`, `a|b`, `*`, `sub[*].stage`, names
in quotes. A text that is the name of a stage as it stands means that stage, whatever its characters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from motet.errors import UsageError
from motet.records import Record

EVERY = "*"


class Segment(Record, frozen=True):
    """The members of some stages: all, one by its number, or a slice."""

    names: Sequence[str]
    index: int | slice | None = None


class Selector(Record, frozen=True):
    """Paths into a scope and those nested in it; what is selected is what any of them leads to, in their order."""

    text: str
    paths: Sequence[Sequence[Segment]]

    @property
    def stages(self) -> Iterator[str]:
        """The stages of the scope itself that it begins with, `EVERY` for all."""
        for path in self.paths:
            yield from path[0].names


_TOKEN = re.compile(
    r"""\s*(?: (?P<mark>[.,|]) | \[\s*(?P<index>\*|-?\d+|-?\d*\s*:\s*-?\d*)\s*\]
    | \[?(?P<quoted>'[^']*'|"[^"]*")\]? | (?P<name>\*|[^\s.,|\[\]'"*][^.,|\[\]'"*]*) )\s*""",
    re.X,
)


def parse(text: str, names: Collection[str] = ()) -> Selector:
    """What the text selects. Raises UsageError where it cannot be read."""
    if text in names:
        return Selector(text, ((Segment((text,)),),))
    paths: list[list[Segment]] = [[]]
    mark, at = ".", 0
    stripped = re.sub(r"^\s*\$\.?", "", text)
    while at < len(stripped):
        found = _TOKEN.match(stripped, at)
        if found is None:
            raise _unreadable(text)
        at = found.end()
        if found["mark"]:
            if mark or not paths[-1]:
                raise _unreadable(text)
            mark = found["mark"]
            if mark == "|":
                paths.append([])
                mark = "."
        elif found["index"]:
            _index(paths[-1], found["index"], text)
            mark = ""
        else:
            _name(paths, (found["quoted"] or "").strip("'\"") or found["name"].strip(), mark, text)
            mark = ""
    if mark or not paths[-1]:
        raise _unreadable(text)
    return Selector(text, tuple(map(tuple, paths)))


def _name(paths: list[list[Segment]], name: str, mark: str, text: str) -> None:
    path = paths[-1]
    if mark == ",":
        last = path[-1]
        if last.index is None:
            path[-1] = Segment((*last.names, name))
        else:
            paths.append([Segment((name,))])
    elif mark == ".":
        path.append(Segment((name,)))
    else:
        raise _unreadable(text)


def _index(path: list[Segment], index: str, text: str) -> None:
    if not path or path[-1].index is not None:
        raise _unreadable(text)
    if index == EVERY:
        return
    low, colon, high = (each.strip() for each in index.partition(":"))
    chosen = slice(int(low) if low else None, int(high) if high else None) if colon else int(low)
    path[-1] = Segment(path[-1].names, chosen)


def _unreadable(text: str) -> UsageError:
    return UsageError(
        f"{text!r} selects no stages",
        "Write a name, name[0], name[*], first,second or nested[*].name; others in quotes.",
    )
