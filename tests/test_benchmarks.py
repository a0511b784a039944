"""The benchmark program runs. Its figures are nobody's business here: they depend on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_row_runs_or_says_why_not(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads(done.stdout)
    assert found["machine"]["sqlite"]
    assert {row["name"] for row in found["rows"] if row["absent"]} <= {"shell", "array"}
    for row in found["rows"]:
        assert row["absent"] or all(figure["values"] for figure in row["figures"]), row
    assert not list(tmp_path.iterdir()), "homes were left behind"


def test_a_row_that_does_not_exist_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "nonsense"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no row 'nonsense'" in done.stderr


def test_the_table_of_peers_has_a_row_for_each_workload(tmp_path: Path) -> None:
    """Motet alone: the others would have to be installed first."""
    command = [sys.executable, "-m", "benchmarks", "peers", "motet", "--quick", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith(("| a", "| 1,000"))]
    assert len(rows) == 8
    assert all("**" in row for row in rows), rows
    assert not list(tmp_path.iterdir()), "folders were left behind"
