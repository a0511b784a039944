"""The code of a task as it is recorded with each of its steps: what it is, and the values that it reads just now."""

from __future__ import annotations

from collections.abc import Callable

from motet.kernel.events import Json
from motet.typed import Any
from motet.values.identity.code import Plan, plan_of
from motet.values.identity.fingerprints import outside_of, value_form
from motet.values.identity.modules import target_of, version_of


class KnownCode:
    """The code of one function, digested once a process, and again where a name in it came to stand for other code."""

    __slots__ = ("_function", "_named", "_plan", "_spec")

    def __init__(self, function: Callable[..., Any], named: Callable[[Any], Any]) -> None:
        """`named` gives the function that gives its name to a callable."""
        self._function = function
        self._named = named
        self._plan: Plan | None = None
        self._spec: dict[str, Json] = {}

    def spec(self, caller: Any, ask: Callable[[Any, str], Any]) -> dict[str, Json]:
        """The parts of a `motet.ports.StepSpec` that the code decides, as JSON that is not to be changed.

        `ask(caller, name)` tells what the code finds of its own run: for a name such as flow_run.name the value.
        """
        plan = self._plan
        if plan is None or not plan.holds():
            plan = self._plan = plan_of(self._function)
            self._spec = _of_plan(target_of(self._named(self._function)), plan)
        if not plan.reads and not plan.runtime and not plan.made_up:
            return self._spec
        outside, unknown = outside_of(plan)
        for name in plan.runtime:
            outside[name] = value_form(ask(caller, name))
        whole = {**self._spec, "outside": outside}
        if unknown:
            whole["unknown"] = unknown
        return whole


def _of_plan(target: str, plan: Plan) -> dict[str, Json]:
    spec: dict[str, Json] = {"target": target, "code": plan.code.hex()[:16]}
    versions = {name: version for name in plan.packages if (version := version_of(name))}
    if versions:
        spec["environment"] = versions
    return spec


def with_inputs(
    code: dict[str, Json], inputs: dict[str, Json], unknown: dict[str, str], files: dict[str, Json]
) -> dict[str, Json]:  # fmt: skip
    """The spec of a call of that code."""
    spec = {**code, "inputs": inputs}
    if files:
        spec["files"] = files
    if unknown:
        spec["unknown"] = {**code.get("unknown", {}), **unknown}
    return spec
