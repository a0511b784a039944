"""`motet step`, `motet publish --run`: what runs of any voice are asked from outside, by those who may."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest
from tests.cli.conftest import PATIENCE_S, Cli

from motet import requests
from motet.stores.sqlite import SqliteStore

T = TypeVar("T")

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


def begin(cli: Cli, voice: str) -> None:
    """A run with a step that is held until the file `go` is there, and one that fails."""
    if voice == "python":
        cli("submit", str(cli.write("flows.py", FLOW)), "--name", "mine")
    else:
        (cli.folder / "steps.yml").write_text(STEPS.replace("FOLDER", str(cli.folder)))
        (cli.folder / "workflow.yml").write_text(STAGES)
        cli("submit", "workflow.yml", "--name", "mine")


@pytest.mark.parametrize("voice", ["python", "yadage"])
def test_each_kind_of_request(cli: Cli, voice: str) -> None:
    begin(cli, voice)
    store = SqliteStore(cli.env["MOTET_HOME"])
    run = store.find_runs("mine")[0].id
    held, breaks = until(lambda: keys(store, run))
    until(lambda: store.step(run, breaks).status in ("failed", "retrying"))
    cli("step", "add", "mine", "extra", "--call", "builtins:len", "--arg", "[1, 2]")
    cli("step", "retry", "mine", breaks)
    for token in ("wrong", requests.token(cli.env["MOTET_HOME"], "another")):
        refused = cli("step", "stop", "mine", held, "--token", token, code=1)
        assert "is not that of run" in refused.err
    offset = cli.json("publish", "told", "1", "--run", "mine")["offset"]
    assert store.read(offset - 1, limit=1)[0].run == run
    assert cli.json("step", "stop", "mine", held)["done"]
    until(lambda: store.step(run, breaks).attempt == 2)
    cli("stop", "mine", code=None)
    assert (store.step(run, held).status, store.step(run, "extra").status) == ("cancelled", "succeeded")
    store.close()


def keys(store: SqliteStore, run: str) -> tuple[str, str] | None:
    """The steps that are held, and that fail, once both are there."""
    found = [step.key for step in store.steps(run)]
    held, breaks = [key for key in found if "held" in key], [key for key in found if "breaks" in key]
    return (held[-1], breaks[-1]) if held and breaks else None


def until(look: Callable[[], T | None]) -> T:
    """Wait until that gives something."""
    end = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


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
