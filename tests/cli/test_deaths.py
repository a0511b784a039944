"""Engines that die: how, as far as anything tells, and runs that kill each one of theirs."""

from __future__ import annotations

import signal
from contextlib import closing

import pytest
from tests.cli.conftest import Cli

from motet.stores.sqlite import SqliteStore

KILLS = """
    import os
    from motet import flow, task

    @task
    def first():
        return 1

    @task
    def deadly():
        if not os.path.exists("cured"):
            os.kill(os.getpid(), SIGNAL)
        return 2

    @flow
    def main():
        return first() + deadly()
"""


def deadly(cli: Cli, number: int) -> str:
    """A run whose engine has died once."""
    cli.write("script.py", KILLS.replace("SIGNAL", str(number)))
    run = str(cli.json("submit", "script.py", "--name", "mine")["id"])
    cli.wait_for_status("mine", "crashed")
    return run


@pytest.mark.parametrize(
    ("number", "told"),
    [(signal.SIGKILL, "was killed, or crashed, without a word"), (signal.SIGSEGV, "Segmentation fault")],
)
def test_how_an_engine_died_is_told_and_recorded(cli: Cli, number: int, told: str) -> None:
    run = deadly(cli, number)
    assert told in " ".join(cli("show", "mine").out.split())
    (cli.folder / "cured").touch()
    assert "Result: 3" in cli("resume", "mine").out
    with closing(SqliteStore(str(cli.home))) as store:
        started = [event for event in store.history(run) if event["event"] == "run.started"]
    assert [told in event.get("died", "") for event in started] == [False, True]


def test_a_run_that_has_killed_three_engines_is_parked_until_somebody_resumes_it(cli: Cli) -> None:
    run = deadly(cli, signal.SIGKILL)
    for _ in range(2):
        cli("engine", run, code=-signal.SIGKILL)
    told = cli("engine", run, code=None)
    assert "is parked: its engine died 3 times without a new outcome" in told.err + told.out
    assert (told.err + told.out).count("was killed, or crashed") == 3
    assert "parked after 3 deaths" in " ".join(cli("show", "mine").out.split())
    cli("resume", "mine", code=-signal.SIGKILL)
    cli("engine", run, code=-signal.SIGKILL)
    (cli.folder / "cured").touch()
    cli("engine", run)
    assert cli.json("show", "mine")["status"] == "succeeded"


def test_deaths_between_outcomes_park_no_run(cli: Cli) -> None:
    """Each engine brings the run on by a step before it dies."""
    cli.write(
        "script.py",
        """
        import os
        from motet import flow, task

        @task
        def step(number):
            path = f"died-{number}"
            if number and not os.path.exists(path):
                open(path, "w").close()
                os.kill(os.getpid(), 9)
            return number

        @flow
        def main():
            return sum(step(number) for number in range(6))
    """,
    )
    run = str(cli.json("submit", "script.py", "--name", "mine")["id"])
    cli.wait_for_status("mine", "crashed")
    for _ in range(4):
        cli("engine", run, code=-signal.SIGKILL)
    cli("engine", run)
    assert cli.json("show", "mine")["result"] == 15
