"""Checks of stores: what voices keep there, and what pruning removes and spares."""

from __future__ import annotations

from motet.errors import Conflict, NotFound
from motet.ports import Batch, Checkpoint, Document, NewRun, Publication, Store
from motet.testing.checking import batch, checks_of, ended, owner, refused, row, started


def check_documents(store: Store) -> None:
    """Versions count from 1; writing or removing another version than the one that stands is a Conflict."""
    assert store.document("v", "k", "a") is None
    first = store.put_document(Document("v", "k", "a", {"x": 1}, 0))
    assert first == Document("v", "k", "a", {"x": 1}, 1)
    with refused(Conflict, "v/k/a"):
        store.put_document(Document("v", "k", "a", {"x": 2}, 0))
    second = store.put_document(Document("v", "k", "a", None, first.version))
    assert second.version == 2
    with refused(Conflict):
        store.put_document(first)
    with refused(Conflict):
        store.delete_document(first)
    with refused(Conflict):
        store.put_document(Document("v", "k", "new", 1, 1))
    assert store.document("v", "k", "a") == second
    store.delete_document(second)
    assert store.document("v", "k", "a") is None
    assert store.put_document(Document("v", "k", "a", 1, 0)).version == 1


def check_documents_are_listed_by_key(store: Store) -> None:
    """All of one voice and kind, and no others."""
    for voice, kind, key in [("v", "k", "b"), ("v", "k", "a"), ("v", "other", "c"), ("w", "k", "d")]:
        store.put_document(Document(voice, kind, key, key, 0))
    assert [(each.key, each.body, each.version) for each in store.documents("v", "k")] == [
        ("a", "a", 1),
        ("b", "b", 1),
    ]
    assert store.documents("v", "none") == []


def check_aliases(store: Store) -> None:
    """A name means one run for one voice, and may be set to the same again."""
    store.set_alias("v", "338", "r1")
    store.set_alias("v", "338", "r1")
    store.set_alias("w", "338", "r2")
    with refused(Conflict, "338", "r1"):
        store.set_alias("v", "338", "r2")
    assert (store.alias("v", "338"), store.alias("w", "338")) == ("r1", "r2")
    with refused(NotFound, "339"):
        store.alias("v", "339")


def check_sequences(store: Store) -> None:
    """Each counts 1, 2, 3, ... on its own."""
    assert [store.next_number("v", "runs") for _ in range(3)] == [1, 2, 3]
    assert store.next_number("v", "other") == 1
    assert store.next_number("w", "runs") == 1
    assert store.next_number("v", "runs") == 4


def check_pruning_removes_old_runs_whole(store: Store) -> None:
    """Runs that ended before go with all that is theirs, others stay, and offsets go on counting."""
    for id_, at in [("old", 10.0), ("new", 90.0)]:
        started(store, id_)
        store.save_checkpoint(id_, 1, Checkpoint(1, {}))
        store.set_alias("v", id_, id_)
        ended(store, id_, at, count=3)
    started(store, "alive")
    store.append("alive", 1, 0, batch(1, 2, steps=[row("k")]))
    would = store.prune(before=50.0, now=100.0, dry_run=True)
    assert (would.runs, would.events) == (1, 3)
    assert len(store.runs()) == 3
    done = store.prune(before=50.0, now=100.0)
    assert (done.runs, done.events, done.artifacts) == (1, 3, 0)
    assert sorted(run.id for run in store.runs()) == ["alive", "new"]
    with refused(NotFound):
        store.run("old")
    with refused(NotFound):
        store.alias("v", "old")
    assert store.load_checkpoint("old") is None
    assert (list(store.history("old")), store.steps("old")) == ([], [])
    assert [entry.offset for entry in store.read(0)] == [4, 5, 6, 7, 8]
    assert store.alias("v", "new") == "new"
    assert store.load_checkpoint("new") is not None
    assert store.append("alive", 1, 2, batch(3)) == 9
    assert store.create_run(NewRun("old", "n", "w", {}))
    assert (store.run("old").seq, store.steps("old")) == (0, [])


def check_a_new_run_inherits_nothing(store: Store) -> None:
    """Neither steps nor checkpoint nor events of a run that was pruned turn up in a later one."""
    started(store, "old")
    for seq in range(600):
        store.append("old", 1, seq, batch(seq + 1, steps=[row(f"s{seq}")]))
    assert len(store.steps("old")) == 600
    store.save_checkpoint("old", 1, Checkpoint(600, {}))
    store.append("old", 1, 600, batch(601, run={"status": "failed", "ended_at": 1.0}))
    store.release("old", 1)
    assert store.prune(before=50.0, now=100.0).runs == 1
    for id_ in ("new", "old"):
        started(store, id_)
        assert (store.steps(id_), list(store.history(id_)), store.read(0, run=id_)) == ([], [], [])
        assert store.load_checkpoint(id_) is None
        assert store.run(id_).seq == 0


def check_pruning_everything_keeps_the_head(store: Store) -> None:
    """However much is removed, the head stays, and no offset is ever given out twice."""
    for turn in range(3):
        id_ = started(store, f"r{turn}")
        ended(store, id_, 1.0, count=4)
        store.publish([Publication("a", at=1.0)])
        head = store.head()
        assert head == 5 * (turn + 1)
        assert store.prune(before=50.0, now=100.0).events == 5
        assert store.head() == head
        assert store.read(0) == store.read(head) == store.read(0, published=True) == []
        follower = store.follow()
        follower.close()
    assert store.publish([Publication("b", at=60.0)]) == [16]
    assert [entry.offset for entry in store.read(0, limit=1)] == [16]


def check_pruning_spares_what_is_not_over(store: Store) -> None:
    """A run without an end, reopened, driven by somebody, or below a living run stays, however old."""
    started(store, "top")
    for id_, parent in [("below", "top"), ("reopened", ""), ("held", "")]:
        started(store, id_, parent=parent)
        ended(store, id_, 1.0)
    store.claim("reopened", owner(), 5.0, 1.0)
    store.append("reopened", 2, 1, batch(2, run={"status": "running", "ended_at": None}))
    store.claim("held", owner(), 5.0, 1000.0)
    assert store.prune(before=50.0, now=100.0).runs == 0
    store.release("held", 2)
    assert store.prune(before=50.0, now=100.0).runs == 1
    assert sorted(run.id for run in store.runs()) == ["below", "reopened", "top"]


def check_pruning_published_events_by_age(store: Store) -> None:
    """Those older than the time go, wherever they stand; a forgotten client key may be used again."""
    times = [(1.0, "k1"), (60.0, "k2"), (2.0, "k3"), (50.0, "k4")]
    store.publish([Publication("e", at=at, client_key=key) for at, key in times])
    would = store.prune(before=50.0, now=100.0, dry_run=True)
    assert (would.runs, would.events) == (0, 2)
    assert store.prune(before=50.0, now=100.0).events == 2
    assert [entry.offset for entry in store.read(0)] == [2, 4]
    again = [Publication("e", at=60.0, client_key=key) for key in ("k2", "k3", "k4")]
    assert store.publish(again) == [2, 5, 4]


def check_pruning_never_passes_a_listener(store: Store) -> None:
    """Nothing beyond its offset goes before its time: no published event and no run that reaches further."""
    started(store, "early")
    ended(store, "early", 1.0)
    store.publish([Publication("a", at=1.0), Publication("b", at=1.0)])
    started(store, "late")
    ended(store, "late", 1.0)
    store.keep_from("me", 2, 200.0)
    store.keep_from("you", 3, 150.0)
    done = store.prune(before=50.0, now=100.0)
    assert (done.runs, done.events) == (1, 2)
    assert [entry.offset for entry in store.read(0)] == [3, 4]
    store.keep_from("me", 3, 200.0)
    assert store.prune(before=50.0, now=110.0).events == 1
    store.keep_from("me", 4, 200.0)
    assert store.prune(before=50.0, now=140.0).events == 0
    assert store.prune(before=50.0, now=160.0).runs == 1
    assert store.head() == 4


def check_pruning_never_passes_a_living_run(store: Store) -> None:
    """Published events that a living run has yet to read stay, from its creation or from where it said it is,
    however long ago it said so; other runs' records do not matter to it.
    """
    store.publish([Publication(f"e{n}", at=1.0) for n in range(3)])
    started(store, "reader", offset=1)
    started(store, "other", offset=3)
    ended(store, "other", 1.0)
    assert store.prune(before=50.0, now=100.0).events == 2
    assert [entry.offset for entry in store.read(0)] == [2, 3]
    store.keep_from("reader", 2, 101.0)
    assert store.prune(before=50.0, now=500.0).events == 1
    assert store.prune(before=50.0, now=900.0).events == 0
    assert [entry.key for entry in store.read(0)] == ["e2"]
    ended(store, "reader", 2.0)
    done = store.prune(before=50.0, now=901.0)
    assert (done.runs, done.events) == (1, 2)


def check_pruning_gives_space_back(store: Store) -> None:
    """It tells how much, about as much as was held."""
    started(store, "big")
    store.append("big", 1, 0, batch(1, 1))
    for seq in range(1, 200):
        store.append("big", 1, seq, batch(seq + 1, steps=[row(f"s{seq}", result="x" * 10_000)]))
    store.steps("big")
    store.append("big", 1, 200, batch(201, run={"status": "failed", "ended_at": 1.0}))
    store.release("big", 1)
    would = store.prune(before=50.0, now=100.0, dry_run=True)
    done = store.prune(before=50.0, now=100.0)
    assert (done.runs, done.events) == (would.runs, would.events) == (1, 201)
    assert store.prune(before=50.0, now=100.0) == type(done)()


def check_artifacts_in_use(store: Store) -> None:
    """An artifact is in use as long as a run, an event, a step, a checkpoint or a document refers to it."""

    def record(digest: str) -> dict[str, object]:
        return {"artifact": digest, "size_bytes": 1}

    assert store.artifacts() == set()
    store.create_run(NewRun("old", "n", "w", {}, {"x": record("a1")}))
    store.claim("old", owner(), 0.0, 1.0)
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
    assert store.prune(before=50.0, now=100.0).runs == 1
    assert store.artifacts() == {"b1", "b2"}


CHECKS = checks_of(__name__)
