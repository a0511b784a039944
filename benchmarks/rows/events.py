"""What published events cost: until the step that waits for one begins, and by the thousand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench
from benchmarks.figures import Budget, Figure, at_most_times
from benchmarks.floors import TwoRows, beside

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.engine.host import Host
    from motet.kernel.program import Action, View

BEGUN: list[float] = []
"""Seconds from each event to the start of its step, as the steps themselves saw it."""


def warm(bench: Bench) -> list[Figure]:
    """From an event, published by another process, to the first line of the step that it starts in a thread."""
    home = bench.home()
    process, _ = bench.start("events:publish_slowly", home, count=bench.size(500, 20), every_s=0.01)
    found = bench.fresh("events:latencies", home=home, count=bench.size(500, 20))
    process.wait()
    ordered = sorted(found)
    last = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return [
        Figure("p50", "ms", found, budget=Budget("value", 0.005, "<= 5 ms")),
        Figure("p99", "ms", [last], budget=Budget("value", 0.025, "<= 25 ms"), note=f"of {len(found)} events"),
    ]


def cold(bench: Bench) -> list[Figure]:
    """From an event to the first line of its step, in a process that has yet to be started for it."""
    import sys

    command = [sys.executable, "-c", "import motet"]
    bench.time_of(command, bench.home())
    values, floors = [], []
    for _ in range(bench.size(15, 1)):
        values += bench.fresh("events:cold_latency")
        floors.append(bench.time_of(command, bench.home()))
    return [Figure("an event", "ms", values, floors, at_most_times(1.5))]


def many(bench: Bench) -> list[Figure]:
    """Events published in batches by another process, all acted on by one run."""
    count = bench.size(40_000, 1000)
    values, floors = [], []
    for _ in range(bench.size(3, 1)):
        home = bench.home()
        process, _ = bench.start("events:publish_fast", home, count=count)
        rates = bench.fresh("events:act_on", home=home, count=count)
        process.wait()
        values.append(rates["value"])
        floors.append(rates["floor"])
    return [Figure(f"{count:,} events", "/s", values, floors, Budget("rate", 20_000, ">= 20,000/s"))]


# ---------------------------------------------------------------- in fresh processes


class OnEach:
    """Adds a step for each event `go`, and ends the run after `stop`."""

    def __init__(self, executor: str) -> None:
        from motet.kernel.policy import Policy

        self._policy = Policy(executor=executor)

    def advance(self, view: View) -> Iterator[Action]:
        from motet.kernel.program import AddStep, Finish, Listen
        from motet.kernel.rules import OnEvent

        yield Listen("go", OnEvent("go"))
        yield Listen("stop", OnEvent("stop"))
        for fired in view.fired:
            if fired.wait == "stop":
                yield Finish()
            else:
                sent_at = fired.signal.value  # type: ignore[union-attr]
                call = {"target": "benchmarks.rows.events:note_start", "args": [sent_at]}
                yield AddStep(f"note#{fired.number}", "note", call=call, policy=self._policy)


class Count:
    """Acts on each event `go` by counting it, and ends the run after so many."""

    def __init__(self, count: int) -> None:
        self._count = count

    def advance(self, view: View) -> Iterator[Action]:
        from motet.kernel.program import Finish, Listen
        from motet.kernel.rules import OnEvent

        yield Listen("go", OnEvent("go"))
        for fired in view.fired:
            if fired.number == self._count:
                yield Finish(result=fired.number)


def note_start(sent_at: float) -> float:
    """The step: the seconds since the event was published. The clock is one for all processes."""
    since_s = time.monotonic() - sent_at
    BEGUN.append(since_s)
    return since_s


def latencies(count: int) -> list[float]:
    host = _host()
    driver = _driven(host, OnEach("threads"))
    _publish(host, "ready")
    driver.finished.wait()
    if len(BEGUN) != count:
        raise RuntimeError(f"{len(BEGUN)} of {count} events started a step")
    return BEGUN


def cold_latency() -> list[float]:
    host = _host()
    driver = _driven(host, OnEach("processes"))
    time.sleep(0.05)  # all threads are where they wait
    _publish(host, "go", time.monotonic())
    driver.wait("note#1") if _await_step(driver) else None
    since_s = driver.state.steps["note#1"].result
    _publish(host, "stop")
    driver.finished.wait()
    return [since_s]


def act_on(count: int) -> dict[str, float]:
    host = _host()
    driver = _driven(host, Count(count))
    _publish(host, "ready")
    driver.finished.wait()
    ended_at = time.monotonic()
    began_at = host.store.document("benchmarks", "time", "began").body  # type: ignore[union-attr]
    if driver.state.result != count:
        raise RuntimeError(f"the run ended with {driver.state.result} of {count} events")
    return {"value": count / (ended_at - began_at), "floor": 1 / TwoRows(beside()).batched(count)}


def publish_slowly(count: int, every_s: float) -> None:
    host = _host()
    _await_ready(host)
    for _ in range(count):
        time.sleep(every_s)
        _publish(host, "go", time.monotonic())
    time.sleep(0.5)
    _publish(host, "stop")


def publish_fast(count: int, batch: int = 500) -> None:
    from motet.ports import Document, Publication

    host = _host()
    _await_ready(host)
    host.store.put_document(Document("benchmarks", "time", "began", time.monotonic(), 0))
    for first in range(0, count, batch):
        host.store.publish(
            [Publication("go", {"number": each}, at=time.time()) for each in range(first, min(first + batch, count))]
        )


def _host() -> Host:
    from motet.app import hosts

    return hosts.current()


def _driven(host: Host, program: Any) -> Driver:
    from motet.dialects.declared.voice import new_run

    host.create(new_run(host, "measured", "benchmarks:none", None))
    return host.take_up("measured", program=program)


def _publish(host: Host, key: str, value: Any = None) -> None:
    from motet.ports import Publication

    host.store.publish([Publication(key, value, at=time.time())])


def _await_ready(host: Host) -> None:
    while not any(entry.key == "ready" for entry in host.store.read(0, published=True)):
        time.sleep(0.01)


def _await_step(driver: Driver) -> bool:
    while "note#1" not in driver.state.steps:
        time.sleep(0.005)
    return True
