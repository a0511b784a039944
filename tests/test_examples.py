"""The examples, run whole as their READMEs say."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def test_python_example(tmp_path: Path) -> None:
    for name in ("sklearn", "matplotlib", "pandas"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: pip install motet[examples]")
    command = [str(Path(sys.executable).with_name("motet")), "run", str(EXAMPLES / "python" / "digits.py")]
    options = ["-p", f"output={tmp_path}", "-p", "folds=3"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "support vectors" in done.stdout

    with (tmp_path / "trials.csv").open() as table:
        trials = list(csv.DictReader(table))
    assert len(trials) == 13
    accuracies = [float(trial["cv_accuracy"]) for trial in trials]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > 0.97
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "best-model.joblib").stat().st_size > 0
