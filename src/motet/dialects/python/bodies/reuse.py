"""What a run that was forked takes over from the run that it was forked from: every step that does not change.

A step does not change if its key, its task, the task's code and its arguments are the same, and if all steps that
it takes results from ended here as they did there. Bodies of flows always run; their steps are taken over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from motet.dialects.python.caching import Hit, is_whole
from motet.engine.recording import load_state
from motet.errors import NotFound
from motet.kernel.events import Json
from motet.kernel.program import View
from motet.kernel.state import RunState, Step, element_key
from motet.kernel.transitions import SUCCEEDED
from motet.values.published import Published, publication, published

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.engine.host import Host


def reuse_of(host: Host, fork: Json) -> Reuse | None:
    """What the run named by `fork` has recorded; None if it has been pruned: then all is run anew."""
    try:
        row = host.store.run(fork["run"])
    except NotFound:
        return None
    return Reuse(load_state(host.store, row.id, row.offset), fork.get("from", ()), published(host.store, row.id))


class Reuse:
    """The steps of an earlier run, and the artifacts that they published. Callable from any thread; never waits.

    anew   keys of steps that run anew whatever is recorded, with all that is below them or consumes their results
    """

    def __init__(self, state: RunState, anew: Iterable[str], artifacts: Iterable[Published]) -> None:
        self._state = state
        self._anew = tuple(anew)
        self._artifacts = tuple(artifacts)
        self._renewed: dict[str, bool] = {}
        self._same: dict[str, bool] = {}

    def find(self, driver: Driver, key: str, element: int = -1) -> Hit | None:
        """The outcome to be taken over for a step (or element) of the driver's run; None if it is to run."""
        whole = key if element < 0 else element_key(key, element)
        old, new = self._state.steps.get(key), driver.state.steps[key]
        if new.form == "flow" or old is None:
            return None
        if (old.task, old.fingerprint, old.call) != (new.task, new.fingerprint, new.call):
            return None
        if self._state.outcome(whole) != SUCCEEDED or self._is_renewed(driver.state.steps, key, whole):
            return None
        record = View(self._state).result(whole)
        followed = [element_key(each, element) for each in new.each]
        unchanged = all(self._is_same(driver.state, each) for each in (*new.needs, *new.after, *followed))
        if not unchanged or (isinstance(record, dict) and "lost" in record) or not is_whole(driver, record):
            return None
        self._publish_again(driver, whole)
        return Hit(record, {"reused": [self._state.run, whole]})

    def _publish_again(self, driver: Driver, key: str) -> None:
        """The artifacts of a step that is taken over, and of what is below it, are the new run's too."""
        for each in self._artifacts:
            if _within(each.step, key) and (each.step == key or not each.step.startswith(f"{key}[")):
                value = {name: getattr(each, name) for name in ("type", "step", "description", "content", "preview")}
                points = [{"x": x, "value": y} for x, y in each.points.items()] or [each.preview]
                events = [publication(driver.run.id, each.key, {**value, "preview": it}, each.at) for it in points]
                driver.host.store.publish(events)

    def _is_same(self, state: RunState, key: str) -> bool:
        """Whether the step has ended in this run as it did in the other. It has ended."""
        found = self._same.get(key)
        if found is None:
            found = self._same[key] = _ending(self._state, key) == _ending(state, key)
        return found

    def _is_renewed(self, steps: Mapping[str, Step], key: str, whole: str) -> bool:
        """Whether the step, or one that it takes results from, directly or not, is to run anew."""
        if not self._anew:
            return False
        return self._is_named(whole) or any(self._passes_on(steps, each) for each in _inputs(steps, key))

    def _passes_on(self, steps: Mapping[str, Step], key: str) -> bool:
        """Whether what consumes the step's result is to run anew."""
        known, waiting = self._renewed, [key]
        while waiting:
            inputs = _inputs(steps, waiting[-1])
            unknown = [each for each in inputs if each not in known]
            if unknown:
                waiting += unknown
            else:
                known[waiting[-1]] = self._is_named(waiting[-1]) or any(known[each] for each in inputs)
                waiting.pop()
        return known[key]

    def _is_named(self, key: str) -> bool:
        """Whether the step is one of those to run anew, below one, or around one."""
        return any(_within(key, each) or _within(each, key) for each in self._anew)


def _inputs(steps: Mapping[str, Step], key: str) -> list[str]:
    """The steps that a step takes results from: the map, where it takes that of an element."""
    step = steps[key]
    return [each if each in steps else each.rpartition("[")[0] for each in (*step.needs, *step.after, *step.each)]


def _within(key: str, outer: str) -> bool:
    """Whether the step is `outer`, below it, or an element of it."""
    return key.startswith(outer) and key[len(outer) : len(outer) + 1] in ("", "/", "[")


def _ending(state: RunState, key: str) -> Any:
    """The status of a step with its result or error; None if there is no such step."""
    status = state.outcome(key)
    if status == SUCCEEDED:
        return status, View(state).result(key)
    step = state.steps.get(key)
    return (status, step.error) if step is not None else None
