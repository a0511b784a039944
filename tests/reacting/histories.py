"""Random histories of events and ends, through the program and through the naive reading of its plan.

python -m tests.reacting.histories 10000 [FIRST SEED]
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from typing import Any

from tests.reacting.naive import EVENTS, Naive, drawn

from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.kernel import events as ev
from motet.kernel.inputs import Ended, Failed, Input, Succeeded
from motet.ports import NewRun, Owner
from motet.reacting.plan import Plan
from motet.reacting.program import Reactor
from motet.stores.memory import MemoryStore


class Clock:
    def now(self) -> float:
        return 1000.0


class Run:
    """A run of the plan that is driven by hand; `crash` has another owner take it up from the store."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.store = MemoryStore()
        self.store.create_run(NewRun("r", "r", "w", {}))
        self._plan = plan
        self.crash()

    def crash(self) -> None:
        epoch = self.store.claim("r", Owner("h", "b", 1, 1), 15.0, force=True).epoch
        said = ("id", "task", "do", "when", "latest", "while_alive")
        rules = [{name: each[name] for name in said if name in each} for each in self._plan["rules"]]
        program = Reactor(Plan.from_json({**self._plan, "rules": rules}))
        self.session = Session(self.store, Clock(), load_state(self.store, "r", 0), epoch=epoch, program=program)
        self.session.begin("test")

    def feed(self, inputs: Sequence[Input]) -> None:
        self.session.feed(inputs)
        self.session.flush()

    def told(self) -> list[dict[str, Any]]:
        """What was recorded and is the program's doing."""
        kinds = ("step.added", "step.stopping", "wait.answered", "wait.fired")
        return [each for each in self.store.history("r") if each["event"] in kinds]

    def statuses(self) -> dict[str, str]:
        return {
            key: f"{'stopping' if step.stopping else step.status}" for key, step in self.session.state.steps.items()
        }


def history(seed: int, length: int = 30) -> None:
    """One history: the program says at each step what the naive reading says, also in batches, also after crashes."""
    rng = random.Random(seed)
    plan = drawn(rng)
    run, naive, inputs = Run(plan), Naive(plan), list[Input]()
    crashed = False
    for _ in range(length):
        told = _next(rng, run, naive)
        inputs.append(told)
        run.feed([told])
        if rng.random() < 0.1:
            run.crash()
            naive.crash()
            crashed = True
        _compare(seed, run, naive)
    if not crashed:
        again = Run(plan)
        while inputs:
            batch, inputs = inputs[: (most := rng.randint(1, 9))], inputs[most:]
            again.feed(batch)
        assert again.told() == run.told(), f"seed {seed}: batches matter"


def _next(rng: random.Random, run: Run, naive: Naive) -> Input:
    state = run.session.state
    alive = [key for key, step in state.steps.items() if step.status == "running"]
    if not alive or rng.random() < 0.5:
        key = rng.choice(EVENTS)
        naive.publish(key)
        return ev.EventReceived(1000.0, state.offset + 1, key)
    step = state.steps[rng.choice(alive)]
    task, _, number = step.key.partition("#")
    if step.stopping:
        naive.end(task, int(number), "cancelled")
        return Ended(1000.0, step.key, step.attempt, "stopped")
    if rng.random() < 0.3:
        naive.end(task, int(number), "failed")
        return Failed(1000.0, step.key, step.attempt, {"type": "E", "message": "no"})
    naive.end(task, int(number), "succeeded")
    return Succeeded(1000.0, step.key, step.attempt)


def _compare(seed: int, run: Run, naive: Naive) -> None:
    said = [each for each in run.told() if each["event"] == "wait.answered"]
    answers = [(each["wait"], each["told"]["did"]) for each in said]
    assert len(answers) == len(naive.answers), f"seed {seed}: {answers} {naive.answers}"
    for (rule, did), (wanted_rule, wanted) in zip(answers, naive.answers, strict=True):
        assert rule == wanted_rule and did.startswith(wanted), f"seed {seed}: {did} for {rule}, not {wanted}"
    statuses = run.statuses()
    for task, runs in naive.runs.items():
        for number, (status, cause) in enumerate(runs, 1):
            key = f"{task}#{number}"
            found = statuses.get(key) or ("retired" if key in run.session.state.retired else "")
            over = status in ("succeeded", "failed", "cancelled")
            right = found in ((status, "retired") if over else {"waiting": ("pending",)}.get(status, (status,)))
            assert right, f"seed {seed}: {key} is {found}, not {status}"
            if found and found != "retired":
                told = run.session.state.steps[key].call["cause"]
                assert (told and [told["rule"], told.get("of")]) == cause, f"seed {seed}: {key} by {told}, not {cause}"
    assert len(statuses) <= sum(len(runs) for runs in naive.runs.values())


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for each in range(first, first + int(sys.argv[1])):
        history(each)
    print(f"{sys.argv[1]} histories from seed {first} on: none differs")
