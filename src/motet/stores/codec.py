"""JSON as it stands in a store: compact, ASCII, None as nothing at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from motet.kernel.events import Json


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is no JSON: {value!r:.80}")


def _make_encode() -> Any:
    """`json.dumps` without what it prepares anew for each call, where this Python has the fast part."""
    fast = getattr(json.encoder, "c_make_encoder", None)
    if fast is None:
        return json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_refuse).encode
    parts = fast(None, _refuse, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
    join = "".join
    return lambda value: join(parts(value, 0))


encode = _make_encode()
"""The value as JSON text. Raises TypeError for what is no JSON."""

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


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
    return {digest for text in texts if text for digest in re.findall(_REFERENCE, text)}
