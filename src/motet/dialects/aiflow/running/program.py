"""The program of an execution: the plan of its workflow, periodic tasks, and tasks that run in processes of their own
snapshot.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from motet import requests
from motet.dialects.aiflow.planning import next_at, parsed
from motet.dialects.aiflow.running import worker
from motet.dialects.aiflow.running.plan import plan_of
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.program import Action, Listen, Unlisten, View
from motet.kernel.state import Fired, Step
from motet.ports import ArtifactStore, Attempt, Outcome
from motet.ports.execution import Prepared, Settled
from motet.reacting.asking import QUESTIONS, Asking, Question
from motet.reacting.executions import numbered
from motet.reacting.plan import RESTART, Reaction
from motet.rules import After
from motet.written import settle

if TYPE_CHECKING:
    from motet.engine.session import Session
    from motet.ports import RunRow
    from motet.ports.execution import Call
    from motet.ports.voice import Host, Onward

_TICK = "@tick "
_SOON_S = 0.001
_QUESTION = Policy(executor="processes", slot=False, timeout_s=300.0)


class AIFlowProgram(Asking):
    """Adds periodic tasks, which are started anew at each tick, and keep the execution from ending by itself."""

    def __init__(self, host: Host, row: RunRow) -> None:
        program, definition = row.program, row.program["definition"]
        about = {name: program[name] for name in ("file", "namespace", "name", "folder", "execution")}
        plan = plan_of(definition, about)
        super().__init__(plan, host.artifacts, policy=_QUESTION, token=requests.token(host.home, row.id))
        self._about: Mapping[str, Any] = about
        self._logs = program["logs"]
        self._periodic = {each["name"]: parsed(each["periodic"]) for each in definition["tasks"] if each["periodic"]}
        everywhere = definition.get("interpreter", "")
        self._interpreters = {each["name"]: each.get("interpreter") or everywhere for each in definition["tasks"]}

    def begun(self, view: View) -> Iterator[Action]:
        """Have each periodic task be looked at at once: what the time is then, its first tick is counted from."""
        yield from super().begun(view)
        set_before = {numbered(each.removeprefix(_TICK))[0] for each in view.state.waits if each.startswith(_TICK)}
        for name in self._periodic:
            if name not in set_before:
                yield Listen(f"{_TICK}{name}#0", After(_SOON_S), repeat=False)

    def fired(self, view: View, fired: Fired) -> Iterator[Action]:
        """It is time for a periodic task. Ticks that were missed are over."""
        if not fired.wait.startswith(_TICK):
            yield from super().fired(view, fired)
            return
        name, number = numbered(fired.wait.removeprefix(_TICK))
        due_at, now = fired.causes[0]["until"], fired.signal.at
        yield Unlisten(fired.wait)
        next_s = max(_SOON_S, next_at(self._periodic[name], due_at, now) - now)
        yield Listen(f"{_TICK}{name}#{number + 1}", After(next_s), repeat=False)
        if number:
            due = Reaction(f"{name}: periodic", After(next_s), RESTART, name)
            yield from self.act(view, due, fired, {"rule": due.id, "number": number, "causes": fired.causes})

    def end(self, view: View) -> Iterator[Action]:
        """With a periodic task there is no end."""
        if not self._periodic:
            yield from super().end(view)

    def call(self, session: Session, step: Step) -> Call:
        """What the step needs to run."""
        if step.task == QUESTIONS:
            return Question(self.artifacts, session.state, step, self._options)
        number = numbered(step.key)[1]
        told = {
            "workflow_execution_id": self._about["execution"], "namespace": self._about["namespace"],
            "workflow": self._about["name"], "task": step.task, "sequence_number": number,
            "run": session.state.run, "step": step.key, "cause": (step.call or {}).get("cause"),
        }  # fmt: skip
        log_file = os.path.join(self._logs, step.task, f"{number}.log")
        about = {**self._about, "interpreter": self._interpreters[step.task]}
        return TaskCall(self.artifacts, (about, told), log_file, self._options)

    @property
    def _options(self) -> Mapping[str, Json]:
        return {"kind": self._about["folder"]}


class TaskCall:
    """The `Call` of an execution of a task: (what is known of the workflow's execution, of the task's)."""

    def __init__(
        self, artifacts: ArtifactStore, args: tuple[Mapping[str, Any], Mapping[str, Any]], log_file: str,
        options: Mapping[str, Json],
    ) -> None:  # fmt: skip
        self._artifacts = artifacts
        self._args = args
        self._log_file = log_file
        self._options = options

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared:
        """The task, to be run in a process of its snapshot."""
        told = self._args[1]
        context = {"run": told["run"], "key": told["step"], "attempt": attempt, "cause": told["cause"]}
        about, told = self._args[0], {**told, "attempt": attempt}
        return Prepared(worker.run, (about, told), context=context, options=self._options, log_file=self._log_file)

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """What a task gives is nothing; how it failed is recorded."""
        return settle(outcome, self._artifacts)


def carry_on(host: Host, row: RunRow, onward: Onward) -> object:
    """Drive the execution, whose files are in place, to its end."""
    return host.drive(row, AIFlowProgram(host, row), onward)
