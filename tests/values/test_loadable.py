"""A value that can be pickled and not loaded is found when it is recorded; what is known to load costs nothing."""

from __future__ import annotations

import collections
import datetime
import enum
import functools
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from motet.errors import ResultUnavailable
from motet.values import pickle
from motet.values.records import decode, encode


class Delegates:
    """Asks what it holds for all that it has not: also for what unpickling asks, before it holds anything."""

    def __init__(self) -> None:
        self.inner = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Checks:
    def __new__(cls, needed: int) -> Any:
        return super().__new__(cls)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Checks, ()


class Refuses:
    def __getstate__(self) -> Any:
        return {"a": 1}

    def __setstate__(self, state: Any) -> None:
        raise RuntimeError("not here")


class Sensitive(dict[str, int]):
    """Is filled before it has its attributes."""

    def __init__(self) -> None:
        self.allowed = {"a"}
        self["a"] = 1

    def __setitem__(self, name: str, value: int) -> None:
        if name not in self.allowed:
            raise KeyError(name)
        super().__setitem__(name, value)


class Opens:
    """Loads, and writes to what it holds."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)
        self.array[0] = 5.0


@pytest.mark.parametrize(
    "value", [Delegates(), Checks(1), Refuses(), Sensitive()], ids=lambda each: type(each).__name__
)
@pytest.mark.parametrize("around", [lambda each: each, lambda each: {"deep": [1, (each,)]}], ids=["alone", "deep"])
def test_what_does_not_load_counts_as_not_kept(value: Any, around: Any) -> None:
    pickle.dumps(value)
    record = encode(around(value), None)
    assert f"{type(value).__name__} can be pickled, but not loaded again" in record["lost"] or (
        f"is of type {__name__}.{type(value).__name__}" in record["lost"]
    )
    with pytest.raises(ResultUnavailable, match="was not kept"):
        decode(record, None)


class Colour(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    left: int
    right: Any


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    more: list[int] = field(default_factory=list)


VALUES = [
    [1, 2.5, "x", b"y", None, {"a": (1, {2})}], Colour.RED, Pair(1, Point(2)), Point(1, [2]), functools.partial(int, 3),
    collections.defaultdict(list, {"a": [Point(1)]}), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), print, Point,
    lambda: 3, "a – dash", ["– and “quotes”"], b"\x93" * 50,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda each: type(each).__name__)
def test_what_loads_is_kept(value: Any) -> None:
    again = decode(encode(value, None), None)
    assert again == value or (callable(again) and again() == 3)


def test_only_what_is_not_known_to_load_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    loaded: list[int] = []
    monkeypatch.setattr(pickle, "_load_once", lambda stream, views: loaded.append(1))
    for value in ([1, "–"], {"a": 2.5}, b"\x93", numpy.zeros(9), pandas.DataFrame({"a": ["x"]}), print, Point,
                  datetime.date(2026, 1, 1), collections.Counter("abc"), ValueError("x")):  # fmt: skip
        encode(value, None)
    assert loaded == []
    for value in (Point(1), [Point(1)], Colour.RED, lambda: 1, {"a": numpy.array([Point(1)], dtype=object)}):
        encode(value, None)
    assert len(loaded) == 5


def test_to_look_whether_it_loads_does_not_change_the_value() -> None:
    numpy = pytest.importorskip("numpy")
    value = Opens(numpy.zeros(100_000))
    record = encode(value, None)
    assert value.array[0] == 0.0
    assert decode(record, None).array[0] == 5.0


def test_the_versions_of_libraries_are_recorded() -> None:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    assert "with" not in encode([1, datetime.date(2026, 1, 1)], None)
    assert encode(numpy.zeros(3), None)["with"] == {"numpy": numpy.__version__}
    table = encode(pandas.DataFrame({"a": [1]}), None)["with"]
    assert table.items() >= {"numpy": numpy.__version__, "pandas": pandas.__version__}.items()
    assert all(table.values())
    assert encode([Point(1)], None)["with"] == {__name__.partition(".")[0]: ""}
    assert list(encode(lambda: 1, None)["with"]) == ["python"]
