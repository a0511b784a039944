"""Dask's scheduler with threads in this process. Nothing outlives it."""

from __future__ import annotations

import itertools

from dask.distributed import Client
from timing import ARRAY_FLOATS, Clock, carry_out, check

clock = Clock()
fresh = itertools.count()


def nothing(number: int = 0) -> int:
    return number


def after(number: int) -> int:
    return number + 1


def make(seed: int):
    import numpy as np

    return np.random.default_rng(seed).random(ARRAY_FLOATS)


def hello(size: int) -> float:
    client.submit(nothing, pure=False).result()
    return 0.0


def inline(size: int) -> float:
    with clock.running():
        for number in range(size):
            client.submit(nothing, number, pure=False).result()
    return clock.seconds


def submit(size: int) -> float:
    with clock.running():
        futures = [client.submit(nothing, number, pure=False) for number in range(size)]
        check(sum(client.gather(futures)), sum(range(size)))
    return clock.seconds


def map_(size: int) -> float:
    with clock.running():
        check(sum(client.gather(client.map(nothing, range(size), pure=False))), sum(range(size)))
    return clock.seconds


def chain(size: int) -> float:
    with clock.running():
        last = client.submit(after, 0, pure=False)
        for _ in range(size - 1):
            last = client.submit(after, last, pure=False)
        check(last.result(), size)
    return clock.seconds


def array(size: int) -> float:
    with clock.running():
        for _ in range(size):
            check(client.submit(len, client.submit(make, next(fresh), pure=False)).result(), ARRAY_FLOATS)
    return clock.seconds


if __name__ == "__main__":
    with Client(processes=False, dashboard_address=None) as client:
        carry_out({"hello": hello, "inline": inline, "submit": submit, "map": map_, "chain": chain, "array": array})
