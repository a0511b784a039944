"""Users' own code decides on reactions: in steps, one after the other, each with what the one before remembered."""

from __future__ import annotations

from typing import Any

from tests.reacting import targets
from tests.reacting.histories import Clock

from motet.artifacts.memory import MemoryArtifacts
from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.kernel import events as ev
from motet.kernel.inputs import Failed, Succeeded
from motet.kernel.policy import Policy
from motet.ports import Attempt, NewRun, Owner, Success
from motet.reacting.asking import Asking, Question
from motet.reacting.plan import Plan
from motet.stores.memory import MemoryStore
from motet.values.records import encode

ASK = {"target": "tests.reacting.targets:fourth"}
PLAN = {
    "tasks": {"t": {}},
    "rules": [{"id": "often", "task": "t", "when": {"rule": "event", "key": "x"}, "ask": ASK}],
    "ends": False,
}


class Asked:
    """A run whose questions are carried out here, one at a time; `crash` has another owner take it up."""

    def __init__(self) -> None:
        self.store, self.artifacts = MemoryStore(), MemoryArtifacts()
        self.store.create_run(NewRun("r", "r", "w", {}))
        self.crash()

    def crash(self) -> None:
        epoch = self.store.claim("r", Owner("h", "b", 1, 1), 15.0, force=True).epoch
        program = Asking(Plan.from_json(PLAN), self.artifacts, policy=Policy(executor="threads"))
        self.session = Session(self.store, Clock(), load_state(self.store, "r", 0), epoch=epoch, program=program)
        self.session.begin("test")

    def tell(self, *values: str) -> None:
        at = self.session.state.offset + 1
        self.session.feed([ev.EventReceived(1000.0, at + n, "x", value=each) for n, each in enumerate(values)])

    def answer(self) -> None:
        """Carry out what runs."""
        for step in list(self.session.state.steps.values()):
            if step.task != "@rules" or step.status != "running":
                continue
            question = Question(self.artifacts, self.session.state, step)
            prepared = question.prepare(-1, step.attempt, here=True)
            attempt = Attempt("r", step.key, step.attempt, prepared.function, prepared.args, {}, _nobody)
            told: Any
            try:
                value = Success(record=encode(prepared.function(*prepared.args), self.artifacts))
                told = Succeeded(1000.0, step.key, step.attempt, question.settle(attempt, value).record)
            except ValueError as error:
                told = Failed(1000.0, step.key, step.attempt, {"type": "ValueError", "message": str(error)})
            self.session.feed([told])

    def did(self) -> list[str]:
        self.session.flush()
        told = [each for each in self.store.history("r") if each["event"] == "wait.answered"]
        return [each["told"]["did"] for each in told if each["wait"] == "@rules"]


def _nobody(*_: object) -> None:
    """Nobody waits for it."""


def test_one_question_after_the_other_with_what_is_remembered_across_failures_and_crashes() -> None:
    asked = Asked()
    asked.tell("a", "b", "wrong", "c")
    assert [step.status for step in asked.session.state.steps.values()] == ["running", "pending", "pending", "pending"]
    for _ in range(2):
        asked.answer()
    asked.crash()
    for _ in range(2):
        asked.answer()
    asked.tell("d")
    asked.answer()
    ignored = "ignored often: it is not met"
    assert asked.did() == [ignored, ignored, "ignored often: it could not be asked", ignored, "started t#1"]
    told = asked.session.state.steps["t#1"].call["cause"]
    assert told == {"rule": "often", "number": 5, "causes": [{"event": "x", "offset": 5}]}
    assert asked.session.state.steps["@rules#5"].result["state"] == {"heard": ["a", "b", "c", "d"]}


def test_questions_that_were_answered_take_no_room() -> None:
    asked = Asked()
    for number in range(50):
        asked.tell("wrong" if number % 5 < 2 else "right")
        asked.answer()
        assert len(asked.session.state.steps) <= 4
    assert targets.fourth({"value": "x"}, {}, {})["state"] == {"heard": ["x"]}
