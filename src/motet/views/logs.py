"""Reading what runs have written: by step, from the end, by time, by text, by number of the line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from threading import Thread

from motet.kernel.events import Json
from motet.kernel.transitions import ENDED, PENDING
from motet.ports import ALL_LINES, Follower, LogFilter, LogLine, LogStore, Store
from motet.views import lookup

_AT_ONCE = 1000
_LOOK_S = 1.0
"""How often it is checked that the run's process still lives; of lines, and of the run's end, it is heard at once."""


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


def followed(store: Store, logs: LogStore, run: str, of: LogFilter, position: int) -> Iterator[list[LogLine]]:
    """What the filter lets pass from that position on, until the run has ended: what is there at once, then what comes
    as it comes. What an ended run has written is there before it shows as ended.
    """
    with closing(logs.follow()) as written, closing(store.follow()) as committed:
        Thread(target=_pass_on, args=(committed, written), name="motet-follow", daemon=True).start()
        while True:
            row = store.run(run)
            over = row.status in ENDED or (row.status != PENDING and lookup.has_crashed(row, time.time()))
            more = True
            while more:
                page = logs.read(run, position, limit=_AT_ONCE, of=of)
                yield page.lines
                position, more = page.position, page.more
            if over:
                return
            written.wait(_LOOK_S)


def _pass_on(committed: Follower, written: Follower) -> None:
    """Let whoever waits for lines wake for commits too: one of them is the run's end."""
    while committed.wait(None):
        written.wake()


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
