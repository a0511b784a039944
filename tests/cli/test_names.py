"""Names and numbers that cannot be are refused where they are given: two lines, exit code 2, nothing begun."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.cli.conftest import Cli

LONG = "x" * 5000
BAD = ("a\nb", "\x1b[2J", "\u202eabc", os.fsdecode(b"\xff\xfe"), LONG)


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_names_of_runs_and_events(cli: Cli, name: str) -> None:
    cli.write("one.py", "from motet import flow\n\n@flow\ndef one():\n    return 1\n")
    for args in (
        ("run", "one.py", "--name", name),
        ("submit", "one.py", "--name", name),
        ("publish", name),
        ("publish", "k", "--namespace", name),
        ("publish", "k", "--client-key", name),
        ("limit", "set", name, "2"),
    ):
        refused = cli(*args, code=2)
        assert refused.err.startswith("motet: ")
        assert len(refused.err.splitlines()) == 2
        assert "Traceback" not in refused.err
    assert cli.runs() == []


@pytest.mark.parametrize(
    "args",
    [
        ("ls", "-n", "-1"), ("ls", "-n", "0"), ("ls", "-n", "9" * 20), ("ls", "-n", "ten"), ("show", "r", "-n", "-3"),
        ("events", "--after", "9" * 23), ("events", "--after", "-1"), ("ls", "-n", "9" * 5000), ("ls", "-n", "1.5"),
    ],
    ids=lambda args: " ".join(args)[:20],
)  # fmt: skip
def test_numbers(cli: Cli, args: tuple[str, ...]) -> None:
    refused = cli(*args, code=2)
    assert f"{args[-2]} {args[-1][:10]}" in refused.err
    assert "whole number from" in refused.err
    assert len(refused.err) < 300


OPTIONS = {
    "flow": "@flow(name={})\ndef f():\n    return 1\n",
    "task": "@task(name={})\ndef t():\n    return 1\n\n@flow\ndef f():\n    return t()\n",
    "flow tag": "@flow\ndef f():\n    with tags({}):\n        return t()\n\n@task\ndef t():\n    return 1\n",
    "task tag": "@task(tags=[{}])\ndef t():\n    return 1\n\n@flow\ndef f():\n    return t()\n",
    "event": "@flow\ndef f():\n    publish({})\n",
    "artifact": "@flow\ndef f():\n    artifact.markdown({}, 'text')\n",
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_names_in_programs(cli: Cli, kind: str) -> None:
    head = "from motet import artifact, flow, publish, task\nfrom motet.dialects.python.scope import tags\n\n"
    for name in ("a\x1bb", "line\nbreak", LONG):
        cli.write("named.py", head + OPTIONS[kind].format(ascii(name)))
        process = subprocess.run(
            [sys.executable, "-P", "-m", "motet.cli", "run", "named.py"],
            cwd=cli.folder, env=cli.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert process.returncode in (1, 2)
        assert "UsageError" in process.stderr or process.stderr.startswith("motet: ")
        assert "control characters" in process.stderr or "characters." in process.stderr
        assert "\x1b" not in process.stdout + process.stderr


def test_names_made_of_values_are_mended(cli: Cli) -> None:
    cli.write(
        "made.py",
        """
        from motet import flow, task

        @task(task_run_name="of {text}")
        def t(text):
            return 1

        @flow(flow_run_name="run {text}")
        def made(text: str = "a\\n\\x1b[2Jb" + "x" * 500):
            return t(text)
        """,
    )
    run = cli.json("run", "made.py")["runs"][0]
    assert run["name"].startswith("run a  [2Jbxxx")
    assert len(run["name"]) == 200
    step = next(each for each in cli.json("show", run["id"])["steps"] if each["task"] == "t")
    assert step["name"].startswith("of a  [2Jb")
