"""Queries over plain values: what jq gives, and is kept from; parts of values."""

from __future__ import annotations

import pytest

from motet.errors import TimedOut, UsageError
from motet.values.queries import part, run


def test_a_script_that_does_not_end_is_ended() -> None:
    pytest.importorskip("jq")
    with pytest.raises(TimedOut, match=r"did not end within 0\.2 s"):
        run("last(range(1e15))", None, 0.2)


def test_all_that_a_script_gives_is_there() -> None:
    pytest.importorskip("jq")
    assert run(".[] | . * 2", [1, 2]) == [2, 4]
    assert run(".", {"a": 1}) == [{"a": 1}]


def test_a_key_goes_before_a_path_of_the_same_text() -> None:
    pytest.importorskip("jsonpath_ng")
    assert part({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert part({"a": {"b": 2}}, "a.b") == 2
    with pytest.raises(UsageError, match="no output 'c': it has 'a'"):
        part({"a": 1}, "c")
