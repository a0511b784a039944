"""Records: what dataclasses promise, made lazily."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any, ClassVar

import pytest

from motet.records import Record, defaults, field, put_differing


class Point(Record):
    kind: ClassVar[str] = "point"
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list)


class Named(Point):
    y: int = 3
    name: str = ""


class Frozen(Record, frozen=True):
    x: int
    y: tuple[int, ...] = ()
    doubled: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "doubled", 2 * self.x)


def test_fields_are_taken_by_place_and_by_name() -> None:
    point = Point(1, tags=["a"])
    assert (point.x, point.y, point.tags, point.kind) == (1, 2, ["a"], "point")
    assert Point(1).tags is not Point(1).tags, "each has a list of its own"
    assert (Named(1).y, Named(1, 5, name="n").name) == (3, "n")


@pytest.mark.parametrize("arguments", [{}, {"x": 1, "z": 2}])
def test_what_does_not_fit_is_refused_by_name(arguments: dict[str, Any]) -> None:
    for _ in range(2):  # the constructor is compiled when it first meets what does not fit
        with pytest.raises(TypeError, match=r"Point\.__init__\(\).*'[xz]'"):
            Point(**arguments)


def test_they_are_equal_and_shown_by_their_fields() -> None:
    assert Point(1) == Point(1, 2, []) != Point(2)
    assert Point(1) != Named(1, 2)
    assert repr(Named(1)) == "Named(x=1, y=3, tags=[], name='')"
    assert repr(Frozen(1)) == "Frozen(x=1, y=())"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point(1))


def test_there_is_room_for_the_fields_alone() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 1  # type: ignore[attr-defined]
    assert not hasattr(Named(1), "__dict__")


def test_frozen_ones_cannot_be_changed_and_are_keys() -> None:
    one = Frozen(1, (2,))
    assert {one: 1}[Frozen(1, (2,))] == 1
    assert one.doubled == 2
    with pytest.raises(AttributeError, match=r"Frozen\.x cannot be set"):
        one.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del one.y


def test_they_match_patterns_and_travel() -> None:
    match Point(1, 5):
        case Point(x, y):
            assert (x, y) == (1, 5)
    for each in (Point(1, 5), Named(1), Frozen(3, (4,))):
        assert pickle.loads(pickle.dumps(each)) == each
    assert pickle.loads(pickle.dumps(Frozen(3))).doubled == 6


def test_they_are_dataclasses_to_those_who_ask() -> None:
    assert dataclasses.is_dataclass(Point) and dataclasses.is_dataclass(Frozen(1))
    assert dataclasses.replace(Point(1), y=7) == Point(1, 7)
    assert dataclasses.replace(Frozen(1), x=4).doubled == 8
    assert dataclasses.asdict(Named(1, name="n")) == {"x": 1, "y": 3, "tags": [], "name": "n"}
    assert [each.name for each in dataclasses.fields(Named)] == ["x", "y", "tags", "name"]
    assert defaults(Point) == {"y": 2, "tags": []}


def test_a_constructor_does_the_same_when_it_is_compiled() -> None:
    class Often(Frozen, frozen=True):
        made: list[int] = field(default_factory=list)

    all_ = [Often(each, y=(each,)) for each in range(100)]
    assert Often.__init__.__code__.co_varnames[:2] == ("self", "x"), "by now it is"
    assert [(each.x, each.y, each.doubled, each.made) for each in all_] == [(n, (n,), 2 * n, []) for n in range(100)]
    assert len({id(each.made) for each in all_}) == 100


class Told(Record):
    name: str
    at: float = 0.0
    parts: list[int] = field(default_factory=list)


class ToldMore(Told):
    more: str = ""


def test_what_differs_from_defaults_is_put_the_same_way_however_often() -> None:
    for _ in range(50):
        plain: dict[str, object] = {}
        put_differing(Told("a", parts=[1]), plain)
        assert plain == {"name": "a", "parts": [1]}
        more: dict[str, object] = {}
        put_differing(ToldMore("b", 2.0, more="c"), more)
        assert more == {"name": "b", "at": 2.0, "more": "c"}
