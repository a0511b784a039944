"""A small campaign of kills of workflows of Spell; see `tests.faults.spell` for the long one."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.spell import Trial


def test_a_workflow_survives_kills_and_repeats_no_worker(tmp_path: Path, rng: random.Random, motet_home: Path) -> None:
    Trial(tmp_path / "trial", rng, most=2).run()
