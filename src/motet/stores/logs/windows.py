"""The files of a log as parts of whole blocks, so that what reads them need not care where one begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from motet.ports import LogLine
from motet.stores.codec import BLOCK, block, decode

FIRST_BYTES = 2**16
"""How large the first window is; those after it are larger, up to MOST_BYTES."""

MOST_BYTES = 2**18


class Content(NamedTuple):
    """What a segment holds: its size, and the bytes between two places."""

    size: int
    between: Callable[[int, int], bytes]


class Window(NamedTuple):
    """Bytes of a segment, and where in them whole blocks begin and end. `base` is the place of the first byte."""

    base: int
    content: bytes
    first: int
    end: int


def windows(content: Content, start: int) -> Iterator[Window]:
    """Windows from the block on that `start` is in."""
    at, size = _block_before(content, start), FIRST_BYTES
    while at < content.size:
        window = content.between(at, at + size)
        end = len(window) if at + len(window) >= content.size else window.rfind(BLOCK)
        if not window:
            return
        if end <= 0:  # a block that is larger
            size *= 2
            continue
        yield Window(at, window, 0, end)
        at += end
        size = min(2 * size, max(size, MOST_BYTES))


def windows_back(content: Content, end: int) -> Iterator[Window]:
    """Windows from `end` backwards. The first one ends there."""
    size = FIRST_BYTES
    while end > 0:
        low = max(0, end - size)
        window = content.between(low, end)
        first = window.find(BLOCK) if low else 0
        if first < 0:  # a block that is larger
            size *= 2
            continue
        yield Window(low, window, first, len(window))
        end = low + first
        size = min(2 * size, max(size, MOST_BYTES))


def _block_before(content: Content, place: int) -> int:
    """Where the block begins that the place is in, or at whose beginning it is."""
    size = FIRST_BYTES
    while place > 0:
        low = max(0, place - size)
        at = content.between(low, place + 1).rfind(BLOCK)
        if at >= 0 or not low:
            return low + max(at, 0)
        size *= 2
    return 0


def content_of(path: str) -> Content | None:
    """What the segment holds at this moment; None if there is no such file."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    if path.endswith(".jsonl"):
        whole = _converted(path, found.st_ino, found.st_size)
        return Content(len(whole), lambda start, end: whole[start:end])
    return Content(found.st_size, lambda start, end: read(path, start, min(end, found.st_size)))


def read(path: str, start: int, end: int) -> bytes:
    """The bytes of the file between two places; none if it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # it was let go since
        return b""
    try:
        return os.pread(fd, max(0, end - start), start)
    finally:
        os.close(fd)


@lru_cache(maxsize=2)
def _converted(path: str, inode: int, size_bytes: int) -> bytes:
    """What an earlier version wrote, a JSON array for each line, as it stands in blocks."""
    blocks = []
    for row in read(path, 0, size_bytes).splitlines():
        with suppress(ValueError, TypeError):  # torn by a kill or a full disk
            line = LogLine(*decode(row.decode()))
            blocks.append(block(line, line.text))
    return b"".join(blocks)
