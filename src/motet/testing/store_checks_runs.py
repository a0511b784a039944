"""Checks of stores: runs, ownership, appending, steps, checkpoints."""

from __future__ import annotations

from typing import Any

from motet.errors import Conflict, Fenced, NotFound
from motet.ports import Batch, Checkpoint, NewRun, Store
from motet.testing.checking import batch, checks_of, event, owner, refused, row, started


def check_create_run_is_idempotent(store: Store) -> None:
    """A second run of the same id is refused and changes nothing."""
    assert store.create_run(NewRun("r", "first", "w", {"voice": "python"}))
    assert not store.create_run(NewRun("r", "second", "w", None))
    assert store.run("r").name == "first"


def check_a_run_is_kept_as_given(store: Store) -> None:
    """All fields come back, and a new run is pending, without an owner."""
    store.create_run(NewRun("r", "n", "w", {"a": [1]}, {"x": None}, "up", ["t1", "t2"], 12.5, 3))
    found = store.run("r")
    assert (found.id, found.name, found.workflow, found.program) == ("r", "n", "w", {"a": [1]})
    assert (found.params, found.parent, list(found.tags)) == ({"x": None}, "up", ["t1", "t2"])
    assert (found.created_at, found.offset, found.status) == (12.5, 3, "pending")
    assert (found.epoch, found.seq, found.owner, found.lease_until) == (0, 0, None, None)
    assert (found.started_at, found.ended_at, found.result, found.error, found.counts) == (*[None] * 4, {})


def check_unknown_runs_are_not_found(store: Store) -> None:
    """Nothing can be done with a run that does not exist, and asking about it finds nothing."""
    for act in (
        lambda: store.run("nobody"),
        lambda: store.claim("nobody", owner(), 0.0, 1.0),
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


def check_find_runs(store: Store) -> None:
    """By whole id or name first, else by how these begin; newest first; nothing in a name is a wildcard."""
    for at, (id_, name) in enumerate([("aa1", "red"), ("aa2", "red"), ("b1", "red-fox"), ("b2", "r%d")]):
        store.create_run(NewRun(id_, name, "w", {}, created_at=float(at)))
    assert [run.id for run in store.find_runs("aa1")] == ["aa1"]
    assert [run.id for run in store.find_runs("red")] == ["aa2", "aa1"]
    assert [run.id for run in store.find_runs("re")] == ["b1", "aa2", "aa1"]
    assert [run.id for run in store.find_runs("a")] == ["aa2", "aa1"]
    assert [run.id for run in store.find_runs("r%")] == ["b2"]
    assert store.find_runs("r_d") == []


def check_runs_are_listed_newest_first(store: Store) -> None:
    """By time of creation, then the later one first; filtered by status and time; limited."""
    for at, id_ in [(3.0, "c"), (1.0, "a"), (2.0, "b"), (2.0, "b2")]:
        store.create_run(NewRun(id_, id_, "w", {}, created_at=at))
    store.claim("b", owner(), 0.0, 1.0)
    store.append("b", 1, 0, batch(1, run={"status": "running"}))
    assert [run.id for run in store.runs()] == ["c", "b2", "b", "a"]
    assert [run.id for run in store.runs(limit=2)] == ["c", "b2"]
    assert [run.id for run in store.runs(before=2.0)] == ["a"]
    assert [run.id for run in store.runs(status="running")] == ["b"]
    assert [run.id for run in store.runs(status="pending", before=3.0)] == ["b2", "a"]


def check_claims_count_epochs(store: Store) -> None:
    """Each claim raises the epoch; while another's lease holds it is a Conflict that names the owner."""
    store.create_run(NewRun("r", "n", "w", {}))
    first = store.claim("r", owner(11), 100.0, 10.0)
    assert (first.epoch, first.owner, first.lease_until) == (1, owner(11), 110.0)
    with refused(Conflict, "11", "host"):
        store.claim("r", owner(12), 109.0, 10.0)
    assert store.run("r").epoch == 1
    assert store.claim("r", owner(11), 109.0, 10.0).epoch == 2
    assert store.claim("r", owner(12), 120.0, 10.0).epoch == 3
    assert store.claim("r", owner(13), 121.0, 10.0, force=True).epoch == 4
    found = store.run("r")
    assert (found.epoch, found.owner, found.lease_until) == (4, owner(13), 131.0)


def check_leases(store: Store) -> None:
    """Only the owner of the present epoch renews and releases; what was given up cannot be prolonged."""
    run = started(store)
    store.renew(run, 1, 50.0)
    assert store.run(run).lease_until == 50.0
    store.claim(run, owner(2), 60.0, 10.0)
    with refused(Fenced, run):
        store.renew(run, 1, 1e9)
    store.release(run, 1)
    assert store.run(run).owner == owner(2)
    store.release(run, 2)
    found = store.run(run)
    assert (found.owner, found.lease_until, found.epoch) == (None, None, 2)
    store.renew(run, 2, 99.0)
    assert store.run(run).lease_until is None
    assert store.claim(run, owner(3), 0.0, 1.0).epoch == 3


def check_append_numbers_events(store: Store) -> None:
    """Offsets are dense over all runs and published events, and the first one of a batch is given back."""
    one, two = started(store, "one"), started(store, "two")
    assert store.append(one, 1, 0, batch(1, 3)) == 1
    assert store.append(two, 1, 0, batch(1, 2)) == 4
    assert store.append(one, 1, 3, batch(4)) == 6
    assert store.head() == 6
    assert (store.run(one).seq, store.run(two).seq) == (4, 2)
    assert list(store.history(one)) == [event(number) for number in (1, 2, 3, 4)]


def check_append_is_fenced(store: Store) -> None:
    """Another epoch, or another number than the last event's, is refused and nothing of the batch remains."""
    run = started(store)
    store.append(run, 1, 0, batch(1, 3))
    changes: dict[str, Any] = {"status": "failed"}
    for epoch, seq in [(1, 0), (1, 1), (1, 2), (1, 4), (0, 3), (2, 3)]:
        with refused(Fenced, run):
            store.append(run, epoch, seq, batch(9, 2, steps=[row("no")]))
        with refused(Fenced, run):
            store.append(run, epoch, seq, batch(9, 2, steps=[row("no")], run=changes))
        with refused(Fenced, run):
            store.append(run, epoch, seq, Batch([], run=changes))
    store.claim(run, owner(2), 0.0, 1.0, force=True)
    with refused(Fenced, run):
        store.append(run, 1, 3, batch(4))
    assert store.head() == 3
    assert store.steps(run) == []
    assert store.run(run).status == "pending"
    assert store.append(run, 2, 3, batch(4)) == 4


def check_append_changes_the_run(store: Store) -> None:
    """The columns given change, the others stay; with events or without; an unknown one is refused."""
    run = started(store)
    store.append(run, 1, 0, batch(1, run={"status": "running", "started_at": 5.0}))
    store.append(run, 1, 1, Batch([], run={"counts": {"running": 2}}))
    changes = {"status": "failed", "ended_at": 9.0, "result": [1], "error": {"type": "E"}}
    store.append(run, 1, 1, batch(2, run=changes))
    found = store.run(run)
    assert (found.status, found.started_at, found.ended_at, found.seq) == ("failed", 5.0, 9.0, 2)
    assert (found.result, found.error, found.counts) == ([1], {"type": "E"}, {"running": 2})
    store.append(run, 1, 2, batch(3, run={"status": "running", "ended_at": None, "error": None}))
    found = store.run(run)
    assert (found.status, found.ended_at, found.error, found.result) == ("running", None, None, [1])
    for name in ("epoch", "id", "status = 'x' --"):
        with refused(ValueError, name):
            store.append(run, 1, 3, batch(4, run={name: 1}))
    with refused(ValueError):
        store.append(run, 1, 3, Batch([], steps=[row("k")]))
    assert store.run(run).seq == 3


def check_values_come_back_as_they_were(store: Store) -> None:
    """Any JSON is kept exactly, and what was given may be changed afterwards."""
    run = started(store)
    value: dict[str, Any] = {
        "text": "äöü \u2028 \N{SNAKE} \0 ' \" \\ \ud800", "": [], "float": [1e300, 5e-324, 0.1, -0.0],
        "int": [2**53 + 1, -(2**63), 10**30], "none": None, "bool": [True, False], "deep": [[[{"a": {}}]]],
    }  # fmt: skip
    given = event(1, result=value)
    store.append(run, 1, 0, Batch([given], [row("k", result=value, error=value)], {"result": value}))
    given["key"] = "changed"
    value_then = {**value}
    value["text"] = "changed"
    (found,) = store.history(run)
    assert found["result"] == value_then
    assert found["key"] == "k1"
    step = store.step(run, "k")
    assert step.result == step.error == store.run(run).result == value_then
    with refused(TypeError, "object"):
        store.append(run, 1, 1, Batch([event(2, result=object())]))
    assert store.head() == 1


def check_history_begins_anywhere(store: Store) -> None:
    """After any number, also one in the middle of what was appended together; long ones come whole."""
    run, other = started(store), started(store, "other")
    seq = 0
    for count in [1, 3, 1, 5, 700] * 5:
        store.append(run, 1, seq, batch(seq + 1, count))
        store.append(other, 1, seq, batch(seq + 1, count))
        seq += count
    for after in (0, 1, 2, 3, 4, 5, 9, 10, 11, 709, 710, 711, seq - 1, seq, seq + 1):
        assert [each["key"] for each in store.history(run, after)] == [f"k{n}" for n in range(after + 1, seq + 1)]


def check_history_of_many_records(store: Store) -> None:
    """Records are read in portions without losing or repeating one."""
    run = started(store)
    for seq in range(1201):
        store.append(run, 1, seq, batch(seq + 1))
    assert [each["key"] for each in store.history(run)] == [f"k{n}" for n in range(1, 1202)]


def check_steps_are_updated_in_place(store: Store) -> None:
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


def check_steps_are_chosen_by_status(store: Store) -> None:
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


def check_many_steps_looked_at_meanwhile(store: Store) -> None:
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


def check_checkpoints(store: Store) -> None:
    """The last one is kept; another epoch is refused."""
    run, other = started(store), started(store, "other")
    assert store.load_checkpoint(run) is None
    store.save_checkpoint(run, 1, Checkpoint(10, {"a": 1}))
    store.save_checkpoint(other, 1, Checkpoint(3, [None]))
    store.save_checkpoint(run, 1, Checkpoint(20, {"a": [2]}))
    assert store.load_checkpoint(run) == Checkpoint(20, {"a": [2]})
    assert store.load_checkpoint(other) == Checkpoint(3, [None])
    store.claim(run, owner(2), 0.0, 1.0, force=True)
    with refused(Fenced, run):
        store.save_checkpoint(run, 1, Checkpoint(30, {}))
    assert store.load_checkpoint(run) == Checkpoint(20, {"a": [2]})


CHECKS = checks_of(__name__)
