"""The short campaign on what commands had put out when they were ended: see `endings`."""

from __future__ import annotations

from pathlib import Path

from tests.faults.endings import HOWS, Campaign


def test_what_commands_had_put_out_is_not_lost(seed: str, tmp_path: Path) -> None:
    tally = Campaign(seed, tmp_path, 2 * len(HOWS)).run()
    print(tally)
    assert len(tally) >= len(HOWS) - 1, "nearly all had begun"
