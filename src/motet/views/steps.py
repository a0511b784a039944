"""Steps by what a user types; and the elements of maps, one row for each.

What no row of the store says of an element is derived from the journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from motet.errors import NotFound, did_you_mean
from motet.kernel import transitions as st
from motet.kernel.events import Json
from motet.ports import RunRow, StepRow, Store
from motet.values.plain import peek
from motet.views import human

_HIDDEN = "…"
"""What stands in a name for a value that is recorded by its digest alone."""


def find_step(store: Store, run: RunRow, text: str) -> StepRow:
    """The step with that key; an element of a map; the only step whose key ends so, or that has that task or name."""
    of, _, index = text.removesuffix("]").rpartition("[")
    if of and text.endswith("]") and index.isdigit():
        return _find_element(store, run, find_step(store, run, of), int(index))
    try:
        return store.step(run.id, text)
    except NotFound:
        steps = [each for each in store.steps(run.id) if each.form != "element"]
        keys = [each.key for each in steps if each.key.endswith("/" + text)]
        keys = keys or [each.key for each in steps if text in (each.task, each.name)]
    if len(keys) == 1:
        return store.step(run.id, keys[0])
    if keys:
        told = "".join(f"\n  {key}" for key in keys[:10])
        raise NotFound(f"Run {run.name} has {len(keys)} steps of that name:{told}", "Write one of these keys.")
    cure = did_you_mean(text, (each.key.rpartition("/")[2] for each in steps))
    raise NotFound(f"Run {run.name} has no step {text!r}.", f"{cure} `motet show {run.name}` lists its steps.".lstrip())


def _find_element(store: Store, run: RunRow, of: StepRow, index: int) -> StepRow:
    """An element of a map, as the journal tells of it."""
    if of.size is None or index >= of.size:
        told = "is no map" if of.size is None else f"has {of.size} elements, numbered from 0"
        raise NotFound(
            f"Run {run.name} has no step {of.key}[{index}]: {of.key} {told}.",
            f"`motet show {run.name}` lists its steps.",
        )  # fmt: skip
    return elements(store, run, of)[index]


# ---------------------------------------------------------------- elements


def elements(store: Store, run: RunRow, of: StepRow) -> list[StepRow]:
    """All elements of the map, by index; see `of_maps`."""
    return of_maps(store, run, [of])[of.key]


def of_maps(store: Store, run: RunRow, maps: Sequence[StepRow]) -> dict[str, list[StepRow]]:
    """All elements of these maps, by index, as far as the journal tells: starts of first attempts are not recorded, so
    one that runs for the first time counts as pending.

    Each is called as the map's `name` says, a template; without one, by what it was given beside the others, as far as
    that is recorded. `cached` is 1 for one that took over an earlier result.
    """
    found = {of.key: [_fresh(of, index) for index in range(of.size or 0)] for of in maps}
    called: dict[str, Mapping[str, Json]] = {}
    by_key = {of.key: of for of in maps}
    for event in store.history(run.id):
        of = by_key.get(event.get("key", ""))
        if of is not None:
            called[of.key] = (event.get("call") or {}).get("inputs") or called.get(of.key, {})
            _take(of, found[of.key], event)
    for of in maps:
        for row in found[of.key]:
            if row.status == st.PENDING and of.status in st.ENDED:  # it shares the fate of its map
                row.status = st.CANCELLED if of.status == st.CANCELLED else st.SKIPPED
        _name(store, run, of, called.get(of.key, {}), found[of.key])
    return found


def _take(of: StepRow, found: list[StepRow], event: Mapping[str, Any]) -> None:
    """Let the rows tell what the event says."""
    kind, index = event["event"], event.get("element", -1)
    if kind == "step.reset":
        dropped = event.get("fingerprint") or event.get("anew")
        for at, row in enumerate(found):
            if dropped or row.status != st.SUCCEEDED:
                found[at] = _fresh(of, at)
    elif kind == "elements.succeeded":
        _succeed(found, event)
    elif kind in _BECOMES and 0 <= index < len(found):
        _become(found[index], event)


def _fresh(of: StepRow, index: int) -> StepRow:
    key = f"{of.key}[{index}]"
    return StepRow(key, of.task, "element", st.PENDING, of.key, added_at=of.added_at, needs=of.needs)


def index_of(element: StepRow) -> int:
    """Which element of its map it is."""
    return int(element.key.rpartition("[")[2][:-1])


def _succeed(found: Sequence[StepRow], event: Mapping[str, Any]) -> None:
    results, cached = event.get("results") or (), set(event.get("cached", ()))
    for at, index in enumerate(event["indices"]):
        if index < len(found):  # of a map that was larger before it was defined anew
            row = found[index]
            row.status, row.attempt, row.ended_at = st.SUCCEEDED, 1, event["at"]
            row.cached, row.result = int(index in cached), results[at] if results else None


_BECOMES = {
    "step.started": st.RUNNING, "step.retrying": st.RETRYING, "step.succeeded": st.SUCCEEDED, "step.failed": st.FAILED,
    "step.skipped": st.SKIPPED, "step.cancelled": st.CANCELLED, "step.interrupted": st.PENDING,
}  # fmt: skip


def _become(row: StepRow, event: Mapping[str, Any]) -> None:
    """One that something other than a first success befell."""
    row.status, row.error = _BECOMES[event["event"]], event.get("error")
    row.attempt = max(row.attempt, event.get("attempt", row.attempt))
    if row.status == st.RUNNING:
        row.started_at = event["at"]
    elif row.status in st.ENDED:
        row.ended_at, row.result = event["at"], event.get("result")
        row.cached = int(bool(event.get("cached")))


# ---------------------------------------------------------------- names


_LONGEST = 60


class _Unknown:
    """A value that is recorded by its digest alone: whatever a template asks of it."""

    def __format__(self, spec: str) -> str:
        return _HIDDEN

    def __getattr__(self, name: str) -> _Unknown:
        return self

    def __getitem__(self, name: object) -> _Unknown:
        return self

    def __repr__(self) -> str:
        return _HIDDEN


def _name(store: Store, run: RunRow, of: StepRow, called: Mapping[str, Json], found: Iterable[StepRow]) -> None:
    """Call the elements as the template of the map says, as far as what they were given is recorded."""
    results = {name: _results(store, run, form[1:]) for name, form in called.items() if _is_result(form)}
    own = [name for name, form in called.items() if isinstance(form, list) or isinstance(results.get(name), list)]
    template = of.name or ", ".join(f"{name}={{{name}!r}}" for name in own)
    for row in found:
        index = index_of(row)
        values = {name: _value(form, index, results.get(name)) for name, form in called.items()}
        with suppress(KeyError, IndexError, ValueError, AttributeError, TypeError):  # as any template may
            row.name = human.short_text(template.format(**values), _LONGEST)


def _is_result(form: Json) -> bool:
    return isinstance(form, str) and form.startswith("@")


def _results(store: Store, run: RunRow, key: str) -> Json:
    """What the step has given: records of all elements of a map."""
    try:
        step = store.step(run.id, key)
    except NotFound:
        return {}
    return step.result if step.size is None else [row.result for row in elements(store, run, step)]


def _value(form: Json, index: int, results: Json) -> Any:
    """What the element was given, told by its form: see `motet.ports.spec`."""
    if isinstance(form, list):
        form = form[index] if index < len(form) else "#"
    if _is_result(form):
        form = results[index] if isinstance(results, list) and index < len(results) else results
        with suppress(ValueError):
            return peek(form)
        return _Unknown()
    return _Unknown() if isinstance(form, str) and form.startswith("#") else form


# ---------------------------------------------------------------- counts


def counts(run: RunRow, found: Sequence[StepRow]) -> dict[str, int]:
    """How many elements are in each status; how many of them were cached (in a fork: reused), or tried again."""
    told = dict(Counter(row.status for row in found).most_common())
    further = {
        "reused" if "fork" in run.program else "cached": sum(bool(row.cached) for row in found),
        "tried again": sum(row.attempt > 1 for row in found),
    }
    return told | {name: count for name, count in further.items() if count}
