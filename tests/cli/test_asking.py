"""`motet step`, `motet publish --run`: what runs of any voice are asked from outside, by those who may."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Cli

from motet import requests
from motet.stores.sqlite import SqliteStore

FLOW = """
    import os, time
    from motet import command, flow, task

    held = command("touch began; while [ ! -e go ]; do sleep 0.02; done", name="held", folder=os.getcwd())

    @task(retries=1, retry_delay_seconds=3600)
    def breaks():
        raise ValueError("alas")

    @flow
    def main():
        waits = held.submit()
        breaks.submit()
        waits.wait()
"""

STEPS = """
held:
  process: {process_type: string-interpolated-cmd, cmd: 'while [ ! -e FOLDER/go ]; do sleep 0.02; done'}
  environment: {environment_type: localproc-env}
  publisher: {publisher_type: constant-pub, publish: {x: 1}}
breaks:
  process: {process_type: string-interpolated-cmd, cmd: 'exit 3'}
  environment: {environment_type: localproc-env}
  publisher: {publisher_type: constant-pub, publish: {x: 1}}
"""

STAGES = """
stages:
- name: held
  scheduler: {scheduler_type: singlestep-stage, parameters: {}, step: {$ref: 'steps.yml#/held'}}
- name: breaks
  scheduler: {scheduler_type: singlestep-stage, parameters: {}, step: {$ref: 'steps.yml#/breaks'}}
"""


def begin(cli: Cli, voice: str) -> str:
    """A run with a step that is held until the file `go` is there, and one that fails; the key of the first."""
    if voice == "python":
        cli("submit", str(cli.write("flows.py", FLOW)), "--name", "mine")
        key = "main/held-0"
    else:
        (cli.folder / "steps.yml").write_text(STEPS.replace("FOLDER", str(cli.folder)))
        (cli.folder / "workflow.yml").write_text(STAGES)
        cli("submit", "workflow.yml", "--name", "mine")
        key = "/held/held"
    cli.wait_for_status("mine", "running")
    return key


@pytest.mark.parametrize("voice", ["python", "yadage"])
def test_each_kind_of_request(cli: Cli, voice: str) -> None:
    begin(cli, voice)
    held, breaks = keys(cli)
    while cli.json("show", "mine", breaks)["status"] not in ("failed", "retrying"):
        pass
    cli("step", "add", "mine", "extra", "--call", "builtins:len", "--arg", "[1, 2]")
    cli("step", "retry", "mine", breaks)
    for token in ("wrong", requests.token(cli.env["MOTET_HOME"], "another")):
        refused = cli("step", "stop", "mine", held, "--token", token, code=1)
        assert "is not that of run" in refused.err
    store = SqliteStore(cli.env["MOTET_HOME"])
    offset = cli.json("publish", "told", "1", "--run", "mine")["offset"]
    assert store.read(offset - 1, limit=1)[0].run == store.find_runs("mine")[0].id
    store.close()
    assert cli.json("step", "stop", "mine", held)["done"]
    while cli.json("show", "mine", breaks)["attempt"] < 2:
        pass
    cli("stop", "mine", code=None)
    statuses = {step["key"]: (step["status"], step["attempt"]) for step in cli.json("show", "mine")["steps"]}
    assert statuses[held][0] == "cancelled"
    assert statuses[breaks][1] == 2
    assert statuses["extra"][0] == "succeeded"


def keys(cli: Cli) -> tuple[str, str]:
    """The steps that are held, and that fail, once both are there."""
    while True:
        found = [step["key"] for step in cli.json("show", "mine")["steps"]]
        named = [[key for key in found if "held" in key], [key for key in found if "breaks" in key]]
        if all(named):
            return named[0][-1], named[1][-1]


def test_a_command_of_a_step_asks_things_of_its_own_run(cli: Cli) -> None:
    """By what it finds in its environment."""
    cli.write("asks.py", "from motet.clients import client\nclient().stop_step('main/held-0', 'by a command')\n")
    cli.write(
        "flows.py",
        """
        import os, sys
        from motet import command, flow

        held = command("sleep 3600", name="held")
        asks = command(f"{sys.executable} asks.py; echo $MOTET_RUN_TOKEN > token", name="asks", folder=os.getcwd())

        @flow
        def main():
            waits = held.submit()
            asks.submit().wait()
            waits.wait()
        """,
    )
    cli("run", "flows.py", "--name", "mine", code=None)
    steps = {step["key"]: step["status"] for step in cli.json("show", "mine")["steps"]}
    assert steps["main/held-0"] == "cancelled"
    token = requests.token(cli.env["MOTET_HOME"], cli.json("show", "mine")["id"])
    assert (cli.folder / "token").read_text().strip() == token
