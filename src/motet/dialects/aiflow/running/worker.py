"""What runs in the processes of tasks: operators, and conditions of users' own that are asked."""

from __future__ import annotations

import copy
import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from motet.dialects.aiflow import contexts
from motet.dialects.aiflow.loading import workflow_of
from motet.dialects.aiflow.model.conditions import match_events
from motet.dialects.aiflow.model.events import Event, TaskStatusChangedEvent
from motet.dialects.aiflow.model.words import STEP_WORDS, TaskFailedException, TaskStatus
from motet.dialects.aiflow.model.workflow import AIFlowOperator
from motet.environments import elsewhere
from motet.kernel.events import Json

_FORMAT = "[%(asctime)s - %(filename)s:%(lineno)d [%(threadName)s] - %(levelname)s: %(message)s"


class _Errors(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what is standard error at that moment: it may change from one attempt to the next."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _begin(about: Mapping[str, Any]) -> None:
    """Every task finds its files below the folder that it is in, and the root logger at INFO."""
    os.chdir(about["folder"])
    root = logging.getLogger()
    if not any(isinstance(each, _Errors) for each in root.handlers):
        shown = _Errors()
        shown.setFormatter(logging.Formatter(_FORMAT))
        root.addHandler(shown)
    root.setLevel(logging.INFO)


def run(about: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """Run a task: its operator is started and waited for; when it is to stop, told so after its own code has ended."""
    if elsewhere.is_another(about["interpreter"]):
        elsewhere.call_in(about["interpreter"], f"{__name__}:run", [{**about, "interpreter": ""}, told])
        return
    _begin(about)
    workflow = workflow_of(about["file"], about["namespace"], about["name"])
    operator = copy.copy(workflow.tasks[told["task"]])
    context = contexts.begin(told, workflow)
    if not isinstance(operator, AIFlowOperator):
        return
    try:
        operator.start(context)
        operator.await_termination(context)
    except SystemExit:
        operator.stop(context)
        raise
    except ModuleNotFoundError as error:
        what = f"Task {operator.name} needs the module {error.name}, which {sys.executable} does not have."
        cure = f"Install it there: {sys.executable} -m pip install ...; or name another Python: interpreter=..."
        raise TaskFailedException(what, cure) from error


def judge(
    about: Mapping[str, Any], task: str, told: Mapping[str, Any], statuses: Mapping[str, str], state: Mapping[str, Json]
) -> dict[str, Json]:
    """Try the rules of a task in order; the first whose condition is met says what is to be done.

    A condition that raises has changed nothing.
    """
    _begin(about)
    workflow = workflow_of(about["file"], about["namespace"], about["name"])
    event = _event(about, told)
    known = {name: STEP_WORDS[status] for name, status in statuses.items() if status in STEP_WORDS}
    who = {"workflow_execution_id": about["execution"], "namespace": about["namespace"], "workflow": about["name"]}
    context, written = contexts.conditions(who, state, known, workflow)
    for at, rule in enumerate(workflow.rules[task]):
        if match_events(rule.condition.expect_event_keys, event):
            action = rule.trigger(event, context)
            if action is not None:
                return {"do": action.value.lower(), "which": f"{task}/{at}", "state": written()}
    return {"do": None, "state": written()}


def _event(about: Mapping[str, Any], told: Mapping[str, Any]) -> Event:
    """What made the rule fire, as conditions know it."""
    event: Event
    if "status" in told:
        status, place = TaskStatus(STEP_WORDS[told["status"]]), (about["namespace"], about["name"])
        event = TaskStatusChangedEvent(about["execution"], told["task"], status, place)
        event.sender = "task_manager"
    else:
        value = told["value"]
        event = Event(told["key"], value if isinstance(value, str) else "" if value is None else json.dumps(value))
        event.sender, event.offset = told["sender"], told["offset"]
        event.context = json.dumps({"workflow_execution_id": about["execution"]}) if told["run"] else None
    event.namespace, event.create_time = about["namespace"], int(told["at"] * 1000)
    return event
