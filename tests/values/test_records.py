"""Results as they are kept: small ones in the record, large ones beside it, impossible ones with the reason."""

from __future__ import annotations

import enum
import json
import math
import threading
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motet.errors import NotFound, ResultUnavailable
from motet.ports import Pruned, Stored
from motet.values.records import artifact_digests, decode, encode


class Shelf:
    """An artifact store in memory."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def put(self, parts: Sequence[bytes | memoryview]) -> Stored:
        content = b"".join(parts)
        digest = sha256(content).hexdigest()
        self.content[digest] = content
        return Stored(digest, len(content))

    def get(self, digest: str) -> memoryview:
        if digest not in self.content:
            raise NotFound("no such artifact")
        return memoryview(self.content[digest])

    def path(self, digest: str) -> str:
        raise NotImplementedError

    def sweep(self, used: Any, older_than: float, *, dry_run: bool = False) -> Pruned:
        raise NotImplementedError


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    pass


class Vanishing:
    """Can be pickled, and not loaded."""

    def __setstate__(self, state: object) -> None:
        raise RuntimeError("changed since")


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, 1, -1, 2**63 - 1, -(2**63), 0.5, -0.0, 1e308, "", "text", "naïve ☃", "x" * 1024],
)
def test_scalars_stand_for_themselves(value: object) -> None:
    shelf = Shelf()
    record = encode(value, shelf)
    assert record is value
    again = decode(json.loads(json.dumps(record)), shelf)
    assert repr(again) == repr(value)
    assert shelf.content == {}


@pytest.mark.parametrize(
    "value",
    [
        2**63, -(2**63) - 1, math.inf, -math.inf, "nul \0", "lone \ud800", "x" * 1025, "é" * 600, Colour.RED,
        Text("sub"), b"bytes", [], {}, (), {"lost": "not really"}, {"pickle": "neither"}, [1, [2]], 1j, {1, 2},
    ],
)  # fmt: skip
def test_all_else_is_an_object_that_survives_json_and_utf8(value: Any) -> None:
    shelf = Shelf()
    record = encode(value, shelf)
    assert isinstance(record, dict)
    again = decode(json.loads(json.dumps(record, ensure_ascii=False).encode()), shelf)
    assert again == value
    assert type(again) is type(value)


def test_nan_comes_back() -> None:
    assert math.isnan(decode(encode(math.nan, Shelf()), Shelf()))


@given(st.binary(max_size=4000), st.integers(0, 3000))
def test_the_limit_decides_where_a_value_goes(content: bytes, limit: int) -> None:
    shelf = Shelf()
    record = encode(content, shelf, limit_bytes=limit)
    assert decode(record, shelf) == content
    if "artifact" in record:
        assert record["size_bytes"] == len(shelf.content[record["artifact"]]) > limit
        assert artifact_digests(record) == (record["artifact"],)
    else:
        assert len(content) <= limit
        assert artifact_digests(record) == ()


def test_without_an_artifact_store_all_stays_in_the_record() -> None:
    record = encode(b"x" * 100_000, None)
    assert set(record) == {"pickle"}
    assert decode(record, None) == b"x" * 100_000


@pytest.mark.parametrize("record", [None, 5, "text", 1.5, True, {"pickle": "gAVLAS4="}])
def test_records_without_artifacts_refer_to_none(record: Any) -> None:
    assert artifact_digests(record) == ()


def test_a_value_that_cannot_be_pickled_is_lost_with_the_reason_and_the_cure() -> None:
    record = encode({"model": threading.Lock()}, Shelf())
    assert set(record) == {"lost"}
    with pytest.raises(ResultUnavailable) as caught:
        decode(record, Shelf())
    assert "value['model'] is of type _thread.lock" in caught.value.what
    assert "Return what can be pickled" in caught.value.cure


def test_an_artifact_that_is_gone_is_said_to_be() -> None:
    shelf = Shelf()
    record = encode(b"x" * 5000, shelf)
    shelf.content.clear()
    with pytest.raises(ResultUnavailable, match="is gone"):
        decode(record, shelf)
    with pytest.raises(ResultUnavailable, match="no artifact store is at hand"):
        decode(record, None)


def test_a_value_that_can_no_longer_be_loaded_is_said_to_be() -> None:
    vanishing = Vanishing()
    vanishing.__dict__["x"] = 1
    with pytest.raises(ResultUnavailable, match="RuntimeError: changed since"):
        decode(encode(vanishing, Shelf()), Shelf())


def test_a_record_from_the_future_is_said_to_be() -> None:
    with pytest.raises(ResultUnavailable, match="newer version"):
        decode({"hologram": 1}, Shelf())
