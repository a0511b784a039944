"""What commands print: plain lines and columns, colour on a terminal only, or JSON and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from motet.values.secrets import hide

if TYPE_CHECKING:
    from motet.kernel.events import Json

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "grey": "90", "bold": "1"}

_BY_STATUS = {
    "succeeded": "green", "failed": "red", "crashed": "red", "cancelled": "yellow", "skipped": "yellow",
    "cancelling": "yellow", "running": "blue", "retrying": "yellow", "waiting": "blue",
}  # fmt: skip


class Terminal:
    """Where a command prints. With `as_json`, `say` and `table` print nothing; with `plain`, nothing is redrawn."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.plain = False
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
        """Print a line."""
        if not self.as_json:
            sys.stdout.write(printable(hide(text)) + "\n")

    def write(self, text: str) -> None:
        """Print text as it is, whatever the format: it is the document that was asked for."""
        sys.stdout.write(text)

    def json(self, document: Json) -> None:
        """Print a document on a line of its own."""
        import json

        out = self._documents or sys.stdout
        out.write(json.dumps(document, default=str) + "\n")
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
        widths = [max(len(row[at]) for row in (headers, *rows)) for at in range(len(headers))]
        self.say(self.paint("  ".join(map(str.ljust, headers, widths)).rstrip(), "grey"))
        for row in rows:
            cells = list(map(str.ljust, row, widths))
            for at, header in enumerate(headers):
                if header == "STATUS":
                    cells[at] = self.paint(cells[at], _BY_STATUS.get(row[at], ""))
            self.say("  ".join(cells).rstrip())

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


def printable(text: str) -> str:
    """The text without what its terminal cannot show: it must never be the reason why a command fails."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def complain(what: str, cure: str = "") -> None:
    """Say what went wrong, and what to do about it, on stderr; what was printed before stands before it."""
    with suppress(OSError):
        sys.stdout.flush()
    mark = "\x1b[31mmotet:\x1b[0m" if wants_colour(sys.stderr) else "motet:"
    sys.stderr.write(hide(f"{mark} {what}\n" + (f"{cure}\n" if cure else "")))
