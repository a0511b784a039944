"""What a no-op in a warm process costs, beside the standard library's pool."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor

from benchmarks.bench import Bench
from benchmarks.figures import Figure, at_most_times

WIDTH = 2


def nothing() -> None:
    """A no-op that another process can find."""


def warm(bench: Bench) -> list[Figure]:
    """One at a time; and many at once, by as many workers."""
    rounds, calls = bench.size(8, 2), bench.size(300, 20)
    found = [bench.fresh("processes:samples", rounds=rounds, calls=calls) for _ in range(bench.size(2, 1))]

    def pooled(name: str) -> list[float]:
        return [sample for each in found for sample in each[name]]

    return [
        Figure("one at a time", "us", pooled("values"), pooled("floors"), at_most_times(2)),
        Figure(
            "many at once", "us", pooled("many_values"), pooled("many_floors"), note="the budget is for round trips"
        ),
    ]


# ---------------------------------------------------------------- in a fresh process


def samples(rounds: int, calls: int) -> dict[str, list[float]]:
    import os

    os.environ["MOTET_PROCESSES"] = str(WIDTH)
    from motet import flow, task
    from motet.dialects.python.task_runners import ProcessPoolTaskRunner

    recorded = task(nothing)
    found: dict[str, list[float]] = {"values": [], "floors": [], "many_values": [], "many_floors": []}

    @flow(task_runner=ProcessPoolTaskRunner())
    def measured(pool: object) -> None:
        assert isinstance(pool, ProcessPoolExecutor)
        for number in range(rounds + 1):
            sample = {
                "values": _seconds(calls, lambda: [recorded.submit().result() for _ in range(calls)]),
                "floors": _seconds(calls, lambda: [pool.submit(nothing).result() for _ in range(calls)]),
                "many_values": _seconds(calls, lambda: _all([recorded.submit() for _ in range(calls)])),
                "many_floors": _seconds(calls, lambda: _all([pool.submit(nothing) for _ in range(calls)])),
            }
            if number:  # the first round starts the workers
                for name, took_s in sample.items():
                    found[name].append(took_s)

    with ProcessPoolExecutor(WIDTH) as pool:
        pool.submit(nothing).result()  # it forks now, before there are threads
        measured(pool)
    return found


def _seconds(calls: int, act: object) -> float:
    assert callable(act)
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) / calls


def _all(futures: list[object]) -> None:
    for each in futures:
        each.result()  # type: ignore[attr-defined]
