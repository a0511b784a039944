"""The command `prefect` that `motet shims` makes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

from motet import private

BETA = """
    from prefect import flow, task

    @task
    def double(number):
        print("doubling", number)
        return number * 2

    @flow
    def doubling(number: int = 2):
        double(number)

    doubling(3)
"""


@pytest.fixture
def prefect(cli: Cli, tmp_path: Path) -> object:
    cli("shims", str(tmp_path / "bin"))

    def call(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [str(tmp_path / "bin" / "prefect"), *words], cwd=cli.folder, env=cli.env, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def test_what_its_users_type(cli: Cli, prefect: object) -> None:
    assert callable(prefect)
    cli.write("beta.py", BETA)
    cli("submit", "beta.py", "--door", "orion", "--name", "calm-heron")
    cli.wait_for_status("calm-heron", "succeeded")
    for words in (("orion", "start"), ("server", "start")):
        assert "Nothing can listen on" in prefect(*words, "--port", "70000", code=2)
    assert "calm-heron" in prefect("flow-run", "ls", "--limit", "5")
    assert "double-" in prefect("flow-run", "inspect", "calm-heron")
    assert "doubling 3" in prefect("flow-run", "logs", "calm-heron")
    assert "had ended already" in prefect("flow-run", "cancel", "calm-heron")
    assert "changes nothing" in prefect("config", "set", "PREFECT_LOGGING_LEVEL=DEBUG")
    assert str(cli.home) in prefect("config", "view")
    assert json.loads(prefect("flow-run", "ls", "--json"))[0]["name"] == "calm-heron"


def test_what_it_does_not_know(prefect: object) -> None:
    assert callable(prefect)
    told = prefect("deployment", "build", code=2)
    assert "prefect deployment build" in told
    assert "flow-run logs" in told
    assert "no NAME=VALUE" in prefect("config", "set", "X", code=2)


def test_the_address_of_an_api_is_that_of_the_server(cli: Cli, prefect: object) -> None:
    assert callable(prefect)
    told = prefect("config", "set", "PREFECT_API_URL=http://127.0.0.1:4200/api")
    assert "MOTET_SERVER is http://127.0.0.1:4200 from now on" in told
    assert private.server(str(cli.home)) == "http://127.0.0.1:4200"
    assert "MOTET_SERVER='http://127.0.0.1:4200'" in prefect("config", "view")
    prefect("config", "unset", "PREFECT_API_URL")
    assert private.server(str(cli.home)) == ""
