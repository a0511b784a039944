"""Owners that sleep past their lease (the short campaign), and what `stops` relies on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.faults.stops import POINTS, Campaign, state

from motet.failpoints import NAMES

ROUNDS = 12


def test_no_stale_write_is_accepted(seed: str, tmp_path: Path) -> None:
    tally = Campaign(seed, tmp_path, ROUNDS).run(2)
    print(tally.report())
    assert tally.rounds == ROUNDS
    assert tally.fenced >= ROUNDS // 3
    assert sum(tally.messages.values()) == tally.fenced


def test_the_points_exist() -> None:
    assert set(POINTS) <= set(NAMES)


def test_states_of_processes() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"])
    while state(process.pid) != "T":
        assert process.poll() is None
    process.kill()
    process.wait()
    assert state(process.pid) == ""
