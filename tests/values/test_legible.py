"""Values told from their records: never by importing or running what made them."""

from __future__ import annotations

import os
import pickle
from base64 import b64encode
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from motet.values.legible import legible
from motet.values.records import encode
from motet.views.values import told as record


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


@dataclass
class Point:
    x: int
    y: Any = None
    tags: list[str] = field(default_factory=list)


class Pair(NamedTuple):
    left: int
    right: Any


class Slotted:
    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner


SAME = [
    date(2024, 2, 29), datetime(2024, 10, 27, 2, 30, tzinfo=UTC),
    datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")),
    time(10, 30), timedelta(days=-1, microseconds=3), Decimal("1.10"), Fraction(1, 3), 1 + 2j, range(3), {1, 2},
    frozenset({(1, "a")}), OrderedDict(a=1), Counter("aab"), deque([1, 2]), UUID(int=7), [UUID(int=7)] * 2,
    {"nested": [date(2024, 1, 1), {"deep": (timedelta(1),)}]},
]  # fmt: skip


def test_values_of_the_standard_library_are_themselves() -> None:
    for value in SAME:
        found = legible(encode(value, None))
        assert (found, type(found)) == (value, type(value))


TOLD = [
    (Path("/tmp/x y"), "/tmp/x y"), (PurePosixPath("."), "."), ([Path("a/b")], "[a/b]"),
    (Colour.RED, "Colour('red')"), (Level.LOW, "Level(1)"), (Colour, "Colour"),
    (Point(1, Point(2)), "Point(x=1, y=Point(x=2, y=None, tags=[]), tags=[])"),
    (Pair(1, Colour.RED), "Pair(1, Colour('red'))"),
    (Slotted({"a": date(2024, 1, 1)}), "Slotted(inner={'a': 2024-01-01})"),
    (defaultdict(list, {"a": [1]}), "{'a': [1]}"), (np.float64(0.25), "0.25"), (np.int32(-3), "-3"),
    ({"loss": np.float32(0.5)}, "{'loss': 0.5}"), (np.zeros((2, 3)), "ndarray 2 x 3 float64"),
    (np.zeros((200, 300), dtype="int8"), "ndarray 200 x 300 int8"),
]  # fmt: skip


def test_objects_are_told_by_their_class_and_what_they_hold() -> None:
    for value, told in TOLD:
        assert record(encode(value, None)) == told


def test_a_table_is_told_by_its_columns() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({f"c{number}": [1, 2] for number in range(12)})
    assert record(encode(table, None)).startswith("DataFrame 2 x 12: c0, c1, c2")
    assert record(encode(table, None)).endswith("c7, ...")
    assert "c0" in record(encode(pandas.DataFrame({"c0": [1]}), None))


class Evil:
    def __init__(self, *call: Any) -> None:
        self._call = call

    def __reduce__(self) -> Any:
        return self._call[0], self._call[1:]


def test_nothing_is_run(capfd: pytest.CaptureFixture[str]) -> None:
    for evil in (
        Evil(print, "run"),
        Evil(os.system, "echo run"),
        Evil(eval, "print('run')"),
        Evil(type, "Run", (), {}),
    ):
        text = record({"pickle": b64encode(pickle.dumps([evil])).decode()})
        assert text.startswith("pickled, ")
    assert capfd.readouterr().out == ""


def test_damaged_bytes_are_no_values() -> None:
    seed = Random().randrange(2**32)
    random = Random(seed)
    content = pickle.dumps({"p": Point(1), "d": date(2024, 1, 1), "n": np.float64(1.5)}, 5)
    for _ in range(3000):
        damaged = bytearray(content)
        for _ in range(random.randint(1, 4)):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        try:
            legible({"pickle": b64encode(bytes(damaged)).decode()})
        except ValueError:
            continue
        except BaseException as error:
            raise AssertionError(f"seed {seed}: {bytes(damaged)!r}") from error


def test_a_value_that_holds_itself() -> None:
    loop = Slotted(None)
    loop.inner = [loop]
    assert record(encode(loop, None)).startswith("pickled, ")
    rope: list[Any] = [1]
    rope.append(rope)
    assert record(encode(rope, None)).startswith("pickled, ")
