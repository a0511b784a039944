"""A workflow as its users have it: a script, a repository by its label, programs of their own; as processes."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.source import ROOT

from motet.dialects.spell import house as houses
from motet.dialects.spell import searches
from motet.dialects.spell.words import FINAL

SPELL = [sys.executable, "-m", "motet", "spell"]

SCRIPT = """
import spell.client
client = spell.client.from_environment()

r = client.runs.new(command="fetch -O input.txt http://nowhere.invalid/text")
print("waiting for run {} to complete".format(r.id))
r.wait_status(*client.runs.FINAL)
r.refresh()
if r.status != client.runs.COMPLETE:
    raise OSError(f"failed at run {r.id}")

r = client.runs.new(
    machine_type="K80",
    command="python train.py --data_dir={}".format("/data"),
    attached_resources={"runs/{}/input.txt".format(r.id): "/data/input.txt"},
    commit_label="model",
)
print("waiting for run {} to complete".format(r.id))
r.wait_status(*client.runs.FINAL)
r.refresh()
if r.status != client.runs.COMPLETE:
    raise OSError(f"failed at run {r.id}")

r = client.runs.new(
    command="cat save/words.txt", attached_resources={"runs/{}/save".format(r.id): "save"}, commit_label="model"
)
print("waiting for run {} to complete".format(r.id))
r.wait_status(*client.runs.FINAL)
print("Logs from run {}:".format(r.id))
for line in r.logs():
    if line.status == client.runs.RUNNING and not line.status_event:
        print(line)
"""

TRAIN = """
import os, sys
folder = sys.argv[1].partition("=")[2]
words = open(os.path.join(folder, "input.txt")).read().split()
open(os.path.join(folder, "vocab.txt"), "w").write(" ".join(sorted(set(words))))
open("save/words.txt", "w").write("\\n".join(words))
print(len(words), "words")
"""


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A folder that git does not know, with a repository in it, and a program that only this folder has."""
    (tmp_path / "flow.py").write_text(SCRIPT)
    model = tmp_path / "model"
    (model / "save").mkdir(parents=True)
    (model / "save" / ".gitignore").write_text("*\n!.gitignore\n")
    (model / "train.py").write_text(TRAIN)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "model"]):
        subprocess.run([*git, *words], cwd=model, check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})
    (tmp_path / "bin").mkdir()
    (tmp_path / "text.txt").write_text("well prince so genoa")
    fetch = tmp_path / "bin" / "fetch"
    fetch.write_text('#!/bin/sh\ncp "$(dirname "$0")/../text.txt" "$2"\n')
    fetch.chmod(0o755)
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def environment(layout: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{layout / 'bin'}{os.pathsep}{os.environ['PATH']}", "TERM": "xterm"}


def spell(layout: Path, *words: str) -> str:
    done = subprocess.run(
        [*SPELL, *words], cwd=layout, env=environment(layout), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_that_waits_for_another_needs_one_place_for_both(layout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_COMMANDS", "1")
    asks = "import spell.client as s; s.from_environment().runs.new(command='echo inner').check()"
    assert "Run 1 complete\n" in spell(layout, "run", "--none", f'python -c "{asks}"')


def test_a_workflow_as_it_was_written_for_the_original(layout: Path) -> None:
    lines = spell(layout, "workflow", "--repo", "model=model/", "python flow.py").splitlines()
    assert lines[:7] == [
        "✨ Syncing repo model/.",
        "💫 Casting workflow #1…",
        "✨ Following workflow at run 1.",
        "✨ Stop viewing logs with ^C",
        "✨ Run created -- waiting for a CPU machine.",
        "✨ Run is building",
        "Machine acquired -- commencing run",
    ]
    own = [line for line in lines[lines.index("✨ Run is running") + 1 :] if not line.startswith("spell: run 3: ")]
    assert own[:8] == [
        "waiting for run 2 to complete", "waiting for run 3 to complete", "waiting for run 4 to complete",
        "Logs from run 4:", "well", "prince", "so", "genoa",
    ]  # fmt: skip
    assert lines[-1] == "🎉 Run 1 complete"
    listed = [line.split()[0] for line in spell(layout, "ps").splitlines()[1:]]
    assert listed == ["1", "2", "3", "4"]
    console = spell(layout, "logs", "4").splitlines()
    assert [line.partition(": running: ")[2] for line in console if ": running: " in line][1:] == own[4:8]


def test_on_a_terminal(layout: Path) -> None:
    """The statuses are lines that turn; Ctrl-C ends the following alone."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(layout)
        os.execve(sys.executable, [*SPELL, "run", "--none", "echo begun; while [ ! -e stop ]; do sleep 0.1; done"],
            environment(layout))  # fmt: skip
    out, is_sent = b"", False
    while True:
        select.select([fd], [], [])
        try:
            piece = os.read(fd, 65536)
        except OSError:  # Linux says so that the other side has closed
            break
        if not piece:
            break
        out += piece
        if not is_sent and b"\r\nbegun" in out:
            os.write(fd, b"\x03")
            is_sent = True
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    shown = [re.split("\r\x1b\\[K", line)[-1] for line in out.decode().replace("\r\n", "\n").split("\n")]
    assert shown[:6] == [
        "💫 Casting spell #1…", "✨ Stop viewing logs with ^C", "✨ Machine_Requested… done", "✨ Building… done",
        "✨ Run is running", "begun",
    ]  # fmt: skip
    assert "✨ Run 1 goes on: spell logs -f 1 follows it, spell stop 1 ends it." in shown
    assert spell(layout, "ps").splitlines()[-1].split()[-2] == "*Running"
    spell(layout, "kill", "1")
    spell(layout, "logs", "-f", "1")


def test_the_example(tmp_path: Path) -> None:
    folder = tmp_path / "tale"
    shutil.copytree(ROOT / "examples" / "spell", folder)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    shutil.copytree(folder / "bin", folder / "model" / "bin", symlinks=True)
    said = spell(folder, "workflow", "--repo", "model=model", "python workflow.py")
    assert "loss on what it has not seen: " in said
    assert said.splitlines()[-1] == "🎉 Run 1 complete"
    spell(folder, "upload", "-n", "tale", "model/tale.txt")
    words = ["hyper", "grid", "-m", "uploads/tale/tale.txt:input.txt", "--param", "order=1,3", "--metric", "loss"]
    lines = spell(folder / "model", *words, "--direction", "minimize", "--", "python", "train.py", "--order", ":order:")
    assert lines.splitlines() == [
        "💫 Casting hyperparameter search #1…",
        "order    Run ID",
        "1        5",
        "3        6",
    ]
    for run in ("5", "6"):
        spell(folder, "logs", "-f", run)


def test_a_search_whose_engine_was_killed_goes_on_and_repeats_nothing(layout: Path) -> None:
    waits = f"while [ ! -e {layout}/go-:x: ]; do sleep 0.1; done"
    spell(layout, "hyper", "grid", "-r", "1", "--param", "x=1,2,3", "--none", "--", waits)
    house = houses.current()
    (layout / "go-1").touch()
    house.wait(1, FINAL)
    while len(searches.find(house, 1).runs) < 2:
        time.sleep(0.1)
    house.wait(2, ["running"])
    before, search = house.get(1), searches.find(house, 1)
    owner = house.host.store.run(search.run).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    for number in (2, 3):
        (layout / f"go-{number}").touch()
    resumed = subprocess.run(
        [sys.executable, "-m", "motet", "resume", search.run], env=environment(layout), capture_output=True, check=False
    )
    assert resumed.returncode == 0, resumed.stderr
    assert [(each.number, each.status) for each in house.runs()] == [(n, "complete") for n in (3, 2, 1)]
    assert house.get(1).ended_at == before.ended_at
    assert [each.ended for each in searches.find(house, 1).trials] == ["finished"] * 3
