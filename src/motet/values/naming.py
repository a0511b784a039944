"""Ids and names of runs. Neither draws from the global `random`: a user's seed stays the user's."""

from __future__ import annotations

import os

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(now: float) -> str:
    """An id whose order is that of creation to the millisecond: ten characters of time, ten of chance."""
    number = (int(now * 1000) << 50) | (int.from_bytes(os.urandom(7)) >> 6)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(95, -1, -5))


def new_name() -> str:
    """Two words, such as "ancient-sturgeon"."""
    return two_words(int.from_bytes(os.urandom(6)))


def two_words(drawn: int) -> str:
    """The two words that belong to a large number."""
    from motet.values.words import ADJECTIVES, ANIMALS

    return f"{ADJECTIVES[drawn % len(ADJECTIVES)]}-{ANIMALS[drawn // 1000 % len(ANIMALS)]}"
