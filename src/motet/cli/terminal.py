"""What commands print: plain lines and columns, colour on a terminal only, or JSON and nothing else.

Everything that a command prints goes through here, so that nothing that a run or a program is called, or has said,
steers the terminal (see `values.visible`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property

from motet.typed import TYPE_CHECKING, Any, TextIO
from motet.values import visible
from motet.values.secrets import hide
from motet.values.visible import printable

if TYPE_CHECKING:
    from motet.kernel.events import Json

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "grey": "90", "bold": "1"}

_PAINTED = rf"\x1b\[(?:0|{'|'.join(_COLOURS.values())})m"

_BY_STATUS = {
    "succeeded": "green", "failed": "red", "crashed": "red", "cancelled": "yellow", "skipped": "yellow",
    "cancelling": "yellow", "interrupted": "red", "running": "blue", "retrying": "yellow", "waiting": "blue",
}  # fmt: skip


class Terminal:
    """Where a command prints. With `as_json`, `say` and `table` print nothing; with `plain`, nothing is redrawn.

    `quiet` asks for as little as can be.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.plain = self.quiet = False
        self._documents: TextIO | None = None

    def keep_stdout_clean(self) -> None:
        """With `as_json`: from now on what anybody else prints goes to stderr, child processes included."""
        if self.as_json:
            sys.stdout.flush()
            self._documents = os.fdopen(os.dup(1), "w", encoding="utf-8")
            os.dup2(2, 1)

    @cached_property
    def coloured(self) -> bool:
        """Whether colour is wanted (see `wants_colour`)."""
        return wants_colour(sys.stdout)

    @cached_property
    def is_live(self) -> bool:
        """Whether lines may be drawn anew in place: on a terminal that can."""
        return not self.plain and not self.as_json and os.environ.get("TERM") != "dumb" and sys.stdout.isatty()

    def say(self, text: str = "") -> None:
        """Print a line. What would end it, or steer the terminal, is written out."""
        if not self.as_json:
            sys.stdout.write(f"{self.shown(text)}\n")

    def shown(self, text: str) -> str:
        """The line as `say` prints it: of what steers terminals it has only the colours of `paint`."""
        text = printable(hide(text))
        return visible.coloured(text, only=_PAINTED) if self.coloured else visible.line(text)

    def say_lines(self, text: str) -> None:
        """Print text that has lines of its own, such as a traceback."""
        if not self.as_json:
            say_lines(text)

    def say_logged(self, head: str, text: str, colour: str = "", end: str = "\n") -> None:
        """Print a line that a program has written, behind a head of ours: as it is, but on a terminal without what
        would steer it. Its colours may be seen there.
        """
        if not sys.stdout.isatty():
            sys.stdout.write(f"{self.shown(head)}  {printable(hide(text))}{end}")
        elif self.coloured:
            text = visible.coloured(printable(hide(text)))
            sys.stdout.write(f"{self.shown(head)}  {self.paint(text, colour)}{end}")
        else:
            sys.stdout.write(f"{self.shown(f'{head}  {visible.uncoloured(text)}')}{end}")

    def draw_anew(self) -> None:
        """Go back to the beginning of a line that was begun."""
        sys.stdout.write("\r\x1b[K" if sys.stdout.isatty() else "\r")

    def write(self, text: str) -> None:
        """Print the document that was asked for, whatever the format: as it is, but for what would steer a terminal."""
        sys.stdout.write(visible.block(text) if sys.stdout.isatty() else text)

    def json(self, document: Json) -> None:
        """Print a document on a line of its own."""
        out = self._documents or sys.stdout
        out.write(as_json(document) + "\n")
        if self._documents is not None:
            self._documents.flush()

    def complain(self, what: str, cure: str = "") -> None:
        """Say what went wrong, and what to do about it: two lines on stderr, or a document."""
        if self.as_json:
            self.json({"error": what, "cure": cure})
        else:
            complain(what, cure)

    def paint(self, text: str, colour: str) -> str:
        """The text in that colour, where colour is wanted."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colour and self.coloured and text else text

    def status(self, status: str) -> str:
        """A status in its colour."""
        return self.paint(status, _BY_STATUS.get(status, ""))

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows in columns below their headers. A column named STATUS gets its colours."""
        headers, rows = _cells(headers), [_cells(row) for row in rows]
        widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
        if "ID" in headers and sum(widths) > _room(widths):  # a piece of an id names nothing
            at = headers.index("ID")
            headers, widths, rows = _without(headers, at), _without(widths, at), [_without(row, at) for row in rows]
        widths = _fitting(headers, widths)
        headers, rows = _cut(headers, widths), [_cut(row, widths) for row in rows]
        self.say(self.paint("  ".join(map(str.ljust, headers, widths)).rstrip(), "grey"))
        for row in rows:
            cells = list(map(str.ljust, row, widths))
            for at, header in enumerate(headers):
                if header == "STATUS":
                    cells[at] = self.paint(cells[at], _BY_STATUS.get(row[at], ""))
            self.say("  ".join(cells).rstrip())

    def wrapped(self, text: str, indent: int = 0) -> list[str]:
        """The text in lines that fit the terminal beside an indent, cut between words; one line where there is none."""
        if not sys.stdout.isatty():
            return [text]
        room = max(_ROOM, _columns() - indent)
        first, *words = text.split(" ")
        lines = [first]
        for word in words:
            if len(lines[-1]) + 1 + len(word) <= room:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        return lines

    def clear(self) -> None:
        """Begin at the top of an empty terminal."""
        sys.stdout.write("\x1b[H\x1b[2J\x1b[3J")

    def prints(self, text: str) -> bool:
        """Whether the terminal, or file, can show the text."""
        return printable(text) == text

    def flush(self) -> None:
        """Let whoever reads have it now."""
        sys.stdout.flush()


def wants_colour(stream: TextIO) -> bool:
    """Whether what is written there may be coloured: NO_COLOR forbids it, FORCE_COLOR asks for it, or a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def as_json(document: Json) -> str:
    """The document as JSON, always: what is none is told as text, a number that JSON does not know as null."""
    import json

    try:
        return json.dumps(document, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(document), default=str)


def _finite(value: Json) -> Json:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {_finite(name): _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def say_lines(text: str) -> None:
    """Print lines on stdout, without what would steer a terminal."""
    sys.stdout.write(f"{visible.block(printable(hide(text)))}\n")


def complain(what: str, cure: str = "") -> None:
    """Say what went wrong, and what to do about it, on stderr; what was printed before stands before it."""
    with suppress(OSError):
        sys.stdout.flush()
    mark = "\x1b[31mmotet:\x1b[0m" if wants_colour(sys.stderr) else "motet:"
    sys.stderr.write(f"{mark} ")
    tell(f"{what}\n{cure}" if cure else what)


def tell(text: str) -> None:
    """Write lines to stderr, without what would steer a terminal."""
    sys.stderr.write(f"{visible.block(hide(text))}\n")


def _cells(row: Sequence[str]) -> list[str]:
    return [visible.line(printable(cell)) for cell in row]


_NARROW, _LEGIBLE = 8, 16
"""A column is made no narrower than this; than that only when nothing else is left to be cut."""

_ROOM = 20
"""Text is not wrapped to less than this."""

_WHOLE = ("STATUS", "STARTED", "ENDED", "TOOK", "RUNS FOR", "LEFT")
"""Columns that say nothing any more when they are cut."""


def _room(widths: Sequence[int]) -> int:
    """How wide so many columns may be together."""
    return _columns() - 2 * (len(widths) - 1) if sys.stdout.isatty() else sum(widths)


def _without(row: Sequence[Any], at: int) -> list[Any]:
    return [*row[:at], *row[at + 1 :]]


def _columns() -> int:
    return os.get_terminal_size(sys.stdout.fileno()).columns or 80


def _fitting(headers: Sequence[str], widths: Sequence[int]) -> list[int]:
    """The widths of columns so that they fit the terminal, as far as can be; as they are where there is none.

    The first column, which people type, gives way after the others, the widest of them first.
    """
    found, room, every = list(widths), _room(widths), range(len(widths))
    cuts = [at for at in every if headers[at] not in _WHOLE]
    for columns, least in ((cuts[1:], _LEGIBLE), (cuts, _NARROW), (every, _NARROW)):
        while sum(found) > room and columns and max(found[at] for at in columns) > least:
            found[max(columns, key=found.__getitem__)] -= 1
    return found


def _cut(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell if len(cell) <= width else f"{cell[: width - 1]}…" for cell, width in zip(row, widths, strict=True)]
