"""Lists of runs: chosen by what people ask for, newest first, and none left out in silence."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from math import inf, nextafter

from motet.errors import UsageError
from motet.kernel import transitions as st
from motet.ports import RunFilter, RunRow, Store
from motet.values.published import published
from motet.views import human, lookup

STATUSES = (
    st.PENDING, st.RUNNING, st.WAITING, st.CANCELLING, st.SUCCEEDED, st.FAILED, st.CANCELLED, lookup.CRASHED,
)  # fmt: skip
_DAY_S = 86400.0
_AT_ONCE = 200
_BOUNDS = ("<=", ">=", "<", ">", "=")


def listed(store: Store, where: RunFilter) -> Iterator[RunRow]:
    """The runs that the filter chooses, newest first; by the statuses that people see, such as `crashed`."""
    if where.status != lookup.CRASHED and where.status not in lookup.DRIVEN:
        yield from _paged(store, where)
        return
    recorded = lookup.DRIVEN if where.status in (lookup.CRASHED, st.WAITING) else (where.status,)
    rows = [row for each in recorded for row in _paged(store, replace(where, status=each))]
    wanted = [row for row in rows if lookup.status_of(row) == where.status]
    yield from sorted(wanted, key=lambda row: row.created_at, reverse=True)


def _paged(store: Store, where: RunFilter) -> Iterator[RunRow]:
    """`crashed` is not recorded, nor always `waiting`: such runs are recorded as being driven."""
    start = None
    while True:
        page = store.run_page(where, start=start, limit=_AT_ONCE)
        yield from lookup.with_waits(store, page.runs)
        if page.next is None:
            return
        start = page.next


def shown_counts(store: Store) -> dict[str, int]:
    """How many runs are in each of the statuses that people see."""
    counts = Counter({status: n for status, n in store.run_counts().items() if status not in lookup.DRIVEN})
    for status in lookup.DRIVEN:
        counts.update(lookup.status_of(row) for row in _paged(store, RunFilter(status=status)))
    return dict(counts)


def figures(store: Store, run: RunRow) -> dict[str, float]:
    """The last point of each metric that the run has published; of several steps, of the one that published last."""
    found = sorted((each for each in published(store, run.id) if each.type == "metric"), key=lambda each: each.at)
    return {each.key: each.points[max(each.points)] for each in found if each.points}


# ---------------------------------------------------------------- what is asked for


def metrics_of(given: Sequence[str]) -> dict[str, tuple[float | None, float | None]]:
    """Bounds of metrics as `loss<0.5`, `accuracy>=0.9`. Raises UsageError."""
    found: dict[str, tuple[float | None, float | None]] = {}
    for each in given:
        sign = next((sign for sign in _BOUNDS if sign in each), "")
        name, _, text = each.partition(sign) if sign else (each, "", "")
        try:
            number = float(text)
        except ValueError:
            name = ""
        if not name.strip() or not sign:
            raise UsageError(f"--metric {each}: this is no bound.", "Write for example --metric 'loss<0.5'.")
        low, high = found.get(name.strip(), (None, None))
        if sign in (">", ">=", "="):
            low = nextafter(number, inf) if sign == ">" else number
        if sign in ("<", "<=", "="):
            high = nextafter(number, -inf) if sign == "<" else number
        found[name.strip()] = low, high
    return found


def moment_of(option: str, text: str, now: float) -> float:
    """The time that is meant: so long ago, a time of day (the last such), or a date, perhaps with a time.

    Raises UsageError.
    """
    if text[-1:].isalpha() and text[:1].isdigit() and "T" not in text and text[-1] != "Z":
        return now - human.seconds_of(text)
    today = time.strftime("%Y-%m-%dT", time.localtime(now))
    try:
        at = datetime.fromisoformat(text if "-" in text else today + text).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text!r} is no time.", 'Write how long ago ("15m", "2h"), "14:05", or "2026-11-30T14:05".'
        ) from None
    return at if at <= now or "-" in text else at - _DAY_S
