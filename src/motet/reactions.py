"""Tasks and flows that are started, stopped and started anew by rules over events:

    from motet.reactions import finish, react, restart, start, stop
    from motet.rules import AllOf, Count, OnEvent

    react(
        start(predict),                                               # with the run
        start(train, on=Count(OnEvent("data_prepared"), 3), while_alive="queue"),
        start(validate, after=train),                                 # each time the last training has succeeded
        restart(predict, on="model_deployed"),
        finish(on="enough"),
    )

What follows from each event is decided in the order of the journal, recorded, and carried on after a crash.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from inspect import signature

from motet import app, requests
from motet.children import Child, check_ended, id_of
from motet.dialects.declared.plugin import new_run
from motet.dialects.python.finding.loading import flows_of, load_main, load_module, pick
from motet.dialects.python.flows import Flow
from motet.dialects.python.hosting import begins
from motet.dialects.python.running.coroutines import finished
from motet.dialects.python.tasks import Task
from motet.dialects.python.world.events import made
from motet.errors import UsageError
from motet.executors import current
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.transitions import SUCCEEDED
from motet.listening import Event, event_of
from motet.mains import Main, main_of, of_this_process
from motet.ports import RunRow
from motet.ports.voice import Asked, Onward, Target
from motet.reacting.asking import Asking
from motet.reacting.plan import FINISH, RESTART, START, STOP, Plan
from motet.records import Record
from motet.rules import AnyOf, OnEvent, OnStatus, Rule
from motet.typed import Any
from motet.values.kinds import written
from motet.values.naming import new_id, new_name

__all__ = ["Deed", "caused", "finish", "react", "restart", "start", "stop"]

PROGRAM = "motet.reactions:program"
"""The program that runs of rules are made of."""

_PLACE = Policy(executor="processes", slot=False)
_EVENT, _CAUSE = "event", "cause"


class Deed(Record, frozen=True):
    """What is to be done to a task or flow, and when: made by `start`, `stop`, `restart` and `finish`."""

    do: str
    what: Any = None
    rule: Rule | None = None
    latest: Mapping[str, str] | None = None
    given: Any = None
    while_alive: str = ""
    again_s: float | None = None


def start(
    what: Callable[..., Any], *, on: Rule | str | None = None, after: Any = (), given: Callable[..., Any] | None = None,
    while_alive: str = "ignore", again_s: float | None = None,
) -> Deed:  # fmt: skip
    """Start a task (as a step) or a flow (as a run of its own) each time the rule fires; with neither `on` nor `after`,
    nor `on` of the flow's own, once, with the run.

    on           a rule, or the key of an event, in which each "*" stands for any text
    after        a task or flow, or several: each time the last run of every one of them has succeeded
    given        a function that decides whether, as a step of its own: see `react`
    while_alive  what that comes to while it runs: "ignore" nothing, "queue" one more when that has ended, "another" one
                 beside it, "restart" one in its place
    again_s      so many seconds after it has succeeded it is started anew

    A parameter called `event` is given the Event that made the rule fire, the last one of several; `cause` all of them,
    as `caused()` does.
    """
    if on is None and isinstance(what, Flow):
        on = what.options.get("on")
    several = list(after) if isinstance(after, list | tuple) else [after]
    latest = {_name_of(each): SUCCEEDED for each in several} or None
    if latest and on is not None:
        raise UsageError(f"start({_name_of(what)}) has `on` and `after`.", "Write two of them, one for each.")
    rule = _rule(on) if on is not None else _succeeded(latest) if latest else None
    return Deed(START, what, rule, latest, given, while_alive, again_s)


def stop(what: Callable[..., Any], *, on: Rule | str, given: Callable[..., Any] | None = None) -> Deed:
    """Stop the task or flow each time the rule fires."""
    return Deed(STOP, what, _rule(on), given=given)


def restart(what: Callable[..., Any], *, on: Rule | str, given: Callable[..., Any] | None = None) -> Deed:
    """Stop the task or flow each time the rule fires, and start it anew; start it where it does not run."""
    return Deed(RESTART, what, _rule(on), given=given)


def finish(*, on: Rule | str) -> Deed:
    """End the run as succeeded when the rule fires: what still runs is stopped."""
    return Deed(FINISH, rule=_rule(on))


def react(*deeds: Deed, name: str = "", ends: bool = True) -> None:
    """Do these as their rules fire, until the run is finished by one, or stopped; with `ends`, also when nothing runs
    and nothing that has not run yet can start. Of those about one task that fire at once, the first counts.

    In a flow it is a step of that flow, and a run of its own below it, which a resume of the flow takes up where it
    stood; elsewhere a run that this process drives. Tasks run in processes, and hold no place that others wait for.

    A function that is `given` decides by itself, as a step: `given(event, state)` is called with the Event (or None)
    and the dict that it gave last time, {} at first; it gives True or False, or that and the next state. What it raises
    decides nothing, and harms no other.

    Raises UsageError for deeds that make no sense; RunFailed if a task has failed in the end.
    """
    plan = plan_of(deeds, ends=ends)
    if current.get() is None:
        row = begun(plan, name=name, workflow=name or "reactions")
        begins(row.id)
        app.carry_on(app.hosts.current(), row, Onward())
        check_ended(app.hosts.current().store.run(row.id))
        return
    made: Task[[Json], None] = Task(_reacted, {"name": name or "react"})
    made.policy = Policy(executor="runs")
    made(plan.to_json())


def begun(plan: Plan, *, name: str, workflow: str) -> RunRow:
    """A run of that plan, which nobody drives yet."""
    host = app.hosts.current()
    run = new_id(host.clock.now())
    new = new_run(host, run, PROGRAM, {"plan": plan.to_json(), "run": run}, name=name or new_name())
    new.workflow = workflow
    host.create(new)
    return host.store.run(run)


def _reacted(plan: Json) -> None:
    here = current.get()
    assert here is not None
    Child(PROGRAM, Asked(params={"plan": plan, "run": id_of(here.context)})).run()


def program(params: Mapping[str, Json]) -> Asking:
    """The program of such a run. Raises UsageError."""
    host, run = app.hosts.current(), params.get("run", "")
    token = requests.token(app.home(), run) if run else ""
    return Asking(Plan.from_json(params["plan"]), host.artifacts, policy=_PLACE, token=token)


# ---------------------------------------------------------------- plans


def plan_of(deeds: Iterable[Deed], *, ends: bool = True) -> Plan:
    """The plan of what is to be done. Raises UsageError."""
    tasks: dict[str, dict[str, Json]] = {}
    said: list[dict[str, Json]] = []
    for number, deed in enumerate(deeds):
        name = _entered(tasks, deed) if deed.what is not None else ""
        if deed.rule is not None:
            said.append(
                {
                    "id": f"{deed.do} {name or 'run'}/{number}", "when": deed.rule.to_json(), "do": deed.do,
                    "task": name, "latest": deed.latest, "ask": _asked_of(deed, number),
                    "while_alive": deed.while_alive,
                }
            )  # fmt: skip
    return Plan.from_json({"tasks": tasks, "rules": said, "ends": ends})


def _entered(tasks: dict[str, dict[str, Json]], deed: Deed) -> str:
    """The name of the deed's task, which is in the plan from then on. Raises UsageError where another has it."""
    name, task = _name_of(deed.what), _task_of(deed.what)
    told = tasks.setdefault(name, {**task, "starts": False})
    if any(told[each] != value for each, value in task.items()):
        raise UsageError(f"Two tasks are called {name}.", "Give one of them another name: @task(name=...).")
    if deed.again_s is not None:
        told["again_s"] = deed.again_s
    if deed.do == START:
        told.setdefault("while_alive", deed.while_alive)
        told["starts"] = told["starts"] or deed.rule is None
    return name


def _rule(on: Rule | str) -> Rule:
    return OnEvent(on, pattern="*" in on) if isinstance(on, str) else on


def _succeeded(latest: Mapping[str, str]) -> Rule:
    rules = tuple(OnStatus(SUCCEEDED, task=each) for each in latest)
    return rules[0] if len(rules) == 1 else AnyOf(rules)


def _name_of(what: Any) -> str:
    return str(getattr(what, "name", "") or getattr(what, "__name__", "")).replace("#", "-")


def _asked_of(deed: Deed, number: int) -> Json:
    if deed.given is None:
        return None
    return {"target": "motet.reactions:decided", "args": [_place_of(deed.given), deed.do, str(number)]}


def _task_of(what: Any) -> dict[str, Json]:
    """What runs, as a plan has it."""
    place = _place_of(what)
    if isinstance(what, Flow):
        target = f"{place['file'] or place['module']}:{place['name']}"
        hand_on = _CAUSE if _CAUSE in what.parameters.shape.names else ""
        return {"run": {"target": target}, "hand_on": hand_on}
    policy = what.policy if isinstance(what, Task) else _PLACE
    if policy.executor in ("", "processes"):
        policy = Policy.from_json({**policy.json, "executor": "processes", "slot": False})
    return {"call": {"target": "motet.reactions:called", "args": [place]}, "policy": policy.json}


def _place_of(what: Any) -> dict[str, str]:
    """Where another process finds it again. Raises UsageError for what was defined within a function."""
    function = written(getattr(what, "fn", what))
    module, qualname = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if not module or "<" in qualname:
        raise UsageError(f"{what!r} cannot be found by another process.", "Define it at the top of a module.")
    own = of_this_process() if module == "__main__" else None
    if module == "__main__" and own is None:
        raise UsageError(f"{qualname} is defined in an interactive session.", "Define it in a file.")
    file, main, path = own or ("", "", "")
    return {"module": main if own else module, "file": file, "name": qualname, "path": path or sys.path[0]}


def of_flows(target: Target) -> list[Deed]:
    """What is to be done to the flow that is named, or to all of a file or module, if they have `on`. Raises
    TargetError.
    """
    module = load_main(main_of(target.file)) if target.file else load_module(target.module)
    flows = [pick(module, target.name, str(target))] if target.name else flows_of(module).values()
    return [start(each, while_alive="another") for each in flows if "on" in each.options]


# ---------------------------------------------------------------- where a step runs


def called(place: Mapping[str, str]) -> Any:
    """What a step of such a run calls: the task's function, with what caused it where it asks for that."""
    function = _found(place)
    names = signature(function).parameters
    asked: dict[str, Callable[[], Any]] = {_EVENT: _event, _CAUSE: caused}
    return finished(function(**{name: get() for name, get in asked.items() if name in names}))


def decided(place: Mapping[str, str], do: str, own: str, told: Json, statuses: Json, states: Json) -> Json:
    """What a function decides that is `given` to a deed; `states` has what each of these gave last time."""
    event = made(told) if "key" in told else None
    state = states.get(own, {})
    said = finished(_found(place)(event, dict(state)))
    yes, kept = said if isinstance(said, tuple) else (said, state)
    return {"do": do if yes else None, "state": {**states, own: kept}}


def caused() -> list[Json]:
    """What caused the step that this is part of: see `motet.rules.Causes`; [] if it was started with its run."""
    here = current.get()
    cause = here.context.get("cause") if here is not None else None
    return list((cause or {}).get("causes", ()))


def _event() -> Event | None:
    """The last event among the causes."""
    offsets = [each["offset"] for each in caused() if "event" in each]
    found = app.hosts.current().store.read(offsets[-1] - 1, limit=1, published=True) if offsets else []
    return event_of(found[0]) if found and found[0].offset == offsets[-1] else None


def _found(place: Mapping[str, str]) -> Callable[..., Any]:
    stamp = os.stat(place["file"]).st_mtime_ns if place["file"] else 0
    return _loaded(place["module"], place["file"], place["name"], place["path"], stamp)


@lru_cache(maxsize=100)
def _loaded(module: str, file: str, name: str, path: str, stamp: int) -> Callable[..., Any]:
    """The function, from the code as it is on the disk; a script that has changed since is loaded anew."""
    found: Any = load_main(Main(file, module, path)) if file else load_module(module, path)
    for part in name.split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = getattr(found, "fn", found)
    return function
