"""Checks of the journal as listeners see it, and of how they are woken."""

from __future__ import annotations

import threading
import time

from motet.ports import Publication, Store
from motet.testing.checking import SetClock, batch, checks_of, event, started


def offsets(store: Store, after: int = 0, **how: object) -> list[int]:
    """The offsets of what `read` gives."""
    return [entry.offset for entry in store.read(after, **how)]  # type: ignore[arg-type]


def check_an_empty_journal(store: Store, clock: SetClock) -> None:
    """It has head 0 and nothing to read, and publishing nothing adds nothing."""
    assert store.head() == 0
    assert store.read(0) == []
    assert store.publish([]) == []
    assert store.head() == 0


def check_published_events_are_entries(store: Store, clock: SetClock) -> None:
    """All that was published comes back, and an engine's event names its kind, its run and its number."""
    run = started(store)
    store.append(run, 1, 0, batch(1, 2))
    store.publish([Publication("ready", {"n": [1]}, "ns", "me", run, "", 7.5), Publication("plain")])
    first, second, third, fourth = store.read(0)
    assert (second.offset, second.run, second.seq, second.key) == (2, run, 2, "step.succeeded")
    assert (second.namespace, second.value, second.at, second.published) == ("motet", event(2), 2.0, False)
    assert (first.offset, first.seq, first.published) == (1, 1, False)
    assert (third.offset, third.run, third.seq, third.key) == (3, run, 0, "ready")
    assert (third.namespace, third.sender, third.value, third.at) == ("ns", "me", {"n": [1]}, 7.5)
    assert third.published
    assert (fourth.offset, fourth.run, fourth.value, fourth.at) == (4, "", None, 0.0)


def check_client_keys_make_publishing_idempotent(store: Store, clock: SetClock) -> None:
    """A key seen before, in this call or an earlier one, adds nothing and gives its first offset."""
    assert store.publish([Publication("a", client_key="1"), Publication("b"), Publication("b")]) == [1, 2, 3]
    again = [Publication("c"), Publication("other", client_key="1"), Publication("d", client_key="2")]
    assert store.publish([*again, Publication("d", client_key="2")]) == [4, 1, 5, 5]
    assert [entry.key for entry in store.read(0)] == ["a", "b", "b", "c", "d"]
    assert store.head() == 5


def check_reading_begins_anywhere(store: Store, clock: SetClock) -> None:
    """After any offset, in order, up to the limit, whatever was committed together."""
    run = started(store)
    seq = 0
    for count in (1, 4, 2, 1, 7):
        store.append(run, 1, seq, batch(seq + 1, count))
        seq += count
        store.publish([Publication(f"p{count}")])
    all_of_them = offsets(store)
    assert len(all_of_them) == seq + 5
    for after in range(store.head() + 2):
        later = [offset for offset in all_of_them if offset > after]
        assert offsets(store, after) == later
        for limit in (1, 2, 3, 8):
            assert offsets(store, after, limit=limit) == later[:limit]
    keys = {entry.offset: entry.value["key"] for entry in store.read(0) if not entry.published}
    assert list(keys.values()) == [f"k{n}" for n in range(1, seq + 1)]


def check_reading_of_one_run_or_of_published_events(store: Store, clock: SetClock) -> None:
    """Both filters, alone and together, begin anywhere too."""
    one, two = started(store, "one"), started(store, "two")
    of: dict[str, list[int]] = {"one": [], "two": [], "": []}
    published: list[int] = []
    seqs = {one: 0, two: 0}
    for i in range(24):
        run = (one, two)[i % 3 == 0]
        count = 1 + i % 4
        before = store.head()
        store.append(run, 1, seqs[run], batch(seqs[run] + 1, count))
        seqs[run] += count
        of[run] += offsets(store, before)
        about = (one, two, "")[i % 3]
        (offset,) = store.publish([Publication("p", run=about)])
        of[about].append(offset)
        published.append(offset)
    before = store.head()
    store.append(one, 1, seqs[one], batch(seqs[one] + 1, 2))
    of[one] += offsets(store, before)
    for after in range(store.head() + 2):
        for run in (one, two):
            later = [offset for offset in of[run] if offset > after]
            assert offsets(store, after, run=run) == later
            assert offsets(store, after, run=run, limit=3) == later[:3]
            assert offsets(store, after, run=run, published=True) == [each for each in later if each in published]
        later = [offset for offset in published if offset > after]
        assert offsets(store, after, published=True) == later
        assert offsets(store, after, published=True, limit=2) == later[:2]


def check_a_follower_waits(store: Store, clock: SetClock) -> None:
    """It wakes on commits, for each at least once, and else when the time is up."""
    run = started(store)
    follower = store.follow()
    while follower.wait(0.02):
        pass  # what was committed before may still be rung for
    assert not follower.wait(0.0)
    store.append(run, 1, 0, batch(1))
    assert follower.wait(30.0)
    store.publish([Publication("a")])
    assert follower.wait(30.0)
    assert not follower.wait(0.01)
    follower.close()


def check_a_follower_of_published_events(store: Store, clock: SetClock) -> None:
    """It sleeps while engines commit, and wakes when something is published."""
    run = started(store)
    follower = store.follow(published=True)
    for seq in range(20):
        store.append(run, 1, seq, batch(seq + 1))
    assert not follower.wait(0.05)
    store.publish([Publication("a")])
    assert follower.wait(30.0)
    follower.close()


def check_wake_ends_one_wait(store: Store, clock: SetClock) -> None:
    """The wait under way, or else the next one; many wakes may count as one."""
    follower = store.follow()
    follower.wake()
    follower.wake()
    assert follower.wait(30.0)
    assert not follower.wait(0.01)
    waiting = threading.Thread(target=follower.wait, args=(None,), daemon=True)
    waiting.start()
    time.sleep(0.02)
    follower.wake()
    waiting.join(30.0)
    assert not waiting.is_alive()
    follower.close()


def check_a_closed_follower_does_nothing(store: Store, clock: SetClock) -> None:
    """Closing ends a wait that is under way; every later call returns at once; writers do not mind."""
    follower, other = store.follow(), store.follow()
    waiting = threading.Thread(target=follower.wait, args=(None,), daemon=True)
    waiting.start()
    time.sleep(0.02)
    follower.close()
    waiting.join(30.0)
    assert not waiting.is_alive()
    follower.close()
    follower.wake()
    assert not follower.wait(None)
    store.publish([Publication("a")])
    assert other.wait(30.0)
    other.close()


def check_a_follower_in_another_thread_misses_nothing(store: Store, clock: SetClock) -> None:
    """Whoever reads, waits without limit and reads again gets every event in order: no wake-up is lost."""
    writers, each = 4, 150
    seen: list[int] = []
    follower = store.follow()

    def listen() -> None:
        while len(seen) < writers * each:
            new = store.read(seen[-1] if seen else 0, limit=7)
            seen.extend(entry.offset for entry in new)
            if not new:
                follower.wait(None)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    threads = [threading.Thread(target=_writing, args=(store, f"run{i}", each), daemon=True) for i in range(writers)]
    for thread in threads:
        thread.start()
    for thread in [*threads, listener]:
        thread.join(120.0)
    assert seen == list(range(1, writers * each + 1)), f"{len(seen)} of {writers * each} events arrived"
    follower.close()


def _writing(store: Store, name: str, count: int) -> None:
    """Add `count` events: two of a run, one published, and so on."""
    run = started(store, name)
    seq = 0
    for _ in range(count // 3):
        store.append(run, 1, seq, batch(seq + 1, 2))
        seq += 2
        store.publish([Publication(name)])


CHECKS = checks_of(__name__)
