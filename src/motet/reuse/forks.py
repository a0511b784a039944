"""What a run that was forked takes over from the run that it was forked from: every step that does not change.

A step does not change if it is asked to do the same (see `motet.ports.StepSpec`), and if all steps that it takes
results from ended here as they did there. Its key may be another: in a list that got longer, an element may have moved.
Bodies of flows always run; their steps are taken over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from motet.engine.recording import load_state
from motet.errors import NotFound
from motet.kernel.events import Json
from motet.kernel.program import View
from motet.kernel.state import RunState, Step, element_key
from motet.kernel.transitions import SUCCEEDED
from motet.ports.execution import Settled
from motet.ports.spec import StepSpec, recorded_spec
from motet.values.hashing import blake2b
from motet.values.identity.fingerprints import CURE
from motet.values.published import publication, published
from motet.values.records import is_whole

if TYPE_CHECKING:
    from motet.ports.voice import Host


Say: TypeAlias = "Callable[[str], None]"
"""Tells somebody what hinders; it may be told more than once."""


def reuse_of(host: Host, fork: Json, say: Say) -> Reuse | None:
    """What the run named by `fork` has recorded; None if it has been pruned: then all is run anew."""
    try:
        row = host.store.run(fork["run"])
    except NotFound:
        return None
    return Reuse(host, load_state(host.store, row.id, row.offset), fork.get("from", ()), say)


OLD = "Steps are not taken over: an earlier version of Motet did not record what they were asked to do."


class Reuse:
    """The steps of an earlier run, and the artifacts that they published. Callable from any thread; never waits.

    anew   keys of steps that run anew whatever is recorded, with all that is below them or consumes their results
    """

    def __init__(self, host: Host, state: RunState, anew: Iterable[str], say: Say) -> None:
        self._host = host
        self._state = state
        self._anew = tuple(anew)
        self._artifacts = tuple(published(host.store, state.run))
        self._say = say
        self._renewed: dict[str, bool] = {}
        self._same: dict[str, bool] = {}
        self._asked: dict[str, _Identities] = {}
        self._told: dict[str, list[str]] = {}
        self._places: dict[str, dict[str, list[str]]] = {}
        self._by_identity: dict[str, list[str]] | None = None
        self._taken: dict[str, str] = {}
        self._lock = Lock()

    def find(self, state: RunState, key: str, element: int = -1) -> Settled | None:
        """The outcome to be taken over for a step (or element) of the run in that state; None if it is to run."""
        whole = key if element < 0 else element_key(key, element)
        new = state.steps[key]
        spec = recorded_spec(new.call)
        if new.form == "flow" or spec is None or self._is_renewed(state.steps, key, whole):
            return None
        for name, why in spec.unknown.items():
            self._say(f"Steps of task {new.task} are not taken over: {name} {why}. {CURE}")
            return None
        if (same := self._state.steps.get(key)) is not None and recorded_spec(same.call) is None:
            self._say(OLD)
        if not self._is_fed_the_same(state, new, spec):
            return None
        with self._lock:
            old = self._match(state, new, spec, element)
            if old is None:
                return None
            self._taken[old] = whole
        self._publish_again(state.run, old, whole)
        return Settled(True, View(self._state).result(old), cached=True, note={"reused": [self._state.run, old]})

    # ------------------------------------------------------------ which one

    def _match(self, state: RunState, new: Step, spec: StepSpec, element: int) -> str | None:
        """The step, or element, of the other run that was asked to do the same; each serves one only."""
        if element < 0:
            wanted = _Identities(state, new, spec).at(0)
            candidates = [new.key, *self._all().get(wanted, ())]
            return next((each for each in candidates if self._is_free(each, new.key, wanted)), None)
        old = self._state.steps.get(new.key)
        if old is None or old.map is None:
            return None
        if new.key not in self._asked:
            self._asked[new.key] = _Identities(state, new, spec)
        wanted = self._asked[new.key].at(element)
        own = element_key(new.key, element)
        candidates = [own, *self._elements(new.key).get(wanted, ())]
        return next((each for each in candidates if self._is_free(each, own, wanted)), None)

    def _is_free(self, old: str, new: str, wanted: str) -> bool:
        """Whether the old step succeeded at what is wanted, is still there, and has not been taken over by another."""
        if self._taken.get(old, new) != new or self._state.outcome(old) != SUCCEEDED or self._is_named(old):
            return False
        if self._identity(old) != wanted:
            return False
        record = View(self._state).result(old)
        return not (isinstance(record, dict) and "lost" in record) and is_whole(record, self._host.artifacts)

    def _identity(self, old: str) -> str | None:
        """What a step, or element, of the other run was asked to do."""
        key, _, element = old.partition("[")
        step = self._state.steps.get(key)
        if step is None or step.form == "flow" or (step.map is not None) != bool(element):
            return None
        place = int(element[:-1]) if element else 0
        identities = self._identities_of(step)
        return identities[place] if place < len(identities) else None

    def _identities_of(self, step: Step) -> list[str]:
        """What a step of the other run was asked to do, for each element of a map; nothing if it cannot be told."""
        found = self._told.get(step.key)
        if found is None:
            spec = recorded_spec(step.call)
            size = 1 if step.map is None else step.map.size
            known = None if spec is None or spec.unknown else _Identities(self._state, step, spec)
            found = self._told[step.key] = [] if known is None else [known.at(place) for place in range(size)]
        return found

    def _all(self) -> dict[str, list[str]]:
        """The keys of the steps of the other run, by what they were asked to do."""
        if self._by_identity is None:
            self._by_identity = {}
            for key, step in self._state.steps.items():
                if step.form == "call" and not step.of and (identity := self._identity(key)) is not None:
                    self._by_identity.setdefault(identity, []).append(key)
        return self._by_identity

    def _elements(self, key: str) -> dict[str, list[str]]:
        """The elements of a map of the other run, by what they were asked to do."""
        places = self._places.get(key)
        if places is None:
            places = self._places[key] = {}
            for place, each in enumerate(self._identities_of(self._state.steps[key])):
                places.setdefault(each, []).append(element_key(key, place))
        return places

    # ------------------------------------------------------------ what it is fed

    def _is_fed_the_same(self, state: RunState, new: Step, spec: StepSpec) -> bool:
        """Whether the steps that it waits for ended as they did there. Those that are inputs count by their results."""
        told = {form[1:] for form in _forms(spec.inputs.values()) if _is_step(form)}
        return all(self._is_same(state, each) for each in (*new.needs, *new.after) if each not in told)

    def _is_same(self, state: RunState, key: str) -> bool:
        """Whether the step has ended in this run as it did in the other. It has ended."""
        found = self._same.get(key)
        if found is None:
            found = self._same[key] = _ending(self._state, key) == _ending(state, key)
        return found

    # ------------------------------------------------------------ what runs anew, what is published

    def _publish_again(self, run: str, old: str, new: str) -> None:
        """The artifacts of a step that is taken over, and of what is below it, are the new run's too."""
        for each in self._artifacts:
            if _within(each.step, old) and (each.step == old or not each.step.startswith(f"{old}[")):
                value = {name: getattr(each, name) for name in ("type", "description", "content", "preview")}
                value["step"] = new + each.step[len(old) :]
                points = [{"x": x, "value": y} for x, y in each.points.items()] or [each.preview]
                events = [publication(run, each.key, {**value, "preview": it}, each.at) for it in points]
                self._host.store.publish(events)

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


class _Identities:
    """What a step was asked to do, as digests: one, or one for each element of a map. Results of steps that it takes
    count by what they are; those of elements that a map follows are there when its own are due.
    """

    def __init__(self, state: RunState, step: Step, spec: StepSpec) -> None:
        self._state = state
        files = {f"what is in {name}": form for name, form in spec.files.items()}
        self._spread = {name: form for name, form in {**spec.inputs, **files}.items() if isinstance(form, list)}
        self._each = {name: form[1:] for name, form in spec.inputs.items() if _is_step(form) and form[1:] in step.each}
        shared = {
            name: _result_or_form(state, form)
            for name, form in {**spec.inputs, **files}.items()
            if name not in self._each and name not in self._spread
        }
        self._prefix = json.dumps([{**spec.json(), "inputs": None, "files": None}, shared], sort_keys=True)

    def at(self, place: int) -> str:
        """That of the element at `place`; of a single step at 0."""
        own = {name: _result(self._state, element_key(key, place)) for name, key in self._each.items()}
        own |= {name: _result_or_form(self._state, forms[place]) for name, forms in self._spread.items()}
        return _digest(self._prefix + json.dumps(own, sort_keys=True) if own else self._prefix)


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _forms(inputs: Iterable[Json]) -> Iterator[Json]:
    for form in inputs:
        yield from form if isinstance(form, list) else (form,)


def _result_or_form(state: RunState, form: Json) -> Json:
    return _result(state, form[1:]) if _is_step(form) else form


def _is_step(form: Json) -> bool:
    return isinstance(form, str) and form[:1] == "@"


def _result(state: RunState, key: str) -> Json:
    return {"ended": _ending(state, key)}


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
