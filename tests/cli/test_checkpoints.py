"""Checkpoints as the command line shows them, forks from them, and lets go of them."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

TRAIN = """
import os, sys, time
from motet import checkpoint, flow, last_checkpoint, task

@task
def train(rate: float) -> float:
    state = last_checkpoint({"epoch": 0, "w": 0.0})
    print("after", state["epoch"], flush=True)
    for epoch in range(state["epoch"], 6):
        state = {"epoch": epoch + 1, "w": state["w"] + rate}
        checkpoint(state, epoch=epoch + 1)
        if epoch == 3 and not os.path.exists("go"):
            with open(os.environ["COUNT"], "a") as file:
                file.write("x ")
            while not os.path.exists("go"):
                time.sleep(0.01)
    return state["w"]

@flow
def study(rate: float = 1.0, executor: str = "") -> float:
    return train(rate) if not executor else train.with_options(executor=executor).submit(rate).result()
"""


def test_a_killed_training_is_shown_and_goes_on_where_it_stood(cli: Any) -> None:
    cli.write("train.py", TRAIN)
    for number, executor in enumerate(("", "processes"), 1):
        (cli.folder / "go").unlink(missing_ok=True)
        name = f"killed-{number}"
        process = cli.start("run", "train.py", "-p", f"executor={executor}", "--name", name)
        cli.wait_for_count(number, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        shown = cli("show", name).out
        assert "checkpoint 4 (epoch=4), " in shown and " ago" in shown
        assert "Its last checkpoint is 4 (epoch=4), " in cli("why", name, "train-0").out
        step = json.loads(cli("show", name, "train-0", "--json").out)
        assert [(each["number"], each["labels"]) for each in step["checkpoints"]] == [
            (n, {"epoch": n}) for n in range(1, 5)
        ]
        (cli.folder / "go").touch()
        done = cli("resume", name)
        assert "after 4" in done.out + done.err
        assert json.loads(cli("show", name, "--json").out)["result"] == 6.0
        told = cli("why", name, "train-0").out
        assert "made 4 checkpoints, the last one 4 (epoch=4)" in told
        assert "from checkpoint 4 (epoch=4)" in told


def test_forks_begin_from_the_one_that_is_named_and_outlive_the_old_run(cli: Any) -> None:
    cli.write("train.py", TRAIN)
    (cli.folder / "go").touch()
    cli("run", "train.py", "--name", "first")
    assert "begins from its checkpoint 2 (epoch=2)" in cli("fork", "first", "--from", "train-0@2", "-p", "rate=10").out
    newest = cli.runs()[0]
    assert newest["result"] == 42.0
    assert "from checkpoint 2 of run first" in cli("why", newest["id"], "train-0").out
    last = cli("fork", "first", "--from", "train-0@last", "--name", "third")
    assert "after 6" in last.out + last.err
    err = cli("fork", "first", "--from", "train-0@epoch=9", code=2).err
    assert "Step study/train-0 has no checkpoint 'epoch=9'." in err and "These are kept: 1 (epoch=1), 2" in err
    assert len(cli.runs()) == 3
    cli("fork", "first", "--from", "train-9@2", code=2)


def test_they_go_with_age_with_their_run_and_when_asked_to(cli: Any) -> None:
    cli.write("train.py", TRAIN)
    (cli.folder / "go").touch()
    cli("run", "train.py", "--name", "first")
    files = lambda: [path for path in Path(cli.home, "artifacts").glob("*/*") if path.is_file()]  # noqa: E731
    assert len(files()) == 6
    assert "Would remove 6 checkpoints" in cli("prune", "--checkpoints", "--dry-run").out
    assert "Removed 0 checkpoints" in cli("prune", "--checkpoints", "--older-than", "1d").out
    assert json.loads(cli("prune", "--checkpoints", "--json").out)["checkpoints"] == 6
    assert files() == []
    assert "CHECKPOINT" not in cli("show", "first", "train-0").out
    cli("run", "train.py", "--name", "second")
    assert len(files()) == 6
    cli("prune", "--older-than", "0s")
    assert files() == [] and cli.runs() == []
