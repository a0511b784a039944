"""Many seeds in a row, and what is to be said of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

from motet.testing.simulation.checks import INVARIANTS
from motet.testing.simulation.faults import planted
from motet.testing.simulation.simulate import Result, check_repeats, simulate
from motet.testing.simulation.world import Violation

REPEAT_EVERY = 16
"""One seed in so many is simulated twice, to see that the same happens."""

SHOWN = 150
"""So many of a trace's last lines are shown."""


@dataclass(slots=True)
class Tally:
    """What came of a number of seeds.

    violations  what is to be told of each seed that violated an invariant
    """

    seeds: int = 0
    seconds: float = 0.0
    outcomes: int = 0
    owners: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    violations: dict[int, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take in another tally, of seeds that were simulated at the same time."""
        self.seeds += other.seeds
        self.seconds = max(self.seconds, other.seconds)
        self.outcomes += other.outcomes
        self.owners += other.owners
        self.ends.update(other.ends)
        self.violations.update(other.violations)

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        rate = self.seeds / self.seconds if self.seconds else 0.0
        return (
            f"{self.seeds} seeds in {self.seconds:.1f} s ({rate:.0f} a second): {len(self.violations)} violations\n"
            f"{self.outcomes} outcomes, {self.owners} owners; {ends}"
        )


def campaign(
    seeds: Iterable[int], fault: str = "", *, go_on: bool = False, progress: Callable[[Tally], None] | None = None
) -> Tally:
    """Simulate the seeds one after the other, up to the first violation (with `go_on`, all of them).

    `fault` is one to be planted; `progress` is called after each seed.
    """
    tally = Tally()
    begun = time.perf_counter()
    with planted(fault) if fault else nullcontext():
        for seed in seeds:
            result = simulate(seed)
            if result.violation is None and seed % REPEAT_EVERY == 0:
                result.violation = check_repeats(result)
            tally.seeds += 1
            tally.outcomes += result.outcomes
            tally.owners += result.epochs
            tally.ends[result.status] += 1
            tally.seconds = time.perf_counter() - begun
            if result.violation is not None:
                tally.violations[seed] = story(result, result.violation, fault)
                if not go_on:
                    break
            if progress is not None:
                progress(tally)
    return tally


def story(result: Result, violation: Violation, fault: str = "") -> str:
    """What was violated, how it came about, and how to see it again."""
    return "\n".join(_story(result, violation, fault))


def _story(result: Result, violation: Violation, fault: str) -> Iterator[str]:
    plan = result.plan
    yield f"seed {plan.seed} violates {violation.name}: {INVARIANTS[violation.name]}"
    yield f"  found: {violation.why}"
    yield f"  {plan.manner}; limits {plan.limits}; " + ", ".join(
        f"{pool.name} takes {pool.capacity}+{pool.backlog}{' and can stop' if pool.stops else ''}"
        for pool in plan.pools.values()
    )
    left_out = len(result.trace) - SHOWN
    if left_out > 0:
        yield f"  ... ({left_out} lines left out)"
    for line in result.trace[-SHOWN:]:
        yield f"  {line}"
    yield f"  again: python -m motet.testing.simulator --from {plan.seed} --seeds 1" + (
        f" --fault {fault}" if fault else ""
    )
