"""The MLOps example, killed in the middle of its search and resumed: nothing that had finished runs again."""

from __future__ import annotations

import importlib.util
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from motet.ports import StepRow
from motet.stores.sqlite import SqliteStore
from motet.values.published import published

MAIN = Path(__file__).resolve().parent.parent / "examples" / "mlops" / "main.py"
PATIENCE_S = 300.0
TRIALS = 6


def motet(folder: Path, *args: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("motet")), *args]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finished(store: SqliteStore) -> dict[str, StepRow]:
    return {step.key: step for run in store.runs() for step in store.steps(run.id) if step.status == "succeeded"}


def test_killed_in_the_middle_and_resumed(tmp_path: Path, motet_home: Path) -> None:
    for name in ("hyperopt", "matplotlib", "mlflow", "sklearn", "xgboost"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: pip install motet[mlops]")
    process = motet(tmp_path, "run", str(MAIN), "--name", "mine", "-p", f"num_xgb_runs={TRIALS}")
    until = time.monotonic() + PATIENCE_S
    with closing(SqliteStore(str(motet_home))) as store:
        while "main/xgboost_runs-0/objective-2" not in (before := finished(store)):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        before = finished(store)
        trials = [key for key in before if "objective" in key]
        assert 3 <= len(trials) < TRIALS

        resumed = motet(tmp_path, "resume", "mine")
        told = resumed.communicate(timeout=PATIENCE_S)[0]
        assert resumed.returncode == 0, told
        run = store.runs()[0].id
        started = Counter(event["key"] for event in store.history(run) if event["event"] == "step.started")
        assert {key: started[key] for key in before} == dict.fromkeys(before, 1), "what had finished ran once"
        assert "main/preprocess-data-0" in before
        after = finished(store)
        assert sum("objective" in key for key in after) == TRIALS
        found = {each.key: each for each in published(store, run)}
    assert sorted(found) == ["models", "rmse", "search", "train", "trials", "valid"]
    assert len(found["rmse"].points) == TRIALS
    assert found["models"].preview["n_rows"] == TRIALS + 1
    assert found["search"].preview["thumbnail"]["size_bytes"] > 0
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as tracked:
        tracked_runs = tracked.execute("SELECT count(*) FROM runs WHERE status = 'FINISHED'").fetchone()[0]
    assert TRIALS + 1 <= tracked_runs <= TRIALS + 2, "the trial that was killed may have been told already"
