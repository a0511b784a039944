"""A run without an engine: folds, decides and keeps what an engine would, and checks the state at every point."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from motet.kernel import checkpoint
from motet.kernel import events as ev
from motet.kernel.decide import SetTimer, StartAttempt, StopAttempt, decide
from motet.kernel.fold import apply
from motet.kernel.inputs import Ended, Failed, Input, Succeeded, TimerFired, judge, ring
from motet.kernel.program import everything
from motet.kernel.state import M_BLOCKED, M_RUNNING, Changes, Fired, RunState
from motet.kernel.transitions import PENDING, RUNNING


class Run:
    """One run on a clock that is set by hand. `limits` hold from the start and after each recovery."""

    def __init__(self, limits: dict[str, float | tuple[float, float]] | None = None, *, now: float = 100.0):
        self.state = RunState("r")
        self.now = now
        self.limits = limits or {}
        self.recorded: list[ev.Event] = []
        self.timers: list[SetTimer] = []
        self.starts: list[StartAttempt] = []
        self._seen = 0
        self._attempts: dict[tuple[str, int], int] = {}
        self.stops: list[StopAttempt] = []
        self.fired: list[Fired] = []
        self.events: list[ev.Event] = []
        self.on_start: Callable[[StartAttempt], None] = lambda command: None
        self.before_decide: Callable[[Changes], None] = lambda changes: None
        self.set_limits()
        self.apply(ev.RunStarted(now, 1, "test"))
        self.settle()

    def set_limits(self) -> None:
        for name, room in self.limits.items():
            capacity, slack = room if isinstance(room, tuple) else (room, 0.0)
            apply(self.state, ev.LimitSet(self.now, name, capacity, slack))

    # -- what happens

    def apply(self, *events: ev.Event) -> None:
        for event in events:
            apply(self.state, event)
            self.events.append(event)
            if event.recorded:
                self.recorded.append(event)

    def settle(self) -> None:
        """Decide and fold until nothing follows any more."""
        for _ in range(10_000):
            changes = self.state.take_changes()
            if not changes:
                return
            self.fired += changes.fired
            self.before_decide(changes)
            decision = decide(self.state, changes, self.now)
            self.apply(*decision.events)
            for command in decision.commands:
                if isinstance(command, StartAttempt):
                    self.starts.append(command)
                    self._attempts[command.key, command.element] = command.attempt
                    self.on_start(command)
                elif isinstance(command, StopAttempt):
                    self.stops.append(command)
                elif isinstance(command, SetTimer):
                    self.timers.append(command)
        raise AssertionError("it never settles")

    def add(self, key: str, *, policy: dict[str, Any] | None = None, **fields: Any) -> None:
        task = fields.pop("task", key)
        self.act(ev.StepAdded(self.now, key, task, policy=policy or {}, **fields))

    def act(self, *events: ev.Event) -> None:
        self.apply(*events)
        self.settle()

    def feed(self, told: Input) -> bool:
        """Bring news; False if it came to nothing."""
        judged = judge(self.state, told)
        ring(self.state, judged)
        if judged.event is not None:
            self.apply(judged.event)
        if judged.command is not None:
            self.stops.append(judged.command)
        self.settle()
        return judged.event is not None or judged.command is not None

    def succeed(self, key: str, element: int = -1, result: Any = None) -> bool:
        return self.feed(Succeeded(self.now, key, self.attempt(key, element), result, element))

    def succeed_elements(self, key: str, *indices: int, results: Sequence[Any] = ()) -> None:
        self.act(ev.ElementsSucceeded(self.now, key, list(indices), list(results)))

    def fail(self, key: str, element: int = -1, **fields: Any) -> bool:
        error = {"type": "E", "message": "no"}
        return self.feed(Failed(self.now, key, self.attempt(key, element), error, element, **fields))

    def end(self, key: str, element: int = -1) -> bool:
        return self.feed(Ended(self.now, key, self.attempt(key, element), "killed", element))

    def attempt(self, key: str, element: int = -1) -> int:
        """The number of the latest attempt that was started."""
        return self._attempts[key, element]

    def pass_time(self, seconds: float) -> None:
        """Move the clock on, and have all timers go off that are due."""
        self.now += seconds
        while due := [each for each in self.timers if each.due_at <= self.now]:
            first = min(due, key=lambda each: each.due_at)
            self.timers.remove(first)
            self.feed(TimerFired(self.now, first.what, first.key, first.attempt, first.element))

    def crash(self, *, from_events: bool) -> None:
        """The engine is gone, with timers and attempts; another takes the run up from what was written down."""
        self.state = self.refolded() if from_events else self.reloaded()
        self.timers.clear()
        self.set_limits()
        self.apply(ev.RunStarted(self.now, self.state.epoch + 1, "test"))
        for key, step in list(self.state.steps.items()):
            if step.status == RUNNING:
                self.apply(ev.StepInterrupted(self.now, key))
        self.state.changes = everything(self.state)
        self.settle()

    # -- what is

    def status(self, key: str) -> str:
        return self.state.outcome(key)

    def statuses(self, *keys: str) -> list[str]:
        return [self.state.outcome(key) for key in keys or self.state.steps]

    def started(self) -> list[str]:
        """What was started since the last call: keys, "m[3]" for an element."""
        new, self._seen = self.starts[self._seen :], len(self.starts)
        return [each.key if each.element < 0 else f"{each.key}[{each.element}]" for each in new]

    def reloaded(self) -> RunState:
        return checkpoint.from_json(json.loads(json.dumps(checkpoint.to_json(self.state))))

    def refolded(self) -> RunState:
        state = RunState("r")
        for event in self.recorded:
            apply(state, ev.from_json(json.loads(json.dumps(ev.to_json(event)))))
        state.take_changes()
        return state

    def check(self) -> None:
        """The settled state is what its checkpoint gives, and what the recorded events give."""
        assert not self.state.changes
        reloaded, refolded = self.reloaded(), self.refolded()
        assert _facts(reloaded) == _facts(self.state)
        assert _facts(refolded) == _facts(self.state)
        assert _derived(reloaded) == _derived(refolded) == _derived(self.state)
        for key, step in self.state.steps.items():
            if step.map is not None and not step.ended:
                others = [state.steps[key].map for state in (reloaded, refolded)]
                marks = {index: mark for index, mark in enumerate(step.map.marks) if mark != M_RUNNING}
                assert all(other and {index: other.marks[index] for index in marks} == marks for other in others)


def _facts(state: RunState) -> Any:
    return json.loads(json.dumps(checkpoint.to_json(state)))


def _derived(state: RunState) -> dict[str, Any]:
    """What follows from the facts. Elements that run without a step of their own are no facts: they wait."""
    used = {name: limit.used for name, limit in state.limits.items()}
    maps = {}
    for key, step in state.steps.items():
        marks = step.map
        if marks is None:
            continue
        running = marks.marks.count(M_RUNNING)
        assert step.ended or marks.blocked == marks.marks.count(M_BLOCKED)
        for name, amount in step.policy.demands.items():
            used[name] = used.get(name, 0.0) - amount * running
        maps[key] = (
            marks.ended, marks.bad, marks.running - running,
            sorted(marks.own), sorted(marks.followers), {n: sorted(w) for n, w in marks.watchers.items() if w},
        )  # fmt: skip
    return {
        "counts": {status: count for status, count in state.counts.items() if count},
        "active": state.active,
        "used": {name: round(amount, 6) for name, amount in used.items() if round(amount, 6)},
        "unmet": {key: step.unmet for key, step in state.steps.items() if step.status == PENDING},
        "blocks": {key: sorted(step.blocks) for key, step in state.steps.items() if step.blocks},
        "maps": maps,
        "heeding": {key: list(waits) for key, waits in state.heeding.items()},
    }
