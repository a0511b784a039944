"""What a large result costs, beside hashing and writing it once."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Absent, Figure, at_most_times


def array(bench: Bench) -> list[Figure]:
    """An array of 10 MB that a step makes and that is kept."""
    if find_spec("numpy") is None:
        raise Absent("numpy is not installed")
    found = bench.fresh("arrays:samples", rounds=bench.size(21, 2))
    return [Figure("10 MB", "ms", found["values"], found["floors"], at_most_times(1.5))]


# ---------------------------------------------------------------- in a fresh process


def samples(rounds: int) -> dict[str, list[float]]:
    import numpy as np

    from motet import flow, task

    def made(number: float) -> Any:
        return np.full(10_000_000 // 8, number)

    @task
    def make(number: float) -> Any:
        return made(number)

    found: dict[str, list[float]] = {"values": [], "floors": []}

    @flow
    def measured() -> None:
        for number in range(rounds + 1):
            for name in ("values", "floors"):
                content = number + 0.5 * (name == "floors")  # that nobody has kept before
                began = time.perf_counter()
                make(content) if name == "values" else _hash_and_write(made(content).data, str(number))
                if number:
                    found[name].append(time.perf_counter() - began)

    measured()
    return found


def _hash_and_write(content: memoryview, name: str) -> None:
    """The floor, with the hash that Motet names artifacts by."""
    from hashlib import sha256

    folder = os.path.join(os.environ["MOTET_HOME"], "floor")
    os.makedirs(folder, exist_ok=True)
    digest = sha256(content).hexdigest()
    part = os.path.join(folder, f"{name}.part")
    with open(part, "wb", buffering=0) as file:
        file.write(content)
    os.rename(part, os.path.join(folder, digest))
