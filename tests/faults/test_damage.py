"""The short damage campaign."""

from __future__ import annotations

from pathlib import Path

from tests.faults.damage import WAYS, Campaign

DAMAGES = 60


def test_no_damage_leads_to_another_result(seed: str, tmp_path: Path) -> None:
    seen = Campaign(seed, tmp_path).run(DAMAGES)
    print(dict(seen))
    assert {kind for kind in WAYS if not seen[kind]} == set()
    assert seen["told"]
