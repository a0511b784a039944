"""The short campaign of damage: never a wrong result, a traceback or a hang."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.damages import KINDS, campaign

TRIALS = 3 * len(KINDS)


def test_damage_is_told_and_never_a_result(seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert campaign(range(TRIALS), seed, tmp_path, print) == 0
