"""Ids and names: those of runs, and what may be a name at all. The global `random` is left alone: a user's seed stays
the user's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from motet.errors import UsageError
from motet.kernel.events import Json
from motet.ports.rows import STEERING, Publication
from motet.rules import OWN_NAMESPACES
from motet.values import visible

NAME_CHARS, KEY_CHARS = 200, 1000
"""How long names, and keys of events and artifacts, may be."""

KEY_BYTES, VALUE_BYTES, VALUE_DEPTH = 1024, 2**20, 100
"""How large keys and values of published events may be, and how deep values may be nested: all listeners read them."""

_SURELY_FITS = VALUE_BYTES // 8
"""Text of so many characters has at most as many bytes as a value may have, quotes and all."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(now: float) -> str:
    """An id whose order is that of creation to the millisecond: ten characters of time, ten of chance."""
    number = (int(now * 1000) << 50) | (int.from_bytes(os.urandom(7)) >> 6)
    return id_of_number(number)


def id_number(text: str) -> int | None:
    """The number that an id stands for; None for what is no id."""
    places = [_ALPHABET.find(each) for each in text]
    if len(text) != 20 or -1 in places:
        return None
    number = 0
    for each in places:
        number = number << 5 | each
    return number


def id_of_number(number: int) -> str:
    """The id that stands for the number."""
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(95, -1, -5))


def id_within(run: str, key: str, element: int = -1) -> str:
    """The id of the run that a step of another begins, or an element of a map: the same for every attempt at it."""
    from hashlib import blake2b

    told = f"{run}\0{key}\0{element}"
    return f"within-{blake2b(told.encode(), digest_size=10).hexdigest()}"


def new_name() -> str:
    """Two words, such as "ancient-sturgeon"."""
    return two_words(int.from_bytes(os.urandom(6)))


def two_words(drawn: int) -> str:
    """The two words that belong to a large number."""
    from motet.values.words import ADJECTIVES, ANIMALS

    return f"{ADJECTIVES[drawn % len(ADJECTIVES)]}-{ANIMALS[drawn // 1000 % len(ANIMALS)]}"


def checked(text: str, what: str, limit: int = NAME_CHARS) -> str:
    """The text, which may be a name: text without control characters, not too long. Raises UsageError."""
    if visible.line(text) != text or not _is_text(text):
        raise UsageError(f"{what} {text[:80]!a} has control characters in it, or is no text.", "Choose another.")
    if len(text) > limit:
        raise UsageError(f"{what} {text[:40]!r}... has {len(text)} characters.", f"Choose one of at most {limit}.")
    return text


def check_published(key: str, namespace: str = "", client_key: str = "", value: Json = None) -> None:
    """Raise UsageError for what a user's event may not be called, and may not say."""
    if namespace in OWN_NAMESPACES:
        raise UsageError(f"The namespace {namespace!r} is Motet's own.", "Choose another.")
    if not key:
        raise UsageError("An event needs a key.", "Name what happened.")
    for what, text in (("The key", key), ("The namespace", namespace), ("The client key", client_key)):
        checked(text, what, KEY_CHARS)
        if len(text.encode()) > KEY_BYTES:
            cure = f"Choose one of at most {KEY_BYTES}."
            raise UsageError(f"{what} {text[:40]!r}... has {len(text.encode())} bytes.", cure)
    check_value(key, value)


def said(event: Publication) -> Publication:
    """An event as users may publish it: the one door, whoever brings it.

    Raises UsageError for a key, namespace, client key or sender of more than 1 KB; for a value of more than 1 MB,
    nested more than 100 deep, or no JSON; for Motet's own namespace.
    """
    check_published(event.key, event.namespace, event.client_key, event.value)
    checked(event.sender, "The sender", KEY_CHARS)
    return event


def asked(key: str, value: Json, *, at: float, sender: str, run: str) -> Publication:
    """What is asked of a run, or answered to it, in Motet's own namespace. Raises UsageError for a value that no event
    may have.
    """
    check_value(key, value)
    return Publication(key, value, STEERING, sender, run, "", at)


def check_value(key: str, value: Json) -> None:
    """Raise UsageError for what is no JSON, nested too deep or too large, to be read again by everybody who listens."""
    if value is None or isinstance(value, float) or (isinstance(value, str) and len(value) < _SURELY_FITS):
        return
    import json

    what = f"The value of the event {visible.line(key[:80])!r}"
    level = [value]
    for _ in range(VALUE_DEPTH):
        level = [part for each in level for part in _parts(each) if isinstance(part, list | tuple | dict)]
        if not level:
            break
        if 2 * len(level) > VALUE_BYTES:  # one object may stand in many places: each is written out
            raise UsageError(f"{what} has more than {VALUE_BYTES:,} bytes.", _REFER)
    else:
        raise UsageError(f"{what} is nested more than {VALUE_DEPTH} deep.", _REFER)
    try:
        size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (TypeError, ValueError) as error:
        raise UsageError(f"{what} is no JSON: {error}.", "Publish text, numbers, lists and dicts of these.") from None
    if size > VALUE_BYTES:
        raise UsageError(f"{what} has {size:,} bytes; it may have {VALUE_BYTES:,}.", _REFER)


_REFER = "Publish where it is to be found instead: a path, a key, an artifact."


def _parts(value: Json) -> Iterable[Json]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()


def fitting(text: str) -> str:
    """A name made of values, so that it may be one: what is too much is left out, control characters are spaces."""
    spaced = "".join([" " if visible.line(each) != each else each for each in text[: NAME_CHARS + 1]])
    spaced = spaced.encode("utf-8", "replace").decode()
    return spaced if len(spaced) <= NAME_CHARS else f"{spaced[: NAME_CHARS - 3]}..."


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
