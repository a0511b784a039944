"""How the commands print: words for statuses, times, sizes, columns, lines of logs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from motet.dialects.spell import words
from motet.values.visible import printable

STATUS_NAMES: Mapping[str, str] = {
    "user_requested": "Requested", "machine_requested": "Queued", "building": "Building", "mounting": "Mounting",
    "running": "Running", "saving": "Saving", "pushing": "Pushing", "complete": "Complete", "failed": "Failed",
    "build_failed": "Build Failed", "mount_failed": "Mount Failed", "interrupted": "Interrupted", "killed": "Killed",
    "stopped": "Stopped", "stopping": "Stopping", "killing": "Killing",
}  # fmt: skip
"""What statuses are called in lists."""

EMOJI: Mapping[str, str] = {
    "complete": "🎉", "failed": "💥", "build_failed": "💥", "mount_failed": "💥", "killing": "💫", "stopping": "💫",
    "killed": "💀", "stopped": "✋", "interrupted": "✋",
}  # fmt: skip
SPARKLES = "✨"
"""The sign of every other status."""

_COMMAND_CHARS = 25
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_GAP = 4


def status(view: Any, *, verbose: bool = False, now: float = 0.0) -> str:
    """How a run stands, for a list: `Complete (3)`, `*Running`; if that is asked, with when it ended or began."""
    name = STATUS_NAMES.get(view.status, view.status)
    if view.status not in words.FINAL:
        since = view.started_at or view.created_at
        return f"*{name} [{ago(now - since)}]" if verbose and since else f"*{name}"
    code = "" if view.user_exit_code is None else f" ({view.user_exit_code})"
    return f"{name}{code} -- {ago(now - view.ended_at)} ago" if verbose and view.ended_at else f"{name}{code}"


def ago(seconds: float) -> str:
    """A duration in its largest unit: 35 seconds, 1 minute, 2 days."""
    whole = max(0, int(seconds))
    unit, length = next((each for each in _UNITS if whole >= each[1]), _UNITS[-1])
    return f"{whole // length} {unit}{'' if whole // length == 1 else 's'}"


def day(at: float | None) -> str:
    """A time in a list of files or links: Nov 21 19:45; - where there is none."""
    return "-" if not at else time.strftime("%b %d %H:%M", time.localtime(at))


def moment(at: float | None) -> str:
    """A time in the description of a run, in the zone of this place; "" for one that has not come."""
    return "" if not at else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def size(size_bytes: float) -> str:
    """A size for people: 12B, 1.5K, 3.0M."""
    unit = "B"
    for unit in ("B", "K", "M", "G", "T"):
        if size_bytes < 1024 or unit == "T":
            break
        size_bytes /= 1024
    return f"{size_bytes:.0f}B" if unit == "B" else f"{size_bytes:.1f}{unit}"


def shortened(command: str) -> str:
    """A command for a list: its beginning."""
    shown = printable(command).replace("\n", " ")
    return shown if len(shown) <= _COMMAND_CHARS else f"{shown[: _COMMAND_CHARS - 1]}…"


def columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A table: names above columns that are as wide as what stands in them."""
    shown = [list(names), *([printable("" if each is None else str(each)) for each in row] for row in rows)]
    widths = [max(map(len, column)) + _GAP for column in zip(*shown, strict=True)]
    return [
        "".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in shown
    ]  # fmt: skip


def facts(pairs: Mapping[str, Any]) -> list[str]:
    """What is known of something, a line each; what is not known is left out."""
    known = {name: value for name, value in pairs.items() if value not in (None, "", [], {})}
    width = max(map(len, known), default=0) + 2
    return [f"{name:{width}}{printable(str(value))}" for name, value in known.items()]


def console_line(entry: Any) -> str:
    """A line of a log as the web console has it: `May 05, 2020, 11:35:55: running: and then`."""
    return f"{time.strftime('%b %d, %Y, %H:%M:%S', time.localtime(entry.at))}: {entry.status}: {entry.log}"


def event_line(entry: Any) -> str:
    """A line of a log as who follows sees it: those that tell of the run itself have a sign before them."""
    return f"{EMOJI.get(entry.status, SPARKLES)} {entry.log}" if entry.status_event else entry.log
