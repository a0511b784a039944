"""Listeners: each event at least once and in order, whatever their own code does, and whoever else listens."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from tests.cli.conftest import PATIENCE_S, Cli, cli

from motet import app, flow
from motet.errors import Conflict, StoreFull, UsageError
from motet.events import Errors, Event, Listener, OnEvent, listen, publish, publish_many
from motet.listeners import kept
from motet.ports import Document, NewRun, Publication
from motet.stores.sqlite import SqliteStore

__all__ = ["cli"]


def caught_up(listener: Listener) -> None:
    """Wait until the listener has dealt with all that was published so far."""
    assert listener.wait(app.hosts.current().store.head(), PATIENCE_S)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """What listeners log of failures stays out of the tests' output."""
    caplog.set_level(logging.CRITICAL, "motet")


def test_it_is_told_what_it_asked_for_in_order() -> None:
    publish("data_old", "before")
    heard: dict[str, list[object]] = {}

    def noting(name: str) -> object:
        return lambda event: heard.setdefault(name, []).append(event.value)

    listeners = [
        listen(noting("exact"), "data_a"),  # type: ignore[arg-type]
        listen(noting("like"), "data_*"),  # type: ignore[arg-type]
        listen(noting("several"), ["data_a", "*_end"]),  # type: ignore[arg-type]
        listen(noting("mine"), OnEvent("*", "mine", pattern=True)),  # type: ignore[arg-type]
        listen(noting("sent"), OnEvent("*", sender="r1/step", pattern=True)),  # type: ignore[arg-type]
        listen(noting("all"), start=0),  # type: ignore[arg-type]
    ]
    publish("data_a", 1)
    publish_many([("data_b", 2), ("the_end", 3)])
    publish("data_a", 4, namespace="mine")
    store = app.hosts.current().store
    store.publish([Publication("said", 5, "", "r1/step"), Publication("data_a", 6, run="r1")])
    store.publish([Publication("data_a", 7, "motet")])
    for each in listeners:
        caught_up(each)
        each.close()
    publish("data_a", "after it was closed")
    assert heard == {
        "exact": [1, 4], "like": [1, 2, 4], "several": [1, 3, 4], "mine": [4], "sent": [5],
        "all": ["before", 1, 2, 3, 4, 5],
    }  # fmt: skip


def test_what_is_meant_for_runs_is_told_to_who_asks_for_them() -> None:
    store = app.hosts.current().store
    heard: dict[str, list[object]] = {"r1": [], "*": []}
    with (
        listen(lambda it: heard["r1"].append(it.value), OnEvent("k", run="r1")) as one,
        listen(lambda it: heard["*"].append(it.value), OnEvent("k", run="*")) as every,
    ):
        store.publish([Publication("k", each, run=each) for each in ("r1", "r2", "")])
        caught_up(one)
        caught_up(every)
    assert heard == {"r1": ["r1"], "*": ["r1", "r2", ""]}


def test_it_begins_at_a_time_or_an_offset() -> None:
    store = app.hosts.current().store
    store.publish([Publication("k", number, at=float(number)) for number in range(10)])
    for start in (datetime.fromtimestamp(6.0, UTC), 6):
        heard: list[Event] = []
        with listen(heard.append, "k", start=start) as listener:
            caught_up(listener)
        assert [each.value for each in heard] == [6, 7, 8, 9]
    with pytest.raises(UsageError, match="needs a key"):
        listen(print, [])


def test_many_events_in_pieces(rng: random.Random) -> None:
    """However fast they come, however slow it is, in batches or one by one."""
    heard: list[list[Event]] = []

    def call(events: list[Event]) -> None:
        heard.append(events)
        if rng.random() < 0.1:
            time.sleep(0.01)

    publish_many([("k", number) for number in range(3000)])
    with listen(call, "k", start=0, batch=100) as listener:
        for first in range(3000, 9000, 500):
            publish_many([(rng.choice(["k", "other"]), number) for number in range(first, first + 500)])
        caught_up(listener)
    offsets = [each.offset for events in heard for each in events]
    assert offsets == [each.offset for each in app.hosts.current().store.read(0, limit=10_000) if each.key == "k"]
    assert max(map(len, heard)) <= 100


def test_a_name_goes_on_where_it_stopped() -> None:
    heard: list[object] = []
    with listen(lambda it: heard.append(it.value), "k", name="etl") as listener:
        publish("k", 1)
        caught_up(listener)
    publish_many([("k", 2), ("k", 3)])
    (row,) = kept.every(app.hosts.current().store, time.time())
    assert (row.name, row.rules, row.lag, row.owner) == ("etl", [OnEvent("k").to_json()], 2, None)
    with listen(lambda it: heard.append(it.value), "k", name="etl") as listener:
        caught_up(listener)
        with pytest.raises(Conflict, match="Listener 'etl' is process"):
            listen(print, "k", name="etl")
    assert heard == [1, 2, 3]


def test_what_it_raises_is_tried_again_and_then_kept() -> None:
    """Its code may raise what it likes: the next event comes all the same, and others hear all."""
    tried: list[object] = []
    others: list[object] = []
    broken = True

    def call(event: Event) -> None:
        tried.append(event.value)
        if broken and event.value == 1:
            raise ValueError("not this one")
        if broken and event.value == 2:
            sys.exit(1)

    store = app.hosts.current().store
    with (
        listen(call, "k", name="etl", errors=Errors(1, 0.0)) as listener,
        listen(lambda it: others.append(it.value), "k") as other,
    ):
        publish_many([("k", number) for number in range(4)])
        caught_up(listener)
        caught_up(other)
        assert (tried, others) == ([0, 1, 1, 2, 2, 3], [0, 1, 2, 3])
        letters = kept.dead(store, "etl")
        assert [(each.event.value, each.error) for each in letters] == [
            (1, "ValueError: not this one"),
            (2, "SystemExit: 1"),
        ]
        kept.replay(store, "etl", time.time(), [letters[0].event.offset])
        gone(tried, 7)
        assert [each.again for each in kept.dead(store)] == [False, False]
        broken = False
        kept.replay(store, "etl", time.time())
        gone(tried, 9)
    assert tried[6:] == [1, 1, 2]
    assert kept.dead(store) == []


def gone(tried: list[object], count: int) -> None:
    """Wait until so many calls were made, and what was tried again is settled."""
    until = time.monotonic() + PATIENCE_S
    while (len(tried) < count or any(each.again for each in kept.dead(app.hosts.current().store))) and (
        time.monotonic() < until
    ):
        time.sleep(0.005)


def test_without_a_name_what_it_raises_is_skipped() -> None:
    heard: list[object] = []

    def call(event: Event) -> None:
        heard.append(event.value)
        raise KeyError(event.key)

    with listen(call, "k", errors=Errors(0)) as listener:
        publish_many([("k", 1), ("k", 2)])
        caught_up(listener)
    assert heard == [1, 2]
    assert kept.dead(app.hosts.current().store) == []
    with pytest.raises(UsageError, match="nothing to do about an event"):
        Errors(then="cry")


def test_what_cannot_be_kept_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store refuses dead letters no event is passed over: what it holds of others is dealt with once more."""
    heard: list[object] = []

    def call(event: Event) -> None:
        heard.append(event.value)
        if event.value == 1:
            raise ValueError("not this one")

    store, refused = app.hosts.current().store, []
    put = type(store).put_document

    def refuses_once(self: object, document: Document) -> Document:
        if document.kind == "dead-letter" and not refused:
            refused.append(document)
            raise StoreFull("The disk is full.", "Make room.")
        return put(self, document)  # type: ignore[arg-type]

    monkeypatch.setattr(type(store), "put_document", refuses_once)
    with listen(call, "k", name="etl", errors=Errors(0)) as listener:
        publish_many([("k", number) for number in range(3)])
        caught_up(listener)
    assert [each.event.value for each in kept.dead(store)] == [1]
    assert heard == [0, 1, 1, 2]


def test_it_can_be_closed_while_it_is_busy() -> None:
    """From its own call, from another thread, while it waits to try again: what was not dealt with comes again."""
    began = threading.Event()
    heard: list[object] = []

    def call(event: Event) -> None:
        heard.append(event.value)
        began.set()
        if event.value == 1:
            raise ValueError("try again later")
        listener.close()

    listener = listen(call, "k", name="etl", errors=Errors(9, 3600.0))
    publish_many([("k", 1), ("k", 2), ("k", 3)])
    assert began.wait(PATIENCE_S)
    listener.close()
    listener.close()
    assert heard == [1]
    listener = listen(call, "k", name="etl", errors=Errors(0))
    listener.join()
    until = time.monotonic() + PATIENCE_S
    while kept.every(app.hosts.current().store, 0.0)[0].owner and time.monotonic() < until:
        time.sleep(0.005)
    assert heard == [1, 1, 2]
    with listen(lambda it: heard.append(it.value), "k", name="etl") as last:
        caught_up(last)
    assert heard == [1, 1, 2, 3]


def test_who_publishes_pays_for_one_follower_however_many_listen(motet_home: Path) -> None:
    listeners = [listen(print, f"k{number}") for number in range(1000)]
    assert len([each for each in os.listdir(motet_home / "wake") if each.startswith("published-")]) == 1
    assert threading.active_count() < 50
    for each in listeners:
        each.close()


SCRIPT = """
    import os, sys
    from motet.events import listen

    def note(event):
        with open("heard", "a") as file:
            file.write(f"{event.value}\\n")

    with listen(note, "tick", name="counter", start=0) as listener:
        listener.join()
"""


def test_killed_again_and_again_it_hears_all(tmp_path: Path, motet_home: Path, rng: random.Random) -> None:
    """At least once each, and in order but for what comes again after a kill."""
    script = tmp_path / "counter.py"
    script.write_text("\n".join(line[4:] for line in SCRIPT.splitlines()))
    store, count = SqliteStore(str(motet_home)), 400
    env = {**os.environ, "MOTET_HOME": str(motet_home)}
    heard = tmp_path / "heard"
    heard.touch()
    process = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, env=env)
    kills = sorted(rng.sample(range(count), 4))
    for number in range(count):
        store.publish([Publication("tick", number)])
        if number in kills:
            until = time.monotonic() + PATIENCE_S
            while not heard.read_text() and time.monotonic() < until:
                time.sleep(0.01)
            process.kill()
            process.wait()
            process = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, env=env)
    until = time.monotonic() + PATIENCE_S
    while not heard.read_text().endswith(f"\n{count - 1}\n") and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.wait()
    numbers = [int(line) for line in heard.read_text().splitlines()]
    assert sorted(set(numbers)) == list(range(count))
    falls = [(was, now) for was, now in pairwise(numbers) if now != was + 1]
    assert len(falls) <= len(kills)
    assert all(now <= was for was, now in falls), falls
    store.close()


def test_the_command_line_shows_listeners_and_replays(cli: Cli) -> None:
    def call(event: Event) -> None:
        raise ValueError(f"no {event.value}")

    with listen(call, "k", name="etl", errors=Errors(0)) as listener:
        publish("k", 1)
        caught_up(listener)
    publish("k", 2)
    (row,) = cli.json("events", "--listeners")
    assert (row["name"], row["lag"], row["dead_letters"]) == ("etl", 1, 1)
    assert "etl   k" in cli("listener").out
    assert "ValueError: no 1" in cli("listener", "dead", "etl").out
    assert "when it next listens" in cli("listener", "replay", "etl").out
    assert "no dead letter at 99" in cli("listener", "replay", "etl", "99", code=2).err
    assert "There is no listener" in cli("listener", "rm", "other", code=2).err
    cli("listener", "rm", "etl")
    assert (cli.json("listener"), cli.json("listener", "dead")) == ([], [])


# ---------------------------------------------------------------- publishing


def test_a_batch_is_published_once_however_often() -> None:
    first = publish_many([("a", 1), ("b", 2)], client_key="batch", namespace="mine")
    assert publish_many([("a", 1), ("b", 2), ("c", 3)], client_key="batch", namespace="mine") == [*first, first[-1] + 1]
    with pytest.raises(UsageError, match="needs a key"):
        publish_many([("fine", 1), ("", 2)])
    assert publish_many([]) == []
    assert [each.key for each in app.hosts.current().store.read(0)] == ["a", "b", "c"]


def test_who_sent_it_is_told_of_tasks_in_processes_too(motet_home: Path) -> None:
    from motet import task

    @task(executor="processes")  # type: ignore[call-overload]
    def tell() -> None:
        publish("said")

    @flow
    def main() -> None:
        tell()
        publish("said")

    main()
    store = app.hosts.current().store
    (run,) = store.runs()
    assert [each.sender for each in store.read(0) if each.key == "said"] == [f"{run.id}/main/tell-0", f"{run.id}/main"]


def test_lines_of_a_file_are_published(cli: Cli) -> None:
    lines = "".join(f'{{"key": "k{number}", "value": {number}}}\n' for number in range(1200))
    (cli.folder / "events.jsonl").write_text(lines)
    assert len(cli.json("publish", "--lines", "events.jsonl", "--client-key", "b")["offsets"]) == 1200
    assert cli.json("publish", "--lines", "events.jsonl", "--client-key", "b")["offsets"][-1] == 1200
    assert "takes no value" in cli("publish", "--lines", "events.jsonl", "5", code=2).err
    for wrong in ("[]", "{", '{"key": ""}'):
        (cli.folder / "wrong.jsonl").write_text(wrong)
        assert len(cli("publish", "--lines", "wrong.jsonl", code=2).err.splitlines()) == 2
    assert [each["value"] for each in cli.json("events", "--key", "k119*", "--since", "1h")] == [
        119,
        *range(1190, 1200),
    ]


def test_lines_of_a_file_are_published_for_one_run(cli: Cli) -> None:
    store = app.hosts.current().store
    store.create_run(NewRun("r1", "mine", "w", {}))
    (cli.folder / "events.jsonl").write_text('{"key": "a"}\n{"key": "b"}\n')
    cli("publish", "--lines", "events.jsonl", "--run", "mine")
    assert [(each.key, each.run) for each in store.read(0, published=True)] == [("a", "r1"), ("b", "r1")]
    assert "no run" in cli("publish", "--lines", "events.jsonl", "--run", "other", code=2).err.lower()
