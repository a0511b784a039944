"""Checks of pages: what filters choose, in which order and portions, and the figures beside them."""

from __future__ import annotations

import time
from typing import Any

from motet.errors import NotFound
from motet.ports import Batch, EventFilter, NewRun, Publication, Retention, RunFilter, StepFilter, StepPage, Store, Use
from motet.testing.checking import SetClock, batch, checks_of, ended, refused, row, started


def ids(store: Store, limit: int = 50, **where: Any) -> list[str]:
    """The runs that a filter chooses, page by page."""
    found: list[str] = []
    start, chosen = None, RunFilter(**where)
    while True:
        page = store.run_page(chosen, start=start, limit=limit)
        assert len(page.runs) <= limit
        found += [run.id for run in page.runs]
        if page.next is None:
            return found
        start = page.next


def whole(store: Store, run: str, start: int | None = None, limit: int = 50, **where: Any) -> StepPage:
    """The page of steps, as soon as nothing is behind."""
    while (page := store.step_page(run, StepFilter(**where), start=start, limit=limit)).behind:
        time.sleep(0.001)
    return page


def check_runs_by_what_they_are(store: Store, clock: SetClock) -> None:
    """By each column, tag, parameter and text, alone and together, newest first; no filter chooses all."""
    for i in range(40):
        program, tags = {"voice": ("python", "orquestra")[i % 2]}, ["nightly"] if i % 8 == 0 else ["x", "y"]
        params = {"lr": (0.1, 1, "1", True)[i % 4], "model": {"depth": i % 5}, "list": [1]}
        store.create_run(
            NewRun(f"id{i:02}", f"Amber_{i % 3}%-fox", ("train", "serve")[i % 2], program, params,
                   "up" if i < 4 else "", tags, float(i // 2))
        )  # fmt: skip

    def those(test: Any) -> list[str]:
        return [f"id{i:02}" for i in reversed(range(40)) if test(i)]

    assert ids(store) == ids(store, limit=7) == ids(store, limit=40) == those(lambda i: True)
    assert ids(store, limit=3, workflow="train") == ids(store, voice="python") == those(lambda i: i % 2 == 0)
    assert ids(store, parent="up") == ["id03", "id02", "id01", "id00"]
    assert len(ids(store, parent="")) == 36
    assert ids(store, tag="nightly", limit=2) == those(lambda i: i % 8 == 0)
    assert ids(store, tag="night") == ids(store, status="running") == ids(store, voice="none") == []
    for value, i_is in [(0.1, 0), (1, 1), (1.0, 1), ("1", 2), (True, 3), ("true", 3)]:
        assert ids(store, params={"lr": value}) == those(lambda i, i_is=i_is: i % 4 == i_is)
    assert ids(store, params={"model.depth": 3}, workflow="serve") == those(lambda i: i % 5 == 3 and i % 2)
    assert ids(store, params={"model": 3}) == ids(store, params={"list": 1}) == []
    assert ids(store, text="amber_1") == ids(store, text="MBER_1%") == those(lambda i: i % 3 == 1)
    assert ids(store, text="id0") == those(lambda i: i < 10)
    assert ids(store, text="tra", tag="x") == those(lambda i: i % 2 == 0 and i % 8)
    assert ids(store, text="amber%fox") == ids(store, text="amberx1") == []
    assert ids(store, since=3.0, until=5.0, limit=3) == ["id09", "id08", "id07", "id06"]
    assert store.run_counts() == {"pending": 40}


def check_runs_by_status_and_metric(store: Store, clock: SetClock) -> None:
    """As they are now: the last point of a metric counts, and what was pruned is found no more."""
    for i, id_ in enumerate(("a", "b", "c")):
        started(store, id_, created_at=float(i))
        store.publish([Publication("loss", {"x": n}, "artifact", "", id_, metric=1.0 + i / n) for n in (1, 2)])
    store.publish([Publication("loss", 1, run="nobody", metric=7.0), Publication("other", 1, run="a", metric=-3.0)])
    ended(store, "b", 5.0)
    assert ids(store, status="succeeded") == ["b"]
    assert ids(store, status="pending") == ["c", "a"]
    assert store.run_counts() == {"pending": 2, "succeeded": 1}
    assert ids(store, metrics={"loss": (1.0, 1.5)}) == ["b", "a"]
    assert ids(store, metrics={"loss": (1.2, None)}) == ["c", "b"]
    assert ids(store, metrics={"loss": (None, None)}) == ["c", "b", "a"]
    assert ids(store, metrics={"loss": (None, 1.5), "other": (None, 0.0)}) == ["a"]
    store.append("b", 1, 1, batch(2, run={"status": "running", "ended_at": None}))
    assert store.run_counts() == {"pending": 2, "running": 1}
    store.append("b", 1, 2, batch(3, run={"status": "failed", "ended_at": 6.0}))
    clock.at = 100.0
    assert store.prune(Retention(older_than_s=50.0)).runs == 1
    assert ids(store, text="b-name") == ids(store, metrics={"loss": (1.5, 1.5)}) == []
    assert store.run_counts() == {"pending": 2}
    assert store.create_run(NewRun("d", "n", "w", {}))
    assert ids(store, metrics={"loss": (None, None)}) == ["c", "a"]


def check_density(store: Store, clock: SetClock) -> None:
    """Each run is in one cell, by when it was created and how long it took; one that has not ended has no duration."""
    day = 86400.0
    for i in range(30):
        id_ = started(store, f"r{i}", created_at=10 * day + i * 600.0)
        if i % 3:
            changes = {"status": ("failed", "succeeded")[i % 2], "started_at": 5.0, "ended_at": 5.0 + 2.0 ** (i % 5)}
            store.append(id_, 1, 0, batch(1, run=changes))
    ten = 10 * day
    for since, until, columns in [(9 * day, 12 * day, 3), (ten, ten + 18_000, 5), (ten, ten + 900, 90)]:
        cells = store.density(since, until, columns)
        width_s = cells[0].width_s
        assert (until - since) / width_s >= columns
        assert {cell.width_s for cell in cells} == {width_s}
        chosen = [i for i in range(30) if since // width_s <= (10 * day + i * 600.0) // width_s <= until // width_s]
        if width_s < 60:
            chosen = [i for i in range(30) if since <= 10 * day + i * 600.0 < until]
        assert sum(cell.count for cell in cells) == len(chosen)
        assert sum(cell.count for cell in cells if cell.took_s is None) == sum(i % 3 == 0 for i in chosen)
        for cell in cells:
            assert cell.took_s is None or any(cell.took_s <= 2.0**n * 1.000001 < cell.took_s * 1.415 for n in range(5))
    assert store.density(0.0, 86400.0, 10) == []


def check_pages_of_steps(store: Store, clock: SetClock) -> None:
    """By parent, task, status and text, in the order in which they were added, a page at a time; as they are now."""
    run, other = started(store), started(store, "other")
    steps = [
        row(
            f"p{i % 2}/load-{i}", "running", parent=f"p{i % 2}", task=("load", "fit")[i % 3 == 0], result=i, name="Näme"
        )
        for i in range(700)
    ]
    store.append(run, 1, 0, batch(1, 700, steps=steps))
    store.append(other, 1, 0, batch(1, steps=[row("x")]))
    for seq in range(700, 1300):
        steps[seq - 700].status = "succeeded"
        store.append(run, 1, seq, batch(seq + 1, steps=[steps[seq - 700]], counts={"running": 1300 - seq}))

    def keys(**where: Any) -> list[str]:
        found, start = [], None
        while True:
            page = whole(store, run, start, 90, **where)
            found += [step.key for step in page.steps]
            assert all(step.result is None for step in page.steps)
            if page.next is None:
                return found
            start = page.next

    assert keys() == [step.key for step in steps]
    assert keys(parent="p1") == [step.key for step in steps if step.parent == "p1"]
    assert keys(task="fit", status="running") == [it.key for it in steps if it.task == "fit" and it.status == "running"]
    assert keys(text="LOAD-69") == [step.key for step in steps if "load-69" in step.key]
    assert keys(text="%") == keys(parent="p") == []
    found = store.summary(run)
    assert found.behind == 0
    assert found.run.counts == {"running": 1}
    assert {task: dict(each) for task, each in found.tasks.items()} == {
        "fit": {"running": 34, "succeeded": 200}, "load": {"running": 66, "succeeded": 400},
    }  # fmt: skip
    with refused(NotFound, "nobody"):
        store.step_page("nobody", StepFilter())
    with refused(NotFound, "nobody"):
        store.summary("nobody")


def check_attempts(store: Store, clock: SetClock) -> None:
    """Each with when it could begin, began and ended; one that is due comes last, without a beginning."""
    run = started(store)
    told: list[tuple[str, float, str, dict[str, Any]]] = [
        ("step.added", 1.0, "a", {}), ("step.started", 1.5, "a", {}), ("step.added", 2.0, "b", {"needs": ["a"]}),
        ("step.succeeded", 4.0, "a", {}), ("step.started", 5.0, "b", {"attempt": 1}),
        ("step.retrying", 6.0, "b", {"attempt": 1, "due_at": 9.0}), ("step.started", 9.5, "b", {"attempt": 2}),
        ("step.interrupted", 11.0, "b", {}), ("step.started", 12.0, "b", {"attempt": 3}),
        ("step.added", 12.0, "bb", {}),
    ]  # fmt: skip
    events = [{"event": kind, "at": at, "key": key, **more} for kind, at, key, more in told]
    steps = [row("a", "succeeded", ended_at=4.0), row("b"), row("bb", "ready")]
    store.append(run, 1, 0, Batch(events, steps))
    whole(store, run)

    def shown(key: str) -> list[tuple[Any, ...]]:
        return [(it.number, it.ready_at, it.started_at, it.ended_at, it.outcome) for it in store.attempts(run, key)]

    assert shown("a") == [(1, 1.0, 1.5, 4.0, "succeeded")]
    assert shown("b") == [
        (1, 4.0, 5.0, 6.0, "failed"), (2, 9.0, 9.5, 11.0, "interrupted"), (3, 11.0, 12.0, None, ""),
    ]  # fmt: skip
    assert shown("bb") == [(1, 12.0, None, None, "")]
    assert shown("none") == []


def check_artifacts_and_steps(store: Store, clock: SetClock) -> None:
    """An artifact leads to the steps that made it or were given it, and they lead back, until the run is pruned."""
    one, two = started(store, "one"), started(store, "two")

    def record(digest: str) -> dict[str, object]:
        return {"artifact": digest, "size_bytes": 1}

    store.append(one, 1, 0, Batch([
        {"event": "step.added", "at": 1.0, "key": "a", "call": {"args": [record("d1"), record("d2")]}},
        {"event": "step.succeeded", "at": 2.0, "key": "a", "result": {"x": record("d3")}},
    ]))  # fmt: skip
    store.append(one, 1, 2, Batch([{"event": "step.added", "at": 1.0, "key": "b", "call": record("d3")}]))
    store.append(two, 1, 0, Batch([{"event": "step.succeeded", "at": 1.0, "key": "c", "result": [record("d3")]}]))
    assert store.uses("d3") == [Use("one", "a", False), Use("one", "b", True), Use("two", "c", False)]
    assert store.uses("d1") == [Use("one", "a", True)]
    assert store.uses("none") == []
    assert store.artifacts_of("one", "a") == (["d1", "d2"], ["d3"])
    assert store.artifacts_of("one", "none") == ([], [])
    store.append(two, 1, 1, batch(2, run={"status": "failed", "ended_at": 1.0}))
    store.release(two, 1)
    clock.at = 100.0
    assert store.prune(Retention(older_than_s=50.0)).runs == 1
    assert [use.run for use in store.uses("d3")] == ["one", "one"]


def check_events_by_what_they_are(store: Store, clock: SetClock) -> None:
    """Published ones by key, namespace, sender and run, in order, a page at a time; and the offset at a time."""
    run = started(store)
    for i in range(60):
        store.publish([Publication(f"k{i % 2}", i, f"n{i % 3}", f"s{i % 5}", run if i % 4 == 0 else "", at=float(i))])
        if i % 10 == 0:
            store.append(run, 1, i // 10, Batch([{"event": "e", "at": float(i)}]))

    def values(after: int = 0, limit: int = 1000, about: str | None = None, **where: str) -> list[Any]:
        return [entry.value for entry in store.read(after, limit=limit, run=about, where=EventFilter(**where))]

    assert values() == list(range(60))
    assert values(key="k1") == list(range(1, 60, 2))
    assert values(namespace="n2", sender="s1") == [i for i in range(60) if i % 3 == 2 and i % 5 == 1]
    assert values(key="k0", about=run, limit=4) == [0, 4, 8, 12]
    assert values(key="k") == values(sender="") == []
    assert values(after=store.head() - 4, sender="s4") == [59]
    for at in (0.0, 0.5, 1.0, 29.5, 30.0, 59.0, 60.0):
        later = store.read(store.offset_at(at))
        assert [entry.at for entry in later] == [entry.at for entry in store.read(0) if entry.at >= at]


CHECKS = checks_of(__name__)
