"""Eight processes run flows on one store at once, and two follow all that happens."""

from __future__ import annotations

from pathlib import Path

from tests.faults.crowd import gather


def test_a_crowd_on_one_store(seed: str, tmp_path: Path) -> None:
    print(gather(tmp_path, processes=8, flows=6, seed=seed))
