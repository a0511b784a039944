"""Wrong input: one message that says what and where, one with the cure, exit code 2, nothing started."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import FLOWS, Cli

FILES = {
    "flows.py": FLOWS,
    "typed.py": "from motet import flow\n\n@flow\ndef typed(count: int, name: str = 'x'):\n    return count\n",
    "syntax.py": "from motet import flow\n\n@flow\ndef f(:\n    pass\n",
    "missing.py": "import not_there_at_all\nfrom motet import flow\n\n@flow\ndef f():\n    pass\n",
    "none.py": "x = 1\n",
    "broken.py": "1 / 0\n",
    "events.jsonl": '{"key": "a"}\n\n{"value": 1}\n',
    "option.py": "from motet import flow\n\n@flow(retires=3)\ndef f():\n    pass\n",
    "called.py": "from typed import typed\n\ntyped(cuont=3)\n",
    "list.json": "[1, 2]",
    "bad.json": "{count: 3}",
}

CASES = {
    "no such file": (["run", "nowhere.py"], "nowhere.py does not exist", "Check the path"),
    "a folder": (["run", "sub.py"], "sub.py is a folder", "Check the path"),
    "no file, no module": (["run", "nowhere"], "no file nowhere", "file.py:flow"),
    "no such module": (["run", "nowhere:f"], "no module nowhere", "Check the name"),
    "no such flow": (["run", "typed.py:tpyed"], "typed.py has no flow 'tpyed'", "typed"),
    "no such flow in a module": (["run", "typed:tpyed"], "typed has no flow 'tpyed'", "typed"),
    "two flows and none named": (["run", "flows.py"], "flows.py defines 3 flows", "flows.py:total"),
    "no flow": (["run", "none.py"], "none.py defines no flow", "@flow"),
    "a task": (["run", "flows:step"], "flows:step is a task", "flow that calls it"),
    "syntax": (["run", "syntax.py"], 'syntax.py", line 4', "line right"),
    "syntax, flow named": (["run", "syntax.py:f"], 'syntax.py", line 4', "line right"),
    "syntax in a module": (["run", "syntax:f"], 'syntax.py", line 4', "right"),
    "an import that fails": (["run", "missing.py:f"], "not_there_at_all", "right"),
    "unknown parameter": (["run", "typed.py", "-p", "cuont=3"], "no parameter 'cuont'", "Did you mean count?"),
    "ill-typed parameter": (["run", "typed.py", "-p", "count=many"], "count", "-p NAME=VALUE"),
    "missing parameter": (["run", "typed.py"], "'count'", "-p NAME=VALUE"),
    "no parameter at all": (["run", "typed.py", "-p", "count"], "-p count", "count=3"),
    "no parameters file": (["run", "typed.py", "--params", "no.json"], "--params no.json", "path"),
    "parameters no JSON": (["run", "typed.py", "--params", "bad.json"], "bad.json is not JSON", "object"),
    "parameters no object": (["run", "typed.py", "--params", "list.json"], "list.json holds list", "value"),
    "option of a flow": (["run", "option.py:f"], "no option 'retires'", "retries"),
    "a script calls wrongly": (["run", "called.py"], "'cuont'", "It takes"),
    "submit, no such file": (["submit", "nowhere.py"], "nowhere.py does not exist", "Check the path"),
    "submit, ill-typed": (["submit", "typed.py", "-p", "count=many"], "count", "-p NAME=VALUE"),
    "no such run": (["show", "nobody"], "no run 'nobody'", "motet ls"),
    "no run to resume": (["resume", "nobody"], "no run 'nobody'", "motet ls"),
    "no run to stop": (["stop", "nobody"], "no run 'nobody'", "motet ls"),
    "no run, no logs": (["logs", "nobody"], "no run 'nobody'", "motet ls"),
    "no such command": (["rnu", "typed.py"], "no command 'rnu'", "motet run"),
    "no such option": (["ls", "--sttaus", "failed"], "--sttaus", "motet ls --help"),
    "no such status": (["ls", "--status", "lost"], "lost", "motet ls --help"),
    "no target": (["run"], "TARGET", "motet run --help"),
    "no duration": (["prune", "--older-than", "soon"], "'soon' is no duration", "30d"),
    "a key of 2 KB": (["publish", "é" * 600], "has 1200 bytes", "at most 1024"),
    "a deep value": (["publish", "k", "[" * 101 + "]" * 101], "more than 100 deep", "where it is"),
    "a very deep value": (["publish", "k", "[" * 50_000 + "]" * 50_000], "nested too deep", "where it is"),
    "a namespace of Motet's": (["publish", "run.stop", "--namespace", "motet"], "Motet's own", "another"),
    "that of artifacts": (["publish", "table", "--namespace", "artifact"], "'artifact' is Motet's own", "another"),
    "a line without a key": (
        ["publish", "--lines", "events.jsonl"],
        "Line 3 of events.jsonl: An event needs",
        "Name what",
    ),
    "lines that are no text": (["publish", "--lines", "packed.jsonl"], "packed.jsonl is no text", "a file of events"),
    "a schedule by its name": (["schedule", "add", "nightly", "train"], "takes one TARGET", "train --name nightly"),
    "a trigger by its name": (["trigger", "add", "mine", "train", "--key", "x"], "one TARGET", "train --name mine"),
    "which schedule": (["schedule", "pause"], "motet schedule pause: which one?", "motet schedule ls"),
    "no times": (["schedule", "next", "train", "-n", "-1"], "-n -1 cannot be", "whole number"),
    "no command of an alert": (["alert", "add", "a", "--command", "say 'it"], "No closing quotation", "Close"),
    "a script that fails at its top": (["submit", "broken.py"], "broken.py cannot be loaded", "Put that right"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_input(cli: Cli, case: str) -> None:
    for name, text in FILES.items():
        cli.write(name, text)
    (cli.folder / "sub.py").mkdir()
    (cli.folder / "packed.jsonl").write_bytes(b"\x1f\x8b\xff")
    args, what, cure = CASES[case]
    done = cli(*args, code=2)
    first, *_, last = done.err.splitlines()
    assert first.startswith("motet: ")
    assert what in done.err
    assert cure in last
    assert "motet/cli" not in done.err, "frames of ours"
    assert "Run " not in done.out
    assert cli.recorded() == []
    told = cli.json(*args, code=2)
    assert what.strip('"') in told["error"]
    assert cure in told["cure"]


def test_an_ambiguous_beginning_lists_the_runs(cli: Cli) -> None:
    cli.write("typed.py", FILES["typed.py"])
    for name in ("alpha-one", "alpha-two"):
        cli("run", "typed.py", "-p", "count=1", "--name", name)
    done = cli("show", "alpha", code=2)
    assert "alpha-one" in done.err
    assert "alpha-two" in done.err
    assert "beginning of 2 runs" in done.err
    assert cli.json("show", "alpha-t")["name"] == "alpha-two"
    cli("run", "typed.py", "-p", "count=2", "--name", "alpha-two")
    assert cli.json("show", "alpha-two")["params"]["count"] == 2, "of equal names the newest is meant"


def test_an_unwritable_home(cli: Cli, tmp_path: Path) -> None:
    cli.write("typed.py", FILES["typed.py"])
    (tmp_path / "file").write_text("in the way")
    for home in ("/proc/motet", str(tmp_path / "file" / "home"), str(tmp_path / "file")):
        done = cli("run", "typed.py", "-p", "count=1", "--home", home, code=2)
        assert done.err.startswith("motet: ")
        assert home.rpartition("/")[0] in done.err
        assert "MOTET_HOME" in done.err
        assert "Traceback" not in done.err
        assert "MOTET_HOME" in cli("ls", "--home", home, code=2).err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_without_the_right_to_write(cli: Cli) -> None:
    cli.write("typed.py", FILES["typed.py"])
    cli.home.chmod(0o500)
    try:
        assert "MOTET_HOME" in cli("run", "typed.py", "-p", "count=1", code=2).err
    finally:
        cli.home.chmod(0o700)


def test_a_corrupt_store(cli: Cli) -> None:
    cli.write("typed.py", FILES["typed.py"])
    (cli.home / "store.db").write_bytes(b"this is no database at all " * 1000)
    try:
        for args in (["run", "typed.py", "-p", "count=1"], ["ls"], ["resume", "x"]):
            done = cli(*args, code=2)
            assert str(cli.home / "store.db") in done.err
            assert "damaged" in done.err
            assert "backup" in done.err
            assert "Traceback" not in done.err
        assert "damaged" in cli("doctor", code=1).out
    finally:
        (cli.home / "store.db").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_nothing(cli: Cli, small_disk: Path) -> None:
    cli.write(
        "filling.py",
        """
        import os
        from motet import flow, task

        @task
        def step(number):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"{number}\\n")
            print("x" * 200)
            return "y" * 900

        @flow
        def filling():
            return len([step(number) for number in range(600)])
        """,
    )
    home = ["--home", str(small_disk / "home")]
    done = cli("run", "filling.py", *home, code=1)
    assert "no room left" in done.err
    assert "Free some disk space" in done.err
    assert "Traceback" not in done.err
    counted = len(cli.counted())
    assert 0 < counted < 600
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    (run,) = cli.json("ls", *home)
    assert run["status"] == "crashed"
    assert f"{counted - 1} steps kept" in cli("resume", run["name"], *home).out
    assert len(cli.counted()) <= 601, "what was recorded is not run again"


def test_output_that_cannot_be_written(cli: Cli) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    with open("/dev/full", "w") as full:
        done = cli("--help", code=1, stdout=full)
    assert "No space left" in done.err
    assert "Traceback" not in done.err
