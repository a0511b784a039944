"""A growing program: its steps' results say how many steps follow, and again within each of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.programs.growing import expected
from tests.programs.running import EXECUTORS, executions, host_on, run_here, run_killed

MAKE = "tests.programs.growing:make"


def params(path: Path, executor: str, widths: tuple[int, int], pause_s: float = 0.0) -> Any:
    return {"path": str(path), "widths": list(widths), "executor": executor, "pause_s": pause_s}


def count(outer: int, inner: int) -> int:
    """How many steps there are."""
    return 2 + sum(1 + 1 + n + inner for n in range(outer))


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize("widths", [(3, 2), (0, 5), (2, 0)])
def test_it_grows(widths: tuple[int, int], store: str, executor: str, tmp_path: Path) -> None:
    host = host_on(store, tmp_path)
    row, _ = run_here(host, MAKE, params(tmp_path / "ran", executor, widths))
    assert (row.status, row.result) == ("succeeded", expected(*widths))
    ran = executions(tmp_path / "ran")
    assert set(ran.values()) == {1}
    assert len(ran) == count(*widths)
    host.close()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_kills_lose_nothing(executor: str, tmp_path: Path, rng: random.Random) -> None:
    row = run_killed(tmp_path, MAKE, params(tmp_path / "ran", executor, (3, 1), pause_s=0.05), 4, rng)
    assert (row.status, row.result) == ("succeeded", expected(3, 1))
    assert len(executions(tmp_path / "ran")) == count(3, 1)
