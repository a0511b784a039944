"""A small campaign of kills of engines that act on events; see `tests.faults.reactions` for the long one."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.reactions import campaign


def test_kills_lose_no_event_and_fire_no_rule_twice(tmp_path: Path, rng: random.Random) -> None:
    told = campaign(tmp_path, 5, rng)
    assert told["streams"] >= 1
