"""What can be read once and is given twice is told, and never found empty."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from motet import flow, task, unmapped
from motet.errors import UsedUp


def generated() -> Iterator[int]:
    yield from (1, 2, 3, 4)


ONE_WAY: dict[str, Callable[[], Any]] = {
    "generator": generated, "expression": lambda: (each for each in (1, 2, 3, 4)), "map": lambda: map(int, "1234"),
    "zip": lambda: zip([1, 2], [3, 4], strict=True), "filter": lambda: filter(None, [1, 2]),
    "enumerate": lambda: enumerate([1, 2]), "iter": lambda: iter([1, 2, 3, 4]),
    "csv": lambda: csv.reader(["a,b", "c,d"]),
    "file": lambda: io.StringIO("1\n2\n"), "deep": lambda: {"rows": [generated()]},
}  # fmt: skip


def read(value: Any) -> int:
    if isinstance(value, dict):
        value = value["rows"][0]
    return len(list(value))


@pytest.mark.parametrize("name", ONE_WAY)
@pytest.mark.parametrize("way", ["call", "submit", "map", "flow"])
def test_a_second_attempt_is_not_given_what_the_first_has_read(name: str, way: str) -> None:
    found: list[int] = []

    @task(retries=3)
    def count(rows: Any) -> None:
        found.append(read(rows))
        raise OSError("once more")

    @flow(retries=3)
    def inner(rows: Any) -> None:
        found.append(read(rows))
        raise OSError("once more")

    @flow
    def pipeline() -> None:
        value = ONE_WAY[name]()
        if way == "map":
            count.map([value]).result()
        elif way == "flow":
            inner(value)
        else:
            count(value) if way == "call" else count.submit(value).result()

    with pytest.raises(UsedUp, match=r"rows is a \w+, which can be read only once"):
        pipeline()
    assert len(found) == 1


def test_what_nobody_has_read_from_is_given_again() -> None:
    tries: list[int] = []

    @task(retries=2)
    def count(rows: Any, more: Any, out: Any, cursor: Any) -> int:
        tries.append(1)
        out.write("x")
        if len(tries) < 3:
            raise OSError("before reading")
        return len(list(rows)) + len(list(more))

    @flow
    def pipeline(path: str) -> int:
        with open(path, "w") as out, sqlite3.connect(":memory:") as base:
            return count(generated(), iter([1]), out, base.cursor())

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        assert pipeline(str(Path(folder) / "out")) == 5
    assert len(tries) == 3


def test_a_file_that_was_put_back_is_given_again(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"1\n2\n")
    tries: list[int] = []

    @task(retries=1)
    def count(rows: Any) -> int:
        found = len(rows.readlines())
        tries.append(1)
        if len(tries) == 1:
            rows.seek(0)
            raise OSError("once")
        return found

    @flow
    def pipeline() -> int:
        with (tmp_path / "rows").open("rb") as rows:
            return count(rows)

    assert pipeline() == 2


def test_elements_of_a_map_cannot_share_what_can_be_read_once() -> None:
    @task
    def count(number: int, rows: Any) -> int:
        return number + len(list(rows))

    @flow
    def pipeline(several: bool) -> list[int]:
        return count.map([1, 2] if several else [1], unmapped(generated())).result()

    assert pipeline(False) == [5]
    with pytest.raises(UsedUp, match=r"count\.map\(\) cannot give the same to several elements: rows is a generator"):
        pipeline(True)
