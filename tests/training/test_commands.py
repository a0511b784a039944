"""The checkpoint folder of commands, in every place: whole where the program says so, else as it was left."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import motet
from motet import app, checkpoints, command, flow
from motet.errors import CommandFailed, TimedOut
from motet.executors.commands.sandbox import own_refusal
from motet.ports import Store

SANDBOX = pytest.param(
    "sandbox", marks=pytest.mark.skipif(bool(own_refusal()), reason=f"no namespaces here: {own_refusal()}")
)

LOOP = """
cd "$MOTET_CHECKPOINT"
test -e n || echo 0 > n
echo begins after $(cat n)
while [ $(cat n) -lt 5 ]; do
  echo $(( $(cat n) + 1 )) > new && mv new n
  SAYS
  if [ $(cat n) = 3 ] && [ $MOTET_ATTEMPT = 1 ]; then echo 99 > n; ENDS; fi
done
"""
SAYS = "echo \"epoch=$(cat n) note='two words'\" > .done; while [ -e .done ]; do sleep 0.02; done"


def store() -> Store:
    return app.hosts.current().store


def kept(step: str = "study/train-0") -> list[checkpoints.Checkpoint]:
    return checkpoints.of_step(store(), store().runs()[0].id, step)


def work(run: int = 0) -> list[str]:
    """What is left in the run's folder of work of checkpoint folders."""
    folder = Path(app.work_folder(app.home()), store().runs()[run].id)
    return [each.name for each in folder.iterdir() if "checkpoint" in each.name] if folder.exists() else []


@pytest.mark.parametrize("place", ["host", SANDBOX])
def test_a_program_that_says_when_it_is_whole_begins_from_exactly_that(place: str) -> None:
    script = LOOP.replace("SAYS", SAYS).replace("ENDS", "exit 3")

    @flow
    def study() -> str:
        return command(["sh"], script=script, name="train", retries=1, place=place)().stdout

    assert study() == "begins after 3"
    assert [each.labels for each in kept()] == [{"epoch": n, "note": "two words"} for n in range(1, 6)]
    assert all(each.whole for each in kept())
    assert work() == []


@pytest.mark.parametrize("place", ["host", SANDBOX])
@pytest.mark.parametrize("ends", ["exit 3", "sleep 1000", "kill -9 $$"])
def test_one_that_never_says_so_finds_the_folder_as_it_was_left(place: str, ends: str) -> None:
    script = LOOP.replace("SAYS", ":").replace("ENDS", ends)

    @flow
    def study(**options: Any) -> str:
        return command(["sh"], script=script, name="train", retries=1, place=place, **options)().stdout

    def late(limit_s: float) -> str:
        """With a limit that is as long as both attempts need."""
        with suppress(TimedOut):
            if (told := study(timeout_seconds=limit_s, grace_seconds=0.1)) == "begins after 99":
                return told
        return late(5 * limit_s)

    assert (late(1) if "sleep" in ends else study()) == "begins after 99"
    assert [(each.number, each.attempt, each.whole) for each in kept()] == [(1, 1, False)]
    assert work() == []


@pytest.mark.parametrize("place", ["host", SANDBOX])
def test_a_python_program_keeps_its_state_as_a_task_does(place: str) -> None:
    script = """
import os, sys
import motet
state = motet.last_checkpoint(dict(n=0))
print("begins after", state["n"])
for n in range(state["n"], 4):
    (motet.checkpoint_folder() / "file").write_text(str(n))
    motet.checkpoint(dict(n=n + 1), epoch=n + 1)
    if n == 2 and os.environ["MOTET_ATTEMPT"] == "1":
        sys.exit(3)
"""

    @flow
    def study() -> str:
        return command([sys.executable, "-"], script=script, name="train", retries=1, place=place)().stdout

    assert study() == "begins after 3"
    assert [each.labels["epoch"] for each in kept()] == [1, 2, 3, 4]


@flow
def stoppable(stop: str) -> str:
    script = LOOP.replace("SAYS", SAYS).replace("ENDS", "exit 3").replace("$MOTET_ATTEMPT = 1", f"! -e {stop}")
    return command(["sh"], script=script, name="train")().stdout


def test_a_run_that_failed_goes_on_and_a_fork_begins_where_it_is_told(tmp_path: Path) -> None:
    """The new run has its own copy: it begins from it though the old run is gone."""
    stop = tmp_path / "stop"
    with pytest.raises(CommandFailed):
        stoppable(str(stop))
    run = store().runs()[0].id
    stop.touch()
    assert motet.resume(run).result == "begins after 3"
    forked = motet.fork(run, anew=["train-0@epoch=2"])
    assert forked.result == "begins after 2"
    assert checkpoints.of_step(store(), forked.id, "stoppable/train-0")[0].origin == run
    assert motet.fork(run, anew=["train-0@last"]).result == "begins after 5"


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden=1")
    script = """
cd "$MOTET_CHECKPOINT"
echo "no label" > .done; while [ -e .done ]; do sleep 0.02; done; cat .refused; echo
ln -s {secret} .done; while [ -h .done ]; do sleep 0.02; done; cat .refused; echo
ln -sf {secret} .refused; echo also none > .done; while [ -e .done ]; do sleep 0.02; done; cat .refused; echo
ln -s {secret} link; ln -s {folder} folder; echo epoch=1 > .done; while [ -e .done ]; do sleep 0.02; done
"""
    told = script.replace("{secret}", str(secret)).replace("{folder}", str(tmp_path))

    @flow
    def study() -> str:
        return command(["sh"], script=told, name="train")().stdout

    first, second, third = study().splitlines()
    assert first == "'no' is no label of a checkpoint."
    assert "loop" in second or "symbolic" in second.lower()
    assert third == "'also' is no label of a checkpoint."
    assert secret.read_text() == "hidden=1"
    (one,) = kept()
    content = bytes(app.hosts.current().artifacts.get(one.digest))
    assert b"hidden" not in content


def test_functions_of_workflow_files_have_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "steps.py").write_text(
        "import os, pathlib\n"
        "def train(by):\n"
        "    place = pathlib.Path(os.environ['MOTET_CHECKPOINT'], 'n')\n"
        "    done = int(place.read_text()) if place.exists() else 0\n"
        "    for n in range(done, 5):\n"
        "        place.write_text(str(n + 1))\n"
        "        if n == 2 and os.environ['MOTET_ATTEMPT'] == '1':\n"
        "            raise RuntimeError('it breaks')\n"
        "    return done * by\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))

    @flow
    def study() -> Any:
        return command(function="steps:train", name="train", retries=1)(by=10).value

    assert study() == 30
    assert [each.whole for each in kept()] == [False]
    assert work() == []


def test_a_stopped_program_is_kept_as_it_was_left() -> None:
    begun: list[str] = []

    @flow
    def study() -> None:
        future = command(
            'echo 7 > "$MOTET_CHECKPOINT/n"; sleep 1000', name="train", grace_seconds=0.1
        ).submit()  # fmt: skip
        begun.append(app.hosts.current().store.runs()[0].id)
        place = Path(app.work_folder(app.home()), begun[0])
        while not list(place.glob("*checkpoint*/n")):
            time.sleep(0.02)
        future.cancel()
        future.wait()

    study()
    assert [each.whole for each in kept()] == [False]
