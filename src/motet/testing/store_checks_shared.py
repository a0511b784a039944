"""Checks of stores that several objects, and so several processes, share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from motet.errors import Fenced
from motet.ports import Checkpoint, Document, NewRun, Publication, Store
from motet.testing.checking import batch, checks_of, owner, refused, row, started

Opener = Callable[[], Store]


def check_all_is_there_after_reopening(opener: Opener) -> None:
    """Closing and opening again loses nothing; a closed store opens itself again."""
    store = opener()
    run = started(store)
    store.append(run, 1, 0, batch(1, 3, steps=[row("a"), row("b")], run={"status": "running"}))
    store.publish([Publication("e", client_key="1")])
    store.save_checkpoint(run, 1, Checkpoint(2, {"s": 1}))
    document = store.put_document(Document("v", "k", "d", {"x": 1}, 0))
    store.set_alias("v", "n", run)
    store.next_number("v", "n")
    before = (store.run(run), store.steps(run), list(store.history(run)), store.read(0))
    store.close()
    again = opener()
    assert (again.run(run), again.steps(run), list(again.history(run)), again.read(0)) == before
    assert again.load_checkpoint(run) == Checkpoint(2, {"s": 1})
    assert again.document("v", "k", "d") == document
    assert (again.alias("v", "n"), again.next_number("v", "n")) == (run, 2)
    assert again.publish([Publication("e", client_key="1")]) == [4]
    again.close()
    assert store.head() == 4
    store.close()


def check_both_see_what_one_commits(opener: Opener) -> None:
    """What one object wrote, the other reads as soon as the call has returned; fences hold between them."""
    one, two = opener(), opener()
    run = started(one)
    one.append(run, 1, 0, batch(1, steps=[row("a")]))
    assert two.run(run).seq == 1
    assert two.step(run, "a").status == "running"
    two.claim(run, owner(2), 1.0, force=True)
    two.append(run, 2, 1, batch(2))
    with refused(Fenced, run):
        one.append(run, 1, 1, batch(2))
    assert [entry.seq for entry in one.read(0)] == [1, 2]
    one.close()
    two.close()


def check_a_follower_hears_the_other(opener: Opener) -> None:
    """A follower of one object wakes when another commits, also if it came after the other's first commit."""
    one, two = opener(), opener()
    two.publish([Publication("before")])
    for _ in range(3):
        everything, published = one.follow(), one.follow(published=True)
        while everything.wait(0.02) or published.wait(0.02):
            pass
        two.create_run(NewRun("r", "n", "w", {}))
        two.publish([Publication("a")])
        assert everything.wait(30.0)
        assert published.wait(30.0)
        everything.close()
        published.close()
    one.close()
    two.close()


def check_one_of_many_appends_wins(opener: Opener) -> None:
    """Of several that append after the same event exactly one succeeds, each time."""
    stores = [opener() for _ in range(4)]
    run = started(stores[0])
    won: list[int] = []

    def race(store: Store) -> None:
        seq = 0
        while seq < 40:
            with suppress(Fenced):
                store.append(run, 1, seq, batch(seq + 1))
                won.append(seq + 1)
            seq = store.run(run).seq

    threads = [threading.Thread(target=race, args=(store,), daemon=True) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120.0)
    assert sorted(won) == list(range(1, 41))
    assert [entry.seq for entry in stores[1].read(0)] == list(range(1, 41))
    for store in stores:
        store.close()


def check_one_of_many_claims_wins(opener: Opener) -> None:
    """Epochs are never given out twice."""
    stores = [opener() for _ in range(4)]
    stores[0].create_run(NewRun("r", "n", "w", {}))
    epochs: list[int] = []

    def claim(store: Store, pid: int) -> None:
        epochs.extend(store.claim("r", owner(pid), 1.0, force=True).epoch for _ in range(25))

    threads = [threading.Thread(target=claim, args=pair, daemon=True) for pair in zip(stores, range(4), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120.0)
    assert sorted(epochs) == list(range(1, 101))
    for store in stores:
        store.close()


CHECKS = checks_of(__name__)
