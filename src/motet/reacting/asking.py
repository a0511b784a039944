"""Reactions that users' own code decides on: it is asked in a step, one firing after the other, and what it remembers
between them is the result of that step. One that fails decides nothing, and harms no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from motet.kernel.events import EventReceived, Json
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Listen, Retire, View
from motet.kernel.state import Fired, RunState, Step
from motet.kernel.transitions import FAILED, SUCCEEDED
from motet.ports import ArtifactStore, Attempt, Failure, Outcome, Success
from motet.ports.execution import Prepared, Settled
from motet.reacting.executions import numbered
from motet.reacting.plan import DEEDS, Plan, Reaction
from motet.reacting.program import Reactor
from motet.rules import AnyOf, OnStatus, StatusChanged
from motet.values.records import decode
from motet.written import DeclaredCall, resolve

if TYPE_CHECKING:
    from motet.engine.session import Session
    from motet.ports.execution import Call

QUESTIONS = "@rules"
"""The task whose steps are the questions. It is the wait for their answers, too."""

_ANSWERS = AnyOf((OnStatus(SUCCEEDED, task=QUESTIONS), OnStatus(FAILED, task=QUESTIONS)))


class Asking(Reactor):
    """A reactor whose reactions may have an `ask`: {"target": "module:function", "args": [...]}. The function is given
    these arguments, what made the rule fire, the status of the last execution of each task, and the state it gave last
    time ({} at first); it gives {"do": a deed or None, "state": JSON}, and perhaps "which" rule of it that was.
    """

    def __init__(self, plan: Plan, artifacts: ArtifactStore, *, policy: Policy, token: str = "") -> None:
        super().__init__(plan, token=token)
        self.artifacts = artifacts
        self._policy = policy
        self._questions = 0
        self._over: dict[int, bool] = {}

    def begun(self, view: View) -> Iterator[Action]:
        """Listen to the answers, too."""
        yield from super().begun(view)
        if any(each.ask for each in self.plan.reactions.values()):
            yield Listen(QUESTIONS, _ANSWERS)

    def noted(self, view: View, key: str) -> Iterator[Action]:
        """Of the questions that were answered the last is kept, with what is remembered; and the last of all."""
        yield from super().noted(view, key)
        name, number = numbered(key)
        if name != QUESTIONS or not number:
            return
        self._questions = max(self._questions, number)
        if view.ended(key):
            self._over[number] = view.status(key) == SUCCEEDED
            kept = {max(self._over), max((each for each, good in self._over.items() if good), default=0)}
            yield from [Retire(f"{QUESTIONS}#{each}") for each in self._over if each not in kept]
            self._over = {each: self._over[each] for each in self._over if each in kept}

    def reacted(self, view: View, reaction: Reaction, fired: Fired, cause: Json) -> Iterator[Action]:
        """Ask first, if that is to be asked."""
        if not reaction.ask:
            yield from super().reacted(view, reaction, fired, cause)
            return
        after = [f"{QUESTIONS}#{self._questions}"] if self._questions else []
        self._questions += 1
        key = f"{QUESTIONS}#{self._questions}"
        call = {**reaction.ask, "cause": cause, "told": _told(fired.signal), "statuses": self._statuses(view)}
        self._added = True
        yield AddStep(key, QUESTIONS, call, after=after, policy=self._policy)
        yield self._answer(fired, f"asked {key}", key)

    def fired(self, view: View, fired: Fired) -> Iterator[Action]:
        """An answer has come."""
        if fired.wait != QUESTIONS:
            yield from super().fired(view, fired)
            return
        key = fired.signal.key
        cause, said = view.state.steps[key].call["cause"], view.result(key) or {}
        asked = self.plan.reactions[cause["rule"]]
        if said.get("do") not in DEEDS:
            why = "it could not be asked" if fired.signal.status == FAILED else "it is not met"
            yield self._answer(fired, f"ignored {asked.id}: {why}", key)
            return
        cause = {**cause, "rule": said.get("which", asked.id)}
        due = Reaction(asked.id, asked.rule, said["do"], asked.task, while_alive=asked.while_alive)
        yield from super().reacted(view, due, fired, cause)

    def _statuses(self, view: View) -> Mapping[str, str]:
        return {name: view.status(each.key()) for name, each in self.tasks.items() if each.last}

    def call(self, session: Session, step: Step) -> Call:
        """What the step needs to run."""
        if step.task == QUESTIONS:
            return Question(self.artifacts, session.state, step)
        return DeclaredCall(self.artifacts, session.state, step)


class Question:
    """The `Call` of a question. `options` are those of the attempt."""

    def __init__(
        self, artifacts: ArtifactStore, state: RunState, step: Step, options: Mapping[str, Json] | None = None
    ) -> None:  # fmt: skip
        self._artifacts = artifacts
        self._state = state
        self._step = step
        self._options = options

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared:
        """The function, with what it remembers of the last time that it gave an answer."""
        call = self._step.call
        answered = [
            (numbered(key)[1], step.result)
            for key, step in self._state.steps.items()
            if step.task == QUESTIONS and step.status == SUCCEEDED
        ]
        remembered = max(answered, key=lambda each: each[0])[1]["state"] if answered else {}
        function: Callable[..., Any] = resolve(call["target"])
        args = (*call.get("args", ()), call["told"], call["statuses"], remembered)
        context = {"run": self._state.run, "key": self._step.key, "attempt": attempt}
        return Prepared(function, args, context=context, options=self._options)

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """The answer as it is: the program reads it without I/O."""
        if isinstance(outcome, Success):
            said = outcome.value if outcome.record is None else decode(outcome.record, self._artifacts)
            return Settled(True, {"do": said["do"], "state": said["state"], **said})
        assert isinstance(outcome, Failure)
        return Settled(False, error=outcome.error)


def _told(signal: Any) -> Json:
    """What made a rule fire: an event, a status, or the time."""
    if isinstance(signal, StatusChanged):
        return {"step": signal.key, "task": signal.task, "status": signal.status, "at": signal.at}
    if not isinstance(signal, EventReceived):
        return {"at": signal.at}
    names = ("key", "namespace", "value", "sender", "run", "at", "offset")
    return {name: getattr(signal, name) for name in names}
