"""Executors that lose, delay, repeat and reorder what attempts report; and the calls that they are given."""

from __future__ import annotations

import random

from motet.kernel.policy import Policy
from motet.kernel.state import element_key
from motet.ports import Attempt, Failure, Outcome, Place, Stopped, Success
from motet.ports.execution import Prepared, Settled
from motet.testing.simulation.ledger import Ledger
from motet.testing.simulation.plan import Chances, Pool
from motet.testing.simulation.world import COMMAND, Process, Running, Violation


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


class SimulatedCall:
    """What the attempts at a step need to run: who they are, and how they are to be run."""

    def __init__(self, process: Process, key: str, policy: Policy) -> None:
        self._process = process
        self._key = key
        self._policy = policy

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared:
        """The attempt that the process has in hand."""
        name = self._key if element < 0 else element_key(self._key, element)
        return Prepared(len, (self._process.running[name], self._policy))

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """The outcome as it is recorded."""
        running: Running = attempt.args[0]
        return settled(self._process, running, outcome)


def settled(process: Process, running: Running, outcome: Outcome) -> Settled:
    """The outcome as it is recorded; failures are noted."""
    if isinstance(outcome, Success):
        return Settled(True, outcome.record)
    assert isinstance(outcome, Failure)
    world, error = process.world, outcome.error
    told = Settled(False, error=error, retry=not error.get("refused"), delay_s=error.get("asked_s"))
    running.told.append(told)
    world.failed.setdefault((running.name, running.number), (process.number, world.now, world.steps))
    return told


class SimulatedPool:
    """One executor of one process. It dies with the process, and its attempts with it."""

    place: Place = "here"

    def __init__(self, process: Process, pool: Pool, ledger: Ledger) -> None:
        self._ledger = ledger
        self.name, self.capacity, self.backlog = pool.name, pool.capacity, pool.backlog
        self._process = process
        self._stops = pool.stops
        self._jobs: dict[tuple[str, int, int], Attempt] = {}

    def start(self, attempt: Attempt) -> None:
        """Begin an attempt; how it ends, and whether one hears of it, is chance."""
        process, world = self._process, self._process.world
        world.point(process, COMMAND)
        rng, chances = world.rng, world.plan.chances
        running, policy = attempt.args
        if rng.random() < chances.break_:
            broken = Failure({"type": "Broken", "message": running.mark, "refused": False, "asked_s": None})
            self._report(attempt, broken)
            return
        self._jobs[_id(attempt)] = attempt
        seconds = seconds_of(rng, chances)
        outcome = outcome_of(rng, chances, running)
        if policy.timeout_s is not None and rng.random() < chances.lose:
            return
        world.after(seconds, self._end, attempt, outcome, owner=process)
        self._check_begun(attempt)
        own = random.Random(running.mark)
        while own.random() < chances.keep:  # at times after its end
            world.after(
                own.random() * own.choice((1.2, 10.0)) * seconds, self._keep, attempt, owner=process, live=False
            )
        while rng.random() < chances.repeat:
            seconds += rng.random() * 10.0
            world.after(seconds, self._report, attempt, outcome, owner=process)

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        self._jobs.pop(_id(attempt), None)
        self._report(attempt, outcome)

    def _keep(self, attempt: Attempt) -> None:
        """The attempt's code makes a checkpoint."""
        process, keep = self._process, attempt.keep
        assert keep is not None
        process.world.say(process.name, "keeps", attempt.args[0].name, attempt.number)
        made = {"digest": "0" * 64, "size_bytes": 1, "labels": {"by": attempt.args[0].mark}}

        def work() -> None:
            keep(made)

        process.work(work)

    def _check_begun(self, attempt: Attempt) -> None:
        """An attempt begins from the last checkpoint that was committed, unless its step runs anew."""
        running: Running = attempt.args[0]
        if self._process.epoch != self._ledger.epoch:
            return  # nobody can keep a process from starting what it meant to start before it was paused
        found = [each["number"] for each in attempt.context.get("checkpoints", ())][:1]
        kept = self._ledger.item(running.name).kept[-1:]
        if found != kept:
            raise Violation(
                "attempts-begin-from-the-last-checkpoint",
                f"{running.name}: from {found or 'none'}, not {kept or 'none'}",
            )

    def _report(self, attempt: Attempt, outcome: Outcome) -> None:
        self._process.world.say(self._process.name, "hears of", attempt.args[0].name, attempt.number, _word(outcome))
        self._process.work(lambda: attempt.report(attempt, outcome))

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        """As `ports.Executor.stop`: what is not known any more has been reported already."""
        process, world = self._process, self._process.world
        if process.dead:
            return True
        world.point(process, COMMAND)
        job = self._jobs.get((key, element, number))
        if job is None:
            return True
        if not self._stops:
            return False
        del self._jobs[key, element, number]
        world.after(world.rng.random() * job.grace_s, self._report, job, Stopped(reason), owner=process)
        return True

    def close(self, *, kill: bool = False) -> None:
        """Nothing outlives the process."""


def _id(attempt: Attempt) -> tuple[str, int, int]:
    return attempt.key, attempt.element, attempt.number


def _word(outcome: Outcome) -> str:
    return type(outcome).__name__
