"""What commands cost beside `subprocess`, and Python steps in other environments beside the standard library's pool."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from benchmarks.bench import Bench
from benchmarks.figures import Figure, at_most_times

WIDTH = 2
ARGV = ["sh", "-c", "true"]


def shell(bench: Bench) -> list[Figure]:
    """`sh -c true` with a folder and a log of its own, so many at once."""
    rounds, calls = bench.size(6, 2), bench.size(300, 20)
    found = [bench.fresh("commands:shells", rounds=rounds, calls=calls) for _ in range(bench.size(2, 1))]
    values, floors = ([sample for each in found for sample in each[name]] for name in ("values", "floors"))
    return [
        Figure("a command", "us", values, floors, at_most_times(1 / 0.7), note="70% of the rate is 1.43 x the time")
    ]


def python(bench: Bench) -> list[Figure]:
    """A function in a warm process of another environment, one at a time."""
    rounds, calls = bench.size(6, 2), bench.size(200, 20)
    found = [bench.fresh("commands:functions", rounds=rounds, calls=calls) for _ in range(bench.size(2, 1))]
    values, floors = ([sample for each in found for sample in each[name]] for name in ("values", "floors"))
    return [Figure("one at a time", "us", values, floors, at_most_times(2))]


# ---------------------------------------------------------------- in a fresh process


def shells(rounds: int, calls: int) -> dict[str, list[float]]:
    os.environ["MOTET_COMMANDS"] = str(WIDTH)
    from motet import command, flow

    true = command(ARGV, name="true")
    found: dict[str, list[float]] = {"values": [], "floors": []}

    def plain(number: int) -> None:
        folder = os.path.join(os.environ["MOTET_HOME"], f"plain-{number}")
        os.makedirs(folder)
        with open(f"{folder}.log", "wb") as log:
            subprocess.run(ARGV, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)

    def recorded() -> None:
        for each in [true.submit() for _ in range(calls)]:
            each.result()

    @flow
    def measured() -> None:
        with ThreadPoolExecutor(WIDTH) as pool:
            for number in range(rounds + 1):
                first = number * calls
                value = _seconds(calls, recorded)
                floor = _seconds(calls, lambda first=first: list(pool.map(plain, range(first, first + calls))))  # type: ignore[misc]
                if number:
                    found["values"].append(value)
                    found["floors"].append(floor)

    measured()
    return found


def nothing() -> None:
    """A no-op that another process can find."""


def functions(rounds: int, calls: int) -> dict[str, list[float]]:
    from motet import command, flow

    basename = command(function="os.path:basename")
    found: dict[str, list[float]] = {"values": [], "floors": []}

    @flow
    def measured(pool: object) -> None:
        assert isinstance(pool, ProcessPoolExecutor)
        for number in range(rounds + 1):
            value = _seconds(calls, lambda: [basename(p="/a/b") for _ in range(calls)])
            floor = _seconds(calls, lambda: [pool.submit(nothing).result() for _ in range(calls)])
            if number:
                found["values"].append(value)
                found["floors"].append(floor)

    with ProcessPoolExecutor(1) as pool:
        pool.submit(nothing).result()
        measured(pool)
    return found


def _seconds(calls: int, act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) / calls
