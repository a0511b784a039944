"""Shared by the programs of all systems; needs nothing installed.

    python in_SYSTEM.py WORKLOAD SIZE ROUNDS FILE

carries a workload out ROUNDS times after a first time that warms up, and writes the seconds of each to FILE.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Clock:
    """Seconds from entering to leaving."""

    seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds = time.perf_counter() - began


def carry_out(workloads: dict[str, Callable[[int], float]]) -> None:
    """Do what the command line asks for. `hello` is timed from outside, whole process."""
    name, size, rounds, result = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    run = workloads[name]
    samples = [run(size) for _ in range(rounds + (name != "hello"))]
    with open(result, "w") as file:
        json.dump(samples if name == "hello" else samples[1:], file)


def check(found: object, expected: object) -> None:
    """Raise unless the workload did what it should."""
    if found != expected:
        raise RuntimeError(f"found {found!r}, expected {expected!r}")


ARRAY_FLOATS = 10_000_000 // 8
