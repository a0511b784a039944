"""What listeners cost: events published in batches until one has heard them all, and a publisher beside a thousand."""

from __future__ import annotations

import time

from benchmarks.bench import Bench
from benchmarks.figures import Budget, Figure
from benchmarks.floors import TwoRows, beside

_BATCH = 500
_LISTENERS = 1000


def many(bench: Bench) -> list[Figure]:
    """Events published in batches of 500, until a durable listener has heard them; and what one publication costs its
    own thread beside 1,000 listeners of other keys in the process.
    """
    count, publications = bench.size(40_000, 1000), bench.size(2000, 50)
    rounds = [bench.fresh("listening:heard", home=bench.home(), count=count) for _ in range(bench.size(3, 1))]
    costs = [
        bench.fresh("listening:beside_listeners", home=bench.home(), count=publications)
        for _ in range(bench.size(3, 1))
    ]
    return [
        Figure(
            f"{count:,} events heard", "/s", [each["value"] for each in rounds], [each["floor"] for each in rounds],
            Budget("rate", 20_000, ">= 20,000/s"),
        ),
        Figure("a publication beside 1,000 listeners", "ms", costs, budget=Budget("value", 0.0001, "<= 0.1 ms")),
    ]  # fmt: skip


# ---------------------------------------------------------------- in fresh processes


def heard(count: int) -> dict[str, float]:
    from motet.events import listen, publish_many

    last = 0
    with listen(lambda event: None, "go", name="benchmark") as listener:
        began = time.perf_counter()
        for first in range(0, count, _BATCH):
            last = publish_many([("go", {"number": each}) for each in range(first, first + _BATCH)])[-1]
        listener.wait(last)
        took_s = time.perf_counter() - began
    return {"value": count / took_s, "floor": 1 / TwoRows(beside()).batched(count)}


def beside_listeners(count: int) -> float:
    """Seconds of its thread that a publication costs more beside the listeners than alone."""
    from motet.events import listen, publish

    def cost_s() -> float:
        began = time.thread_time()
        for _ in range(count):
            publish("other")
        return (time.thread_time() - began) / count

    cost_s()
    alone_s = cost_s()
    listeners = [listen(lambda event: None, f"go_{number}_*") for number in range(_LISTENERS)]
    beside_s = cost_s()
    for each in listeners:
        each.close()
    return max(0.0, beside_s - alone_s)
