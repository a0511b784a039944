"""The names of artifacts: the SHA-256 of their content, as 64 lower-case hexadecimal digits.

SHA-256 because processors of today compute it in hardware: here it takes half the time of BLAKE2b.
"""

from __future__ import annotations

from collections.abc import Sequence

from motet.ports import Stored

_DIGITS = "0123456789abcdef"
_LENGTH = 64


def stored(parts: Sequence[bytes | memoryview]) -> Stored:
    """The name and size of the content that the parts make together."""
    from hashlib import sha256

    hashed = sha256()
    size_bytes = 0
    for part in parts:
        hashed.update(part)
        size_bytes += part.nbytes if isinstance(part, memoryview) else len(part)
    return Stored(hashed.hexdigest(), size_bytes)


def is_digest(text: str) -> bool:
    """Whether it could be the name of an artifact."""
    return len(text) == _LENGTH and not text.strip(_DIGITS)


def checked(digest: str) -> str:
    """The digest. Raises ValueError for what is none, so that no path can be smuggled in as one."""
    if not is_digest(digest):
        raise ValueError(f"{digest[:80]!r} is no digest of an artifact ({_LENGTH} hexadecimal digits)")
    return digest
