"""A program of rules: tasks start, stop and start again when events are published.

    every 3rd "data"                      training#1, #2, ...      with the event's value
    "approve", then "deploy"              deployment#1, ...        with the value of "deploy"
    "left" and "right", in any order      joined#1, ...            with the value of the later one
    a training has succeeded and "check"  validation#1
    "restart"                             stream#n is stopped, and stream#n+1 started when it has ended
    "halt" or "stop"                      the stream is stopped
    "closing", then silence               the run ends, as soon as nothing is left to run

Parameters: {"path": file for the targets, "executor": ..., "pause_s": ..., "silence_s": ...}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, Listen, RestartStep, StopStep, View
from motet.kernel.state import Fired
from motet.kernel.transitions import SUCCEEDED
from motet.rules import Absence, AllOf, AnyOf, Count, OnEvent, OnStatus, Rule, Sequence

STARTS: dict[str, Rule] = {
    "training": Count(OnEvent("data"), 3),
    "deployment": Sequence((OnEvent("approve"), OnEvent("deploy"))),
    "joined": AllOf((OnEvent("left"), OnEvent("right"))),
}
"""Tasks that a rule starts each time it fires."""


class Rules:
    """Listens, and does what the rules that fired are there for."""

    def __init__(self, params: Any) -> None:
        self._path = params["path"]
        self._pause_s = params.get("pause_s", 0.0)
        self._policy = Policy(executor=params.get("executor", "threads"), grace_s=0.5)
        silence = Absence(OnEvent("data"), params.get("silence_s", 0.2))
        self._listens = [
            *(Listen(task, rule) for task, rule in STARTS.items()),
            Listen("check", AllOf((OnStatus(SUCCEEDED, task="training"), OnEvent("check"))), repeat=False),
            Listen("restart", OnEvent("restart")),
            Listen("halt", AnyOf((OnEvent("halt"), OnEvent("stop")))),
            Listen("closing", Sequence((OnEvent("closing"), silence)), repeat=False),
        ]

    def advance(self, view: View) -> Iterable[Action]:
        """What is listened for, the first stream, and what the rules that fired are there for."""
        if not view.status("stream#1"):
            yield from self._listens
            yield self._stream(1)
            return
        restarts = sum(fired.wait == "restart" for fired in view.fired)
        stream = 1 + view.state.waits["restart"].fired - restarts
        for fired in view.fired:
            if fired.wait == "restart":
                yield RestartStep(f"stream#{stream}", self._stream(stream + 1))
                stream += 1
            else:
                yield from self._answer(fired, stream)
        if view.state.waits["closing"].fired and view.idle:
            yield Finish(SUCCEEDED, self._summary(view))

    def _answer(self, fired: Fired, stream: int) -> Iterator[Action]:
        if fired.wait in STARTS:
            yield self._told(fired.wait, fired.number, getattr(fired.signal, "value", None))
        elif fired.wait == "check":
            yield self._told("validation", fired.number, "checked")
        else:  # halt, closing
            yield StopStep(f"stream#{stream}")

    def _stream(self, number: int) -> AddStep:
        call = {"target": "tests.programs.targets:stream", "args": [self._path]}
        return AddStep(f"stream#{number}", "stream", call=call, policy=self._policy)

    def _told(self, task: str, number: int, value: Any) -> AddStep:
        call = {"target": "tests.programs.targets:told", "args": [self._path, value, self._pause_s]}
        return AddStep(f"{task}#{number}", task, call=call, policy=self._policy)

    def _summary(self, view: View) -> str:
        tasks = [*STARTS, "validation", "stream"]
        return " ".join(f"{task}={sum(1 for _ in view.steps(task))}" for task in tasks)


def make(params: Any) -> Rules:
    """The program of these parameters."""
    return Rules(params)


def expected(events: list[tuple[str, int]]) -> dict[str, int | str]:
    """Which steps there must be in the end, and with what value, if each of the events was acted on once."""
    steps: dict[str, int | str] = {"stream#1": ""}
    seen: dict[str, int] = {}

    def add(task: str, value: int | str) -> None:
        seen[task] = seen.get(task, 0) + 1
        steps[f"{task}#{seen[task]}"] = value

    data, approved, sides, streams = 0, False, set[str](), 1
    for key, value in events:
        if key == "data":
            data += 1
            if data % 3 == 0:
                add("training", value)
        elif key == "approve":
            approved = True
        elif key == "deploy" and approved:
            approved = False
            add("deployment", value)
        elif key in ("left", "right"):
            sides.add(key)
            if len(sides) == 2:
                sides.clear()
                add("joined", value)
        elif key == "check" and data >= 0:
            add("validation", "checked")
        elif key == "restart":
            streams += 1
            steps[f"stream#{streams}"] = ""
    return steps
