"""What is said of a run's steps as a whole: how many ended how, how many were not run, which path was the slowest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motet.ports import RunRow, StepRow, Store
from motet.views import human

_LOOKED_AT = 20_000
"""Of a run with more steps than this only the counts are told: to look at them all would take as long as some runs."""

_SHARE = 0.01
"""A step that took less than this share of its run is no part of what made it slow."""

_SHOWN = 6


def steps_of(store: Store, row: RunRow) -> list[StepRow]:
    """The steps of a run that has ended; none if they are too many."""
    return store.steps(row.id) if 0 < sum(row.counts.values()) <= _LOOKED_AT else []


def told_counts(row: RunRow, counts: Mapping[str, int], steps: Sequence[StepRow]) -> str:
    """Steps by status, and how many of them were not run: "5 succeeded (2 cached), 1 failed"."""
    what = "reused" if "fork" in row.program else "cached"
    cached = sum(bool(step.cached) for step in steps if step.size is None or step.cached == step.size)
    parts = [step for step in steps if step.size is not None and 0 < step.cached < step.size]
    told = [f"{cached} {what}"] if cached else []
    if parts:
        told.append(f"{sum(step.cached for step in parts)} of {sum(step.size or 0 for step in parts)} elements {what}")
    kept = f" ({', '.join(told)})" if told else ""
    return ", ".join(f"{n} {status}{kept if status == 'succeeded' else ''}" for status, n in counts.items())


def kept(row: RunRow, step: StepRow) -> str:
    """Whether an earlier result stands for the step, or for how many of its elements; "" if it does for none."""
    what = "reused" if "fork" in row.program else "cached"
    if not step.cached or step.size in (None, step.cached):
        return what if step.cached else ""
    return f"{step.cached} {what}"


def slowest_path(steps: Sequence[StepRow]) -> list[StepRow]:
    """The steps that each began when the one before had ended, up to the last one: what made the run take so long.

    Where a step waited for several, or for its turn, that is the one that ended last before it began. Steps that
    others stand below are left out: their time is that of what is below them.
    """
    from bisect import bisect_right

    around = {step.parent for step in steps}
    timed = [
        (step.ended_at, step.started_at, step)
        for step in steps
        if step.ended_at is not None and step.started_at is not None
        and step.key not in around and step.form not in ("flow", "element")
    ]  # fmt: skip
    timed.sort(key=lambda each: each[:2])
    ends = [each[0] for each in timed]
    path: list[StepRow] = []
    at = len(timed) - 1
    while at >= 0:
        path.append(timed[at][2])
        at = min(at, bisect_right(ends, timed[at][1])) - 1
    return path[::-1]


def path_line(row: RunRow, steps: Sequence[StepRow]) -> str:
    """The slowest path on one line; empty where there is nothing to learn from it."""
    took_s = (row.ended_at or 0.0) - (row.started_at or 0.0)
    path = [step for step in slowest_path(steps) if _took_s(step) >= max(_SHARE * took_s, 0.001)]
    if len(path) < 2:
        return ""
    kept = sorted(path, key=_took_s)[-_SHOWN:]
    told = [f"{step.key.partition('/')[2] or step.key} {human.length(_took_s(step))}" for step in path if step in kept]
    more = f", and {len(path) - len(kept)} more" if len(path) > len(kept) else ""
    return f"{' > '.join(told)}{more}; {human.length(sum(map(_took_s, path)))} of {human.length(took_s)}"


def _took_s(step: StepRow) -> float:
    return (step.ended_at or 0.0) - (step.started_at or 0.0)
