"""Checks of pruning: what it removes and what it spares."""

from __future__ import annotations

from motet.errors import NotFound
from motet.ports import Batch, Checkpoint, Document, NewRun, Publication, Retention, Store
from motet.testing.checking import SetClock, batch, checks_of, ended, owner, refused, row, started


def check_pruning_removes_old_runs_whole(store: Store, clock: SetClock) -> None:
    """Runs that ended before go with all that is theirs, others stay, and offsets go on counting."""
    for id_, at in [("old", 10.0), ("new", 90.0)]:
        started(store, id_)
        store.save_checkpoint(id_, 1, Checkpoint(1, {}))
        store.set_alias("v", id_, id_)
        ended(store, id_, at, count=3)
    started(store, "alive")
    store.append("alive", 1, 0, batch(1, 2, steps=[row("k")]))
    clock.at = 100.0
    newer = [entry.offset for entry in store.read(0)][3:]
    would = store.prune(Retention(older_than_s=50.0), dry_run=True)
    assert (would.runs, would.events) == (1, 3)
    assert len(store.runs()) == 3
    done = store.prune(Retention(older_than_s=50.0))
    assert (done.runs, done.events, done.artifacts) == (1, 3, 0)
    assert sorted(run.id for run in store.runs()) == ["alive", "new"]
    with refused(NotFound):
        store.run("old")
    with refused(NotFound):
        store.alias("v", "old")
    assert store.load_checkpoint("old") is None
    assert (list(store.history("old")), store.steps("old")) == ([], [])
    assert [entry.offset for entry in store.read(0)] == newer
    assert store.alias("v", "new") == "new"
    assert store.load_checkpoint("new") is not None
    store.append("alive", 1, 2, batch(3))
    assert store.head() > newer[-1]
    assert store.create_run(NewRun("old", "n", "w", {}))
    assert (store.run("old").seq, store.steps("old")) == (0, [])


def check_a_new_run_inherits_nothing(store: Store, clock: SetClock) -> None:
    """Neither steps nor checkpoint nor events of a run that was pruned turn up in a later one."""
    started(store, "old")
    for seq in range(600):
        store.append("old", 1, seq, batch(seq + 1, steps=[row(f"s{seq}")]))
    assert len(store.steps("old")) == 600
    store.save_checkpoint("old", 1, Checkpoint(600, {}))
    store.append("old", 1, 600, batch(601, run={"status": "failed", "ended_at": 1.0}))
    store.release("old", 1)
    clock.at = 100.0
    assert store.prune(Retention(older_than_s=50.0)).runs == 1
    for id_ in ("new", "old"):
        started(store, id_)
        assert (store.steps(id_), list(store.history(id_)), store.read(0, run=id_)) == ([], [], [])
        assert store.load_checkpoint(id_) is None
        assert store.run(id_).seq == 0


def check_pruning_everything_keeps_the_head(store: Store, clock: SetClock) -> None:
    """However much is removed, the head stays, and no offset is ever given out twice."""
    for turn in range(3):
        id_ = started(store, f"r{turn}")
        ended(store, id_, 1.0, count=4)
        store.publish([Publication("a", at=1.0)])
        head = store.head()
        clock.at = 100.0
        assert store.prune(Retention(older_than_s=50.0)).events == 5
        assert store.head() == head
        assert store.read(0) == store.read(head) == store.read(0, published=True) == []
        follower = store.follow()
        follower.close()
    (offset,) = store.publish([Publication("b", at=60.0)])
    assert offset > head
    assert [entry.offset for entry in store.read(0, limit=1)] == [offset]


def check_pruning_spares_what_is_not_over(store: Store, clock: SetClock) -> None:
    """A run without an end, reopened, driven by somebody, or below a living run stays, however old."""
    started(store, "top")
    for id_, parent in [("below", "top"), ("reopened", ""), ("held", "")]:
        started(store, id_, parent=parent)
        ended(store, id_, 1.0)
    clock.at = 5.0
    store.claim("reopened", owner(), 1.0)
    store.append("reopened", 2, 1, batch(2, run={"status": "running", "ended_at": None}))
    store.claim("held", owner(), 1000.0)
    clock.at = 100.0
    assert store.prune(Retention(older_than_s=50.0)).runs == 0
    store.release("held", 2)
    assert store.prune(Retention(older_than_s=50.0)).runs == 1
    assert sorted(run.id for run in store.runs()) == ["below", "reopened", "top"]


def check_pruning_published_events_by_age(store: Store, clock: SetClock) -> None:
    """Those older than the time go, wherever they stand; a forgotten client key may be used again."""
    times = [(1.0, "k1"), (60.0, "k2"), (2.0, "k3"), (50.0, "k4")]
    store.publish([Publication("e", at=at, client_key=key) for at, key in times])
    clock.at = 100.0
    would = store.prune(Retention(older_than_s=50.0), dry_run=True)
    assert (would.runs, would.events) == (0, 2)
    assert store.prune(Retention(older_than_s=50.0)).events == 2
    assert [entry.offset for entry in store.read(0)] == [2, 4]
    again = [Publication("e", at=60.0, client_key=key) for key in ("k2", "k3", "k4")]
    assert store.publish(again) == [2, 5, 4]


def check_pruning_never_passes_a_listener(store: Store, clock: SetClock) -> None:
    """Nothing beyond its offset goes before its time: no published event and no run that reaches further."""
    started(store, "early")
    ended(store, "early", 1.0)
    store.publish([Publication("a", at=1.0), Publication("b", at=1.0)])
    started(store, "late")
    ended(store, "late", 1.0)
    store.keep_from("me", 2, 200.0)
    store.keep_from("you", 3, 150.0)
    clock.at = 100.0
    done = store.prune(Retention(older_than_s=50.0))
    assert (done.runs, done.events) == (1, 2)
    assert [entry.offset for entry in store.read(0)] == [3, 4]
    store.keep_from("me", 3, 100.0)
    clock.at = 110.0
    assert store.prune(Retention(older_than_s=60.0)).events == 1
    store.keep_from("me", 4, 90.0)
    clock.at = 140.0
    assert store.prune(Retention(older_than_s=90.0)).events == 0
    clock.at = 160.0
    assert store.prune(Retention(older_than_s=110.0)).runs == 1
    assert store.head() == 4


def check_pruning_never_passes_a_living_run(store: Store, clock: SetClock) -> None:
    """Published events that a living run has yet to read stay, from its creation or from where it said it is,
    however long ago it said so; other runs' records do not matter to it.
    """
    store.publish([Publication(f"e{n}", at=1.0) for n in range(3)])
    started(store, "reader", offset=1)
    started(store, "other", offset=3)
    ended(store, "other", 1.0)
    clock.at = 100.0
    assert store.prune(Retention(older_than_s=50.0)).events == 2
    assert [entry.offset for entry in store.read(0)] == [2, 3]
    store.keep_from("reader", 2, 101.0)
    clock.at = 500.0
    assert store.prune(Retention(older_than_s=450.0)).events == 1
    clock.at = 900.0
    assert store.prune(Retention(older_than_s=850.0)).events == 0
    assert [entry.key for entry in store.read(0)] == ["e2"]
    ended(store, "reader", 2.0)
    clock.at = 901.0
    done = store.prune(Retention(older_than_s=851.0))
    assert (done.runs, done.events) == (1, 2)


def check_results_kept_for_later_go_by_age(store: Store, clock: SetClock) -> None:
    """Documents of kind "cache" that were written last so long ago, and no others, and only where age alone decides."""
    for at, key in [(10.0, "old"), (20.0, "again"), (80.0, "new")]:
        clock.at = at
        for kind in ("cache", "kept"):
            store.put_document(Document("v", kind, key, 1, 0))
    store.put_document(Document("v", "cache", "again", 2, 1))
    clock.at = 100.0
    store.prune(Retention(older_than_s=50.0), dry_run=True)
    store.prune(Retention(older_than_s=50.0, keep=1))
    assert [each.key for each in store.documents("v", "cache")] == ["again", "new", "old"]
    store.prune(Retention(older_than_s=50.0))
    assert [each.key for each in store.documents("v", "cache")] == ["again", "new"]
    assert len(store.documents("v", "kept")) == 3


def check_pruning_chooses_among_ended_runs(store: Store, clock: SetClock) -> None:
    """By status, tag, how many are kept and how much is to be freed: each narrows the choice, the oldest go first."""
    for i in range(8):
        id_ = started(store, f"r{i}", tags=["nightly"] if i % 2 else [])
        changes = {"status": "failed" if i < 4 else "succeeded", "ended_at": float(i)}
        store.append(id_, 1, 0, Batch([{"event": "e", "at": 1.0, "fill": "x" * 1000}], run=changes))
        store.release(id_, 1)
    started(store, "alive")
    clock.at = 100.0

    def left(retention: Retention) -> str:
        would = store.prune(retention, dry_run=True)
        assert store.prune(retention).runs == would.runs
        return " ".join(sorted(run.id for run in store.runs()))

    assert left(Retention(statuses=["failed"], tags=["nightly"], keep=1)) == "alive r0 r2 r3 r4 r5 r6 r7"
    assert left(Retention(tags=["nightly"], older_than_s=94.0)) == "alive r0 r2 r4 r6 r7"
    assert left(Retention(free_bytes=1500)) == "alive r4 r6 r7"
    assert left(Retention(free_bytes=0)) == "alive r4 r6 r7"
    assert left(Retention(keep=2)) == "alive r6 r7"
    assert left(Retention()) == "alive"


def check_pruning_gives_space_back(store: Store, clock: SetClock) -> None:
    """It tells how much, about as much as was held."""
    started(store, "big")
    store.append("big", 1, 0, batch(1, 1))
    for seq in range(1, 200):
        store.append("big", 1, seq, batch(seq + 1, steps=[row(f"s{seq}", result="x" * 10_000)]))
    store.steps("big")
    store.append("big", 1, 200, batch(201, run={"status": "failed", "ended_at": 1.0}))
    store.release("big", 1)
    clock.at = 100.0
    would = store.prune(Retention(older_than_s=50.0), dry_run=True)
    done = store.prune(Retention(older_than_s=50.0))
    assert (done.runs, done.events) == (would.runs, would.events) == (1, 201)
    assert store.prune(Retention(older_than_s=50.0)) == type(done)()


def check_artifacts_in_use(store: Store, clock: SetClock) -> None:
    """An artifact is in use as long as a run, an event, a step, a checkpoint or a document refers to it."""

    def record(digest: str) -> dict[str, object]:
        return {"artifact": digest, "size_bytes": 1}

    assert store.artifacts() == set()
    store.create_run(NewRun("old", "n", "w", {}, {"x": record("a1")}))
    store.claim("old", owner(), 1.0)
    map_outcome = {"event": "elements.succeeded", "at": 1.0, "key": "m", "results": [record("a2"), 1, record("a3")]}
    steps = [row("k", result=record("a4"))]
    store.append(
        "old", 1, 0, Batch([map_outcome], steps, {"result": record("a5"), "status": "succeeded", "ended_at": 1.0})
    )
    store.save_checkpoint("old", 1, Checkpoint(1, {"deep": [{"er": record("a6")}]}))
    store.release("old", 1)
    store.put_document(Document("v", "k", "d", record("b1"), 0))
    store.publish([Publication("e", {"model": record("b2")}, at=60.0), Publication("e", "artifact", at=60.0)])
    assert store.artifacts() == {"a1", "a2", "a3", "a4", "a5", "a6", "b1", "b2"}
    clock.at = 100.0
    assert store.prune(Retention(older_than_s=50.0)).runs == 1
    assert store.artifacts() == {"b1", "b2"}


CHECKS = checks_of(__name__)
