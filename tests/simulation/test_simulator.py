"""The simulator finds nothing in the engine, and finds every mistake that is planted in it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter

import pytest

from motet.kernel.events import KINDS
from motet.testing import simulator
from motet.testing.simulation.campaign import campaign, story
from motet.testing.simulation.checks import INVARIANTS
from motet.testing.simulation.drawing import MANNERS
from motet.testing.simulation.faults import FAULTS, planted
from motet.testing.simulation.plan import Plan
from motet.testing.simulation.simulate import simulate

FIXED, DRAWN = 400, 100
"""So many seeds are the same every time, and so many are this session's own. Thousands are for the command."""

CAUGHT_BY = {
    "stale-epochs-write": 86,
    "any-sequence-is-appended": 27,
    "the-tail-is-not-read": 4,
    "stale-epochs-renew": 11,
    "told-before-the-commit": 2,
    "stale-attempts-count": 356,
    "reports-count-at-any-time": 9,
    "no-backoff": 45,
    "retries-come-early": 8,
    "events-count-twice": 2,
    "hears-what-is-meant-for-others": 2,
    "offsets-are-forgotten": 14,
    "stops-count-again": 6,
    "checkpoints-forget-waits": 11,
    "checkpoints-forget-elements": 4,
    "changes-are-not-recorded": 8,
    "rows-of-elements-are-not-written": 3,
    "runs-end-early": 10,
    "stopped-runs-go-on": 3,
    "endings-are-forgotten": 602,
    "checkpoints-are-forgotten": 8,
    "parked-steps-are-not-woken": 1,
    "retrying-steps-are-not-stopped": 152,
    "retired-steps-come-again": 6,
    "requests-are-not-noted": 2,
    "firings-are-shown-again": 2,
    "late-waits-miss-what-came-before": 324,
    "debts-are-forgotten": 3,
    "timers-follow-the-wall-clock": 115,
}
"""The first seed that catches each fault, if it is not 0: `python -m motet.testing.simulator --faults` finds it."""

FEW = 20
"""So many seeds are simulated from there."""


def test_nothing_is_violated_by_other_seeds(rng: random.Random) -> None:
    first = rng.randrange(1_000_000, 1_000_000_000)
    print(f"seeds from {first}")
    tally = campaign(range(first, first + DRAWN))
    print(tally)
    assert not tally.violations, "\n".join(tally.violations.values())
    assert tally.seeds == DRAWN


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name: str) -> None:
    place, function = FAULTS[name].place, FAULTS[name].function
    original = place[function] if isinstance(place, dict) else getattr(place, function)
    first = CAUGHT_BY.get(name, 0)
    assert first < simulator.FAULT_SEEDS
    tally = campaign(range(first, first + FEW), name)
    assert tally.violations, f"{name} was not caught by {tally.seeds} seeds from {first}: find the first one that does"
    print(next(iter(tally.violations.values())).splitlines()[0])
    assert (place[function] if isinstance(place, dict) else getattr(place, function)) is original


def test_enough_faults_are_planted() -> None:
    assert len(FAULTS) >= 20
    assert set(CAUGHT_BY) <= set(FAULTS)


def test_a_seed_is_the_same_in_every_process() -> None:
    """Nothing may depend on the order of sets, which differs from process to process."""
    code = (
        "from motet.testing.simulation.simulate import simulate\nprint([simulate(seed).digest for seed in range(24)])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": salt}, capture_output=True, text=True,
            check=True,
        ).stdout
        for salt in ("1", "2", "3")
    }  # fmt: skip
    assert len(told) == 1


def test_a_seed_depends_on_nothing_but_itself() -> None:
    alone = simulate(7).digest
    campaign(range(7))
    assert simulate(7).digest == alone
    assert simulate(8).digest != alone


class World:
    """What happens in a number of seeds."""

    def __init__(self, seeds: range) -> None:
        self.events: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.ends: Counter[tuple[str, str]] = Counter()
        self.plans: list[Plan] = []
        for seed in seeds:
            result = simulate(seed)
            assert result.violation is None, story(result, result.violation)
            self.plans.append(result.plan)
            self.ends[result.plan.manner, result.status] += 1
            for line in result.trace:
                if line.what == "committed":
                    self.events[line.about[0]["event"]] += 1
                self.told[line.what] += 1


def test_nothing_is_violated_while_everything_happens_that_can() -> None:
    """A simulator in which nothing happens finds nothing either."""
    world = World(range(FIXED))
    unrecorded = {kind for kind, event in KINDS.items() if not event.recorded}
    assert set(world.events) == set(KINDS) - unrecorded
    assert {manner for manner, _ in world.ends} == set(MANNERS)
    for manner in MANNERS:
        assert world.ends[manner, "succeeded"] > 10, manner
        assert world.ends[manner, "cancelled"] > 1, manner
    for what in (
        "crashes before a commit", "crashes after a commit", "crashes at a command", "crashes between events",
        "gives up: Fenced", "gives up: StoreFull", "finds the run owned", "clocks step by", "is paused", "stops",
    ):  # fmt: skip
        assert world.told[what] > 2, what


def test_a_violation_says_what_how_and_how_to_see_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulator.main(["--seeds", "50", "--fault", "dependants-are-not-skipped"]) == 1
    told = capsys.readouterr().out
    first = told.splitlines()[0]
    seed = first.split()[1]
    assert first.startswith(f"seed {seed} violates no-run-hangs: {INVARIANTS['no-run-hangs']}")
    assert "owns the run epoch 1" in told
    assert "{'event': 'step.failed'" in told
    again = f"again: python -m motet.testing.simulator --from {seed} --seeds 1 --fault dependants-are-not-skipped"
    assert again in told
    assert simulator.main([*again.split()[4:]]) == 1
    assert capsys.readouterr().out.splitlines()[0] == first


def test_processes_share_the_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulator.main(["--seeds", "30", "--jobs", "2", "--from", "100"]) == 0
    assert capsys.readouterr().out.startswith("30 seeds in ")


def test_a_campaign_goes_on_if_asked_to() -> None:
    with planted("dependants-are-not-skipped"):
        tally = campaign(range(20), go_on=True)
    assert tally.seeds == 20
    assert len(tally.violations) > 1


def test_invariants_and_faults_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulator.main(["--list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in (*INVARIANTS, *FAULTS))
