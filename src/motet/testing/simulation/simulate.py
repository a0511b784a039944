"""One seed from beginning to end: the world, with a store, a run, and processes that come and go."""

from __future__ import annotations

import random
from dataclasses import dataclass
from hashlib import blake2b

from motet.errors import StoreFull
from motet.ports import NewRun, Publication
from motet.stores.memory import MemoryStore
from motet.testing.simulation import checks
from motet.testing.simulation.drawing import draw
from motet.testing.simulation.ledger import Ledger
from motet.testing.simulation.owner import LEASE_S, Owner
from motet.testing.simulation.plan import RUN, Disturbance, Plan, Said
from motet.testing.simulation.scripts import ROOT
from motet.testing.simulation.world import (
    BEFORE_COMMIT,
    BETWEEN,
    Crash,
    Line,
    Process,
    SimulatedClock,
    Violation,
    World,
)

MOST_OWNERS = 200
"""No simulated run needs as many: each disturbance costs few."""


@dataclass(slots=True)
class Result:
    """What became of a seed. `violation` is None if all is well; `digest` stands for the whole trace."""

    plan: Plan
    violation: Violation | None
    trace: list[Line]
    outcomes: int
    epochs: int
    status: str

    @property
    def digest(self) -> str:
        """A hash of all that happened."""
        return blake2b("\n".join(map(str, self.trace)).encode(), digest_size=16).hexdigest()


class Simulation(World):
    """The world of one run.

    current  the process that claimed the run last
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, random.Random(f"motet/{plan.seed}/world"))
        self._clock = SimulatedClock(self)
        self.store = MemoryStore(self._clock.now)
        self.ledger = Ledger(self)
        self.current: Process | None = None
        self.owners: list[Owner] = []
        self._reopenings = plan.reopenings
        self._expected = False

    def play(self) -> None:
        """From the run's creation until nothing is left to happen. Raises Violation."""
        plan = self.plan
        self.store.publish([Publication("red", at=self._clock.now())])
        program = {"voice": "simulated", "target": plan.manner}
        self.store.create_run(NewRun(RUN, RUN, plan.manner, program, offset=1, created_at=self._clock.now()))
        self.ledger.hearing.offset = 1
        self.enter(0.0)
        for said in plan.said:
            for at_s in (said.at_s, *said.again_s):
                self.after(at_s, self._say, said)
        for at_s in plan.asked_s:
            self.after(at_s, self._ask_of_step)
        self.run()
        checks.check_end(self.ledger, self.store)

    # ------------------------------------------------------------ processes

    def enter(self, delay_s: float, *, reopen: bool = False, force: bool = False) -> None:
        """Have a process try to take the run up."""
        self.after(delay_s, self._enter, reopen, force)

    def _enter(self, reopen: bool, force: bool) -> None:
        self._expected = False
        if len(self.owners) == MOST_OWNERS:
            raise Violation("no-run-hangs", f"{MOST_OWNERS} processes came, and none could end the run")
        owner = Owner(self, self.store, self.ledger, len(self.owners) + 1)
        self.owners.append(owner)
        self.say(owner.name, "comes", "to reopen" if reopen else "", "by force" if force else "")
        if owner.take_up(reopen=reopen, force=force):
            if reopen and self.plan.endless:
                key = f"end-{owner.number}"
                self.after(self.rng.uniform(1.0, 60.0), self._say, Said(0.0, "end", client_key=key))
            return
        owner.dead = True
        if not self.ledger.ended and self.current is not None and self.current.dead:
            self.enter(LEASE_S / 2, force=self.rng.random() < 0.5)

    def claimed(self, owner: Process) -> None:
        if owner.epoch <= self.ledger.epoch:
            raise Violation("stale-owners-are-fenced", f"epoch {owner.epoch} came after {self.ledger.epoch}")
        self.ledger.epoch = owner.epoch
        self.current = owner
        self.say(owner.name, "owns the run", f"epoch {owner.epoch}")

    def bereaved(self, owner: Process) -> None:
        self.live -= sum(happening.live for _, _, happening in owner.deferred)
        owner.deferred.clear()
        if owner is self.current:
            if self.ledger.ended:
                self.run_ended(owner)
            else:
                self.enter(self.rng.random() * 2.0, force=self.rng.random() < 0.7)

    def run_ended(self, owner: Process) -> None:
        if self._reopenings and not self._expected and self.ledger.status in ("failed", "cancelled"):
            self._reopenings -= 1
            self._expected = True
            self.enter(self.rng.random() * 20.0, reopen=True)

    # ------------------------------------------------------------ publications

    def _say(self, said: Said) -> None:
        self.publish(
            Publication(said.key, said.value, said.namespace, "somebody", said.run, said.client_key, self._clock.now())
        )

    def publish(self, event: Publication) -> None:
        self._published(self.store.publish([event])[0], event)

    def _published(self, offset: int, event: Publication) -> None:
        if self.ledger.hearing.publish(offset, event):
            self.say("world", "published", event.key, f"at offset {offset}")
        for owner in self.owners:
            if not owner.dead and owner.session is not None:
                owner.notice()

    # ------------------------------------------------------------ disturbances

    def may(self, what: Disturbance, place: str) -> bool:
        if what.when and not self._is_at(what.when):
            return False
        return self.inside is None or place == BETWEEN or what.kind not in ("pause", "rival")

    def _is_at(self, when: str) -> bool:
        ledger = self.ledger
        if when == "last":
            return len(ledger.specs) > 0 and ledger.steps_left() <= 1
        return ledger.finishing if when == "ending" else ledger.cancelling

    def strike(self, what: Disturbance, owner: Process | None, place: str) -> None:
        if what.kind == "clock":
            self.step_clocks(what.amount)
        elif what.kind == "stop":
            self._ask_to_stop()
        elif owner is not None and not owner.dead:
            self._strike(what, owner, place)

    def _strike(self, what: Disturbance, owner: Process, place: str) -> None:
        if what.kind == "crash":
            owner.die(f"crashes {place}")
            if place != BETWEEN:
                raise Crash
        elif what.kind == "full":
            raise StoreFull("The disk is full.")
        elif what.kind == "resend":
            owner.resend = True
        elif what.kind == "cancel":
            self.after(0.0, owner.cancel, "interrupted", owner=owner)
        elif what.kind == "rival":
            self.enter(self.rng.random(), force=True)
            if place == BEFORE_COMMIT:
                self._pause(owner, place, 2.0)
        else:
            if what.rival:
                late_s = LEASE_S * self.rng.uniform(0.5, 1.5) if what.rival == "polite" else 0.0
                self.enter(late_s + self.rng.random(), force=what.rival == "forced")
            self._pause(owner, place, what.amount)

    def _pause(self, owner: Process, place: str, for_s: float) -> None:
        """Stop the process where it is, as SIGSTOP does; the others go on meanwhile."""
        self.say(owner.name, "is paused", place, f"for {for_s:.1f} s")
        owner.paused = True
        if place == BETWEEN:
            self.after(for_s, self._wake, owner)
            return
        self.inside = owner
        self.run(until=self.now + for_s)
        self.inside = None
        self._wake(owner)

    def _wake(self, owner: Process) -> None:
        owner.paused, owner.resumed_at = False, self.now
        self.say(owner.name, "goes on")
        self.resume(owner)

    def _ask_to_stop(self) -> None:
        if not self.ledger.ended:
            at = self._clock.now()
            request = Publication("run.stop", "by a user", "motet", "", RUN, "", at)
            offset = self.store.publish([request])[0]
            self.ledger.hearing.stops[offset] = False
            self._published(offset, request)

    def _ask_of_step(self) -> None:
        """Somebody asks for one of the steps, or for one that there is not, to be stopped or tried again."""
        if not self.ledger.ended:
            key = self.rng.choice(("step.stop", "step.retry"))
            step = self.rng.choice([*self.ledger.specs, "no-such-step"])
            step = "no-such-step" if step == ROOT else step  # to stop that is to stop the run
            asked = Publication(key, {"step": step, "token": ""}, "motet", "", RUN, "", self._clock.now())
            offset = self.store.publish([asked])[0]
            self.ledger.hearing.asked_of_steps[offset] = False
            self._published(offset, asked)


def simulate(seed: int) -> Result:
    """Simulate what the seed says, and judge it."""
    world = Simulation(draw(seed))
    violation = None
    try:
        world.play()
    except Violation as found:
        violation = found
    ledger = world.ledger
    return Result(world.plan, violation, world.trace, ledger.outcomes, ledger.epoch, ledger.status)


def check_repeats(first: Result) -> Violation | None:
    """Simulate the same seed once more: whether the same happened."""
    again = simulate(first.plan.seed)
    for one, other in zip(first.trace, again.trace, strict=False):
        if str(one) != str(other):
            return Violation("one-seed-one-run", f"once {one}, then {other}")
    if first.digest != again.digest:
        return Violation("one-seed-one-run", f"{len(first.trace)} lines, then {len(again.trace)}")
    return None
