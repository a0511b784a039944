"""The code of a task as it is recorded with each of its steps: what it is, and the values that it reads just now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from motet.dialects.python.kinds import written
from motet.kernel.events import Json
from motet.values.identity.code import Plan, plan_of
from motet.values.identity.fingerprints import outside_of, value_form
from motet.values.identity.modules import target_of, version_of


class KnownCode:
    """The code of one function, digested once a process, and again where a name in it came to stand for other code."""

    __slots__ = ("_function", "_plan", "_spec")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._plan: Plan | None = None
        self._spec: dict[str, Json] = {}

    def spec(self, ask: Callable[[str], Any]) -> dict[str, Json]:
        """The parts of a `motet.ports.StepSpec` that the code decides, as JSON that is not to be changed.

        `ask` tells what the code would find of its own run: for a name such as flow_run.name the value.
        """
        plan = self._plan
        if plan is None or not plan.holds():
            plan = self._plan = plan_of(self._function)
            self._spec = _of_plan(target_of(written(self._function)), plan)
        if not plan.reads and not plan.runtime:
            return self._spec
        outside, unknown = outside_of(plan)
        for name in plan.runtime:
            outside[name] = value_form(ask(name))
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
