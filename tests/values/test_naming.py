"""What may be a name, and names made of values."""

from __future__ import annotations

import random
from typing import Any

import pytest

from motet.errors import UsageError
from motet.values import visible
from motet.values.naming import (
    KEY_BYTES,
    KEY_CHARS,
    NAME_CHARS,
    VALUE_BYTES,
    VALUE_DEPTH,
    check_published,
    checked,
    fitting,
)


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


def nested(depth: int, *, of: type = list) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if of is list else {"k": value}
    return value


@pytest.mark.parametrize(
    "value", [None, 1.5, "x" * (VALUE_BYTES - 2), nested(VALUE_DEPTH), nested(VALUE_DEPTH, of=dict)]
)
def test_what_may_be_published(value: Any) -> None:
    check_published("k", "n", "c", value)
    check_published("k" * KEY_CHARS)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("x" * (VALUE_BYTES - 1), "1,048,577 bytes; it may have 1,048,576"),
        (["é" * 1000] * 600, "bytes; it may have"),
        (nested(VALUE_DEPTH + 1), "more than 100 deep"),
        (nested(5000, of=dict), "more than 100 deep"),
        ([1, {2, 3}], "no JSON"),
        ([b"x"], "no JSON"),
    ],
)
def test_what_may_not_be_published(value: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check_published("k", value=value)


def test_what_holds_itself_is_not_published() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(UsageError, match="more than 100 deep"):
        check_published("k", value=value)


@pytest.mark.parametrize(
    "where", [{"key": "é" * 513}, {"key": "k", "namespace": "é" * 513}, {"key": "k", "client_key": "é" * 513}]
)
def test_keys_have_a_kilobyte(where: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="has 1026 bytes"):
        check_published(**where)
    assert KEY_BYTES == 1024
