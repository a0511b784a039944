"""A home with some runs, and a server of it: one process for all tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from motet import app
from motet.cli.main import main

FLOWS = """
    from motet import artifact, flow, pause_flow_run, task


    @task
    def square(n):
        print("squaring", n)
        return n * n


    @task
    def broken(n):
        raise ValueError(f"no {n}")


    @flow
    def good(n: int = 3):
        artifact.markdown("notes", "# Notes")
        artifact.table("table", [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
        for x in range(3):
            artifact.metric("loss", 1 / (x + 1), step=x)
        print("hello")
        return sum(square.map(range(n)).result())


    @flow
    def bad(n: int = 1):
        square(n)
        broken(n)


    @flow
    def asking():
        return pause_flow_run(wait_for_input=int, timeout=None)
"""


@dataclass
class Elsewhere:
    """A home, its server's address, and the folder with the flows."""

    home: Path
    url: str
    folder: Path


def motet(*args: str, home: Path, folder: Path) -> str:
    """What `motet` prints, run in a process of its own."""
    env = {**os.environ, "MOTET_HOME": str(home)}
    call = [sys.executable, "-P", "-m", "motet.cli", *args]
    done = subprocess.run(call, cwd=folder, env=env, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    home, folder = tmp_path_factory.mktemp("served-home"), tmp_path_factory.mktemp("flows")
    (folder / "flows.py").write_text(dedent(FLOWS))
    motet("run", "flows.py:good", "--name", "good-one", home=home, folder=folder)
    motet("run", "flows.py:good", "--name", "good-two", "-p", "n=4", home=home, folder=folder)
    motet("run", "flows.py:bad", "--name", "bad-one", home=home, folder=folder)
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "motet.cli", "server", "--port", "0", "--json"],
        cwd=folder, env={**os.environ, "MOTET_HOME": str(home)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        yield Elsewhere(home, json.loads(server.stdout.readline())["url"], folder)
    finally:
        server.terminate()
        server.communicate()


@pytest.fixture
def command(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """`motet` in this process, at the home or, with `over`, at its server: exit code, and what it prints. Where
    it names the server's address, the home stands in its place.
    """
    monkeypatch.chdir(elsewhere.folder)

    def carry_out(*args: str, over: bool = False) -> tuple[int, str, str]:
        monkeypatch.setenv("MOTET_HOME", str(elsewhere.home))
        monkeypatch.delenv("MOTET_SERVER", raising=False)
        if over:
            monkeypatch.setenv("MOTET_SERVER", elsewhere.url)
        capsys.readouterr()
        code = main(list(args))
        app.hosts.close(kill=True)
        out, err = capsys.readouterr()
        return code, out.replace(elsewhere.url, str(elsewhere.home)), err

    return carry_out
