"""What a run of tasks and rules is, as data: which tasks there are, and what happens to them when which rule fires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motet import rules
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.records import Record, field
from motet.rules import Rule

START, STOP, RESTART, FINISH = "start", "stop", "restart", "finish"
DEEDS = (START, STOP, RESTART, FINISH)
"""What may be done when a rule fires: to a task, or (FINISH) to the run itself."""

IGNORE, QUEUE, ANOTHER = "ignore", "queue", "another"
WHILE_ALIVE = (IGNORE, QUEUE, ANOTHER, RESTART)
"""What START comes to while the task is alive: nothing; one more execution after it; beside it; in its place."""


class Task(Record, frozen=True):
    """A task, any number of executions of which there may be in the run, as steps `NAME#1`, `NAME#2`, ...

    call         what each runs; see `motet.written`. Its "cause" comes to be why that execution was started
    run          in place of a call: a run of its own, {"target", "inputs", "options", "detached"}
    hand_on      the input under which such a run is told the cause; "" for none
    policy       how each is run
    starts       whether one is started with the run
    while_alive  one of `WHILE_ALIVE`
    again_s      so many seconds after it has succeeded it is started anew; None for never
    keep         so many executions that are over stay in memory; further ones are retired
    """

    name: str
    call: Json = None
    run: Json = None
    hand_on: str = ""
    policy: Policy = Policy(executor="processes")
    starts: bool = True
    while_alive: str = IGNORE
    again_s: float | None = None
    keep: int = 1


class Reaction(Record, frozen=True):
    """What is done when a rule fires. Of those of one task that fire at once, the first in the plan counts.

    id      by which it is known, to `motet why` and in causes
    do      one of `DEEDS`
    task    to which
    latest  only if the last execution of each of these tasks has that status; once for each set of such executions
    ask     a call that is asked first, as a step, and decides: see `Reactor`
    while_alive  what START comes to while the task is alive, where this says it in place of the task
    """

    id: str
    rule: Rule
    do: str = START
    task: str = ""
    latest: Mapping[str, str] | None = None
    ask: Json = None
    while_alive: str = ""


class Plan(Record, frozen=True):
    """Tasks and reactions, by name and in order. `ends`: whether the run ends when nothing runs, and nothing that has
    not run yet can still be started from within; else it goes on until it is stopped, or a rule finishes it.
    """

    tasks: Mapping[str, Task] = field(default_factory=dict)
    reactions: Mapping[str, Reaction] = field(default_factory=dict)
    ends: bool = True

    def __post_init__(self) -> None:
        for each in self.tasks.values():
            _check_alive(each.while_alive, each.name)
            _check(each.keep >= 1, each.name, f"keep {each.keep}", ("1 or more",))
            _check(bool(each.name) and "#" not in each.name, each.name, "this name", ("one without #",))
        for reaction in self.reactions.values():
            _check(reaction.do in DEEDS, reaction.id, f"do {reaction.do!r}", DEEDS)
            _check_alive(reaction.while_alive or IGNORE, reaction.id)
            for task in (*([] if reaction.do == FINISH else [reaction.task]), *(reaction.latest or ())):
                _check(task in self.tasks, reaction.id, f"task {task!r}", list(self.tasks))

    def of_task(self, task: str) -> Sequence[Reaction]:
        """The reactions that concern the task."""
        return [each for each in self.reactions.values() if each.task == task]

    def to_json(self) -> dict[str, Json]:
        """The plan as a JSON object; `from_json` gives it back."""
        return {
            "tasks": {name: _task_json(each) for name, each in self.tasks.items()},
            "rules": [_reaction_json(each) for each in self.reactions.values()],
            "ends": self.ends,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Plan:
        """The plan that is written there.

            {"tasks": {NAME: {"call": {...}, "policy": {...}, "starts": bool, "while_alive": ..., ...}},
             "rules": [{"id": ..., "when": RULE, "do": ..., "task": NAME, "latest": {...}}, ...], "ends": bool}

        `starts` is by default whether no rule starts the task. Raises UsageError for what is no plan.
        """
        try:
            said = [_reaction(each, n) for n, each in enumerate(data.get("rules", ()))]
            started = {each.task for each in said if each.do == START}
            tasks = {name: _task(name, each, name not in started) for name, each in data.get("tasks", {}).items()}
            return cls(tasks, {each.id: each for each in said}, bool(data.get("ends", True)))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise UsageError(f"That is no plan of tasks and rules: {error!r}.", "See `motet.reacting.plan`.") from None


def _check(right: bool, where: str, what: str, known: Sequence[str]) -> None:
    if not right:
        raise UsageError(f"{where}: {what} cannot be.", f"It may be: {', '.join(known)}.")


def _check_alive(while_alive: str, where: str) -> None:
    _check(while_alive in WHILE_ALIVE, where, f"while_alive {while_alive!r}", WHILE_ALIVE)


def _task(name: str, data: Mapping[str, Json], starts: bool) -> Task:
    policy = Policy.from_json({"executor": "processes", **data.get("policy", {})})
    return Task(name, **{"starts": starts, **data, "policy": policy})


def _reaction(data: Mapping[str, Json], number: int) -> Reaction:
    body = {name: value for name, value in data.items() if name != "when"}
    return Reaction(**{"id": f"{data.get('task', '')}/{number}", **body, "rule": rules.from_json(data["when"])})


def _task_json(task: Task) -> dict[str, Json]:
    fields = ("call", "run", "hand_on", "starts", "while_alive", "again_s", "keep")
    return {"policy": task.policy.json, **{name: getattr(task, name) for name in fields}}


def _reaction_json(each: Reaction) -> dict[str, Json]:
    return {
        "id": each.id, "when": each.rule.to_json(), "do": each.do, "task": each.task, "latest": each.latest,
        "ask": each.ask, "while_alive": each.while_alive,
    }  # fmt: skip
