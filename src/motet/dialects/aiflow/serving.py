"""Which names `import ai_flow` and `import notification_service` give where the originals are not installed."""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any

from motet import standins
from motet.errors import NotServed
from motet.standins import Face

_MODEL, _OPERATORS, _OWN = "motet.dialects.aiflow.model", "motet.dialects.aiflow.operators", "motet.dialects.aiflow"

_PLACES: Mapping[str, str] = {
    "ai_flow.model.workflow": f"{_MODEL}.workflow",
    "ai_flow.model.operator": f"{_MODEL}.workflow",
    "ai_flow.model.action": f"{_MODEL}.words",
    "ai_flow.model.status": f"{_MODEL}.words",
    "ai_flow.model.execution_type": f"{_MODEL}.words",
    "ai_flow.model.condition": f"{_MODEL}.conditions",
    "ai_flow.model.rule": f"{_MODEL}.conditions",
    "ai_flow.model.context": f"{_MODEL}.contexts",
    "ai_flow.model.state": f"{_MODEL}.contexts",
    "ai_flow.model.task_execution": f"{_MODEL}.contexts",
    "ai_flow.model.workflow_execution": f"{_MODEL}.contexts",
    "ai_flow.model.internal.conditions": f"{_MODEL}.conditions",
    "ai_flow.model.internal.contexts": f"{_MODEL}.contexts",
    "ai_flow.model.internal.events": f"{_MODEL}.events",
    "ai_flow.operators.bash": f"{_OPERATORS}.plain",
    "ai_flow.operators.python": f"{_OPERATORS}.plain",
    "ai_flow.operators.flink": f"{_OPERATORS}.flink",
    "ai_flow.operators.flink.flink_operator": f"{_OPERATORS}.flink",
    "ai_flow.operators.spark.spark_submit": f"{_OPERATORS}.spark",
    "ai_flow.operators.spark.spark_sql": f"{_OPERATORS}.spark",
    "ai_flow.notification.notification_client": f"{_OWN}.notifying",
    "ai_flow.common.env": f"{_OWN}.places",
    "ai_flow.common.exception.exceptions": f"{_MODEL}.words",
    "ai_flow.common.util.mock_context": f"{_OWN}.contexts",
    "ai_flow.metadata": f"{_OWN}.metadata",
    "ai_flow.ops": f"{_OWN}.ops",
    "notification_service.model.event": f"{_MODEL}.events",
    "notification_service.client.embedded_notification_client": f"{_OWN}.notifying",
    "notification_service.client.notification_client": f"{_OWN}.notifying",
}
"""The modules that scripts import names from, and the modules here that give them."""


def _with_packages(places: Mapping[str, str]) -> dict[str, str]:
    """The same with the packages above them, which give no names of their own."""
    found = dict(places)
    for name in places:
        while name := name.rpartition(".")[0]:
            found.setdefault(name, _OWN)
    return found


SERVED: Mapping[str, str] = _with_packages(_PLACES)


class AIFlowFace:
    """What stands in for the modules of the original."""

    def names(self, module: str) -> Iterable[str] | None:
        place = SERVED.get(module)
        return None if place is None else list(import_module(place).__all__)

    def get(self, module: str, name: str) -> Any:
        if name not in (self.names(module) or ()):
            raise self._refused(f"{module} has no {name} here.")
        return getattr(import_module(SERVED[module]), name)

    def refuse(self, module: str) -> NotServed:
        """What to say of a module that is not served."""
        return self._refused(f"There is no module {module} here.")

    @staticmethod
    def _refused(what: str) -> NotServed:
        return NotServed(what, "docs/reference/aiflow.md lists what scripts may import.")


def standing_in() -> ExitStack:
    """Until it is closed, imports of `ai_flow` and `notification_service` give Motet's, unless they are installed."""
    stack = ExitStack()
    for package in ("ai_flow", "notification_service"):
        stack.enter_context(standins.standing_in(package, partial(_face, package)))
    return stack


def _face(package: str) -> Face | None:
    """Nothing stands in for an original."""
    return None if PathFinder.find_spec(package) is not None else AIFlowFace()


_staying: list[ExitStack] = []


def stay() -> None:
    """From now on they stand in: tasks import when they run, too."""
    if not _staying:
        _staying.append(standing_in())
        atexit.register(_staying[0].close)
