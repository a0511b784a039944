"""The seeded simulator as a command: `python -m motet.testing.simulator --seeds 100000`.

It runs the real kernel and the real session in a simulated world (see `motet.testing.simulation`) and checks
some twenty invariants. Exit status 0 if none was violated, else 1, with seed, invariant, trace and how to see it again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from motet.testing.simulation.campaign import Tally, campaign
from motet.testing.simulation.checks import INVARIANTS
from motet.testing.simulation.faults import FAULTS

FAULT_SEEDS = 1000
"""A planted fault has to be caught within so many seeds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; gives the exit status."""
    asked = _parser().parse_args(arguments)
    if asked.list:
        _say("invariants:", *(f"  {name:36} {what}" for name, what in INVARIANTS.items()))
        _say("faults:", *(f"  {name:36} {fault.what}" for name, fault in FAULTS.items()))
        return 0
    if asked.faults:
        return _faults()
    seeds = range(asked.first, asked.first + asked.seeds)
    if asked.jobs > 1:
        tally = _several(seeds, asked.jobs, asked.fault, go_on=asked.go_on)
    else:
        tally = campaign(seeds, asked.fault, go_on=asked.go_on, progress=_progress())
    for told in tally.violations.values():
        _say(told, "")
    _say(str(tally))
    return 1 if tally.violations else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m motet.testing.simulator", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, metavar="N", help="how many seeds (2000)")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="S", help="the first seed (0)")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="how many processes (1)")
    parser.add_argument("--fault", choices=list(FAULTS), default="", metavar="NAME", help="plant this fault")
    parser.add_argument("--faults", action="store_true", help=f"check that each fault is caught in {FAULT_SEEDS} seeds")
    parser.add_argument("--go-on", action="store_true", help="go on after a violation")
    parser.add_argument("--list", action="store_true", help="list invariants and faults")
    return parser


def _faults() -> int:
    missed = 0
    for name in FAULTS:
        tally = campaign(range(FAULT_SEEDS), name)
        seed, told = next(iter(tally.violations.items()), (-1, "never"))
        missed += seed < 0
        _say(f"{name:32} {told.splitlines()[0] if seed >= 0 else 'NOT CAUGHT'}")
    return 1 if missed else 0


def _several(seeds: range, jobs: int, fault: str, *, go_on: bool) -> Tally:
    from concurrent.futures import ProcessPoolExecutor

    tally = Tally()
    with ProcessPoolExecutor(jobs) as pool:
        for each in [pool.submit(campaign, seeds[first::jobs], fault, go_on=go_on) for first in range(jobs)]:
            tally.add(each.result())
    return tally


def _progress() -> Callable[[Tally], None] | None:
    """Say now and then how far it is, where somebody looks on."""
    if not sys.stderr.isatty():
        return None
    said_at = time.monotonic()

    def progress(tally: Tally) -> None:
        nonlocal said_at
        if time.monotonic() - said_at > 1.0:
            said_at = time.monotonic()
            sys.stderr.write(f"\r{tally.seeds} seeds, {tally.seeds / tally.seconds:.0f} a second ")
            sys.stderr.flush()

    return progress


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
