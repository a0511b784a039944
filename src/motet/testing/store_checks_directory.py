"""Checks of the directory: runs and their steps."""

from __future__ import annotations

from motet.errors import NotFound
from motet.ports import Checkpoint, NewRun, RunFilter, Store
from motet.testing.checking import SetClock, batch, checks_of, owner, refused, row, started


def check_create_run_is_idempotent(store: Store, clock: SetClock) -> None:
    """A second run of the same id is refused and changes nothing."""
    assert store.create_run(NewRun("r", "first", "w", {"voice": "python"}))
    assert not store.create_run(NewRun("r", "second", "w", None))
    assert store.run("r").name == "first"


def check_a_run_is_kept_as_given(store: Store, clock: SetClock) -> None:
    """All fields come back, and a new run is pending, without an owner."""
    store.create_run(NewRun("r", "n", "w", {"a": [1]}, {"x": None}, "up", ["t1", "t2"], 12.5, 3))
    found = store.run("r")
    assert (found.id, found.name, found.workflow, found.program) == ("r", "n", "w", {"a": [1]})
    assert (found.params, found.parent, list(found.tags)) == ({"x": None}, "up", ["t1", "t2"])
    assert (found.created_at, found.offset, found.status) == (12.5, 3, "pending")
    assert (found.epoch, found.seq, found.owner, found.lease_until) == (0, 0, None, None)
    assert (found.started_at, found.ended_at, found.result, found.error, found.counts) == (*[None] * 4, {})


def check_a_run_is_relabelled(store: Store, clock: SetClock) -> None:
    """It is found by its new name and tags, and by its old ones no more; all else of it stays."""
    store.create_run(NewRun("r", "before", "w", {"a": [1]}, {"x": 1}, "up", ["t1", "t2"], 12.5, 3))
    store.create_run(NewRun("s", "other", "w", {}, None, "", ["t1"], 13.5, 3))
    was = store.run("r")
    store.relabel("r", "after it", ["t2", "t3"])
    now = store.run("r")
    assert (now.name, list(now.tags)) == ("after it", ["t2", "t3"])
    assert (now.program, now.params, now.parent, now.created_at) == (was.program, was.params, was.parent, 12.5)
    assert [run.id for run in store.find_runs("after it")] == ["r"]
    assert store.find_runs("before") == []
    for where, ids in [
        (RunFilter(tag="t1"), ["s"]), (RunFilter(tag="t2"), ["r"]), (RunFilter(tag="t3"), ["r"]),
        (RunFilter(params={"x": 1}), ["r"]), (RunFilter(text="before"), []), (RunFilter(text="ter it"), ["r"]),
    ]:  # fmt: skip
        assert [run.id for run in store.run_page(where).runs] == ids, where
    with refused(NotFound, "nobody"):
        store.relabel("nobody", "n", [])


def check_unknown_runs_are_not_found(store: Store, clock: SetClock) -> None:
    """Nothing can be done with a run that does not exist, and asking about it finds nothing."""
    for act in (
        lambda: store.run("nobody"),
        lambda: store.claim("nobody", owner(), 1.0),
        lambda: store.renew("nobody", 1, 1.0),
        lambda: store.append("nobody", 1, 0, batch(1)),
        lambda: store.append("nobody", 1, 0, batch(1, run={"status": "running"})),
        lambda: store.save_checkpoint("nobody", 1, Checkpoint(0, {})),
        lambda: store.step("nobody", "k"),
    ):
        with refused(NotFound, "nobody"):
            act()
    store.release("nobody", 1)
    assert store.load_checkpoint("nobody") is None
    assert list(store.history("nobody")) == []
    assert store.steps("nobody") == []
    assert store.read(0, run="nobody") == []
    assert store.find_runs("nobody") == []


def check_find_runs(store: Store, clock: SetClock) -> None:
    """By whole id or name first, else by how these begin; newest first; nothing in a name is a wildcard."""
    for at, (id_, name) in enumerate([("aa1", "red"), ("aa2", "red"), ("b1", "red-fox"), ("b2", "r%d")]):
        store.create_run(NewRun(id_, name, "w", {}, created_at=float(at)))
    assert [run.id for run in store.find_runs("aa1")] == ["aa1"]
    assert [run.id for run in store.find_runs("red")] == ["aa2", "aa1"]
    assert [run.id for run in store.find_runs("re")] == ["b1", "aa2", "aa1"]
    assert [run.id for run in store.find_runs("a")] == ["aa2", "aa1"]
    assert [run.id for run in store.find_runs("r%")] == ["b2"]
    assert store.find_runs("r_d") == []


def check_runs_are_listed_newest_first(store: Store, clock: SetClock) -> None:
    """By time of creation, then the later one first; filtered by status and time; limited."""
    for at, id_ in [(3.0, "c"), (1.0, "a"), (2.0, "b"), (2.0, "b2")]:
        store.create_run(NewRun(id_, id_, "w", {}, created_at=at))
    store.claim("b", owner(), 1.0)
    store.append("b", 1, 0, batch(1, run={"status": "running"}))
    assert [run.id for run in store.runs()] == ["c", "b2", "b", "a"]
    assert [run.id for run in store.runs(limit=2)] == ["c", "b2"]
    assert [run.id for run in store.runs(before=2.0)] == ["a"]
    assert [run.id for run in store.runs(status="running")] == ["b"]
    assert [run.id for run in store.runs(status="pending", before=3.0)] == ["b2", "a"]


def check_steps_are_updated_in_place(store: Store, clock: SetClock) -> None:
    """A row of a known key replaces it and keeps its place; the list leaves results out."""
    run = started(store)
    store.append(run, 1, 0, batch(1, steps=[row("b"), row("a", size=4, form="map"), row("b", "retrying")]))
    full = row(
        "a", "succeeded", form="map", parent="p", name="A", attempt=2, added_at=1.0, started_at=2.0,
        ended_at=3.0, cached=True, needs=["b"], size=4, done=4, result={"r": 1}, error=None,
    )  # fmt: skip
    store.append(run, 1, 1, batch(2, steps=[row("c", "failed", error={"type": "E"}), full]))
    assert [(step.key, step.status) for step in store.steps(run)] == [
        ("b", "retrying"), ("a", "succeeded"), ("c", "failed"),
    ]  # fmt: skip
    assert store.step(run, "a") == full
    light = store.steps(run)[1]
    assert light.result is None
    assert store.steps(run, whole=True)[1] == full
    light.result = {"r": 1}
    assert light == full
    assert store.steps(run)[2].error == {"type": "E"}
    with refused(NotFound, "nothing"):
        store.step(run, "nothing")


def check_steps_are_chosen_by_status(store: Store, clock: SetClock) -> None:
    """Status and limit choose among the rows as they are now; each run has its own."""
    run, other = started(store), started(store, "other")
    store.append(run, 1, 0, batch(1, steps=[row(f"s{i}") for i in range(10)]))
    store.append(other, 1, 0, batch(1, steps=[row("s0", "failed")]))
    store.append(run, 1, 1, batch(2, steps=[row(f"s{i}", "succeeded") for i in (7, 3, 5)]))
    assert [step.key for step in store.steps(run, status="succeeded")] == ["s3", "s5", "s7"]
    assert [step.key for step in store.steps(run, status="succeeded", limit=2)] == ["s3", "s5"]
    assert [step.key for step in store.steps(run, status="running", limit=4)] == ["s0", "s1", "s2", "s4"]
    assert [step.key for step in store.steps(run, limit=3)] == ["s0", "s1", "s2"]
    assert store.steps(run, status="failed") == []
    assert store.step(other, "s0").status == "failed"


def check_many_steps_looked_at_meanwhile(store: Store, clock: SetClock) -> None:
    """However many rows changed since somebody last looked, each look sees all of them, in order."""
    run = started(store)
    seq = 0
    status: dict[str, str] = {}
    for turn, count in enumerate([700, 90, 1, 800, 300, 300]):
        for i in range(count):
            changed = {f"s{turn}-{i}": "running", f"s{i % (turn + 1)}-{(i * 7) % count}": "succeeded"}
            store.append(run, 1, seq, batch(seq + 1, steps=[row(key, now) for key, now in changed.items()]))
            status.update(changed)
            seq += 1
        assert {step.key: step.status for step in store.steps(run)} == status
        assert [step.key for step in store.steps(run)] == list(status)
        for wanted in ("running", "succeeded"):
            keys = [key for key, now in status.items() if now == wanted]
            assert [step.key for step in store.steps(run, status=wanted)] == keys
            for limit in (1, 5, 900):
                assert [step.key for step in store.steps(run, status=wanted, limit=limit)] == keys[:limit]
        assert [step.key for step in store.steps(run, limit=5)] == list(status)[:5]
        some = list(status)[:: len(status) // 10]
        assert [store.step(run, key).status for key in some] == [status[key] for key in some]


CHECKS = checks_of(__name__)
