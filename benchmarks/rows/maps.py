"""What the elements of a `.map` cost in time and memory."""

from __future__ import annotations

import gc
import os
import time
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Budget, Figure, at_most_times
from benchmarks.floors import TwoRows, beside


def many(bench: Bench) -> list[Figure]:
    """A map of 100,000 no-ops on threads."""
    size = bench.size(100_000, 1000)
    found = [bench.fresh("maps:one_map", size=size) for _ in range(bench.size(3, 1))]
    return [
        Figure("an element", "us", _all(found, "value_s"), _all(found, "floor_s"), at_most_times(6)),
        Figure("memory of one", "B", _all(found, "grown_bytes", size), budget=Budget("value", 1024, "<= 1 KB"))
        if not bench.quick
        else Figure("memory of one", "B", _all(found, "grown_bytes", size), note="too few elements to tell"),
    ]


def million(bench: Bench) -> list[Figure]:
    """A map of 1,000,000 no-ops on threads."""
    size = bench.size(1_000_000, 2000)
    found = [bench.fresh("maps:one_map", size=size)]
    return [
        Figure(f"{size:,} elements", "s", _all(found, "value_s", 1 / size), note="completes"),
        Figure("peak memory", "MB", _all(found, "peak_bytes"), budget=Budget("value", 1.2e9, "<= 1.2 GB")),
    ]


def _all(found: list[dict[str, float]], name: str, divisor: float = 1.0) -> list[float]:
    return [each[name] / divisor for each in found]


# ---------------------------------------------------------------- in a fresh process


def one_map(size: int) -> dict[str, Any]:
    from motet import flow, task

    @task
    def nothing(number: int) -> None:
        return None

    @flow
    def measured(count: int) -> int:
        return len(nothing.map(range(count)).result())

    measured(100)  # threads and imports are not what is measured
    floor = TwoRows(beside())
    floor_s = floor.batched(min(size, 50_000))
    gc.collect()
    _forget_peak()
    resident_bytes = _status_bytes("VmRSS")
    began = time.perf_counter()
    if measured(size) != size:
        raise RuntimeError("the map lost elements")
    value_s = (time.perf_counter() - began) / size
    peak_bytes = _status_bytes("VmHWM")
    _check_recorded(size)
    return {
        "value_s": value_s, "floor_s": (floor_s + floor.batched(min(size, 50_000))) / 2,
        "grown_bytes": peak_bytes - resident_bytes, "peak_bytes": peak_bytes,
    }  # fmt: skip


def _check_recorded(size: int) -> None:
    """Raise unless the newest run has recorded every element."""
    from motet.app import hosts

    store = hosts.current().store
    run = store.runs(limit=1)[0]
    done = [step.done for step in store.steps(run.id) if step.form == "map"]
    if run.status != "succeeded" or done != [size]:
        raise RuntimeError(f"run {run.status}, recorded {done} of {size} elements")


def _forget_peak() -> None:
    """Let the peak of resident memory begin anew."""
    if os.path.exists("/proc/self/clear_refs"):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")


def _status_bytes(name: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))
