"""What it costs to tell a step: one with a large argument, whose code reaches many functions, found in the cache."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Figure, at_most_times

FUNCTIONS = 30
BYTES = 10_000_000


def cached(bench: Bench) -> list[Figure]:
    """A task that takes an array of 10 MB and reaches 30 functions, with its result in the cache."""
    found: dict[str, list[float]] = bench.fresh("identity:samples", rounds=bench.size(8, 2))
    return [
        Figure(
            "a step",
            "ms",
            found["values"],
            found["floors"],
            at_most_times(4),
            note="hashed for the record, and for the cache",
        ),
        Figure("the code, once a process", "ms", found["plans"]),
    ]


def samples(rounds: int) -> dict[str, list[float]]:
    """The seconds that a cached step takes, those of one digest of its array, those of looking at its code."""
    import numpy

    from motet import INPUTS, TASK_SOURCE, flow, task
    from motet.values.hashing import blake2b
    from motet.values.identity import bytecode, code

    array = numpy.zeros(BYTES // 8)
    work = task(cache_policy=INPUTS + TASK_SOURCE)(_made())

    @flow
    def main() -> float:
        began = time.perf_counter()
        state = work(array, return_state=True)
        took_s = time.perf_counter() - began
        if main_ran and state.name != "Cached":
            raise RuntimeError("the result was not found in the cache")
        return took_s

    main_ran = False
    main()
    main_ran = True
    found: dict[str, list[float]] = {"values": [], "floors": [], "plans": []}
    for _ in range(rounds):
        found["values"].append(main())
        began = time.perf_counter()
        blake2b(array.data, digest_size=16).digest()
        found["floors"].append(time.perf_counter() - began)
        fresh = _made()
        bytecode.forget()
        began = time.perf_counter()
        code.plan_of(fresh)
        found["plans"].append(time.perf_counter() - began)
    return found


def _made() -> Any:
    lines = ["def work(array): return f0(array, 1)"]
    for each in range(FUNCTIONS):
        inner = f"f{each + 1}(array, y + {each})" if each + 1 < FUNCTIONS else "float(array[0])"
        lines.append(
            f"def f{each}(array, y):\n    for i in range(3):\n        y = y * i if i > 1 else y + i\n    return {inner}"
        )
    space: dict[str, Any] = {"__name__": "made"}
    exec("\n".join(lines), space)
    return space["work"]
