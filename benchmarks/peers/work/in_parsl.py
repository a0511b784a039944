"""Parsl with threads. With `cached` it keeps results in memory and in checkpoints."""

from __future__ import annotations

import itertools

import parsl
from parsl import python_app
from parsl.config import Config
from parsl.dataflow.memoization import BasicMemoizer
from parsl.executors import ThreadPoolExecutor
from timing import ARRAY_FLOATS, Clock, carry_out, check

clock = Clock()
fresh = itertools.count()


@python_app
def nothing(number: int = 0) -> int:
    return number


@python_app
def after(number: int) -> int:
    return number + 1


@python_app(cache=True)
def kept(number: int) -> int:
    return number


@python_app
def make(seed: int):
    import numpy as np

    return np.random.default_rng(seed).random(ARRAY_FLOATS)


@python_app
def length(array) -> int:
    return len(array)


def hello(size: int) -> float:
    nothing().result()
    return 0.0


def inline(size: int) -> float:
    with clock.running():
        for number in range(size):
            nothing(number).result()
    return clock.seconds


def submit(size: int) -> float:
    with clock.running():
        futures = [nothing(number) for number in range(size)]
        check(sum(each.result() for each in futures), sum(range(size)))
    return clock.seconds


def chain(size: int) -> float:
    with clock.running():
        last = after(0)
        for _ in range(size - 1):
            last = after(last)
        check(last.result(), size)
    return clock.seconds


def cached(size: int) -> float:
    with clock.running():
        for number in range(size):
            kept(number).result()
    return clock.seconds


def array(size: int) -> float:
    with clock.running():
        for _ in range(size):
            check(length(make(next(fresh))).result(), ARRAY_FLOATS)
    return clock.seconds


if __name__ == "__main__":
    memoizer = BasicMemoizer(checkpoint_mode="task_exit")
    parsl.load(Config(executors=[ThreadPoolExecutor(max_threads=4)], memoizer=memoizer))
    carry_out(
        {
            "hello": hello,
            "inline": inline,
            "submit": submit,
            "map": submit,
            "chain": chain,
            "cached": cached,
            "array": array,
        }
    )
    parsl.dfk().cleanup()
