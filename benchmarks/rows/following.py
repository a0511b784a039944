"""How soon a follower in another process, such as a page, has read what was committed."""

from __future__ import annotations

import time

from benchmarks.bench import Bench
from benchmarks.figures import Budget, Figure

_RUN = "followed"
_KEPT = ("benchmarks", "following", "committed")


def lag(bench: Bench) -> list[Figure]:
    """From the end of a commit until another process has read its last event; one commit adds very many steps."""
    home, commits, many = bench.home(), bench.size(1000, 40), bench.size(50_000, 1000)
    bench.fresh("following:begin", home=home)
    process, _ = bench.start("following:commit", home, commits=commits, many=many)
    found = sorted(bench.fresh("following:lags", home=home))
    process.wait()
    note = f"of {len(found):,} commits, one of which adds {many:,} steps"
    last = found[min(len(found) - 1, int(len(found) * 0.95))]
    return [
        Figure("p50", "ms", found, note=note),
        Figure("p95", "ms", [last], budget=Budget("value", 0.05, "<= 50 ms")),
    ]


# ---------------------------------------------------------------- in fresh processes


def begin() -> None:
    from motet.app import home, open_store
    from motet.ports import NewRun, Owner

    store = open_store(home())
    store.create_run(NewRun(_RUN, _RUN, "w", {}, created_at=time.time()))
    store.claim(_RUN, Owner("h", "b", 1, 1), 1e9)
    store.close()


def commit(commits: int, many: int) -> None:
    """Commit a step each few milliseconds, in the middle very many at once; keep when each commit had been made."""
    from motet.app import home, open_store
    from motet.ports import Batch, Document, StepRow

    store = open_store(home())
    while not store.read(0, published=True):  # the follower says that it follows
        time.sleep(0.01)
    seq, committed = 0, []
    for number in range(commits):
        count = many if number == commits // 2 else 1
        rows = [StepRow(f"{number}-{i}", "t", "call", "ready") for i in range(count)]
        events = [{"event": "step.added", "at": 1.0, "key": row.key, "task": "t"} for row in rows]
        store.append(_RUN, 1, seq, Batch(events, rows))
        seq += count
        committed.append([seq, time.monotonic()])
        time.sleep(0.005)
    store.put_document(Document(*_KEPT, committed, 0))
    store.close()


def lags() -> list[float]:
    """Follow as a page does, in pages of a thousand events; gives how late each commit was read."""
    from motet.app import home, open_store
    from motet.ports import Publication

    store = open_store(home())
    follower = store.follow()
    store.publish([Publication("follows")])
    after, read = 0, []
    while (kept := store.document(*_KEPT)) is None or not read or read[-1][0] < kept.body[-1][0]:
        if entries := store.read(after, limit=1000, run=_RUN):
            after = entries[-1].offset
            read.append((entries[-1].seq, time.monotonic()))
        else:
            follower.wait(0.1)
    found, place = [], 0
    for seq, at in kept.body:
        while read[place][0] < seq:
            place += 1
        found.append(max(0.0, read[place][1] - at))
    follower.close()
    store.close()
    return found
