"""Programs that drive their session themselves, statement by statement, as Python flows do."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from motet.engine import replay
from motet.engine.session import Session
from motet.kernel.decide import Command
from motet.kernel.inputs import Ended, Input, Succeeded, tries_again
from motet.kernel.program import AddStep, Finish
from motet.kernel.state import Step
from motet.ports import Failure, Outcome, Publication, Success
from motet.testing.simulation.plan import RUN, Op
from motet.testing.simulation.pools import outcome_of, seconds_of

if TYPE_CHECKING:
    from motet.testing.simulation.owner import Owner

Waiting: TypeAlias = Generator[Callable[[], bool] | float, None, None]
"""Gives what it waits for: a condition, or a number of seconds."""

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

    def __init__(self, owner: Owner, session: Session) -> None:
        self.owner = owner
        self.world = owner.world
        self.session = session
        self._waiting: Waiting = self._root()
        self._until: Callable[[], bool] | None = None
        self._nudged = self._flushing = False
        edited = owner.world.rng.random() < owner.world.plan.chances.edited
        self._edition = owner.name if edited else ""

    # ------------------------------------------------------------ the thread

    def go_on(self) -> None:
        """Run on to the next thing to wait for."""
        self._nudged, self._until = False, None
        self.owner.work(self._go_on)

    def _go_on(self) -> None:
        for wanted in self._waiting:
            if isinstance(wanted, float):
                self.world.after(wanted, self.go_on, owner=self.owner)
                return
            if not wanted():
                self._until = wanted
                return

    def nudge(self) -> None:
        """Something changed: go on if that was waited for."""
        if self._until is not None and not self._nudged and self._until():
            self._nudged = True
            delay_s = 0.0 if self.world.rng.random() < 0.5 else 0.1
            self.world.after(delay_s, self.go_on, owner=self.owner)

    # ------------------------------------------------------------ bodies

    def _root(self) -> Waiting:
        policy = self.world.plan.policy
        try:
            number = self._add(AddStep(ROOT, ROOT, form="flow", policy=policy))
        except Stopping:
            self._feed(then=Finish("cancelled"))
            return
        while number or (number := (yield from self._granted(ROOT))):
            try:
                yield from self._body(Body(ROOT), self.world.plan.script)
                told: Input = self._told(ROOT, number, Success(record={"n": 0, "by": self._mark(ROOT)}))
            except Stopping:
                self._feed(Ended(self.owner.clock.now(), ROOT, number, "stopped"))
                break
            except Failing:
                told = self._told(ROOT, number, self._failure(ROOT))
            if not self._tries_again(told):
                self._feed(told, then=Finish("succeeded" if isinstance(told, Succeeded) else "failed"))
                return
            number = 0
        self._feed(then=Finish(self._step(ROOT).status))

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
            self.owner.limit("gpu", 1.0 + place % 3)
        elif op.kind == "wait":
            yield self._has_ended(body.latest)
        elif op.kind == "loop":
            subject = body.latest
            yield self._has_ended(subject)
            result = self._step(subject).result
            for _ in range(result["n"] if isinstance(result, dict) else 1):
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
                rng, chances = self.world.rng, self.world.plan.chances
                yield seconds_of(rng, chances)
                outcome = outcome_of(rng, chances, self.owner.attempts.running[key])
                if isinstance(outcome, Success) and rng.random() < chances.lost:
                    outcome.record["lost"] = True
            told = self._told(key, number, outcome)
            if op.kind != "flow" or not self._tries_again(told):
                self._feed(told)
            if self._step(key).ended:
                return
            number = 0

    def _nested(self, key: str, number: int, op: Op) -> Generator[Callable[[], bool] | float, None, Outcome]:
        try:
            yield from self._body(Body(key), op.body)
        except Failing:
            return self._failure(key)
        except Stopping:
            self._feed(Ended(self.owner.clock.now(), key, number, "stopped"))
            raise
        return Success(record={"n": 1, "by": self._mark(key)})

    # ------------------------------------------------------------ the driver's part

    def _step(self, key: str) -> Step:
        return self.session.state.steps[key]

    def _has_ended(self, key: str) -> Callable[[], bool]:
        return lambda: self._step(key).ended

    def _granted(self, key: str) -> Generator[Callable[[], bool] | float, None, int]:
        grants = self.owner.attempts.grants
        yield lambda: key in grants or self._step(key).ended
        return grants.pop(key, 0)

    def _mark(self, key: str) -> str:
        return self.owner.attempts.running[key].mark

    def _failure(self, key: str) -> Failure:
        return Failure({"type": "E", "message": self._mark(key), "refused": False, "asked_s": None})

    def _told(self, key: str, number: int, outcome: Outcome) -> Input:
        at = self.owner.clock.now()
        if isinstance(outcome, Success):
            return Succeeded(at, key, number, outcome.record)
        assert isinstance(outcome, Failure)
        return self.owner.attempts.failing(self.owner.attempts.running[key], outcome.error)

    def _tries_again(self, told: Input) -> bool:
        """Whether another attempt at a body follows; then what is below runs anew when that one asks for it."""
        if not tries_again(self.session.state, told):
            return False
        replay.clear_below(self.session, (told,), (told.key,))
        self._feed(told)
        return True

    def _feed(self, *told: Input, then: Finish | None = None) -> None:
        if then is not None:
            self.owner.asked_for((then,))
        self.owner.carry_out(self.session.feed(told, then))

    def _add(self, action: AddStep) -> int:
        """Add a step, or find it recorded, and bring what it needs to run; gives the attempt to carry out here."""
        owner, session, key = self.owner, self.session, action.key
        known = session.state.steps.get(key)
        owner.asked_for((action,))
        if known is not None and replay.recorded(session, known, action, rerun_changed=True):
            return 0
        if session.state.status == "cancelling":
            raise Stopping
        owner.carry_out(session.act((action,)) if known is None else self._again(known))
        if session.unflushed and not self._flushing:
            self._flushing = True
            self.world.after(0.1, self._flush, owner=owner)
        return owner.attempts.grants.pop(key, 0)

    def _again(self, known: Step) -> Sequence[Command]:
        """A recorded step is to run: because it has not ended yet, or because its result was not kept."""
        if known.ended:
            self.session.reset(known.key, "its result was not kept")
        return self.session.bind(known.key)

    def _flush(self) -> None:
        self._flushing = False
        self.owner.work(self.session.flush)

    def _publish(self, name: str) -> None:
        """Publish under a key of its own, so that the same statement run again says nothing new."""
        at, client_key = self.owner.clock.now(), f"{RUN}/{name}"
        offsets = self.world.store.publish([Publication("red", 1, "", client_key, "", client_key, at)])
        self.world.was_published(offsets[0], "red")
