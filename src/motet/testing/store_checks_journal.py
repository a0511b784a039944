"""Checks of the journal: ownership, appending, history, checkpoints."""

from __future__ import annotations

from typing import Any

from motet.errors import Conflict, Fenced
from motet.ports import Batch, Checkpoint, NewRun, Store
from motet.testing.checking import SetClock, batch, checks_of, event, owner, refused, row, started


def check_claims_count_epochs(store: Store, clock: SetClock) -> None:
    """Each claim raises the epoch; while another's lease holds it is a Conflict that names the owner."""
    store.create_run(NewRun("r", "n", "w", {}))
    clock.at = 100.0
    first = store.claim("r", owner(11), 10.0)
    assert (first.epoch, first.owner, first.lease_until) == (1, owner(11), 110.0)
    clock.at = 109.0
    with refused(Conflict, "11", "host"):
        store.claim("r", owner(12), 10.0)
    assert store.run("r").epoch == 1
    assert store.claim("r", owner(11), 10.0).epoch == 2
    clock.at = 120.0
    assert store.claim("r", owner(12), 10.0).epoch == 3
    clock.at = 121.0
    assert store.claim("r", owner(13), 10.0, force=True).epoch == 4
    found = store.run("r")
    assert (found.epoch, found.owner, found.lease_until) == (4, owner(13), 131.0)


def check_leases(store: Store, clock: SetClock) -> None:
    """Only the owner of the present epoch renews and releases; what was given up cannot be prolonged."""
    run = started(store)
    store.renew(run, 1, 50.0)
    assert store.run(run).lease_until == 50.0
    clock.at = 60.0
    store.claim(run, owner(2), 10.0)
    with refused(Fenced, run):
        store.renew(run, 1, 1e9)
    store.release(run, 1)
    assert store.run(run).owner == owner(2)
    store.release(run, 2)
    found = store.run(run)
    assert (found.owner, found.lease_until, found.epoch) == (None, None, 2)
    store.renew(run, 2, 99.0)
    assert store.run(run).lease_until is None
    assert store.claim(run, owner(3), 1.0).epoch == 3


def check_append_numbers_events(store: Store, clock: SetClock) -> None:
    """Each run counts its own; offsets grow over all runs, in the order in which batches were added."""
    one, two = started(store, "one"), started(store, "two")
    store.append(one, 1, 0, batch(1, 3))
    store.append(two, 1, 0, batch(1, 2))
    store.append(one, 1, 3, batch(4))
    found = store.read(0)
    assert [(each.run, each.seq) for each in found] == [(one, 1), (one, 2), (one, 3), (two, 1), (two, 2), (one, 4)]
    offsets = [each.offset for each in found]
    assert offsets == sorted(set(offsets))
    assert store.head() == offsets[-1]
    assert (store.run(one).seq, store.run(two).seq) == (4, 2)
    assert list(store.history(one)) == [event(number) for number in (1, 2, 3, 4)]


def check_append_is_fenced(store: Store, clock: SetClock) -> None:
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
    store.claim(run, owner(2), 1.0, force=True)
    with refused(Fenced, run):
        store.append(run, 1, 3, batch(4))
    assert [entry.seq for entry in store.read(0)] == [1, 2, 3]
    assert store.steps(run) == []
    assert store.run(run).status == "pending"
    store.append(run, 2, 3, batch(4))
    assert [each["key"] for each in store.history(run)] == ["k1", "k2", "k3", "k4"]


def check_append_changes_the_run(store: Store, clock: SetClock) -> None:
    """The columns given change, the others stay; with events or without; an unknown one is refused."""
    run = started(store)
    store.append(run, 1, 0, batch(1, run={"status": "running", "started_at": 5.0}))
    store.append(run, 1, 1, Batch([], run={"started_at": 6.0}))
    changes = {"status": "failed", "ended_at": 9.0, "result": [1], "error": {"type": "E"}}
    store.append(run, 1, 1, batch(2, run=changes, counts={"running": 2}))
    found = store.run(run)
    assert (found.status, found.started_at, found.ended_at, found.seq) == ("failed", 6.0, 9.0, 2)
    assert (found.result, found.error, found.counts) == ([1], {"type": "E"}, {"running": 2})
    store.append(run, 1, 2, batch(3, run={"status": "running", "ended_at": None, "error": None}, counts={"failed": 1}))
    found = store.run(run)
    assert (found.status, found.ended_at, found.error, found.result) == ("running", None, None, [1])
    assert found.counts == {"failed": 1}
    store.append(run, 1, 3, batch(4))
    assert store.run(run).counts == {"failed": 1}
    for name in ("epoch", "id", "status = 'x' --"):
        with refused(ValueError, name):
            store.append(run, 1, 4, batch(5, run={name: 1}))
    with refused(ValueError):
        store.append(run, 1, 4, Batch([], steps=[row("k")]))
    assert store.run(run).seq == 4


def check_values_come_back_as_they_were(store: Store, clock: SetClock) -> None:
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
    assert len(store.read(0)) == 1


def check_history_begins_anywhere(store: Store, clock: SetClock) -> None:
    """After any number, also one in the middle of what was appended together; long ones come whole."""
    run, other = started(store), started(store, "other")
    seq = 0
    for count in [1, 3, 1, 5, 700] * 5:
        store.append(run, 1, seq, batch(seq + 1, count))
        store.append(other, 1, seq, batch(seq + 1, count))
        seq += count
    for after in (0, 1, 2, 3, 4, 5, 9, 10, 11, 709, 710, 711, seq - 1, seq, seq + 1):
        assert [each["key"] for each in store.history(run, after)] == [f"k{n}" for n in range(after + 1, seq + 1)]


def check_history_of_many_records(store: Store, clock: SetClock) -> None:
    """Records are read in portions without losing or repeating one."""
    run = started(store)
    for seq in range(1201):
        store.append(run, 1, seq, batch(seq + 1))
    assert [each["key"] for each in store.history(run)] == [f"k{n}" for n in range(1, 1202)]


def check_checkpoints(store: Store, clock: SetClock) -> None:
    """The last one is kept; another epoch is refused."""
    run, other = started(store), started(store, "other")
    assert store.load_checkpoint(run) is None
    store.save_checkpoint(run, 1, Checkpoint(10, {"a": 1}))
    store.save_checkpoint(other, 1, Checkpoint(3, [None]))
    store.save_checkpoint(run, 1, Checkpoint(20, {"a": [2]}))
    assert store.load_checkpoint(run) == Checkpoint(20, {"a": [2]})
    assert store.load_checkpoint(other) == Checkpoint(3, [None])
    store.claim(run, owner(2), 1.0, force=True)
    with refused(Fenced, run):
        store.save_checkpoint(run, 1, Checkpoint(30, {}))
    assert store.load_checkpoint(run) == Checkpoint(20, {"a": [2]})


CHECKS = checks_of(__name__)
