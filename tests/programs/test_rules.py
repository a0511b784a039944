"""A program of rules: each published event is acted on once, whatever happens to the engine."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.programs.rules import expected, make
from tests.programs.running import EXECUTORS, executions, host_on, memory_host, run_here, run_killed

from motet.dialects.declared.plugin import new_run
from motet.engine.host import Host
from motet.kernel.transitions import ENDED
from motet.ports import Publication, Store
from motet.stores.sqlite import SqliteStore

MAKE = "tests.programs.rules:make"
KEYS = ["data"] * 6 + ["approve", "deploy", "left", "right", "restart", "other"]

Events = list[tuple[str, int]]


def some_events(rng: random.Random, count: int) -> Events:
    """Events at random, each with a value of its own; a check and a closing at the end."""
    events = [(rng.choice(KEYS), number) for number in range(count)]
    return [*events, *[("data", count + n) for n in range(3)], ("check", 0), ("halt", 0), ("closing", 0)]


def publish_slowly(store: Store, events: Events, pause_s: float) -> None:
    """Publish what the run listens for, once it does."""
    while not store.steps("r1"):
        time.sleep(0.01)
    for number, (key, value) in enumerate(events):
        store.publish([Publication(key, value, client_key=str(number), at=time.time())])
        time.sleep(pause_s)


def check(store: Store, path: Path, events: Events) -> None:
    """Each event was acted on exactly once: the steps are those that there must be, with the right values."""
    steps = {step.key: step for step in store.steps("r1")}
    wanted = expected(events)
    assert sorted(steps) == sorted(wanted)
    added = {event["key"]: event["call"] for event in store.history("r1") if event["event"] == "step.added"}
    for key, value in wanted.items():
        assert key.startswith("stream") or added[key]["args"][1] == value, key
        assert steps[key].status == ("cancelled" if key.startswith("stream") else "succeeded"), key
    noted = [line.split() for line in path.read_text().splitlines()]
    values = {words[0]: words[1] for words in noted if not words[0].startswith("stream")}
    assert values == {key: str(value) for key, value in wanted.items() if not key.startswith("stream")}
    heard = [event["offset"] for event in store.history("r1") if event["event"] == "event.received"]
    assert heard == sorted(set(heard))
    row = store.run("r1")
    assert row.status == "succeeded"
    tasks = [key.partition("#")[0] for key in wanted]
    assert row.result == " ".join(
        f"{task}={tasks.count(task)}" for task in ("training", "deployment", "joined", "validation", "stream")
    )


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_each_event_is_acted_on_once(store: str, executor: str, tmp_path: Path, rng: random.Random) -> None:
    events = some_events(rng, 30)

    def meanwhile(host: Host) -> None:
        publish_slowly(host.store, events, rng.choice([0.0, 0.005]))

    host = host_on(store, tmp_path)
    params: Any = {"path": str(tmp_path / "ran"), "executor": executor}
    run_here(host, MAKE, params, meanwhile)
    check(host.store, tmp_path / "ran", events)
    assert all(count == 1 for count in executions(tmp_path / "ran").values())
    host.close()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_kills_lose_no_event_and_double_none(executor: str, tmp_path: Path, rng: random.Random) -> None:
    events = some_events(rng, 40)
    store = SqliteStore(str(tmp_path))
    aside = threading.Thread(target=lambda: publish_slowly(store, events, 0.04))
    aside.start()
    params: Any = {"path": str(tmp_path / "ran"), "executor": executor, "pause_s": 0.03}
    try:
        run_killed(tmp_path, MAKE, params, 6, rng)
    finally:
        aside.join()
    check(store, tmp_path / "ran", events)
    store.close()


def test_streams_never_overlap(tmp_path: Path, rng: random.Random) -> None:
    """However fast restarts follow each other, a stream begins when the one before it has ended."""
    events: Events = [("restart", n) for n in range(8)] + [("halt", 0), ("closing", 0)]

    def meanwhile(host: Host) -> None:
        while not (tmp_path / "ran").exists():
            time.sleep(0.01)
        for _ in range(2):
            host.store.publish([Publication(*each, at=time.time()) for each in events[:4]])
            time.sleep(rng.uniform(0, 0.05))
        host.store.publish([Publication(*each, at=time.time()) for each in events[8:]])

    host = host_on("sqlite", tmp_path)
    run_here(host, MAKE, {"path": str(tmp_path / "ran"), "executor": "processes"}, meanwhile)
    running = 0
    for event in host.store.history("r1"):
        running += event["event"] == "step.started"
        running -= event["event"] == "step.cancelled" and event["key"] in started(host.store)
        assert running <= 1
    host.close()


def started(store: Store) -> set[str]:
    return {event["key"] for event in store.history("r1") if event["event"] == "step.started"}


def test_what_is_stopped_before_its_thread_came_to_it_never_begins(tmp_path: Path) -> None:
    """A stream that waits for the driving thread can be stopped like any other."""
    host = memory_host()
    host.create(new_run(host, "r1", MAKE, {"path": str(tmp_path / "ran"), "executor": "inline"}))
    driver = host.take_up("r1", program=make({"path": str(tmp_path / "ran"), "executor": "inline"}))
    attempt = driver.here.get()
    host.store.publish([Publication(key, at=time.time()) for key in ("halt", "closing")])
    while host.store.run("r1").status not in ENDED:
        time.sleep(0.01)
    host.executor("inline").start(attempt)
    assert host.store.run("r1").status == "succeeded"
    assert [step.status for step in host.store.steps("r1")] == ["cancelled"]
    assert not (tmp_path / "ran").exists()
    host.close()
