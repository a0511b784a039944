"""What a recorded step costs: called inline, in a chain of submitted ones, from the cache, with an fsync for each."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.bench import Bench
from benchmarks.figures import Figure, at_most_times
from benchmarks.floors import TwoRows, beside

Samples = dict[str, list[float]]


def inline(bench: Bench) -> list[Figure]:
    """A no-op called in a flow, committed before the next one starts."""
    found = _pooled(bench, "steps:inline_samples", rounds=bench.size(8, 2), calls=bench.size(2000, 50))
    return [Figure("a call", "us", found["values"], found["floors"], at_most_times(2.5))]


def chain(bench: Bench) -> list[Figure]:
    """A chain of submitted no-ops, each of which takes the future of the one before."""
    found = _pooled(bench, "steps:chain_samples", rounds=bench.size(4, 2), calls=bench.size(1000, 50))
    return [Figure("a task", "us", found["values"], found["floors"], at_most_times(5))]


def cached(bench: Bench) -> list[Figure]:
    """A flow of 1,000 tasks run again: each result comes from the cache."""
    found = _pooled(bench, "steps:cached_samples", rounds=bench.size(4, 1), calls=bench.size(1000, 50))
    return [Figure("a task", "us", found["values"], found["floors"], at_most_times(2))]


def full(bench: Bench) -> list[Figure]:
    """A no-op called inline where every commit is synced to the disk, and the default beside it."""
    rounds, calls = bench.size(3, 1), bench.size(200, 20)
    changed = {"MOTET_DURABILITY": "full"}
    values, floors, defaults = [], [], []
    for _ in range(bench.size(3, 1)):
        synced = bench.fresh("steps:inline_samples", changed=changed, sync="FULL", rounds=rounds, calls=calls)
        values += synced["values"]
        floors += synced["floors"]
        defaults += bench.fresh("steps:inline_samples", rounds=rounds, calls=calls)["values"]
    return [
        Figure("a call, synced", "us", values, floors, at_most_times(2.5)),
        Figure("a call, default", "us", defaults, note="for comparison, taken in turn"),
    ]


def _pooled(bench: Bench, target: str, *, rounds: int, calls: int) -> Samples:
    """The samples of several fresh processes together."""
    found: Samples = {"values": [], "floors": []}
    for _ in range(bench.size(3, 1)):
        for name, samples in bench.fresh(target, rounds=rounds, calls=calls).items():
            found[name] += samples
    return found


# ---------------------------------------------------------------- in fresh processes


def inline_samples(rounds: int, calls: int, sync: str = "NORMAL") -> Samples:
    from motet import flow, task

    @task
    def nothing() -> None:
        return None

    def value() -> float:
        began = time.perf_counter()
        for _ in range(calls):
            nothing()
        return (time.perf_counter() - began) / calls

    floor = TwoRows(beside(), sync)

    @flow
    def measured() -> Samples:
        return _in_turn(rounds, value, lambda: floor.one_by_one(calls))

    return measured()


def chain_samples(rounds: int, calls: int) -> Samples:
    from motet import flow, task

    @task
    def after(number: int) -> int:
        return number + 1

    @flow
    def measured() -> int:
        last = after.submit(0)
        for _ in range(calls - 1):
            last = after.submit(last)
        return last.result()

    def value() -> float:
        began = time.perf_counter()
        if measured() != calls:
            raise RuntimeError("the chain lost a task")
        return (time.perf_counter() - began) / calls

    floor = TwoRows(beside())
    return _in_turn(rounds, value, lambda: floor.one_by_one(calls))


def cached_samples(rounds: int, calls: int) -> Samples:
    from motet import INPUTS, flow, task

    ran = []

    @task(cache_policy=INPUTS)
    def kept(number: int) -> int:
        ran.append(number)
        return number

    @flow
    def measured() -> float:
        began = time.perf_counter()
        for number in range(calls):
            kept(number)
        return (time.perf_counter() - began) / calls

    def value() -> float:
        took_s = measured()
        if len(ran) != calls:
            raise RuntimeError(f"{len(ran)} of {calls} tasks ran, over all runs")
        return took_s

    floor = TwoRows(beside())
    return _in_turn(rounds, value, lambda: floor.one_by_one(calls))


def _in_turn(rounds: int, value: Callable[[], float], floor: Callable[[], float]) -> Samples:
    """Samples of both, one after the other. The first round only warms up."""
    found: Samples = {"values": [], "floors": []}
    for _ in range(rounds + 1):
        found["values"].append(value())
        found["floors"].append(floor())
    return {name: samples[1:] for name, samples in found.items()}
