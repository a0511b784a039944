"""Ray on this machine, with its object store. Nothing outlives it."""

from __future__ import annotations

import itertools

import ray
from timing import ARRAY_FLOATS, Clock, carry_out, check

clock = Clock()
fresh = itertools.count()


@ray.remote
def nothing(number: int = 0) -> int:
    return number


@ray.remote
def after(number: int) -> int:
    return number + 1


@ray.remote
def make(seed: int):
    import numpy as np

    return np.random.default_rng(seed).random(ARRAY_FLOATS)


@ray.remote
def length(array) -> int:
    return len(array)


def hello(size: int) -> float:
    ray.get(nothing.remote())
    return 0.0


def inline(size: int) -> float:
    with clock.running():
        for number in range(size):
            ray.get(nothing.remote(number))
    return clock.seconds


def submit(size: int) -> float:
    with clock.running():
        check(sum(ray.get([nothing.remote(number) for number in range(size)])), sum(range(size)))
    return clock.seconds


def chain(size: int) -> float:
    with clock.running():
        last = after.remote(0)
        for _ in range(size - 1):
            last = after.remote(last)
        check(ray.get(last), size)
    return clock.seconds


def array(size: int) -> float:
    with clock.running():
        for _ in range(size):
            check(ray.get(length.remote(make.remote(next(fresh)))), ARRAY_FLOATS)
    return clock.seconds


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    carry_out({"hello": hello, "inline": inline, "submit": submit, "map": submit, "chain": chain, "array": array})
    ray.shutdown()
