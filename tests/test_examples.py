"""The examples, run whole as their READMEs say."""

from __future__ import annotations

import csv
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
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


def test_orquestra_example(tmp_path: Path) -> None:
    folder = EXAMPLES / "orquestra"
    subprocess.run(
        [sys.executable, str(folder / "make_repositories.py"), str(tmp_path)], check=True, capture_output=True
    )
    env = {**os.environ, "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")}

    def motet(*words: str) -> str:
        command = [str(Path(sys.executable).with_name("motet")), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "2 succeeded" in motet("run", "workflows/two-steps.yaml")
    assert "'accuracy': [0.94]" in motet("run", "workflows/modular.yaml")
    assert "4 succeeded (3 cached)" in motet("run", "workflows/combined.yaml")
    axes = "generate-data.kind=line,ring", "train-predict.model=perceptron,neighbour"
    motet("run", "workflows/modular.yaml", "--matrix", axes[0], "--matrix", axes[1], "--name", "four")
    motet("results", "four", "--format", "csv", "-o", str(tmp_path / "tables"))
    with (tmp_path / "tables" / "accuracy.csv").open() as table:
        found = {
            (row["generate-data.kind"], row["train-predict.model"]): float(row["accuracy"])
            for row in csv.DictReader(table)
        }
    assert len(found) == 4
    assert found["ring", "neighbour"] > found["ring", "perceptron"]


def test_yadage_example(tmp_path: Path) -> None:
    folder = EXAMPLES / "yadage"
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for workflow, workdir, picture in (
        ("workflow.yml", "many", "plot/moons.png"),
        ("one-step.yml", "one", "all/moons.png"),
    ):
        words = ["yadage-run", str(tmp_path / workdir), workflow, "inputs.yml", "-d", f"initdir={folder}/scripts"]
        command = [str(Path(sys.executable).with_name("motet")), *words, "--visualize"]
        command += ["-p", "classifiers=[neighbours, linear]"]  # all five take as many imports of scikit-learn more
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (tmp_path / workdir / picture).read_bytes().startswith(b"\x89PNG")
        assert (tmp_path / workdir / "_yadage/yadage_workflow_instance.pdf").is_file()
    assert "linear: 0." in (tmp_path / "many/train_1/_packtivity/train_1.run.log").read_text()


def test_aiflow_example(tmp_path: Path, motet_home: Path) -> None:
    if importlib.util.find_spec("sklearn") is None:
        pytest.skip("sklearn is not installed: pip install motet[examples]")
    home = tmp_path / "aiflow"
    env = {**os.environ, "AIFLOW_HOME": str(home)}

    def aiflow(*words: str) -> str:
        command = [str(Path(sys.executable).with_name("motet")), "aiflow", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    script = EXAMPLES / "aiflow" / "online_digits.py"
    assert aiflow("workflow", "upload", str(script)) == "Workflow: default.online_digits, submitted.\n"
    assert aiflow("workflow-execution", "start", "online_digits") == "Workflow execution: 1 submitted.\n"
    read = home / "working_dir" / "online_digits" / "1" / "online_digits" / "tmp" / "read.txt"
    try:
        for turn in itertools.count(1):
            if len(lines := read.read_text().splitlines() if read.exists() else []) >= 3:
                break
            time.sleep(0.1)
            if turn % 200 == 0:
                (row,) = json.loads(aiflow("workflow-execution", "list", "online_digits", "-o", "json"))
                assert row["status"] == "RUNNING"
        models = [line.partition(".joblib")[0] for line in lines]
        assert models == sorted(models) and len(set(models)) == len(models)
    finally:
        told = aiflow("workflow-execution", "stop-all", "online_digits", "-y")
    assert told == "Stopping all workflow executions of workflow: default.online_digits\n"
    while (row := json.loads(aiflow("workflow-execution", "show", "1", "-o", "json"))[0])["status"] == "RUNNING":
        time.sleep(0.2)
    assert row["status"] == "STOPPED" and row["end_date"]
    tasks = json.loads(aiflow("task-execution", "list", "1", "-o", "json"))
    ends = {(each["task_name"], each["status"]) for each in tasks}
    assert {("collect", "STOPPED"), ("read", "STOPPED"), ("train", "SUCCESS"), ("deploy", "SUCCESS")} <= ends
    while left_over(motet_home):
        time.sleep(0.1)


def test_online_learning_as_a_flow(tmp_path: Path, motet_home: Path) -> None:
    if importlib.util.find_spec("sklearn") is None:
        pytest.skip("sklearn is not installed: pip install motet[examples]")

    def motet(*words: str) -> None:
        command = [str(Path(sys.executable).with_name("motet")), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr

    motet("submit", f"{EXAMPLES / 'aiflow' / 'online_flow.py'}:online", "--name", "online")
    read = tmp_path / "online" / "read.txt"
    while len(lines := read.read_text().splitlines() if read.exists() else []) < 2:
        time.sleep(0.1)
    motet("stop", "online")
    models = [line.partition(":")[0] for line in lines]
    assert models == sorted(models) and len(set(models)) == len(models)
    while left_over(motet_home):
        time.sleep(0.1)


def left_over(home: Path) -> list[str]:
    """Processes of runs of that home."""
    found = []
    for each in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"MOTET_HOME={home}".encode() in each.read_bytes() and each.parent.name != str(os.getpid()):
                found.append(each.parent.name)
    return found
