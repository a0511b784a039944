"""A workflow's definition as a plan of tasks and rules, with what the language does where nothing else is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from motet.dialects.aiflow.model.events import TaskStatusChangedEvent
from motet.dialects.aiflow.model.words import STEP_WORDS, TaskAction
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.transitions import CANCELLED, FAILED, RUNNING, SUCCEEDED
from motet.reacting.plan import START, Plan, Reaction, Task
from motet.rules import AllOf, AnyOf, OnEvent, OnStatus, Rule

_STATUSES = {STEP_WORDS[each]: each for each in (RUNNING, SUCCEEDED, FAILED, CANCELLED)}
"""Statuses that are told of, by the language's words."""

_FOR_EVER = 10**9
_AGAIN = {"retries": _FOR_EVER, "delays_s": [1.0], "backoff": 2.0, "max_delay_s": 60.0}
"""How often and how soon what is to run always is started again."""

_AGAIN_S = 1.0
_GRACE_S = 15.0
JUDGE = "motet.dialects.aiflow.running.worker:judge"


def plan_of(definition: Mapping[str, Any], program: Json) -> Plan:
    """The plan; `program` is what those that are asked about conditions of users' own are given of the execution."""
    rules: dict[str, list[Mapping[str, Any]]] = {each["name"]: [] for each in definition["tasks"]}
    for rule in definition["rules"]:
        rules[rule["task"]].append(rule)
    reactions: list[Reaction] = []
    for name, own in rules.items():
        if any(_is_own(each["condition"]) for each in own):
            reactions.append(_asked(definition, name, own, program))
        else:
            reactions += [_reaction(definition, each) for each in own]
    gated = {each["task"] for each in definition["rules"] if each["action"] == TaskAction.START}
    tasks = {
        each["name"]: _task(each["name"], {**definition.get("config", {}), **each["config"]}, each["name"] not in gated)
        for each in definition["tasks"]
    }
    return Plan(tasks, {each.id: each for each in reactions})


def _task(name: str, config: Mapping[str, Any], starts: bool) -> Task:
    again = config.get("again", "")
    how: dict[str, Any] = {"executor": "processes", "slot": False, "grace_s": _GRACE_S, **(_AGAIN if again else {})}
    how |= {each: config[each] for each in _POLICY if each in config}
    return Task(
        name, policy=Policy.from_json(how), starts=starts, while_alive=config.get("while_alive", "ignore"),
        again_s=_AGAIN_S if again == "always" else None,
    )  # fmt: skip


_POLICY = ("retries", "delays_s", "timeout_s", "grace_s", "slot", "demands")


def _reaction(definition: Mapping[str, Any], rule: Mapping[str, Any]) -> Reaction:
    condition = rule["condition"]
    latest = {name: _STATUSES[status] for name, status in condition.get("tasks", ())} or None
    return Reaction(
        f"{rule['task']}/{rule['at']}", _rule(definition, condition), rule["action"].lower(), rule["task"], latest
    )  # fmt: skip


def _rule(definition: Mapping[str, Any], condition: Mapping[str, Any]) -> Rule:
    kind = condition["kind"]
    if kind == "event":
        return OnEvent(condition["key"], definition["namespace"])
    if kind == "status":
        return OnStatus(_STATUSES[condition["status"]], task=condition["task"])
    if kind == "statuses":
        return AnyOf(tuple(OnStatus(_STATUSES[status], task=name) for name, status in condition["tasks"]))
    parts = tuple(_rule(definition, each) for each in condition["of"])
    return AllOf(parts, reset=bool(condition.get("reset"))) if kind == "all" else AnyOf(parts)


def _is_own(condition: Mapping[str, Any]) -> bool:
    """Whether the condition has to be asked itself."""
    return condition["kind"] == "own" or any(_is_own(each) for each in condition.get("of", ()))


def _asked(definition: Mapping[str, Any], task: str, own: list[Mapping[str, Any]], program: Json) -> Reaction:
    """All rules of a task of which one has to be asked itself: they are tried in order, so all are asked."""
    heard = dict.fromkeys(each for rule in own for each in _heard(definition, rule["condition"]))
    ask = {"target": JUDGE, "args": [program, task]}
    return Reaction(f"{task}/*", AnyOf(tuple(heard)), START, task, ask=ask)


def _heard(definition: Mapping[str, Any], condition: Mapping[str, Any]) -> Iterable[Rule]:
    """What a condition hears of."""
    if condition["kind"] != "own":
        for each in condition.get("of", ()):
            yield from _heard(definition, each)
        if "of" not in condition:
            rule = _rule(definition, condition)
            yield from rule.parts or (rule,)
        return
    prefix = TaskStatusChangedEvent.event_key(definition["namespace"], definition["name"], "")
    tasks = {each["name"] for each in definition["tasks"]}
    for key in condition["keys"]:
        if key.startswith(prefix) and key.removeprefix(prefix) in tasks:
            yield from [OnStatus(status, task=key.removeprefix(prefix)) for status in _STATUSES.values()]
        else:
            yield OnEvent(key, definition["namespace"])
