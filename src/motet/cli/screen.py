"""The foot of a terminal: lines that stay below whatever else is printed, and are drawn anew in place.

The cursor is left above them, at the beginning of an empty line. So what goes to the terminal by another way (a child
process, compiled code) stands where it belongs, too: the next drawing begins below it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any

from motet.executors.capture import Wrapped

_ERASE = "\r\x1b[J"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Screen:
    """While open, what is written to `sys.stdout` and `sys.stderr` goes above the lines that were drawn last.

    Nothing is drawn while the cursor stands within a line that somebody else is writing: a progress bar of the
    user's own is left alone. Safe from any thread; a forked child only writes.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._out = sys.stdout
        self._drawn = False
        self._at_start = True
        self._is_open = True
        self._wrapped = [name for name in ("stdout", "stderr") if getattr(sys, name).isatty()]
        for name in self._wrapped:
            setattr(sys, name, _Above(self, getattr(sys, name)))
        os.register_at_fork(after_in_child=self._leave)

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines in place of the last ones. They are cut to the terminal's width."""
        with self._lock:
            if not self._is_open or not self._at_start:
                return
            columns = self.size()[0]
            below = "".join(f"\n{fit(line, columns - 1)}" for line in lines)
            self._put(f"{_ERASE}{below}\x1b[{len(lines)}A\r" if lines else _ERASE)
            self._drawn = bool(lines)

    def close(self) -> None:
        """Take the lines away, and let everybody write as before."""
        with self._lock:
            if self._is_open and self._drawn:
                self._put(_ERASE)
            self._drawn = self._is_open = False
        for name in self._wrapped:
            stream = getattr(sys, name)
            if isinstance(stream, _Above):
                setattr(sys, name, stream.real)

    def write(self, real: Any, text: str) -> int:
        """Write above the lines. They are drawn again with the next `draw`."""
        with self._lock:
            if self._is_open and self._drawn and text:
                self._put(_ERASE)
                self._drawn = False
            if text:
                self._at_start = text.endswith("\n")
            return int(real.write(text))

    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal as it is now."""
        try:
            found = os.get_terminal_size(self._out.fileno())
            return max(20, found.columns or 80), max(4, found.lines or 24)  # 0: nobody has said
        except (OSError, ValueError):
            return 80, 24

    def _put(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._out.write(text)
            self._out.flush()

    def _leave(self) -> None:
        self._lock, self._is_open, self._drawn = Lock(), False, False


class _Above(Wrapped):
    """A stream whose text goes above the lines of a screen."""

    def __init__(self, screen: Screen, real: Any) -> None:
        super().__init__(real)
        self._screen = screen

    def write(self, text: str) -> int:
        """Write as the real stream does."""
        return self._screen.write(self.real, text)


def width(line: str) -> int:
    """How many columns the line takes, its colours apart."""
    plain = _COLOUR.sub("", line)
    if plain.isascii():
        return len(plain)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in plain)


def fit(line: str, columns: int) -> str:
    """The line cut to so many columns, with its colours ended."""
    if width(line) <= columns:
        return line
    kept, used = [], 0
    for part in re.split(f"({_COLOUR.pattern})", line):
        if part.startswith("\x1b"):
            kept.append(part)
            continue
        for each in part:
            used += width(each)
            if used > columns - 1:
                return "".join(kept) + ("\x1b[0m" if "\x1b" in line else "") + "…"
            kept.append(each)
    return "".join(kept)
