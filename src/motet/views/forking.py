"""What a fork would run anew, as far as the run that it is made of tells: read from its steps, without any code."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from motet.kernel import transitions as st
from motet.kernel.events import Json
from motet.ports import RunRow, StepRow, Store
from motet.views.steps import elements

_NAMED = 20


def plan(store: Store, run: RunRow, anew: Collection[str], params: Mapping[str, Json]) -> Json:
    """What would become of the steps of a fork: {"reused", "anew", "to_come": how many, "steps": the first that run
    anew, "about_s": how long these took, together, "surely": whether it is known}.

    A step is reused if it succeeded, none of `anew` is it, below it or around it, no changed parameter is told to reach
    it, and nothing that it takes runs anew. The code on disk may have changed: that only the fork itself finds out.
    """
    rows = [row for row in store.steps(run.id) if row.form not in ("flow", "element")]
    first = {row.key for row in rows if any(_touches(row.key, key) for key in anew)}
    reached = _reached(store, run, params)
    again = _dependents(rows, {row.key: row.parent for row in store.steps(run.id)}, first | reached)
    done = {row.key: _succeeded(store, run, row) for row in rows}
    ran = [row for row in rows if row.key in again and (done[row.key] or row.key in first)]
    anew_count = sum(_count(row) if row.key in first else done[row.key] for row in ran)
    reused = sum(done[row.key] for row in rows if row.key not in again)
    return {
        "reused": reused, "anew": anew_count, "to_come": sum(map(_count, rows)) - reused - anew_count,
        "steps": [row.key for row in ran[:_NAMED]], "about_s": sum(map(_took, ran)), "surely": not params,
    }  # fmt: skip


def _succeeded(store: Store, run: RunRow, row: StepRow) -> int:
    """How many of its elements have succeeded; of a single step 1 or 0."""
    if row.size is None or row.status == st.SUCCEEDED:
        return _count(row) if row.status == st.SUCCEEDED else 0
    return sum(each.status == st.SUCCEEDED for each in elements(store, run, row))


def _touches(key: str, other: str) -> bool:
    """Whether one is the other, or within it."""
    one, two = f"/{key}/".replace("[", "/["), f"/{other}/".replace("[", "/[")
    return one.startswith(two) or two.startswith(one)


def _count(row: StepRow) -> int:
    return row.size if row.size is not None else 1


def _took(row: StepRow) -> float:
    return max(0.0, (row.ended_at or 0.0) - (row.started_at or row.ended_at or 0.0))


def _reached(store: Store, run: RunRow, params: Mapping[str, Json]) -> set[str]:
    """The steps that were given one of the parameters under its name."""
    found = set()
    for event in store.history(run.id) if params else ():
        given = (event.get("call") or {}).get("inputs") or {} if event["event"] == "step.added" else {}
        if params.keys() & given.keys():
            found.add(event["key"])
    return found


def _dependents(rows: list[StepRow], parents: Mapping[str, str], first: Collection[str]) -> set[str]:
    """These and all that take their results: directly, or what a flow around them gives."""
    takers: dict[str, list[str]] = {}
    for row in rows:
        for key in row.needs:
            takers.setdefault(key, []).append(row.key)
    found, todo = set(first), list(first)
    while todo:
        key = todo.pop()
        around = parents.get(key, "")
        for each in (*takers.get(key, ()), *([around] if around else ())):
            if each not in found:
                found.add(each)
                todo.append(each)
    return found
