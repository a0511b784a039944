"""Names and ids in the beta's forms. All follow from the run and the key, so a resumed run has the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import md5, sha1
from typing import Any

from motet.values.naming import two_words


def uuid_of(run: str, key: str) -> str:
    """The id of a run of a task or flow: a name-based UUID of the run and the step."""
    digest = bytearray(sha1(f"{run}/{key}".encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def name_of(run: str, key: str) -> str:
    """The two words that the run of a subflow is called by."""
    return two_words(int.from_bytes(sha1(f"{run}/{key}".encode(), usedforsecurity=False).digest()[:6]))


def task_key(name: str, fn: Callable[..., Any], tags: Iterable[str]) -> str:
    """The beta's key of a task: a hash of its name, its function's full name and its tags."""
    full = f"{fn.__module__}.{getattr(fn, '__qualname__', type(fn).__qualname__)}"
    return md5(f"{name}{full}{sorted(tags)}".encode(), usedforsecurity=False).hexdigest()
