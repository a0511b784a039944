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

_OWN = "motet.dialects.aiflow"
_PLACES = f"""
    {_OWN}.model.workflow: ai_flow.model.workflow ai_flow.model.operator
    {_OWN}.model.words: ai_flow.model.action ai_flow.model.status ai_flow.model.execution_type
    {_OWN}.model.words: ai_flow.common.exception.exceptions
    {_OWN}.model.conditions: ai_flow.model.condition ai_flow.model.rule ai_flow.model.internal.conditions
    {_OWN}.model.contexts: ai_flow.model.context ai_flow.model.state ai_flow.model.internal.contexts
    {_OWN}.model.contexts: ai_flow.model.task_execution ai_flow.model.workflow_execution
    {_OWN}.model.events: ai_flow.model.internal.events notification_service.model.event
    {_OWN}.operators.plain: ai_flow.operators.bash ai_flow.operators.python
    {_OWN}.operators.flink: ai_flow.operators.flink ai_flow.operators.flink.flink_operator
    {_OWN}.operators.spark: ai_flow.operators.spark.spark_submit ai_flow.operators.spark.spark_sql
    {_OWN}.notifying: ai_flow.notification.notification_client notification_service.client.notification_client
    {_OWN}.notifying: notification_service.client.embedded_notification_client
    {_OWN}.places: ai_flow.common.env
    {_OWN}.contexts: ai_flow.common.util.mock_context
    {_OWN}.metadata: ai_flow.metadata
    motet.aiflow.ops: ai_flow.ops
"""
"""The modules here, and those of the original that have their names."""


def _served(places: str) -> dict[str, str]:
    """By module of the original the one here; the packages above them give no names of their own."""
    found = {}
    for line in places.strip().splitlines():
        here, _, names = line.strip().partition(": ")
        found.update(dict.fromkeys(names.split(), here))
    for name in list(found):
        while name := name.rpartition(".")[0]:
            found.setdefault(name, _OWN)
    return found


SERVED: Mapping[str, str] = _served(_PLACES)


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
