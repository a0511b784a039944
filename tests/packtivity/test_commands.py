"""`packtivity-run`, `packtivity-validate` and `packtivity-checkproxy`, as they are typed."""

from __future__ import annotations

import json
import time

import pytest
from tests.cli.conftest import PATIENCE_S, Cli

STEPS = """
greet:
  process: {process_type: string-interpolated-cmd, cmd: 'echo {msg} | tee {out}'}
  environment: {environment_type: localproc-env}
  publisher: {publisher_type: frompar-pub, outputmap: {out: out}}
look:
  process:
    process_type: interpolated-script-cmd
    script: |
      ls {folder}
      touch b.txt a.txt
  environment: {environment_type: localproc-env}
  publisher: {publisher_type: fromglob-pub, globexpression: '*.txt', outputkey: found}
fails:
  process: {process_type: string-interpolated-cmd, cmd: 'echo so; exit 3'}
  environment: {environment_type: localproc-env}
  publisher: {publisher_type: constant-pub, publish: {}}
"""


def test_a_step_alone(cli: Cli) -> None:
    cli.write("steps.yml", STEPS)
    done = cli(
        "packtivity-run", "steps.yml#/greet", "-p", "msg=a=b", "-p", "out='{workdir}/o.txt'", "-w", "w", "-o", "r.json"
    )
    out = f"{{'out': '{cli.folder}/w/o.txt'}}"
    assert done.out.splitlines() == [f"<TypedLeafs: {out}> (prepublished)", "a=b", f"<TypedLeafs: {out}> (post-run)"]
    assert (cli.folder / "w/_packtivity/packtivity_syncbackend.run.log").read_text() == "a=b\n"
    assert json.loads((cli.folder / "r.json").read_text()) == {"out": f"{cli.folder}/w/o.txt"}


def test_folders_parameters_and_results_that_only_the_end_knows(cli: Cli) -> None:
    cli.write("steps.yml", STEPS)
    (cli.folder / "given").mkdir()
    (cli.folder / "given/file").touch()
    cli.write("one.yml", "folder: elsewhere\nmore: 1\n")
    cli.write("two.yml", "folder: '{readdir0}'\n")
    cli.write("state.yml", f"readwrite: [{cli.folder}/made]\nreadonly: [{cli.folder}/given]\n")
    done = cli("packtivity-run", "steps.yml#/look", "one.yml", "two.yml", "-s", "state.yml")
    made = f"{cli.folder}/made"
    assert done.out.splitlines() == ["file", f"<TypedLeafs: {{'found': ['{made}/a.txt', '{made}/b.txt']}}> (post-run)"]


def test_a_step_that_fails(cli: Cli) -> None:
    cli.write("steps.yml", STEPS)
    done = cli("packtivity-run", "steps.yml#/fails", "-w", "w", code=1)
    for part in ("ended with exit status 3", "command: echo so; exit 3", "of: steps.yml#/fails", "run.log"):
        assert part in done.err
    assert "post-run" not in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["steps.yml"], "has 3 steps, and none is named: greet, look, fails"),
        (["steps.yml#/great"], "there is no 'great'"),
        (["none.yml"], "none.yml cannot be read"),
        (["steps.yml#/greet", "-p", "msg"], "is no NAME=VALUE"),
        (["steps.yml#/greet", "none.yml"], "none.yml cannot be read"),
        (["steps.yml#/greet", "-r", "nowhere"], "nowhere is no folder"),
        (["steps.yml#/greet", "-b", "celery"], "'celery' cannot be had"),
        (["steps.yml#/greet", "--no-validate"], "always checked"),
    ],
)
def test_what_cannot_be_asked(cli: Cli, words: list[str], said: str) -> None:
    cli.write("steps.yml", STEPS)
    assert said in cli("packtivity-run", *words, code=2).err
    assert cli.recorded() == []


def test_a_step_that_is_left_to_itself_is_asked_for_later(cli: Cli) -> None:
    cli.write("steps.yml", STEPS)
    cli(
        "packtivity-run",
        "steps.yml#/greet",
        "-p",
        "msg=hi",
        "-p",
        "out='{workdir}/o'",
        "-w",
        "w",
        "--async",
        "-x",
        "p.json",
    )
    until = time.monotonic() + PATIENCE_S
    while "ready: True" not in (told := cli("packtivity-checkproxy", "p.json").out):
        assert time.monotonic() < until
        time.sleep(0.05)
    wanted = f"ready: True\nsuccessful: True\nresult: <TypedLeafs: {{'out': '{cli.folder}/w/o'}}>\n"
    assert told == wanted


def test_validation(cli: Cli) -> None:
    cli.write("steps.yml", STEPS)
    done = cli("packtivity-validate", "steps.yml#/look", "--show")
    assert done.out.endswith("packtivity definition is valid\n")
    assert json.loads(done.out.removesuffix("packtivity definition is valid\n"))["process"]["interpreter"] == "sh"
    cli.write("wrong.yml", STEPS.replace("localproc-env", "localprog-env"))
    done = cli("packtivity-validate", "wrong.yml#/greet", code=1)
    assert done.out == "packtivity definition is not valid\n"
    assert "wrong.yml:3:35: there is no environment_type 'localprog-env'" in done.err
    assert "localproc-env?" in done.err
