"""YAML as plain values with their places, and no more of it than the limits let through."""

from __future__ import annotations

from typing import Any

import pytest

from motet.errors import SpecError
from motet.values.yaml import Limits, read, write


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1\nb: [x, 2.5, true, null]", {"a": 1, "b": ["x", 2.5, True, None]}),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("1: x\ntrue: y", {"1": "x", "true": "y"}),
        ("a: &x {b: 1}\nd: {<<: *x, c: 3, b: 2}\ne: *x", {"a": {"b": 1}, "d": {"b": 2, "c": 3}, "e": {"b": 1}}),
        ('{"a": [1, {"b": "c"}]}', {"a": [1, {"b": "c"}]}),
        ("a: !!str 1", {"a": "1"}),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    assert read(text, "f.yaml").value == value


def test_numbers_old_and_new() -> None:
    text = "[1e-3, 1.5e3, 12:30, 0x1F, 1_000]"
    assert read(text, "f").value == ["1e-3", "1.5e3", 750, 31, 1000]
    assert read(text, "f", modern_numbers=True).value == [0.001, 1500.0, "12:30", 31, 1000]


def test_places_of_keys_and_values() -> None:
    document = read("top:\n  - one: 1\n    two:   2\n", "f.yaml")
    assert document.where(("top", 0, "two")) == "f.yaml:3:12"
    assert document.where(("top", 0, "two"), key=True) == "f.yaml:3:5"
    assert document.where(("top", 0, "three")) == document.where(("top", 0)) == "f.yaml:2:5"


_LAUGHS = "a: &a [x, x, x, x]\n" + "\n".join(
    f"{n}: &{n} [{', '.join(['*' + o] * 9)}]" for o, n in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: [1, 2", "f.yaml:3:1: this is not YAML: while parsing a flow sequence that begins in line 2"),
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: the key 'a' stands here for the second time (first in line 1)."),
        ("a: &x [*x]", "f.yaml:1:8: *x names nothing above it"),
        ("a: !!python/name:os.system x", "f.yaml:1:4: values with the tag 'python/name:os.system' are not read."),
        ("a: !!python/object/apply:os.system [x]", "f.yaml:1:4: values with the tag 'python/object/apply:os.system'"),
        ("a: !own {b: 1}", "f.yaml:1:4: values with the tag '!own' are not read."),
        ("a: !!int x", "f.yaml:1:4: 'x' is no int."),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document begins here."),
        ("{{a}}: b", "f.yaml:1:1: a key must be a single word or text."),
        ("a: " + "[" * 80 + "]" * 80, "f.yaml:1:68: this is nested more than 64 levels deep."),
        (_LAUGHS, "with *e written out, the file is too large or too deep."),
        ("a: {<<: 3}", "f.yaml:1:5: << takes a mapping"),
        ("a: \x00", "f.yaml: this is not YAML"),
    ],
)
def test_what_is_refused(text: str, told: str) -> None:
    with pytest.raises(SpecError) as refused:
        read(text, "f.yaml")
    assert told in refused.value.what
    assert refused.value.cure


def test_bytes_and_size() -> None:
    assert read("\ufeffa: é".encode(), "f").value == {"a": "é"}
    with pytest.raises(SpecError, match="f:2: this is no UTF-8"):
        read(b"a: 1\nb: \xff", "f")
    with pytest.raises(SpecError, match="has 40 bytes, and 20 are the limit"):
        read("a" * 40, "f", limits=Limits(size_bytes=20))


def test_what_is_written_is_read_again() -> None:
    value = {"z": [1, 2.5, "true", None, True], "a": {"b": "é: #"}}
    assert read(write(value), "f").value == value
    assert list(read(write(value), "f").value) == ["z", "a"]
