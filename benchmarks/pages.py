"""How long pages of a store with many runs take: p95 of 50 warm calls each, and a follower's lag.

python -m benchmarks.pages [COUNT]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable

from benchmarks.many_runs import BEGAN_AT, EVERY_S, fill
from motet.ports import Batch, NewRun, Owner, RunFilter, StepFilter, StepRow
from motet.stores.sqlite import SqliteStore

CALLS = 50


def p95_ms(act: Callable[[], object]) -> float:
    """The 95th percentile of 50 calls, after one to warm up."""
    act()
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        act()
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.quantiles(took, n=20)[-1]


def filters(count: int) -> dict[str, RunFilter]:
    """Filters of all kinds: with many hits, few, and none; alone and together."""
    middle = BEGAN_AT + count * EVERY_S / 2
    return {
        "all": RunFilter(), "status": RunFilter(status="failed"), "running": RunFilter(status="running"),
        "no such status": RunFilter(status="paused"), "workflow": RunFilter(workflow="flow_7"),
        "voice": RunFilter(voice="yadage"), "tag": RunFilter(tag="tag3"), "no such tag": RunFilter(tag="none"),
        "parent": RunFilter(parent=f"{count // 200 * 100:012x}"), "parameter": RunFilter(params={"lr": 0.07}),
        "one seed": RunFilter(params={"seed": count // 3}), "metric": RunFilter(metrics={"loss": (0.2, 0.9)}),
        "narrow metric": RunFilter(metrics={"loss": (0.5, 0.5001)}), "text": RunFilter(text="foxc"),
        "rare text": RunFilter(text="amberb-owlc-77"), "no such text": RunFilter(text="zzzzzz"),
        "two letters": RunFilter(text="ox"), "no such two letters": RunFilter(text="q9"),
        "time": RunFilter(since=middle, until=middle + 86400),
        "status, workflow, tag": RunFilter(status="failed", workflow="flow_7", tag="tag3"),
        "nothing in common": RunFilter(tag="tag3", params={"lr": 0.07}, voice="python"),
    }  # fmt: skip


def live(store: SqliteStore, steps: int) -> str:
    """A run under way with so many steps, each committed on its own."""
    store.create_run(NewRun("live", "live", "w", {}, created_at=time.time()))
    store.claim("live", Owner("h", "b", 1, 1), 1e9)
    for number in range(steps):
        key, parent = f"train/part{number % 50}/step-{number}", f"train/part{number % 50}"
        row = StepRow(key, f"t{number % 20}", "call", "succeeded", parent)
        told = [{"event": kind, "at": 1.0, "key": key} for kind in ("step.added", "step.started", "step.succeeded")]
        store.append("live", 1, 3 * number, Batch(told, [row], counts={"succeeded": number + 1}))
    return "live"


def main(count: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as home:
        fill(home, count)
        store = SqliteStore(home)
        for name, where in filters(count).items():
            print(f"{p95_ms(lambda where=where: store.run_page(where)):9.1f} ms  {name}")  # type: ignore[misc]
        second = store.run_page(RunFilter(until=BEGAN_AT + count * EVERY_S / 2)).next
        print(f"{p95_ms(lambda: store.run_page(RunFilter(), start=second)):9.1f} ms  a page from the middle")
        print(f"{p95_ms(store.run_counts):9.1f} ms  counts")
        end = BEGAN_AT + count * EVERY_S
        spans_s = {"all time": count * EVERY_S, "a month": 30 * 86400.0, "a day": 86400.0, "an hour": 3600.0}
        for name, span_s in spans_s.items():
            print(f"{p95_ms(lambda span_s=span_s: store.density(end - span_s, end, 100)):9.1f} ms  density of {name}")  # type: ignore[misc]
        run = live(store, 50_000)
        while store.step_page(run, StepFilter()).behind:
            time.sleep(0.05)
        print(f"{p95_ms(lambda: store.summary(run)):9.1f} ms  summary of a live run of 50,000 steps")
        for name, which in {
            "all": StepFilter(), "parent": StepFilter(parent="train/part7"), "task": StepFilter(task="t3"),
            "status": StepFilter(status="failed"), "succeeded": StepFilter(status="succeeded"),
            "text": StepFilter(text="step-4999"), "common text": StepFilter(text="step"),
            "no such text": StepFilter(text="zzzz"),
        }.items():  # fmt: skip
            print(f"{p95_ms(lambda which=which: store.step_page(run, which)):9.1f} ms  window by {name}")  # type: ignore[misc]
        print(f"{p95_ms(lambda: store.attempts(run, 'train/part7/step-7')):9.1f} ms  attempts at a step")
        store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
