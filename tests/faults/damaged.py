"""The flows that `damage` damages the artifacts of. Imported by name, so that they can be resumed from anywhere."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from motet import INPUTS, flow, task


@task
def numbers(start: int) -> list[int]:
    return list(range(start, start + 700))


@task
def array(start: int) -> Any:
    return np.arange(start, start + 20_000, dtype="i8")


@task(cache_policy=INPUTS)
def squares(start: int) -> dict[str, list[int]]:
    return {"squares": [each * each for each in range(start, start + 700)]}


@task
def row(start: int) -> list[int]:
    return [start] * 900


@task
def total(*values: Any) -> int:
    return sum(int(np.sum(each)) for each in values)


@task
def last(value: int) -> int:
    if os.environ.get("DAMAGE_BREAKS"):
        raise OSError("not yet")
    return value


@flow
def inner(start: int) -> Any:
    return array(start)


@flow
def work(start: int, given: list[int]) -> int:
    """What is made, in all ways, adds up to a number that no damage may change."""
    many, squared = numbers(start), squares(start)["squares"]
    rows = [each.result() for each in row.map(range(start, start + 3))]
    beside = numbers.submit(start + 1)
    whole = total(many, squared, inner(start), given, *rows, beside)
    return last(whole + len(squared))


def wanted(start: int, given: list[int]) -> int:
    """The number, made without Motet."""
    one = sum(range(start, start + 700)) + sum(each * each for each in range(start, start + 700))
    two = sum(range(start, start + 20_000)) + sum(given) + 900 * (3 * start + 3)
    return one + two + sum(range(start + 1, start + 701)) + 700
