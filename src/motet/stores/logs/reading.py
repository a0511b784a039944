"""Reading the logs of runs: from either end on, with the blocks that cannot count passed over unread.

A file is looked at in windows, each of whole blocks. What is looked for (a step, a text) is searched in the bytes as
they are, and only blocks that have it are taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from math import inf
from time import time
from typing import NamedTuple, Protocol

from motet.ports import LogFilter, LogLine, LogPage
from motet.stores.codec import BLOCK, BREAK, PART, key_bytes
from motet.stores.logs.windows import FIRST_BYTES, Content, Window, content_of, read, windows, windows_back

_OFFSET_BITS = 32
"""A position is the number of a segment, followed by so many bits for the place in it."""

_MOST_BYTES = 2**28
"""One call looks at about so much: a quarter of a second, for what is nowhere."""

_JITTER_S = 5.0
"""So much earlier than a line before it may a line be: processes write side by side."""

_END = 2**63
_BELOW = (PART, b"[", b"/")
"""What follows the key of a step in that of its lines, of its elements and of the steps below it."""

_ANY = LogFilter(unended=True)

_GONE = "(motet: lines are missing here: the log of this run grew beyond its limit, MOTET_LOG_LIMIT)"


class Segments(Protocol):
    """The files of a run, by number."""

    def path(self, number: int) -> str:
        """The file of that number."""
        ...

    def list_of(self, number: int) -> str:
        """The list of the steps that have lines in it."""
        ...

    def numbers(self) -> list[int]:
        """Which there are, in order."""
        ...

    def after(self, number: int) -> int | None:
        """The next one that there is."""
        ...


class _Part(NamedTuple):
    """Blocks of a segment: from which position to which, as far as lines are whole. `gap`: those before are gone."""

    number: int
    window: Window
    start: int
    end: int
    gap: bool


class _Block(NamedTuple):
    """A block in a window: its head, and where its lines begin and end."""

    key: str
    attempt: int
    stream: str
    at: float
    ended: bool
    first: int
    end: int


# ---------------------------------------------------------------- pages


def forward(segments: Segments, position: int, of: LogFilter, limit: int, skip: int) -> LogPage:
    """See `LogStore.read`."""
    low, high = _bounds(segments, of)
    position = max(position, low)
    found: list[LogLine] = []
    places: list[int] = []
    left_bytes = _MOST_BYTES
    for part in _parts(segments, *_apart(position), of.step):
        if left_bytes <= 0 or (part.gap and len(found) >= limit):
            return LogPage(found, position, True, places)
        if part.gap:
            found.append(_gone(found[-1].at if found else time()))
            places.append(part.start)
        content, base = part.window.content, _position(part.number, part.window.base)
        for each in _blocks(part.window, of):
            first = max(each.first, position - base)
            if skip and (count := _count(content, each, of.text, first)) <= skip:
                skip -= count
                continue
            for start, end in _lines(content, each, of.text, first):
                if len(found) >= limit:
                    return LogPage(found, base + start, True, places)
                if skip:
                    skip -= 1
                else:
                    found.append(_line(content, each, start, end))
                    places.append(base + start)
        left_bytes -= 0 if skip else len(content)
        position = max(position, part.end)
        if position >= high:
            break
    return LogPage(found, position, False, places)


def backward(segments: Segments, position: int | None, of: LogFilter, limit: int) -> LogPage:
    """See `LogStore.read_back`."""
    low, high = _bounds(segments, of)
    found: list[LogLine] = []
    places: list[int] = []
    left_bytes = _MOST_BYTES
    for part in _parts_back(segments, *_apart(high if position is None else min(position, high)), of.step):
        content, base = part.window.content, _position(part.number, part.window.base)
        for each in reversed(list(_blocks(part.window, of))):
            for start, end in _lines_back(content, each, of.text):
                if len(found) >= limit:
                    return LogPage(found[::-1], base + end + 1, True, places[::-1])
                found.append(_line(content, each, start, end))
                places.append(base + start)
        if part.gap:
            found.append(_gone(found[-1].at if found else time()))
            places.append(part.start)
        left_bytes -= len(content)
        if left_bytes <= 0 or part.start <= low:
            return LogPage(found[::-1], part.start, part.start > low, places[::-1])
    return LogPage(found[::-1], 0, False, places[::-1])


def _apart(position: int) -> tuple[int, int]:
    return position >> _OFFSET_BITS, position & ((1 << _OFFSET_BITS) - 1)


def _position(number: int, offset: int) -> int:
    return number << _OFFSET_BITS | offset


def _gone(at: float) -> LogLine:
    return LogLine(at, "", 0, "stderr", _GONE)


# ---------------------------------------------------------------- windows


def _parts(segments: Segments, number: int, offset: int, step: str) -> Iterator[_Part]:
    """All from there on, but for what is known not to have lines of that step."""
    gap = False
    while True:
        later = segments.after(number)  # before this one is read: where there is a later one, it takes no more
        content = content_of(segments.path(number))
        for each in windows(content, offset) if content and _may_have(segments, number, content, step) else ():
            start, end = (_position(number, each.base + place) for place in (each.first, each.end))
            if content and each.base + each.end == content.size:
                end = _position(number, each.base + each.content.rfind(b"\n", 0, each.end) + 1)
            yield _Part(number, each, start, end, gap)
            gap = False
        if later is None:
            return
        gap = gap or content is None or later > number + 1
        number, offset = later, 0


def _parts_back(segments: Segments, last: int, offset: int, step: str) -> Iterator[_Part]:
    """All before that, the last ones first, but for the same."""
    numbers = [each for each in segments.numbers() if each <= last]
    for number in reversed(numbers):
        content = content_of(segments.path(number))
        if content is None or not _may_have(segments, number, content, step):
            continue
        gap = number > 0 and number - 1 not in numbers
        for each in windows_back(content, min(offset, content.size) if number == last else content.size):
            start, end = (_position(number, each.base + place) for place in (each.first, each.end))
            yield _Part(number, each, start, end, gap and each.base == 0)


def _may_have(segments: Segments, number: int, content: Content, step: str) -> bool:
    """Whether lines of the step may be there. A segment that is full has a list of its steps beside it."""
    if not step:
        return True
    size, _, keys = read(segments.list_of(number), 0, content.size).partition(PART)
    return size != str(content.size).encode() or _has(keys, BLOCK + key_bytes(step.partition("[")[0]))


def _has(keys: bytes, mark: bytes) -> bool:
    at = keys.find(mark)
    while at >= 0 and keys[at + len(mark) : at + len(mark) + 1] not in _BELOW:
        at = keys.find(mark, at + 1)
    return at >= 0


def _bounds(segments: Segments, of: LogFilter) -> tuple[int, int]:
    """Positions between which all stands that came in that time."""
    low = _around(segments, of.since - _JITTER_S)[0] if of.since > 0 else 0
    return low, (_around(segments, of.until + _JITTER_S)[1] if of.until < inf else _END)


def _around(segments: Segments, at: float) -> tuple[int, int]:
    """Two positions, not far apart: one before all that came then or later, one behind all that came before."""
    numbers = segments.numbers() or [0]
    low, high = 0, len(numbers)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _time_at(segments, numbers[middle], 0) < at else (low, middle)
    number = numbers[low]
    content = content_of(segments.path(number))
    start, end = 0, content.size if content else 0
    while end - start > FIRST_BYTES:
        place = (start + end) // 2
        start, end = (place, end) if _time_at(segments, number, place) < at else (start, place)
    return _position(number, start), _position(number, end)


def _time_at(segments: Segments, number: int, place: int) -> float:
    """When what stands there came."""
    content = content_of(segments.path(number))
    for window in windows(content, place) if content else ():
        for each in _blocks(window, _ANY):
            return each.at
    return 0.0


# ---------------------------------------------------------------- blocks and lines


def _blocks(window: Window, of: LogFilter) -> Iterator[_Block]:
    """The blocks that may have lines that are wanted."""
    content, wanted = window.content, _bytes(of.text)
    mark = BLOCK + key_bytes(of.step) if of.step else wanted or BLOCK
    at = content.find(mark, window.first, window.end)
    while at >= 0:
        start = content.rfind(BLOCK, window.first, at + 1)
        end = content.find(BLOCK, at + 1, window.end)
        end = window.end if end < 0 else end
        if start >= 0 and (not of.step or content[at + len(mark) : at + len(mark) + 1] in _BELOW):
            found = _parsed(content, start, end) if content.find(wanted, at, end) >= 0 else None
            if found and _is_wanted(found, of):
                yield found
        at = content.find(mark, end, window.end)


def _is_wanted(found: _Block, of: LogFilter) -> bool:
    """Whether its head is as it is wanted."""
    return (
        of.since <= found.at <= of.until
        and (found.ended or of.unended)
        and (not of.attempt or found.attempt == of.attempt)
        and (not of.stream or found.stream == of.stream)
    )


def _parsed(window: bytes, start: int, end: int) -> _Block | None:
    """The block there; None where what stands there is none, after a loss of power."""
    head = window.find(PART, start, end)
    first = window.find(PART, head + 1, end) if head > 0 else -1
    if first < 0:
        return None
    key = window[start + 1 : head].replace(BREAK, b"\n").decode("utf-8", "surrogatepass")
    with suppress(ValueError):
        number, at, stream = window[head + 1 : first].decode("utf-8", "surrogatepass").split(" ", 2)
        return _Block(key, int(number), stream.removeprefix("~"), float(at), stream[:1] != "~", first + 1, end)
    return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _count(window: bytes, each: _Block, text: str, first: int) -> int:
    """How many lines of the block, from there on, hold the text."""
    return sum(1 for _ in _lines(window, each, text, first)) if text else window.count(b"\n", first, each.end)


def _lines(window: bytes, each: _Block, text: str, at: int) -> Iterator[tuple[int, int]]:
    """Where lines of the block begin and end: those from there on that hold the text."""
    wanted = _bytes(text)
    while at < each.end:
        if wanted:
            hit = window.find(wanted, at, each.end)
            if hit < 0:
                return
            at = max(at, window.rfind(b"\n", at, hit) + 1)
        end = window.find(b"\n", at, each.end)
        if end < 0:
            return  # a kill or a full disk cut it off; or it is being written now
        yield at, end
        at = end + 1


def _lines_back(window: bytes, each: _Block, text: str) -> Iterator[tuple[int, int]]:
    """The same, the last one first."""
    wanted = _bytes(text)
    end = window.rfind(b"\n", each.first, each.end)
    while end >= each.first:
        if wanted:
            hit = window.rfind(wanted, each.first, end)
            if hit < 0:
                return
            end = window.find(b"\n", hit, end + 1)
        start = max(each.first, window.rfind(b"\n", each.first, end) + 1)
        yield start, end
        end = start - 1


def _line(window: bytes, each: _Block, start: int, end: int) -> LogLine:
    raw = window[start:end]
    try:
        text = raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # the disk lost something
        text = raw.decode("utf-8", "replace")
    return LogLine(each.at, each.key, each.attempt, each.stream, text, each.ended)
