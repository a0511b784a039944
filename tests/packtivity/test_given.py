"""Values as people type them."""

from __future__ import annotations

from typing import Any

import pytest

from motet.dialects.yadage.packtivity.given import pairs_of
from motet.errors import SpecError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("a=b", "a=b"), ("'{workdir}/x'", "{workdir}/x"), ("{workdir}/x", "{workdir}/x"),
        ("{workdir}", "{workdir}"), ("{readdir0}/a b", "{readdir0}/a b"), ("{work: 1}", {"work": 1}),
        ("a: b: c", "a: b: c"),
    ],
)  # fmt: skip
def test_values_as_people_type_them(text: str, value: Any) -> None:
    assert pairs_of([f"name={text}"], "-p") == {"name": value}


def test_what_was_to_be_a_mapping_and_is_none_is_refused() -> None:
    with pytest.raises(SpecError):
        pairs_of(["name={a: 1"], "-p")
