"""Reading what runs have written: by step, from the end, by time, by text, by number of the line."""

from __future__ import annotations

from collections.abc import Iterator

from motet.kernel.events import Json
from motet.ports import ALL_LINES, LogFilter, LogLine, LogStore

_AT_ONCE = 1000


def lines(
    logs: LogStore, run: str, of: LogFilter = ALL_LINES, *, position: int = 0, first: int = 1
) -> Iterator[LogLine]:  # fmt: skip
    """The lines that the filter lets pass, in the order in which they arrived: those from that position on, and of them
    from the `first` on, counted from 1.
    """
    skip = first - 1
    while True:
        page = logs.read(run, position, limit=_AT_ONCE, of=of, skip=skip)
        yield from page.lines
        if not page.more:
            return
        position, skip = page.position, 0


def last(logs: LogStore, run: str, count: int, of: LogFilter = ALL_LINES) -> tuple[list[LogLine], int]:
    """The last lines that the filter lets pass, up to so many, in order; and the position behind all that there is."""
    end = logs.read_back(run, limit=0).position
    found: list[LogLine] = []
    position, more = end, True
    while more and len(found) < count:
        page = logs.read_back(run, position, limit=count - len(found), of=of)
        found[:0] = page.lines
        position, more = page.position, page.more
    return found, end


def shown(line: LogLine) -> str:
    """The text as it is read: of a line that was drawn anew, as progress bars do, its last state."""
    return line.text.rstrip("\r").rpartition("\r")[2]


def line_json(line: LogLine) -> Json:
    """The line as JSON."""
    return {"at": line.at, "key": line.key, "attempt": line.attempt, "stream": line.stream, "text": line.text}


def belongs(key: str, step: str) -> bool:
    """Whether a line with that key is of the step, of an element of it or of a step below it. Its end will do."""
    within, wanted = f"/{key}/".replace("[", "/["), f"/{step}/".replace("[", "/[")
    return wanted in within
