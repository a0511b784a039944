"""Events and their JSON form."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motet.kernel import events as ev

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
TEXT = st.text(max_size=5)
NUMBER = st.integers(-1, 2**40)
BY_ANNOTATION: dict[str, st.SearchStrategy[Any]] = {
    "float": st.floats(allow_nan=False), "int": NUMBER, "str": TEXT, "bool": st.booleans(), "Json": JSON,
    "int | None": st.none() | NUMBER, "Sequence[str]": st.lists(TEXT, max_size=3),
    "Sequence[int]": st.lists(NUMBER, max_size=3), "Sequence[Json]": st.lists(JSON, max_size=3),
    "Mapping[str, Json]": st.dictionaries(TEXT, JSON, max_size=3),
}  # fmt: skip


@st.composite
def any_event(draw: st.DrawFn) -> ev.Event:
    cls = draw(st.sampled_from(list(ev.KINDS.values())))
    return cls(**{each.name: draw(BY_ANNOTATION[str(each.type)]) for each in fields(cls)})


@given(any_event())
def test_what_is_written_is_read_again(event: ev.Event) -> None:
    text = json.dumps(ev.to_json(event))
    again = ev.from_json(json.loads(text))
    assert type(again) is type(event)
    for each in fields(event):
        was, now = getattr(event, each.name), getattr(again, each.name)
        assert now == was or (list(now) == list(was) == [])
    assert json.dumps(ev.to_json(again)) == text


def test_the_kind_and_what_differs_from_the_default_are_all_that_is_written() -> None:
    assert ev.to_json(ev.StepStarted(1.5, "a", 1)) == {"event": "step.started", "at": 1.5, "key": "a"}
    assert ev.to_json(ev.StepStarted(1.5, "a", 2, 3)) == {
        "event": "step.started", "at": 1.5, "key": "a", "attempt": 2, "element": 3,
    }  # fmt: skip


def test_each_event_has_a_kind_of_its_own() -> None:
    found = {cls for cls in vars(ev).values() if isinstance(cls, type) and issubclass(cls, ev.Event) and cls.kind}
    assert found == set(ev.KINDS.values())
    assert all(kind == cls.kind for kind, cls in ev.KINDS.items())


def test_only_what_is_in_hand_goes_unrecorded() -> None:
    assert {kind for kind, cls in ev.KINDS.items() if not cls.recorded} == {"limit.set", "elements.started"}


def test_a_kind_from_a_later_version_is_refused() -> None:
    with pytest.raises(KeyError):
        ev.from_json({"event": "step.teleported", "at": 1.0})
