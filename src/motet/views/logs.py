"""Reading what runs have written: by step, from the end, by time, by text, by number of the line."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from threading import Thread

from motet.kernel.events import Json
from motet.kernel.transitions import ENDED, PENDING
from motet.ports import ALL_LINES, Follower, LogFilter, LogLine, LogPage, LogStore, Store
from motet.records import Record
from motet.views import lookup

_AT_ONCE = 1000
_LOOKED = 200_000
_STREAMS = ("stdout", "stderr")
_ERROR = re.compile(r"\b(Traceback \(most recent call last\)|\w*(Error|Exception)\b|ERROR|CRITICAL|FATAL)")
_LOOK_S = 1.0
"""How often it is checked that the run's process still lives; of lines, and of the run's end, it is heard at once."""


class Near(Record):
    """A line beside those that are looked for, or one of them (`hit`), and where it begins.

    left_out  how many lines are left out before it; -1 for very many
    """

    line: LogLine
    position: int
    hit: bool
    left_out: int = 0


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


def errors(
    logs: LogStore, run: str, of: LogFilter, position: int | None, *, from_end: bool = False, limit: int = 1
) -> LogPage:  # fmt: skip
    """Lines that tell of errors, by their level or by what they say: from that position on, or the last before it. As
    with all pages, so much is looked at and no more.
    """
    found: list[tuple[LogLine, int]] = []
    place, looked = position, 0
    while True:
        if from_end:
            page = logs.read_back(run, place, limit=_AT_ONCE, of=of)
        else:
            page = logs.read(run, place or 0, limit=_AT_ONCE, of=of)
        told = [each for each in zip(page.lines, page.positions, strict=True) if is_error(each[0])]
        left = limit - len(found)
        if from_end:
            found[:0] = told[-left:]
        else:
            found += told[:left]
        place, looked = page.position, looked + len(page.lines)
        if len(told) > left:
            place = found[0][1] if from_end else told[left][1]
        if len(found) >= limit or not page.more or looked >= _LOOKED:
            lines, places = [line for line, _ in found], [at for _, at in found]
            return LogPage(lines, place, page.more or len(told) > left, places)


def is_error(line: LogLine) -> bool:
    """Whether the line tells of an error: by its level, or, where it has none, by what it says."""
    if line.stream in _STREAMS:
        return _ERROR.search(line.text) is not None
    return line.stream in ("ERROR", "CRITICAL")


def around(logs: LogStore, run: str, of: LogFilter, hits: Sequence[int], count: int) -> list[Near]:
    """The lines at these positions, with so many of those before and after each, in order and each once. The filter
    says what is before and after, but for its text.
    """
    near = replace(of, text="")
    found: list[Near] = []
    end = 0
    for at in hits:
        before = logs.read_back(run, at, limit=count, of=near)
        after = logs.read(run, at, limit=count + 1, of=near)
        lines = [*zip(before.lines, before.positions, strict=True), *zip(after.lines, after.positions, strict=True)]
        first = True
        for line, place in lines:
            if place < end:
                if place == at:
                    next(each for each in found if each.position == at).hit = True
                continue
            left_out = _between(logs, run, near, end, place) if first and found else 0
            found.append(Near(line, place, place == at, left_out))
            first = False
        end = max(end, after.position)
    return found


def _between(logs: LogStore, run: str, of: LogFilter, start: int, end: int) -> int:
    """How many lines there are from one position to another; -1 for many."""
    page = logs.read(run, start, limit=_AT_ONCE, of=of)
    count = sum(each < end for each in page.positions)
    return -1 if count == len(page.positions) and page.more else count


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
