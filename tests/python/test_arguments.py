"""What may be given to tasks and flows, and in what: futures in containers, annotations around lists, late checks."""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import InitVar, dataclass, field
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr

from motet import allow_failure, flow, quote, task, unmapped
from motet.errors import ParameterError, UsageError
from motet.states import Completed, State


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    value: Any


class Pair(NamedTuple):
    left: Any
    right: int


@dataclass(frozen=True)
class Holder:
    value: Any


@task
def one() -> int:
    return 1


@task
def fail(value: int = 0) -> int:
    raise ValueError(value)


@task
def same(value: Any, other: Any = None) -> Any:
    return value


@pytest.mark.parametrize(
    "around",
    [
        lambda each: Model(value=[each], more=each), lambda each: Pair(each, 2), lambda each: Holder({"deep": {each}}),
        lambda each: OrderedDict(first=each), lambda each: defaultdict(list, {"first": each}), lambda each: {each: 1},
    ],
    ids=["model", "named tuple", "dataclass", "ordered dict", "default dict", "key"],
)  # fmt: skip
def test_futures_stand_for_their_values_in_every_container(around: Callable[[Any], Any]) -> None:
    @flow
    def pipeline() -> Any:
        return same(around(one.submit())), same.submit(around(one.submit())).result()

    assert pipeline() == (around(1), around(1))
    assert type(pipeline()[0]) is type(around(1))


@dataclass
class Scaled:
    value: Any
    scale: InitVar[int]
    count: int = field(default=1, init=False)
    made: list[Any] = field(default_factory=list, init=False)

    def __post_init__(self, scale: int) -> None:
        self.made.append(scale)


@dataclass(frozen=True, slots=True)
class Slots:
    value: Any
    count: int = field(default=1, init=False)


@dataclass(kw_only=True)
class Child(Scaled):
    more: Any = None


class Rows(list[Any]):
    def __init__(self, values: Any, name: str) -> None:
        super().__init__(values)
        self.name = name


class Names(dict[str, Any]):
    """Knows what it may hold only once it has its attributes."""

    def __init__(self, allowed: set[str]) -> None:
        super().__init__()
        self.allowed = allowed

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self.allowed:
            raise KeyError(name)
        super().__setitem__(name, value)


class Track(tuple[Any, ...]):
    pass


class Private(BaseModel):
    model_config = ConfigDict(frozen=True)
    value: Any
    _count: int = PrivateAttr(default=1)


def scaled(value: Any) -> Scaled:
    made = Scaled(value, 3)
    made.count = 42
    return made


def named(value: Any) -> Names:
    made = Names({"a", "b"})
    made["a"] = value
    made.allowed = {"z"}
    return made


def private(value: Any) -> Private:
    made = Private(value=value)
    made._count = 42
    return made


def slotted(value: Any) -> Slots:
    made = Slots([value])
    object.__setattr__(made, "count", 42)
    return made


def tracked(value: Any) -> Track:
    made = Track([1, value])
    made.__dict__["note"] = "n"
    return made


def attributes(value: Any) -> Any:
    return {name: getattr(value, name) for name in ("name", "allowed", "note", "count", "made", "_count", "maxlen",
            "default_factory", "scale") if hasattr(value, name) and not hasattr(value, "index")}  # fmt: skip


@pytest.mark.parametrize(
    "around",
    [
        scaled, named, private, slotted, tracked,
        lambda each: Rows([each, 2], "r"), lambda each: deque([each], maxlen=3),
        lambda each: Child(value=1, scale=2, more=[each]), lambda each: [scaled({"a": (each,)})],
        lambda each: Counter({"a": each}), lambda each: defaultdict(int, {each: [each]}),
        lambda each: frozenset({each}), lambda each: OrderedDict([("b", 1), ("a", each)]),
    ],
)  # fmt: skip
def test_nothing_is_lost_of_what_holds_a_future(around: Callable[[Any], Any]) -> None:
    given: list[Any] = []

    @flow
    def pipeline() -> Any:
        given.append(around(one.submit()))
        return same(given[0])

    found, wanted = pipeline(), around(1)
    assert found == wanted
    assert type(found) is type(wanted)
    assert attributes(found) == attributes(wanted)
    assert getattr(found, "name", None) == getattr(wanted, "name", None)
    assert getattr(found, "maxlen", None) == getattr(wanted, "maxlen", None)
    assert getattr(found, "note", None) == getattr(wanted, "note", None)
    assert list(map(repr, found)) == list(map(repr, wanted)) if hasattr(wanted, "__iter__") else True
    assert "Future" in repr(given[0]), "what was given stays as it is"


def test_attrs_classes_may_hold_futures() -> None:
    attr = pytest.importorskip("attr")
    kind = attr.make_class(
        "Kind", {"value": attr.ib(), "count": attr.ib(init=False, default=1)}, frozen=True, slots=True
    )

    @flow
    def pipeline() -> Any:
        return same(kind([one.submit()]))

    assert pipeline() == kind([1])


def test_rings_and_what_stands_in_several_places_stay_so() -> None:
    @flow
    def pipeline() -> Any:
        shared = [one.submit()]
        ring: list[Any] = [shared, shared, one.submit()]
        ring.append({"ring": ring, "pair": (ring, shared)})
        holder = Holder([])
        holder.value.append((holder, ring))
        untouched = [2]
        return same({"ring": ring, "holder": holder, "plain": untouched}), untouched

    found, untouched = pipeline()
    ring, holder = found["ring"], found["holder"]
    assert ring[0] is ring[1]
    assert ring[0] == [1]
    assert ring[2] == 1
    assert ring[3]["ring"] is ring
    assert ring[3]["pair"][0] is ring
    assert holder.value[0][1] is ring
    assert holder.value[0][0].value is holder.value
    assert found["plain"] is untouched


def test_what_cannot_be_copied_is_refused_with_the_cure() -> None:
    @dataclass
    class Stubborn:
        value: Any

        def __copy__(self) -> Any:
            raise ValueError("no copies")

    @flow
    def pipeline() -> Any:
        return same(Stubborn(one.submit()))

    with pytest.raises(UsageError, match=r"Stubborn that holds a future cannot be copied.*no copies") as raised:
        pipeline()
    assert ".result()" in raised.value.cure


@dataclass
class Iterable:
    value: int = 1

    def __iter__(self) -> Iterator[int]:
        return iter([1, 2])


class Network:
    """As those of a well-known library."""

    def named_parameters(self) -> list[Any]:
        return []

    def forward(self) -> None: ...

    def __iter__(self) -> Iterator[int]:
        return iter([1, 2])


def wholes() -> dict[str, Callable[[], Any]]:
    numpy, pandas, pyarrow = (pytest.importorskip(each) for each in ("numpy", "pandas", "pyarrow"))
    return {
        "model": lambda: Model(value=1, other=2), "dataclass": Iterable, "network": Network, "text": lambda: "ab",
        "bytes": lambda: b"ab", "bytearray": lambda: bytearray(b"ab"), "dict": lambda: {"a": 1, "b": 2},
        "table": lambda: pandas.DataFrame({"a": [1, 2], "b": [3, 4]}), "file": lambda: open(__file__),
        "arrow": lambda: pyarrow.table({"a": [1, 2], "b": [3, 4]}), "scalar": lambda: numpy.array(5),
    }  # fmt: skip


WHOLES = ("model", "dataclass", "network", "text", "bytes", "bytearray", "dict", "table", "file", "arrow", "scalar")


@task
def kind_of(number: Any, other: Any = None) -> str:
    return type(other).__name__


@pytest.mark.parametrize("name", WHOLES)
def test_what_is_one_value_goes_to_all_elements_and_cannot_be_mapped_over(name: str) -> None:
    make = wholes()[name]

    @flow
    def pipeline(beside: bool) -> Any:
        value = make()
        try:
            return kind_of.map([1, 2], value).result() if beside else kind_of.map(value).result()
        finally:
            if hasattr(value, "close"):
                value.close()

    assert pipeline(True) == [type(make()).__name__] * 2
    with pytest.raises(UsageError, match=r"nothing to map over\. number is an? \w+"):
        pipeline(False)


@pytest.mark.parametrize("make", [
    lambda numpy, pandas: numpy.eye(2), lambda numpy, pandas: pandas.Series([1, 2]), lambda numpy, pandas: range(2),
    lambda numpy, pandas: {1, 2}, lambda numpy, pandas: {"a": 1, "b": 2}.items(), lambda numpy, pandas: deque([1, 2]),
    lambda numpy, pandas: (each for each in (1, 2)), lambda numpy, pandas: zip([1, 2], [3, 4], strict=True),
    lambda numpy, pandas: pandas.Index([1, 2]), lambda numpy, pandas: Rows([1, 2], "r"),
])  # fmt: skip
def test_what_is_many_is_spread(make: Callable[[Any, Any], Any]) -> None:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")

    @flow
    def pipeline() -> int:
        return len(kind_of.map(make(numpy, pandas)).result())

    assert pipeline() == 2


def test_states_are_what_they_stand_for_in_a_map() -> None:
    @task
    def numbers() -> list[int]:
        return [1, 2]

    @flow
    def pipeline() -> Any:
        state: Any = numbers(return_state=True)
        return [
            same.map(state).result(), same.map([3, 4], state).result(), same.map(Completed(data=[5])).result(),
            same.map([state, state]).result(), same.map([1, 2], unmapped(state)).result(),
            same.map(allow_failure(state)).result(), same.map(same.map(state, return_state=True)).result(),
        ]  # fmt: skip

    assert pipeline() == [[1, 2], [3, 4], [5], [[1, 2], [1, 2]], [1, 2], [1, 2], [1, 2]]

    @flow
    def failing() -> Any:
        return same.map(fail(1, return_state=True)).result()

    with pytest.raises(ValueError, match="1"):
        failing()


def test_a_container_that_holds_itself() -> None:
    @flow
    def pipeline() -> int:
        ring: list[Any] = [1]
        ring.append(ring)
        return len(same(ring))

    assert pipeline() == 2


def test_a_failure_that_is_passed_on_as_a_value_has_been_looked_at() -> None:
    @flow
    def pipeline() -> list[Any]:
        alone, several = fail.submit(1), fail.map([2, 3])
        after = one(wait_for=[allow_failure(fail.submit(4))])
        return [repr(same(allow_failure(alone))), repr(same.submit(allow_failure(several)).result()), after]

    assert pipeline() == ["ValueError(1)", "[ValueError(2), ValueError(3)]", 1]


def test_an_annotation_around_a_sequence_is_around_each_of_its_elements() -> None:
    @flow
    def pipeline() -> list[Any]:
        failed = fail.map([1, 2])
        return [
            repr(same.map(allow_failure(failed), 0).result()),
            same.map([1, 2], allow_failure(same.submit([3, 4]))).result(),
            same.map(quote([5, 6])).result(),
        ]

    assert pipeline() == ["[ValueError(1), ValueError(2)]", [1, 2], [5, 6]]


def test_a_map_goes_over_what_is_given_by_name_or_place_and_not_over_defaults() -> None:
    @task
    def train(rate: int, *more: int, layers: list[int] = [8, 8, 8], **options: Any) -> Any:  # noqa: B006
        return rate, more, layers, options

    @flow
    def pipeline() -> Any:
        return train.map([1, 2], [3, 4], seed=[5, 6], name="x").result(), train.map([7]).result()

    assert pipeline() == (
        [(1, (3,), [8, 8, 8], {"seed": 5, "name": "x"}), (2, (4,), [8, 8, 8], {"seed": 6, "name": "x"})],
        [(7, (), [8, 8, 8], {})],
    )


def test_parameters_of_subflows_are_checked_when_their_futures_have_values() -> None:
    @flow
    def sub(numbers: list[int], last: int = 0) -> Any:
        return numbers, last

    @flow
    def pipeline(last: str) -> Any:
        return sub.submit([one.submit(), "2"], same.submit(last)).result()

    assert pipeline("3") == ([1, 2], 3)
    with pytest.raises(ParameterError, match="Parameter last of flow sub: 'x' does not fit"):
        pipeline("x")


def test_variadic_parameters_are_made_to_fit_one_by_one() -> None:
    @flow
    def pipeline(*numbers: int, **shares: float) -> Any:
        return numbers, shares

    assert pipeline("1", 2, left="0.5") == ((1, 2), {"left": 0.5})  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"Parameter numbers\[1\] of flow pipeline: 'x'"):
        pipeline("1", "x")  # type: ignore[arg-type]


def test_a_recursion_without_end_is_an_error_of_the_flow() -> None:
    @task
    def deeper(depth: int) -> int:
        return deeper(depth + 1)

    @flow
    def pipeline() -> int:
        return deeper(0)

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(900)
    try:
        with pytest.raises(RecursionError):
            pipeline()
    finally:
        sys.setrecursionlimit(before)
    assert one() == 1


def test_tasks_outside_flows_give_states_when_asked() -> None:
    states: list[State] = [one(return_state=True), fail(3, return_state=True)]
    assert [each.name for each in states] == ["Completed", "Failed"]
    assert states[0].result() == 1
    assert repr(states[1].result(raise_on_failure=False)) == "ValueError(3)"
