"""A static program: a workflow written as a dict of what each step needs and calls.

    {"steps": {"a": {"target": "module:function", "args": [1]},
               "b": {"target": "module:function", "args": [{"$result": "a"}], "needs": ["c"]}, ...},
     "result": "b", "executor": "threads"}

A step needs all that it names under `needs`, and all whose results its arguments name. A failure skips what
needs it; what does not goes on, and the run fails in the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from motet.errors import UsageError
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, View
from motet.kernel.transitions import FAILED, SKIPPED, SUCCEEDED


class Static:
    """Adds all steps at once, in an order in which each comes after those that it needs."""

    def __init__(self, steps: Mapping[str, Mapping[str, Any]], result: str, executor: str) -> None:
        needs = {name: _needs(spec) for name, spec in steps.items()}
        self._steps = [_step(name, steps[name], needs[name], executor) for name in _in_order(needs)]
        self._result = result

    def advance(self, view: View) -> Iterable[Action]:
        """All steps; the end, once all of them have ended."""
        ended = True
        for step in self._steps:
            status = view.status(step.key)
            if not status:
                yield step
            ended = ended and view.ended(step.key)
        if ended:
            yield self._finish(view)

    def _finish(self, view: View) -> Finish:
        by_status: dict[str, list[str]] = {}
        for step in self._steps:
            by_status.setdefault(view.status(step.key), []).append(step.key)
        failed, skipped = by_status.get(FAILED, []), by_status.get(SKIPPED, [])
        if not failed:
            return Finish(SUCCEEDED, view.result(self._result))
        what = f"failed: {', '.join(failed)}; skipped: {', '.join(skipped)}"
        return Finish(FAILED, error={"type": "StepFailed", "module": "motet.errors", "message": what})


def _step(name: str, spec: Mapping[str, Any], needs: list[str], executor: str) -> AddStep:
    call = {"target": spec["target"], "args": spec.get("args", []), "kwargs": spec.get("kwargs", {})}
    if "log_file" in spec:
        call["log_file"] = spec["log_file"]
    policy = Policy.from_json({"executor": executor, **spec.get("policy", {})})
    return AddStep(name, spec["target"].rpartition(":")[2], call=call, needs=needs, policy=policy)


def _needs(spec: Mapping[str, Any]) -> list[str]:
    named = _references([spec.get("args", []), spec.get("kwargs", {})])
    return list(dict.fromkeys([*spec.get("needs", []), *named]))


def _references(value: Any) -> Iterator[str]:
    """The steps whose results are named anywhere in the value."""
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        if set(value) == {"$result"}:
            yield value["$result"]
        else:
            yield from _references(list(value.values()))


def _in_order(needs: Mapping[str, list[str]]) -> list[str]:
    """The names, each after those that it needs. Raises UsageError for a circle or a name that is not there."""
    ordered: dict[str, None] = {}
    under_way: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name not in needs or name in under_way:
            chain = " -> ".join([*under_way, name])
            raise UsageError(f"The steps {chain} cannot be put in order.", "Add what is missing; break circles.")
        under_way[name] = None
        for each in needs[name]:
            visit(each)
        del under_way[name]
        ordered[name] = None

    for name in needs:
        visit(name)
    return list(ordered)


def make(params: Any) -> Static:
    """The program of these parameters."""
    return Static(params["steps"], params.get("result", ""), params.get("executor", "threads"))
