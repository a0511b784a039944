"""Workflows as data, checked: what is kept of one at its upload, and what its executions are made of.

    {"name", "namespace", "interpreter", "config": {...},
     "tasks": [{"name", "kind": its class, "periodic": expression, "interpreter", "config": {...}}],
     "rules": [{"task", "action", "condition", "at": its place among the rules of that task}]}

A condition has a "kind": "event" ("key"), "all" ("name", "of", "reset"), "any" ("of"), "status" ("namespace",
"workflow", "task", "status"), "statuses" ("tasks": [[name, status], ...]); or "own" ("keys", "class"): one that is
asked itself, in a step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from motet.dialects.aiflow import planning
from motet.dialects.aiflow.model.conditions import (
    Condition,
    MeetAllCondition,
    MeetAnyCondition,
    SingleEventCondition,
    TaskStatusAllMetCondition,
    TaskStatusCondition,
)  # fmt: skip
from motet.dialects.aiflow.model.events import TaskStatusChangedEvent
from motet.dialects.aiflow.model.words import TaskAction, TaskStatus
from motet.dialects.aiflow.model.workflow import Operator, OperatorConfigItem, Workflow
from motet.errors import SpecError, UsageError
from motet.kernel.events import Json
from motet.values.naming import check_published

OPTIONS: Mapping[str, tuple[type, ...]] = {
    "while_alive": (str,), "slot": (bool,), "again": (str,), "retries": (int,), "timeout_s": (int, float),
    "delays_s": (list, tuple), "grace_s": (int, float), "demands": (dict,), "interpreter": (str,),
}  # fmt: skip
"""What may be said of a task, or of all of a workflow, beside what the original knows; with the types of values."""

_CHOICES = {"while_alive": ("ignore", "queue", "another", "restart"), "again": ("failure", "always")}
_ANNOUNCED = (TaskStatus.RUNNING, TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.STOPPED)
_NAME = re.compile(r"[^./#@?\[\]\s\0][^/#@\[\]\s\0]*")
_NAME_CHARS = 200


def definition_of(workflow: Workflow) -> dict[str, Json]:
    """The workflow as data. Raises SpecError for what cannot be in one."""
    place = f"Workflow {workflow.namespace}.{workflow.name}"
    for what, name in _names(workflow):
        if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _NAME_CHARS:
            raise SpecError(f"{place}: {name!r:.80} cannot be the name of a {what}.", "Leave out / # @ [ ] and spaces.")
    if not workflow.tasks:
        raise SpecError(f"{place} has no tasks.", "Define one below `with Workflow(...):`.")
    unknown = [name for name in workflow.rules if name not in workflow.tasks]
    if unknown:
        raise SpecError(f"{place} has a rule for {unknown[0]}, which is no task of it.", "Correct the name.")
    config = _config(workflow.config, place)
    rules = [
        _rule(workflow, name, at, f"{place}, rule {at + 1} of task {name}")
        for name in workflow.tasks
        for at in range(len(workflow.rules.get(name, ())))
    ]
    if not any(_may_be_first(workflow, each) for each in workflow.tasks.values()):
        raise SpecError(f"{place}: no task can ever begin: each waits for others.", "Leave out the rules of one.")
    return {
        "name": workflow.name, "namespace": workflow.namespace, "interpreter": config.pop("interpreter", ""),
        "config": config, "tasks": [_task(each, place) for each in workflow.tasks.values()],
        "rules": rules,
    }  # fmt: skip


def _may_be_first(workflow: Workflow, task: Operator) -> bool:
    """Whether it begins with the execution, or may begin by more than what becomes of the workflow's tasks."""
    place = workflow.namespace, workflow.name
    told = {TaskStatusChangedEvent.event_key(*place, name) for name in workflow.tasks}
    begins = [rule for rule in workflow.rules.get(task.name, ()) if rule.action != TaskAction.STOP]
    is_gated = any(rule.action == TaskAction.START for rule in begins)
    elsewhere = {key for rule in begins for key in rule.condition.expect_event_keys} - told
    return not is_gated or bool(elsewhere or task.config.get(OperatorConfigItem.PERIODIC_EXPRESSION))


def _names(workflow: Workflow) -> list[tuple[str, Any]]:
    tasks = [("task", name) for name in workflow.tasks]
    return [("workflow", workflow.name), ("namespace", workflow.namespace), *tasks]


def _task(task: Operator, place: str) -> dict[str, Json]:
    place = f"{place}, task {task.name}"
    periodic = task.config.get(OperatorConfigItem.PERIODIC_EXPRESSION) or ""
    if periodic:
        try:
            planning.parsed(periodic)
        except UsageError as error:
            raise SpecError(f"{place}: {error.what}", error.cure) from None
    config = _config(task.config, place)
    return {
        "name": task.name, "kind": type(task).__name__, "periodic": periodic,
        "interpreter": config.pop("interpreter", ""), "config": config,
    }  # fmt: skip


def _config(config: Mapping[str, Any], place: str) -> dict[str, Json]:
    found = {name: config[name] for name in OPTIONS if config.get(name) is not None}
    for name, value in found.items():
        is_right = type(value) in OPTIONS[name]
        if not is_right or value not in _CHOICES.get(name, (value,)):
            told = " or ".join(_CHOICES.get(name, [each.__name__ for each in OPTIONS[name]]))
            raise SpecError(f"{place}: {name} cannot be {value!r:.80}.", f"It is {told}.")
    return found


def _rule(workflow: Workflow, task: str, at: int, place: str) -> dict[str, Json]:
    rule = workflow.rules[task][at]
    keys: Any = rule.condition.expect_event_keys
    if not isinstance(keys, list | tuple) or not all(isinstance(each, str) for each in keys):
        raise SpecError(f"{place}: expect_event_keys is {keys!r:.80}.", "Give a list of keys.")
    for key in keys:
        try:
            check_published(key)
        except UsageError as error:
            raise SpecError(f"{place}: {error.what}", error.cure) from None
    found = _condition(workflow, rule.condition, place)
    own = {"kind": "own", "keys": list(keys), "class": type(rule.condition).__name__}
    return {"task": task, "action": rule.action.value, "condition": found or own, "at": at}


def _condition(workflow: Workflow, condition: Condition, place: str) -> dict[str, Json] | None:
    """The condition as data; None for one that has to be asked itself. Subclasses may do anything."""
    made = _KINDS.get(type(condition))
    return None if made is None else made(workflow, condition, place)


def _event(workflow: Workflow, condition: SingleEventCondition, place: str) -> dict[str, Json]:
    return {"kind": "event", "key": condition.expect_event_keys[0]}


def _several(workflow: Workflow, condition: MeetAllCondition | MeetAnyCondition, place: str) -> dict[str, Json] | None:
    parts = [_condition(workflow, each, place) for each in condition.conditions]
    if not parts or any(each is None or each["kind"] in ("status", "statuses") for each in parts):
        return None
    if isinstance(condition, MeetAllCondition):
        return {"kind": "all", "name": condition.name, "of": parts, "reset": condition.reset}
    return {"kind": "any", "of": parts}


def _status(workflow: Workflow, condition: TaskStatusCondition, place: str) -> dict[str, Json] | None:
    if condition.expect_status not in _ANNOUNCED:
        told = ", ".join(status.value for status in _ANNOUNCED)
        raise SpecError(f"{place}: no task is ever told to be {condition.expect_status.value}.", f"Wait for {told}.")
    if (condition.namespace, condition.workflow_name) != (workflow.namespace, workflow.name):
        return None
    if condition.task_name not in workflow.tasks:
        raise SpecError(f"{place}: there is no task {condition.task_name}.", "Correct the name.")
    return {
        "kind": "status", "namespace": condition.namespace, "workflow": condition.workflow_name,
        "task": condition.task_name, "status": condition.expect_status.value,
    }  # fmt: skip


def _statuses(workflow: Workflow, condition: TaskStatusAllMetCondition, place: str) -> dict[str, Json] | None:
    parts = [_condition(workflow, each, place) for each in condition.condition_list]
    told = [each for each in parts if each is not None and each["kind"] == "status"]
    if not told or len(told) < len(parts):
        return None
    return {"kind": "statuses", "tasks": [[each["task"], each["status"]] for each in told]}


_KINDS: Mapping[type, Callable[[Workflow, Any, str], dict[str, Json] | None]] = {
    SingleEventCondition: _event, MeetAllCondition: _several, MeetAnyCondition: _several,
    TaskStatusCondition: _status, TaskStatusAllMetCondition: _statuses,
}  # fmt: skip
