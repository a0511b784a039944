"""Motet: every outcome is committed before the next step starts, every result is kept."""

from __future__ import annotations

import itertools

from timing import ARRAY_FLOATS, Clock, carry_out, check

from motet import INPUTS, flow, task

clock = Clock()
fresh = itertools.count()


@task
def nothing(number: int = 0) -> int:
    return number


@task
def after(number: int) -> int:
    return number + 1


@task(cache_policy=INPUTS)
def kept(number: int) -> int:
    return number


@task
def make(seed: int):
    import numpy as np

    return np.random.default_rng(seed).random(ARRAY_FLOATS)


@task
def length(array) -> int:
    return len(array)


@flow
def hello(size: int) -> float:
    nothing()
    return 0.0


@flow
def inline(size: int) -> float:
    with clock.running():
        for number in range(size):
            nothing(number)
    return clock.seconds


@flow
def submit(size: int) -> float:
    with clock.running():
        futures = [nothing.submit(number) for number in range(size)]
        check(sum(each.result() for each in futures), sum(range(size)))
    return clock.seconds


@flow
def map_(size: int) -> float:
    with clock.running():
        check(sum(nothing.map(range(size)).result()), sum(range(size)))
    return clock.seconds


@flow
def chain(size: int) -> float:
    with clock.running():
        last = after.submit(0)
        for _ in range(size - 1):
            last = after.submit(last)
        check(last.result(), size)
    return clock.seconds


@flow
def cached(size: int) -> float:
    with clock.running():
        for number in range(size):
            kept(number)
    return clock.seconds


@flow
def array(size: int) -> float:
    with clock.running():
        for _ in range(size):
            check(length(make(next(fresh))), ARRAY_FLOATS)
    return clock.seconds


if __name__ == "__main__":
    carry_out(
        {
            "hello": hello,
            "inline": inline,
            "submit": submit,
            "map": map_,
            "chain": chain,
            "cached": cached,
            "array": array,
        }
    )
