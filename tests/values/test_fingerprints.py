"""Fingerprints: the same for equal values in every process, different for all that differs."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import os
import pathlib
import subprocess
import sys
import threading
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motet.values.identity.fingerprints import fingerprint

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=40),
        st.tuples(inner, inner),
        st.dictionaries(st.text() | st.integers(), inner),
        st.frozensets(st.text() | st.integers()),
    ),
    max_leaves=30,
)


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Point:
    x: int
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Slotted:
    x: int


class Opaque:
    def __init__(self, x: int) -> None:
        self.x = x


class Text(str):
    def __str__(self) -> str:
        return "always the same"


Pair = namedtuple("Pair", "a b")


def function() -> None: ...


def digest(*values: Any) -> str:
    found, exact = fingerprint(*values)
    assert exact
    assert len(found) == 32
    return found


def rebuilt(value: Any) -> Any:
    """An equal value that shares no object with `value`, its dicts and sets built in another order."""
    kind = type(value)
    if kind is str:
        return "".join(list(value))
    if kind is bytes:
        return bytes(bytearray(value))
    if kind in (list, tuple):
        return kind([rebuilt(each) for each in value])
    if kind is dict:
        return {rebuilt(key): rebuilt(value[key]) for key in reversed(list(value))}
    if kind is frozenset:
        return frozenset(sorted((rebuilt(each) for each in value), key=repr, reverse=True))
    if kind is int:
        return int(str(value))
    return value


@given(VALUES)
def test_equal_values_agree_however_they_were_built(value: Any) -> None:
    assert digest(value) == digest(rebuilt(value))
    assert digest([value, value]) == digest([value, rebuilt(value)])


DISTINCT: list[Any] = [
    None, True, False, 0, 1, -1, 1.0, 0.0, -0.0, 1j, 2**70, "", "1", b"1", bytearray(b"1"), [], (), {}, set(),
    frozenset(), [1], (1,), [True], [1.0], {1}, frozenset([1]), {1: 1}, {1.0: 1}, {"a": 1}, {"a": [1]},
    [[1]], [(1,)], ([1],), [1, [2, 3]], [[1, 2], 3], [1, 2, 3], ["ab", "c"], ["a", "bc"], [None], ...,
    NotImplemented, range(3), range(0, 6, 2), slice(3), Colour.RED, Colour.GREEN, Level.LOW, Point(1), Point(2),
    Point(1, ["a"]), Slotted(1), Slotted(2), Pair(1, 2), (1, 2), OrderedDict(a=1), Counter(a=1),
    defaultdict(int, a=1), defaultdict(list, a=1), Text("a"), Text("b"), "a", pathlib.PurePosixPath("a"),
    decimal.Decimal("1"), decimal.Decimal("1.0"), fractions.Fraction(1), uuid.UUID(int=1),
    datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1), datetime.time(1), datetime.timedelta(1),  # noqa: DTZ001
    datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
    datetime.datetime(2020, 1, 1, fold=1), datetime.timezone(datetime.timedelta(hours=1)),  # noqa: DTZ001
    function, len, max, Opaque, Point, int, str, Point(1).__eq__, functools.partial(function, 1),
    functools.partial(function, 2), sys, os, list(range(33)), tuple(range(33)), [list(range(33))],
    [tuple(range(33))], {"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, {1: "a", "1": "a"}, [..., b"x"],
]  # fmt: skip


def test_what_differs_has_different_fingerprints() -> None:
    digests = {}
    for value in DISTINCT:
        found = digest(value)
        assert found not in digests, f"{value!r} and {digests[found]!r}"
        digests[found] = value


def test_several_values_are_told_apart_from_one() -> None:
    forms = [(), (1,), (1, 2), ((1, 2),), ([1, 2],), ((1,), (2,)), ("ab",), ("a", "b")]
    assert len({digest(*form) for form in forms}) == len(forms)


def test_the_order_of_ordered_dicts_counts() -> None:
    assert digest(OrderedDict(a=1, b=2)) != digest(OrderedDict(b=2, a=1))


def test_processes_agree() -> None:
    code = (
        "from tests.values.test_fingerprints import DISTINCT\n"
        "from motet.values.identity.fingerprints import fingerprint\n"
        "print([fingerprint(value)[0] for value in DISTINCT + [{'b', 'a', 'c'}, {'b': 1, 'a': 2}]])"
    )
    root = str(pathlib.Path(__file__).parents[2])
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root}, capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(outputs) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (threading.RLock(), threading.RLock()),
        ([threading.Lock()], [threading.Lock()]),
        ({"a": (each for each in "a")}, {"a": (each for each in "b")}),
    ],
)
def test_of_what_is_opaque_only_the_type_counts(one: Any, other: Any) -> None:
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one)[1] is False
    assert fingerprint(one)[0] != fingerprint(None)[0]


def test_an_object_whose_members_raise_is_opaque() -> None:
    @dataclass
    class Trap:
        x: int

        def __getattribute__(self, name: str) -> Any:
            if name == "x":
                raise RuntimeError("trap")
            return super().__getattribute__(name)

    assert fingerprint(object.__new__(Trap))[1] is False


def test_values_that_refer_to_themselves_have_a_fingerprint() -> None:
    def loop(content: int) -> list[Any]:
        made: list[Any] = [content]
        made.append({"me": made})
        return made

    assert digest(loop(1)) == digest(loop(1)) != digest(loop(2))


def test_sharing_neither_matters_nor_costs() -> None:
    shared: list[Any] = ["leaf"]
    for _ in range(60):
        shared = [shared, shared]
    assert digest(shared) == digest(shared)
    inner = [[1]]
    assert digest([inner, inner]) == digest([[[1]], [[1]]])


def test_very_deep_values_are_opaque_at_the_bottom() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert fingerprint(deep)[1] is False


def test_a_substitute_stands_for_the_object_and_is_not_looked_into() -> None:
    future, seen = Opaque(1), []

    def stand_in(value: object) -> str | None:
        seen.append(value)
        return "result of step a" if value is future else None

    one, exact = fingerprint([1, {"x": future}], substitute=stand_in)
    other, _ = fingerprint([1, {"x": future}], substitute=lambda value: "b" if value is future else None)
    assert exact
    assert one != other
    assert 1 not in seen
    assert fingerprint([1, [2, 3]], substitute=lambda value: None) == fingerprint([1, [2, 3]])


def test_models_count_by_their_fields() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):  # type: ignore[name-defined, misc]
        x: int
        tags: tuple[str, ...] = ()

    assert fingerprint(Model(x=1)) == fingerprint(Model(x=1))
    assert fingerprint(Model(x=1)) != fingerprint(Model(x=2))
    assert fingerprint(Model(x=1, tags=("a",))) != fingerprint(Model(x=1))


def test_arrays_count_by_type_shape_and_content() -> None:
    np = pytest.importorskip("numpy")
    base = np.arange(12.0).reshape(3, 4)
    same = [base.copy(), np.asfortranarray(base), np.arange(24.0).reshape(3, 8)[:, ::2] / 2]
    assert {digest(each) for each in same} == {digest(base)}
    changed = base.copy()
    changed[2, 3] = 0
    different = [
        base, changed, base.reshape(4, 3), base.astype("f4"), base.astype("i8"), base.tolist(), base[0],
        base[:0], base[:, :0], np.float64(1.0), 1.0, np.float32(1.0), np.int64(1), np.array(1.0), np.bool_(True),
        np.datetime64("2020-01-01"), np.array(["2020-01-01"], dtype="M8[D]"), np.array(["a"]), np.array([b"a"]),
        np.array(["a"], dtype=object), np.array([["a"]], dtype=object), np.dtype("f8"), np.dtype("f4"),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), np.ma.array([1, 2], mask=[0, 1]),
        np.ma.array([1, 2], mask=[1, 0]), np.array([1, 2]), np.str_("a"),
    ]  # fmt: skip
    assert len({digest(each) for each in different}) == len(different)


def test_tables_count_by_content() -> None:
    pd = pytest.importorskip("pandas")
    np = pytest.importorskip("numpy")

    def frame(**change: Any) -> Any:
        columns = {
            "number": [1, 2, 3], "float": [1.0, np.nan, 3.0], "text": ["a", None, "c"],
            "when": pd.to_datetime(["2020-01-01", "2021-01-01", None]),
            "kind": pd.Categorical(["x", "y", "x"]), "lists": [[1], [2], [3]], **change,
        }  # fmt: skip
        return pd.DataFrame(columns)

    assert digest(frame()) == digest(frame()) == digest(frame().copy())
    shuffled = frame().iloc[[0, 2, 1]]
    different = [
        frame(), frame(number=[1, 2, 4]), frame(float=[1.0, 2.0, 3.0]), frame(text=["a", "b", "c"]),
        frame(when=pd.to_datetime(["2020-01-01", "2021-01-02", None])), frame(lists=[[1], [2], [4]]),
        frame(kind=pd.Categorical(["x", "y", "y"])), shuffled, shuffled.reset_index(drop=True),
        frame().rename(columns={"number": "n"}), frame()["number"], frame()["float"], frame().index,
        frame().columns, frame().set_index("number"), frame().iloc[:0], pd.Timestamp("2020-01-01"), pd.NA, pd.NaT,
        pd.Series([1, 2, 3], name="other"), pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
    ]  # fmt: skip
    assert len({digest(each) for each in different}) == len(different)


def test_arrow_tables_count_by_content_however_they_are_cut() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
    cut = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert digest(cut) == digest(table)
    different = [
        table, table.slice(1), table.rename_columns(["a", "c"]), pa.table({"a": [1, 2, 4], "b": ["x", None, "z"]}),
        table.column("a"), pa.array([1, 2, 3], pa.int32()), table.schema, table.to_batches()[0], pa.scalar(1),
    ]  # fmt: skip
    assert len({digest(each) for each in different}) == len(different)
