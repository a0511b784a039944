"""Calls that are written down: a step whose `call` is JSON can be run without asking its program.

    {"target": "module:qualname", "args": [...], "kwargs": {...}, "over": [...]}

{"$result": KEY} anywhere among the arguments stands for the value of the step KEY (a list for a map); it must be
among the step's `needs`. For a map, `over` holds one value for each element, which comes before `args`;
with `each`, an element gets the same element's value of each upstream map first.
"""

from __future__ import annotations

from collections.abc import Callable

from motet.errors import TargetError
from motet.kernel.events import Json
from motet.kernel.program import View
from motet.kernel.state import RunState, Step
from motet.ports import ArtifactStore, Attempt, Failure, Outcome, Success
from motet.ports.execution import Prepared, Settled
from motet.typed import Any
from motet.values.records import decode, encode


class DeclaredCall:
    """A `Call` made of JSON."""

    def __init__(self, artifacts: ArtifactStore, state: RunState, step: Step) -> None:
        self._artifacts = artifacts
        self._view = View(state)
        self._step = step

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared:
        """The target with its arguments; values of other steps are fetched where the attempt runs, if here."""
        spec = self._step.call
        function = resolve(spec["target"])
        first: list[Json] = []
        if element >= 0:
            first = [{"$record": self._view.result(each)[element]} for each in self._step.each]
            if "over" in spec:
                first.append(self._over(spec["over"], element))
        args = self._plan([*first, *spec.get("args", ())])
        kwargs = self._plan(spec.get("kwargs", {}))
        context = {"run": self._view.run, "key": self._step.key, "attempt": attempt, "element": element}
        context.update({"cause": spec["cause"]} if "cause" in spec else {})
        log_file = spec.get("log_file", "")
        if here:
            fetched = (function, self._artifacts, args, kwargs)
            return Prepared(_fetch_and_call, fetched, context=context, log_file=log_file)
        values = _fetch(self._artifacts, args), _fetch(self._artifacts, kwargs)
        return Prepared(function, tuple(values[0]), values[1], context=context, log_file=log_file)

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """The outcome as it is recorded."""
        return settle(outcome, self._artifacts)

    def _over(self, over: Json, element: int) -> Json:
        if isinstance(over, dict) and "$result" in over:
            return {"$item": self._view.result(over["$result"]), "index": element}
        return over[element]

    def _plan(self, spec: Json) -> Any:
        """The arguments with {"$result": key} replaced by the record, which any thread may read."""
        if isinstance(spec, list):
            return [self._plan(each) for each in spec]
        if isinstance(spec, dict):
            if set(spec) == {"$result"}:
                record = self._view.result(spec["$result"])
                return {"$records": list(record)} if self._is_map(spec["$result"]) else {"$record": record}
            return {name: self._plan(each) for name, each in spec.items()}
        return spec

    def _is_map(self, key: str) -> bool:
        step = self._view.state.steps.get(key)
        return step is not None and step.map is not None


def settle(outcome: Outcome, artifacts: ArtifactStore) -> Settled:
    """A value becomes its record, unless another process made it one already."""
    if isinstance(outcome, Success):
        return Settled(True, encode(outcome.value, artifacts) if outcome.record is None else outcome.record)
    assert isinstance(outcome, Failure)
    return Settled(False, error=outcome.error)


def _fetch(artifacts: ArtifactStore, plan: Any) -> Any:
    if isinstance(plan, list):
        return [_fetch(artifacts, each) for each in plan]
    if isinstance(plan, dict):
        if "$record" in plan:
            return decode(plan["$record"], artifacts)
        if "$records" in plan:
            return [decode(each, artifacts) for each in plan["$records"]]
        if "$item" in plan:
            return decode(plan["$item"], artifacts)[plan["index"]]
        return {name: _fetch(artifacts, each) for name, each in plan.items()}
    return plan


def _fetch_and_call(function: Callable[..., Any], artifacts: ArtifactStore, args: Any, kwargs: Any) -> Any:
    return function(*_fetch(artifacts, args), **_fetch(artifacts, kwargs))


def resolve(target: str) -> Callable[..., Any]:
    """The object that `module:qualname` names. Raises TargetError."""
    module, _, qualname = target.partition(":")
    try:
        from importlib import import_module

        found: Any = import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise TargetError(
            f"{target} cannot be loaded: {error}.", "Check the name, and that the module can be imported here."
        ) from error
    if not callable(found):
        raise TargetError(f"{target} is not callable.", "Name a function or class.")
    function: Callable[..., Any] = getattr(found, "fn", found)  # a decorated task stands for its function
    return function
