"""Times, durations, sizes and values as people read them, and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from motet.errors import UsageError
from motet.typed import Any

_DIGITS = 15
"""A number longer than this counts nothing that there is."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def moment(at: float | None, *, now: float | None = None) -> str:
    """A time: the clock's if it was today, else with its date. Empty for None."""
    if at is None:
        return ""
    then, today = time.localtime(at), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M:%S", then)
    return time.strftime("%b %d %H:%M" if then[0] == today[0] else "%Y-%m-%d %H:%M", then)


def clock(at: float) -> str:
    """A time of day with milliseconds."""
    return time.strftime("%H:%M:%S", time.localtime(at)) + f".{int(at % 1 * 1000):03d}"


def length(seconds: float | None) -> str:
    """A duration. Empty for None."""
    if seconds is None:
        return ""
    if seconds < 0.9995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24:02d} h"


def size(count_bytes: float) -> str:
    """A size in bytes."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count_bytes < 1000:
            return f"{count_bytes:.0f} {unit}" if unit == "bytes" else f"{count_bytes:.1f} {unit}"
        count_bytes /= 1000
    return f"{count_bytes:.1f} TB"


def seconds_of(text: str) -> float:
    """The seconds in "90s", "15m", "12h", "30d" or "4w". Raises UsageError."""
    number, unit = text[:-1], text[-1:]
    try:
        seconds = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"{text!r} is no duration.", 'Write a number and a unit, such as "90s", "12h" or "30d".')
    return seconds


def whole(option: str, least: int) -> Callable[[str], int]:
    """Reads the value of an option that is a whole number, `least` or more. Raises UsageError."""

    def read(text: str) -> int:
        if not text.removeprefix("-").isdecimal() or len(text) > _DIGITS or int(text) < least:
            raise UsageError(f"{option} {short_text(text, 40)} cannot be.", f"Give a whole number from {least} on.")
        return int(text)

    return read


def counted(count: int, noun: str) -> str:
    """The number with its noun: "1 step", "2 steps"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def short(value: object, limit: int = 200) -> str:
    """The value's repr on one line, cut to `limit` characters. Never raises."""
    try:
        text = " ".join(repr(value).split())
    except Exception as error:  # noqa: BLE001 - boundary: the value's own __repr__
        text = f"<{type(value).__name__}, whose repr fails: {type(error).__name__}>"
    return short_text(text, limit)


def short_text(text: str, limit: int) -> str:
    """The text cut to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def cause(of: Mapping[str, Any]) -> str:
    """What made a rule fire, or was part of that."""
    if "event" in of:
        return f"event {of['event']} at offset {of['offset']}"
    if "step" in of:
        return f"step {of['step']} {of['status']}"
    seconds: float = of["after"] if "after" in of else of["silence"]
    return f"{length(seconds)} {'gone by' if 'after' in of else 'of silence'}"
