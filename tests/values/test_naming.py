"""What may be a name, and names made of values."""

from __future__ import annotations

import random

import pytest

from motet.errors import UsageError
from motet.values import visible
from motet.values.naming import KEY_CHARS, NAME_CHARS, checked, fitting


@pytest.mark.parametrize("text", ["", "a", "two words", "naïve/漢字#1", "x" * NAME_CHARS, "👩\u200d💻", "<lambda>"])
def test_names(text: str) -> None:
    assert checked(text, "It") == text == fitting(text)


@pytest.mark.parametrize(
    "text",
    ["a\nb", "\x1b[2J", "\r", "a\tb", "\x7f", "\x85", "\u202e", "\u2028", "\udcff\udcfe", "x" * (NAME_CHARS + 1)],
)
def test_no_names(text: str) -> None:
    with pytest.raises(UsageError, match="The tag ") as refused:
        checked(text, "The tag")
    assert visible.line(refused.value.what) == refused.value.what
    assert len(refused.value.what) < 400
    made = fitting(text)
    assert checked(made, "It") == made
    assert made


def test_keys_may_be_longer() -> None:
    assert checked("k" * KEY_CHARS, "It", KEY_CHARS)
    with pytest.raises(UsageError, match=f"at most {KEY_CHARS}"):
        checked("k" * (KEY_CHARS + 1), "It", KEY_CHARS)


def test_whatever_a_name_is_made_of_it_may_be_one(rng: random.Random) -> None:
    for _ in range(500):
        text = "".join(
            chr(rng.choice((rng.randrange(0x300), rng.randrange(0x110000)))) for _ in range(rng.randrange(300))
        )
        made = fitting(text)
        assert checked(made, "It") == made
