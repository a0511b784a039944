"""Pipelines of the kind that people write: what did not change is found again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.identity.pipelines import BODIES, write

ROOT = Path(__file__).parents[2]


def run(folder: Path, home: Path, seed: str) -> tuple[dict[str, Any], str]:
    """The pipelines in that folder, each run once by one process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.identity.pipelines", str(folder)], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**os.environ, "MOTET_HOME": str(home), "PYTHONHASHSEED": seed},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_a_second_run_and_one_after_a_comment_reuse_nearly_all_steps(tmp_path: Path) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    write(folder)
    first, said = run(folder, tmp_path / "home", "1")
    assert len(first) >= 30
    assert "is not cached" not in said
    again, _ = run(folder, tmp_path / "home", "2")
    write(folder, "# a comment\n")
    commented, _ = run(folder, tmp_path / "home", "3")
    for later in (again, commented):
        missed = [name for name in BODIES if later[name][1] != later[name][2]]
        assert {name: each[0] for name, each in later.items()} == {name: each[0] for name, each in first.items()}
        cached = sum(each[2] for each in later.values()) / sum(each[1] for each in later.values())
        assert cached >= 0.95, missed
