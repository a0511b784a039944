"""Executors that lose, delay, repeat and reorder what attempts report."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from motet.kernel.policy import Policy
from motet.ports import Failure, Outcome, Stopped, Success
from motet.testing.simulation.plan import Chances, Pool

if TYPE_CHECKING:
    from motet.testing.simulation.attempts import Attempts, Running
    from motet.testing.simulation.owner import Owner


def outcome_of(rng: random.Random, chances: Chances, running: Running) -> Outcome:
    """How an attempt ends, marked so that it can be told whose outcome it is."""
    if rng.random() < chances.fail:
        refused, asked_s = rng.random() < chances.refuse, rng.choice((None, None, None, 1.5))
        return Failure({"type": "E", "message": running.mark, "refused": refused, "asked_s": asked_s})
    return Success(record={"n": rng.randrange(4), "by": running.mark})


def seconds_of(rng: random.Random, chances: Chances) -> float:
    """How long an attempt takes."""
    seconds = rng.random() * chances.longest_s
    return float(round(seconds)) if rng.random() < chances.coarse else seconds


class SimulatedPool:
    """One executor of one process. It dies with the process, and its attempts with it."""

    def __init__(self, owner: Owner, attempts: Attempts, pool: Pool) -> None:
        self._owner = owner
        self._attempts = attempts
        self._pool = pool
        self._jobs: dict[str, Running] = {}

    def start(self, running: Running, policy: Policy) -> None:
        """Begin an attempt; how it ends, and whether one hears of it, is chance."""
        world, chances = self._owner.world, self._owner.world.plan.chances
        rng = world.rng
        if rng.random() < chances.break_:
            broken = Failure({"type": "Broken", "message": running.mark, "refused": False, "asked_s": None})
            self._attempts.report(running, broken)
            return
        self._jobs[self._id(running)] = running
        seconds = seconds_of(rng, chances)
        outcome = outcome_of(rng, chances, running)
        if policy.timeout_s is not None and rng.random() < chances.lose:
            return
        world.after(seconds, self._end, running, outcome, owner=self._owner)
        while rng.random() < chances.repeat:
            seconds += rng.random() * 10.0
            world.after(seconds, self._attempts.report, running, outcome, owner=self._owner)

    def _end(self, running: Running, outcome: Outcome) -> None:
        self._jobs.pop(self._id(running), None)
        self._attempts.report(running, outcome)

    def stop(self, running: Running, reason: str, grace_s: float) -> bool:
        """As `ports.Executor.stop`: what is not known any more has been reported already."""
        job = self._jobs.get(self._id(running))
        if job is None:
            return True
        if not self._pool.stops:
            return False
        del self._jobs[self._id(running)]
        world = self._owner.world
        world.after(world.rng.random() * grace_s, self._attempts.report, running, Stopped(reason), owner=self._owner)
        return True

    @staticmethod
    def _id(running: Running) -> str:
        return f"{running.name}/{running.mark}"
