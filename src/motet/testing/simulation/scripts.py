"""Programs that drive their session themselves, statement by statement, as Python flows do."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from motet.engine.attempts import news_of
from motet.engine.driver import Driver
from motet.errors import Cancelled
from motet.kernel.inputs import Ended, Failed, Input, Succeeded, tries_again
from motet.kernel.program import AddStep, Finish
from motet.kernel.state import Step
from motet.ports import Failure, Outcome, Publication, Success
from motet.testing.simulation.plan import RUN, Op
from motet.testing.simulation.pools import SimulatedCall, outcome_of, seconds_of, settled
from motet.testing.simulation.world import Process

Asking: TypeAlias = Callable[[Callable[[], None]], bool]
"""Whether it has come already; else the callback is called when it comes."""

Waiting: TypeAlias = Generator[Asking | float, None, None]
"""Gives what it waits for: something to ask the driver for, or a number of seconds."""

ROOT = "script"


class Failing(Exception):
    """A body failed."""


class Stopping(Exception):
    """The run is being stopped: nothing can be added to it."""


@dataclass(slots=True)
class Body:
    """The body of a flow while it runs.

    calls      how often each statement added a step
    keys       the step that each statement added last
    submitted  steps to be waited for at the end, and whether their outcomes are looked at
    """

    key: str
    calls: dict[int, int] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)
    submitted: dict[str, bool] = field(default_factory=dict)

    @property
    def latest(self) -> str:
        """The step that was added by the last of the statements that add one."""
        return self.keys[max(self.keys)]


class Script:
    """The plan's script in one process: run from its beginning, with what is recorded not run again."""

    def __init__(self, process: Process, driver: Driver) -> None:
        self._process = process
        self._world = process.world
        self._driver = driver
        self._waiting: Waiting = self._root()
        self._nudged = False
        edited = process.world.rng.random() < process.world.plan.chances.edited
        self._edition = process.name if edited else ""

    # ------------------------------------------------------------ the thread

    def go_on(self) -> None:
        """Run on to the next thing to wait for."""
        self._nudged = False
        self._process.work(self._go_on)

    def _go_on(self) -> None:
        for wanted in self._waiting:
            if isinstance(wanted, float):
                self._world.after(wanted, self.go_on, owner=self._process)
                return
            if not wanted(self._nudge):
                return

    def _nudge(self) -> None:
        """What was waited for has come."""
        if not self._nudged:
            self._nudged = True
            delay_s = 0.0 if self._world.rng.random() < 0.5 else 0.1
            self._world.after(delay_s, self.go_on, owner=self._process)

    # ------------------------------------------------------------ bodies

    def _root(self) -> Waiting:
        policy = self._world.plan.policy
        try:
            number = self._add(AddStep(ROOT, ROOT, form="flow", policy=policy))
        except Stopping:
            self._finish(Finish("cancelled"))
            return
        while number or (number := (yield from self._granted(ROOT))):
            try:
                yield from self._body(Body(ROOT), self._world.plan.script)
                told = self._told(ROOT, number, Success(record={"n": 0, "by": self._mark(ROOT)}))
            except Stopping:
                self._driver.conclude(Ended(self._now(), ROOT, number, "stopped"))
                break
            except Failing:
                told = self._told(ROOT, number, self._failure(ROOT))
            if not tries_again(self._driver.state, told):
                self._finish(Finish("succeeded" if isinstance(told, Succeeded) else "failed"), told)
                return
            self._driver.conclude(told)
            number = 0
        self._finish(Finish(self._step(ROOT).status))

    def _body(self, body: Body, ops: Sequence[Op]) -> Waiting:
        try:
            for place, op in enumerate(ops):
                yield from self._statement(body, place, op)
        except Failing:
            for key in body.submitted:
                yield self._has_ended(key)
            raise
        for key in body.submitted:
            yield self._has_ended(key)
        if any(not looked and self._step(key).status != "succeeded" for key, looked in body.submitted.items()):
            raise Failing

    def _statement(self, body: Body, place: int, op: Op) -> Waiting:
        if op.kind == "sleep":
            yield op.seconds
        elif op.kind == "publish":
            self._publish(f"{body.key}/{place}")
        elif op.kind == "limit":
            self._process.limit(self._driver, {"gpu": 1.0 + place % 3})
        elif op.kind == "wait":
            yield self._has_ended(body.latest)
        elif op.kind == "loop":
            subject = body.latest
            yield self._has_ended(subject)
            result = self._step(subject).result
            for _ in range(result.get("n", 1) if isinstance(result, dict) else 1):
                for nested, inner in enumerate(op.body, 100 * (place + 1)):
                    if inner.kind in ("call", "submit", "map"):
                        yield from self._call(body, nested, inner, [], [])
        else:
            needs = [body.keys[other] for other in op.needs if other in body.keys]
            yield from self._call(body, place, op, needs, [body.keys[other] for other in op.each])

    def _call(self, body: Body, place: int, op: Op, needs: Sequence[str], each: Sequence[str]) -> Waiting:
        number = body.calls.get(place, 0)
        body.calls[place] = number + 1
        key = body.keys[place] = f"{body.key}/{op.task}.{place}-{number}"
        form = op.kind if op.kind in ("map", "flow") else "call"
        attempt = self._add(
            AddStep(
                key,
                op.task,
                needs=needs,
                each=each,
                size=op.size,
                policy=op.policy,
                form=form,
                parent=body.key,
                fingerprint="" if place % 3 else self._edition,
                call={"target": op.task, "code": "" if place % 2 else self._edition},
                until=op.until,
                since=self._driver.run.offset,
            )
        )
        if op.kind in ("submit", "map"):
            body.submitted[key] = op.tolerant
            return
        if not op.policy.executor:
            yield from self._carry_out(key, attempt, op)
        yield self._has_ended(key)
        if self._step(key).status != "succeeded" and not op.tolerant:
            raise Failing

    def _carry_out(self, key: str, number: int, op: Op) -> Waiting:
        """Carry out the attempts at a step, here, until it has its outcome."""
        while number or (number := (yield from self._granted(key))):
            if op.kind == "flow":
                outcome = yield from self._nested(key, number, op)
            else:
                rng, chances = self._world.rng, self._world.plan.chances
                yield seconds_of(rng, chances)
                outcome = outcome_of(rng, chances, self._process.running[key])
                if isinstance(outcome, Success) and rng.random() < chances.lost:
                    outcome.record["lost"] = True
            if self._driver.conclude(self._told(key, number, outcome)).ended:
                return
            number = 0

    def _nested(self, key: str, number: int, op: Op) -> Generator[Asking | float, None, Outcome]:
        try:
            yield from self._body(Body(key), op.body)
        except Failing:
            return self._failure(key)
        except Stopping:
            self._driver.conclude(Ended(self._now(), key, number, "stopped"))
            raise
        return Success(record={"n": 1, "by": self._mark(key)})

    # ------------------------------------------------------------ what it has of the driver

    def _step(self, key: str) -> Step:
        return self._driver.state.steps[key]

    def _has_ended(self, key: str) -> Asking:
        return lambda callback: self._driver.when_ended(key, -1, callback)

    def _granted(self, key: str) -> Generator[Asking | float, None, int]:
        """Wait until the attempt is the script's to carry out; gives its number, 0 if the step has ended."""
        numbers: list[int | None] = []

        def ask(callback: Callable[[], None]) -> bool:
            numbers.append(self._driver.turn(key, callback))
            return numbers[-1] is not None

        while not numbers or numbers[-1] is None:
            yield ask
        return numbers[-1]

    def _mark(self, key: str) -> str:
        return self._process.running[key].mark

    def _failure(self, key: str) -> Failure:
        return Failure({"type": "E", "message": self._mark(key), "refused": False, "asked_s": None})

    def _told(self, key: str, number: int, outcome: Outcome) -> Succeeded | Failed | Ended:
        return news_of(self._now(), key, number, settled(self._process, self._process.running[key], outcome))

    def _now(self) -> float:
        return self._process.clock.now()

    def _finish(self, finish: Finish, *told: Input) -> None:
        self._process.asked_for((finish,))
        self._driver.finish(finish, *told, wait=False)

    def _add(self, action: AddStep) -> int:
        """Add a step, or find it recorded, and bring what it needs to run; gives the attempt to carry out here."""
        self._process.asked_for((action,))
        try:
            return self._driver.add(action, SimulatedCall(self._process, action.key, action.policy))
        except Cancelled:
            raise Stopping from None

    def _publish(self, name: str) -> None:
        """Publish under a key of its own, so that the same statement run again says nothing new."""
        at, client_key = self._now(), f"{RUN}/{name}"
        self._process.publish(Publication("red", 1, "", client_key, "", client_key, at))
