"""joblib: `Parallel` on threads, and `Memory`, which keeps results in files. It has no tasks that depend on others."""

from __future__ import annotations

import itertools

from joblib import Memory, Parallel, delayed
from timing import ARRAY_FLOATS, Clock, carry_out, check

clock = Clock()
fresh = itertools.count()
memory = Memory("kept", verbose=0)


def nothing(number: int = 0) -> int:
    return number


@memory.cache
def kept(number: int) -> int:
    return number


@memory.cache
def make(seed: int):
    import numpy as np

    return np.random.default_rng(seed).random(ARRAY_FLOATS)


def hello(size: int) -> float:
    Parallel(n_jobs=2, prefer="threads")([delayed(nothing)()])
    return 0.0


def inline(size: int) -> float:
    with clock.running():
        for number in range(size):
            Parallel(n_jobs=1)([delayed(nothing)(number)])
    return clock.seconds


def submit(size: int) -> float:
    with clock.running():
        found = Parallel(n_jobs=2, prefer="threads")(delayed(nothing)(number) for number in range(size))
        check(sum(found), sum(range(size)))
    return clock.seconds


def cached(size: int) -> float:
    with clock.running():
        for number in range(size):
            kept(number)
    return clock.seconds


def array(size: int) -> float:
    with clock.running():
        for _ in range(size):
            check(len(make(next(fresh))), ARRAY_FLOATS)
    return clock.seconds


if __name__ == "__main__":
    carry_out({"hello": hello, "inline": inline, "submit": submit, "map": submit, "cached": cached, "array": array})
