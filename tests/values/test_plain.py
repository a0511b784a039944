"""Plain values are read from their records without pickle: the same values, and never any others."""

from __future__ import annotations

import math
import subprocess
import sys
from base64 import b64encode
from collections import OrderedDict
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motet.values.pickle import dumps
from motet.values.plain import peek
from motet.values.records import encode

HASHABLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**2100), 2**2100) | st.floats(allow_nan=False)
    | st.text() | st.text(st.characters(codec=None)) | st.binary(),
    lambda inner: st.lists(inner, max_size=5).map(tuple) | st.frozensets(inner, max_size=5),
    max_leaves=8,
)  # fmt: skip
PLAIN = st.recursive(
    HASHABLE | st.sets(HASHABLE, max_size=5) | st.binary().map(bytearray),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(HASHABLE, inner, max_size=5),
    max_leaves=30,
)


def told(value: Any) -> str:
    """The value with the types of its parts, which `==` does not tell apart; sets in one order."""
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(told, value))})"
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}({', '.join(sorted(map(told, value)))})"
    if isinstance(value, dict):
        return f"dict({', '.join(f'{told(key)}: {told(each)}' for key, each in value.items())})"
    return f"{type(value).__name__} {value!r}"


@given(PLAIN)
def test_what_is_plain_is_read_as_it_was(value: object) -> None:
    assert told(peek(encode(value, None))) == told(value)


@pytest.mark.parametrize(
    "value",
    [
        list(range(3000)), dict.fromkeys(range(3000), "x"), set(range(3000)), frozenset(range(3000)), tuple(range(9)),
        "é" * 300, "x" * 70_000, b"x" * 300, b"x" * 70_000, math.inf, -0.0, 2**2200, [[]] * 400, {"pickle": "neither"},
        {(1, "a"): [None, {b"k": (True,)}]},
    ],
    ids=lambda value: f"{type(value).__name__}-{len(repr(value))}",
)  # fmt: skip
def test_long_and_shared_parts_are_read_too(value: object) -> None:
    assert told(peek(encode(value, None))) == told(value)


def test_what_is_shared_stays_shared_and_what_holds_itself_does_so_again() -> None:
    one: list[Any] = [1]
    first, second = peek(encode([one, one], None))
    assert first is second
    one.append((one, 1, 2, 3))
    again = peek(encode(one, None))
    assert again[1][0] is again
    one[1] = (one,)
    again = peek(encode(one, None))
    assert again[1][0] is again


@pytest.mark.parametrize("value", [date(2020, 1, 1), 1j, OrderedDict(a=1), len, int, ValueError("x"), lambda: 1])
def test_what_takes_code_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no plain value"):
        peek(encode(value, None))


@given(PLAIN, st.data())
def test_damaged_bytes_are_a_plain_value_or_refused(value: object, data: st.DataObject) -> None:
    content = bytearray(b"".join(dumps(value)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        peek({"pickle": b64encode(content[: data.draw(st.integers(0, len(content)))]).decode()})
    except ValueError as error:
        assert str(error) == "no plain value"  # noqa: PT017 - either way is right


@pytest.mark.parametrize("record", [{"artifact": "a" * 64, "size_bytes": 9}, {"lost": "why"}, {}])
def test_what_is_not_in_its_record_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not in its record"):
        peek(record)


def test_views_load_no_pickle() -> None:
    code = (
        "import sys, pkgutil, importlib, motet.views as v\n"
        "for each in pkgutil.iter_modules(v.__path__): importlib.import_module('motet.views.' + each.name)\n"
        "from motet.values.records import encode\n"
        "from motet.views.values import told\n"
        f"assert told({encode([1, 'a'], None)!r}) == \"[1, 'a']\"\n"
        "print(sorted({'pickle', '_pickle', 'cloudpickle', 'motet.values.pickle'} & set(sys.modules)))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
