"""JSON as it stands in a store: compact, ASCII, None as nothing at all; and how lines of logs stand in files."""

from __future__ import annotations

from _json import encode_basestring_ascii, make_encoder, make_scanner
from collections.abc import Iterable
from math import inf, nan

from motet.kernel.events import Json
from motet.ports import LogLine
from motet.typed import Any


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is no JSON: {value!r:.80}")


def _make_encode() -> Any:
    """`json.dumps` without what it prepares anew for each call."""
    parts = make_encoder(None, _refuse, encode_basestring_ascii, None, ":", ",", False, False, True)
    join = "".join
    return lambda value: join(parts(value, 0))


encode = _make_encode()
"""The value as JSON text. Raises TypeError for what is no JSON."""


class _Reading:
    """As `json.JSONDecoder` reads: that module compiles patterns first, which takes longer than a short flow does."""

    strict = True
    object_hook = object_pairs_hook = array_hook = None  # the last one from Python 3.15 on
    parse_float, parse_int = float, int
    parse_constant = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}.__getitem__


_scan = make_scanner(_Reading())  # type: ignore[arg-type]


def decode(text: str) -> Any:
    """The value of a JSON text, as `encode` gives it, a line's end behind it at most. Raises ValueError."""
    try:
        value, end = _scan(text, 0)
    except StopIteration as stopped:
        raise ValueError(f"no JSON at {stopped.value}") from None
    if end != len(text) and text[end:] != "\n":
        raise ValueError(f"no JSON after {end}")
    return value


def pack(value: Json) -> str | None:
    """JSON text for a column; None for None, so that absent values take no room."""
    return None if value is None else encode(value)


def unpack(text: str | None) -> Json:
    """What `pack` was given."""
    return None if text is None else decode(text)


_REFERENCE = r'"artifact":"([^"\\]+)"'


def references(texts: Iterable[str | None]) -> set[str]:
    """The digests of the artifacts that encoded values refer to."""
    import re

    return {digest for text in texts if text for digest in re.findall(_REFERENCE, text)}


BLOCK, PART, BREAK = b"\xff", b"\xfe", b"\xfd"
"""What begins a block of lines, what ends each part of its head, and what is a line end in a key: bytes of no text."""


def key_bytes(key: str) -> bytes:
    """The key of a step as it stands in the head of a block."""
    return key.encode("utf-8", "surrogatepass").replace(b"\n", BREAK)


def block(line: LogLine, text: str) -> bytes:
    """Lines that an attempt wrote at one time, as they stand in the file of a log: key, then number, time and stream,
    then the lines as they are, each with its end. Whatever comes before or behind it, a block is found by its
    first byte.
    """
    mark = "" if line.ended else "~"
    head = f"{line.attempt} {line.at!r} {mark}{line.stream}".encode("utf-8", "surrogatepass")
    return b"".join((BLOCK, key_bytes(line.key), PART, head, PART, text.encode("utf-8", "surrogatepass"), b"\n"))
