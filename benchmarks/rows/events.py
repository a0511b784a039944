"""What published events cost: until the step that waits for one begins, and by the thousand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Bench
from benchmarks.figures import Budget, Figure, at_most_times
from benchmarks.floors import TwoRows, beside
from benchmarks.rows.marks import BEGUN

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.engine.host import Host
    from motet.kernel.program import Action, View


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
    """From an event to the first line of its step, in a process that is started for it by an engine that runs."""
    values, floors = [], []
    for _ in range(bench.size(3, 1)):
        found = bench.fresh("events:cold_latencies", rounds=bench.size(8, 1))
        values += found["values"]
        floors += found["floors"]
    return [Figure("an event", "ms", values, floors, at_most_times(1.5))]


def many(bench: Bench) -> list[Figure]:
    """Events published in batches by another process, all acted on by one run."""
    return [_a_second(bench, "events:act_on")]


def ruled(bench: Bench) -> list[Figure]:
    """From an event to the first line of the task that a rule starts for it, in a warm process; and events published in
    batches by another process, each judged by a rule and recorded with what came of it.
    """
    found = bench.fresh("events:started", count=bench.size(300, 10))
    return [Figure("p50", "ms", found, budget=Budget("value", 0.005, "<= 5 ms")), _a_second(bench, "events:judge")]


def _a_second(bench: Bench, run: str) -> Figure:
    """How many events a second the run gets through while another process publishes them in batches."""
    count = bench.size(40_000, 1000)
    found = []
    for _ in range(bench.size(3, 1)):
        home = bench.home()
        process, _ = bench.start("events:publish_fast", home, count=count)
        found.append(bench.fresh(run, home=home, count=count))
        process.wait()
    return Figure(
        f"{count:,} events", "/s", [each["value"] for each in found], [each["floor"] for each in found],
        Budget("rate", 20_000, ">= 20,000/s"),
    )  # fmt: skip


# ---------------------------------------------------------------- in fresh processes


class OnEach:
    """Adds a step for each event `go`, and ends the run after `stop`."""

    def __init__(self, executor: str) -> None:
        from motet.kernel.policy import Policy

        self._policy = Policy(executor=executor)

    def advance(self, view: View) -> Iterator[Action]:
        from motet.kernel.program import AddStep, Finish, Listen
        from motet.rules import OnEvent

        yield Listen("go", OnEvent("go"))
        yield Listen("stop", OnEvent("stop"))
        for fired in view.fired:
            if fired.wait == "stop":
                yield Finish()
            else:
                sent_at = fired.signal.value  # type: ignore[union-attr]
                call = {"target": "benchmarks.rows.marks:note_start", "args": [sent_at]}
                yield AddStep(f"note#{fired.number}", "note", call=call, policy=self._policy)


class Count:
    """Acts on each event `go` by counting it, and ends the run after so many."""

    def __init__(self, count: int) -> None:
        self._count = count

    def advance(self, view: View) -> Iterator[Action]:
        from motet.kernel.program import Finish, Listen
        from motet.rules import OnEvent

        yield Listen("go", OnEvent("go"))
        for fired in view.fired:
            if fired.number == self._count:
                yield Finish(result=fired.number)


def latencies(count: int) -> list[float]:
    host = _host()
    driver = _driven(host, OnEach("threads"))
    _publish(host, "ready")
    driver.finished.wait()
    if len(BEGUN) != count:
        raise RuntimeError(f"{len(BEGUN)} of {count} events started a step")
    return BEGUN


def cold_latencies(rounds: int) -> dict[str, list[float]]:
    from motet.app import home, open_host

    found: dict[str, list[float]] = {"values": [], "floors": []}
    for number in range(rounds + 1):
        found["floors"].append(_bare_start())
        host = open_host(home())  # with an executor of its own, which has no process yet
        driver = _driven(host, OnEach("processes"), f"measured-{number}")
        time.sleep(0.05)  # all threads are where they wait
        _publish(host, "go", time.monotonic())
        while not (step := driver.state.steps.get("note#1")) or not step.ended:
            time.sleep(0.005)
        found["values"].append(step.result)
        driver.cancel("measured")
        driver.finished.wait()
        host.close()
    return {name: samples[1:] for name, samples in found.items()}  # the first round imports


def _bare_start() -> float:
    """Seconds that a process takes that does nothing but import motet."""
    import subprocess
    import sys

    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import motet"], check=True)
    return time.perf_counter() - began


def started(count: int) -> list[float]:
    from motet.reacting.program import program

    task = {"call": {"target": "time:monotonic"}, "policy": {"executor": "processes", "slot": False}}
    rules = [{"task": "t", "when": {"rule": "event", "key": "go"}}]
    host = _host()
    driver = _driven(host, program({"plan": {"tasks": {"t": task}, "rules": rules, "ends": False}}))
    found = []
    for number in range(1, count + 4):
        time.sleep(0.01)  # all threads are where they wait
        sent_at = time.monotonic()
        _publish(host, "go")
        while not (step := driver.state.steps.get(f"t#{number}")) or not step.ended:
            time.sleep(0.001)
        found.append(step.result - sent_at)
    driver.cancel("measured")
    driver.finished.wait()
    return found[3:]  # before that the process was not warm


def judge(count: int) -> dict[str, float]:
    from motet.reacting.program import program

    event = {"rule": "event", "key": "go"}
    rules = [
        {"task": "t", "do": "stop", "when": event},
        {"do": "finish", "when": {"rule": "count", "of": event, "times": count}},
    ]
    plan = {"tasks": {"t": {"starts": False}}, "rules": rules, "ends": False}
    return _rates(count, program({"plan": plan}))


def act_on(count: int) -> dict[str, float]:
    return _rates(count, Count(count))


def _rates(count: int, program: Any) -> dict[str, float]:
    host = _host()
    driver = _driven(host, program)
    _publish(host, "ready")
    driver.finished.wait()
    ended_at = time.monotonic()
    began_at = host.store.document("benchmarks", "time", "began").body  # type: ignore[union-attr]
    if driver.state.status != "succeeded" or driver.state.offset < count:
        raise RuntimeError(f"the run is {driver.state.status}: {driver.state.error}")
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


def _driven(host: Host, program: Any, run: str = "measured") -> Driver:
    from motet.dialects.declared.plugin import new_run

    host.create(new_run(host, run, "benchmarks:none", None))
    return host.take_up(run, program=program)


def _publish(host: Host, key: str, value: Any = None) -> None:
    from motet.ports import Publication

    host.store.publish([Publication(key, value, at=time.time())])


def _await_ready(host: Host) -> None:
    while not any(entry.key == "ready" for entry in host.store.read(0, published=True)):
        time.sleep(0.01)
