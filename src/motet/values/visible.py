"""Text of others made fit for a terminal: what would steer it, or change the order of what is read, is written out.

A name, a log line or the message of an exception may hold anything. Raw, it could clear the screen, write to the
clipboard, set the title, or pass for a line of somebody else's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from motet.typed import TextIO

_RANGES = (
    (0x00, 0x20),  # C0: ESC, BEL, CR and their like
    (0x7F, 0xA0),  # DEL and C1
    (0x061C, 0x061D), (0x200E, 0x2010), (0x2028, 0x202F), (0x2066, 0x206A),  # direction of writing; ends of lines
    (0xFEFF, 0xFF00), (0xFFF9, 0xFFFC), (0xE0000, 0xE0080),  # what is not to be seen at all
)  # fmt: skip
_LINE = {code: repr(chr(code))[1:-1] for first, end in _RANGES for code in range(first, end)}
_BLOCK = {code: shown for code, shown in _LINE.items() if chr(code) not in "\n\t"}

_COLOUR = r"\x1b\[[0-9;:]*m"
_RESET = "\x1b[0m"


def line(text: str) -> str:
    """The text on one line."""
    return text if text.isascii() and text.isprintable() else text.translate(_LINE)


def block(text: str) -> str:
    """The text with its lines and tabs."""
    return text if text.isascii() and text.isprintable() else text.translate(_BLOCK)


def coloured(text: str, shown: Callable[[str], str] = line, *, only: str = _COLOUR) -> str:
    """As `shown` gives it, but with what sets colours, as far as `only` matches it. They end with the text."""
    if "\x1b" not in text:
        return shown(text)
    import re

    kept, at = [], 0
    for found in re.finditer(only, text):
        kept += [shown(text[at : found.start()]), found.group()]
        at = found.end()
    kept.append(shown(text[at:]))
    return "".join(kept) + (_RESET if len(kept) > 1 and kept[-2] != _RESET else "")


def uncoloured(text: str) -> str:
    """The text without what sets colours."""
    if "\x1b" not in text:
        return text
    import re

    return re.sub(_COLOUR, "", text)


def on(stream: TextIO, text: str) -> str:
    """What a program itself says: as it is, but on a terminal without what would steer it."""
    return coloured(text, block) if stream.isatty() else text


def printable(text: str) -> str:
    """The text without what its terminal cannot show: it must never be the reason why a command fails."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def say(text: str) -> None:
    """Write lines on stderr, in one piece. A console that is gone is no reason for a flow to fail."""
    if sys.stderr is not None:
        try:
            sys.stderr.write(f"{on(sys.stderr, text)}\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
