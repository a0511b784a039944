"""The short campaign on checkpoints: no training loses more than one interval, or a bit of its weights, by kills."""

from __future__ import annotations

from pathlib import Path

from tests.faults import training
from tests.faults.trainings import Campaign

KILLS = 6


def test_no_more_than_an_interval_is_lost_and_no_bit_of_the_weights(seed: str, tmp_path: Path) -> None:
    tally = Campaign(seed, tmp_path, KILLS).run()
    print(tally.report())
    assert tally.kills >= KILLS
    assert tally.most_again <= training.INTERVAL
