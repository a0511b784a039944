"""Following a run's log: plain lines, or on a terminal a line that turns while the run is being prepared."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from threading import Event, Thread
from typing import Any

from motet.dialects.spell.commands import formats
from motet.values import visible

_TURNS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TURN_S = 0.1
_QUIET = ("machine_requested", "building", "mounting", "saving", "pushing")
"""Statuses whose lines are shown in place, one after another, where lines can be drawn anew."""


class Screen:
    """Shows the lines of a log as they come.

    live   whether lines may be drawn anew: a status that prepares or ends a run is one line, `✨ Building… done`
    shown  what a line of the user's becomes where it is printed
    """

    def __init__(self, write: Callable[[str], None], *, live: bool, shown: Callable[[str], str] = visible.line) -> None:
        self._write = write
        self._live = live
        self._shown = shown
        self._spinner: Spinner | None = None

    def take(self, entry: Any) -> None:
        """Show a line."""
        if not self._live:
            self._write(self._shown(formats.event_line(entry)) + "\n")
        elif entry.status in _QUIET:
            self._turn(entry)
        else:
            self.close()
            self._write(self._shown(formats.event_line(entry)) + "\n")

    def close(self, how: str = "done") -> None:
        """End the line that turns, if there is one."""
        if self._spinner is not None:
            self._spinner.stop(how)
            self._spinner = None

    def _turn(self, entry: Any) -> None:
        title = f"{formats.SPARKLES} {entry.status.title()}…"
        if self._spinner is None or self._spinner.title != title:
            self.close()
            self._spinner = Spinner(title, self._write)
        self._spinner.beside = "" if entry.status_event else self._shown(entry.log)


class Spinner:
    """A line that turns until it is stopped, with something beside it that changes."""

    def __init__(self, title: str, write: Callable[[str], None]) -> None:
        self.title = title
        self.beside = ""
        self._write = write
        self._over = Event()
        self._thread = Thread(target=self._turn, daemon=True)
        self._thread.start()

    def stop(self, how: str) -> None:
        """End the line: `✨ Building… done`."""
        self._over.set()
        self._thread.join()
        self._write(f"\r\x1b[K{self.title} {how}\n")

    def _turn(self) -> None:
        turns = 0
        while True:
            beside = f" {self.beside[:60]}" if self.beside else ""
            self._write(f"\r\x1b[K{self.title} {_TURNS[turns % len(_TURNS)]}{beside}")
            turns += 1
            if self._over.wait(_TURN_S):
                return


def follow(entries: Iterable[Any], screen: Screen) -> bool:
    """Show the lines until there are no more. Ctrl-C ends that alone, not the run; gives whether it did."""
    try:
        for entry in entries:
            screen.take(entry)
    except KeyboardInterrupt:
        screen.close("")
        return True
    screen.close()
    return False


def is_live() -> bool:
    """Whether lines may be drawn anew in place: on a terminal that can."""
    return os.environ.get("TERM") != "dumb" and sys.stdout.isatty()


def write(text: str) -> None:
    """Print text at once."""
    sys.stdout.write(text)
    sys.stdout.flush()
