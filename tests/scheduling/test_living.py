"""Schedulers as processes: started by commands where they are wanted, alone, gone when nothing is left; and killed."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import closing
from pathlib import Path

from tests.cli.conftest import PATIENCE_S, Cli, cli  # noqa: F401 - a fixture
from tests.faults import schedulers

from motet import app
from motet.scheduling import living
from motet.stores.sqlite import SqliteStore


def until(is_so: object) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


FLOW = """
    from motet import flow


    @flow
    def greet(n: int = 1) -> str:
        return f"hello {n}"
"""


def test_a_file_is_scheduled_by_one_command_which_starts_a_scheduler(cli: Cli) -> None:  # noqa: F811
    cli.write("f.py", FLOW)
    made = cli("schedule", "add", "f.py:greet", "--every", "1s", "-p", "n=2", "--name", "often")
    assert "Registered greet@1." in made.out and "a scheduler was started" in made.err
    store = app.hosts.current().store
    try:
        assert "a scheduler was started" not in cli("trigger", "ls").err
        (cli.folder / "f.py").unlink()
        until(lambda: any(row.status == "succeeded" for row in store.runs()))
        row = next(row for row in store.runs() if row.status == "succeeded")
        assert row.result == "hello 2" and row.program["begun_by"]["schedule"] == "often"
        assert row.name.startswith("often-")
    finally:
        cli("schedule", "rm", "often", "--no-scheduler")
        until(lambda: not living.is_living(str(cli.home)))
        until(lambda: not [row for row in store.runs() if row.owner is not None])
    assert not living.is_wanted(str(cli.home))
    assert "a scheduler was started" not in cli("schedule", "ls").err


def test_a_scheduler_that_died_is_missed_by_the_next_command_unless_that_is_forbidden(
    cli: Cli, motet_home: Path  # noqa: F811
) -> None:  # fmt: skip
    with closing(SqliteStore(str(motet_home))) as store:
        schedulers.prepared(store)
    living.want(str(motet_home))
    assert cli("schedule", "ls", "--no-scheduler").err == ""
    assert cli("ls", env={**cli.env, "MOTET_SCHEDULER": "none"}).err == ""
    assert not living.is_living(str(motet_home))
    checks = cli.json("doctor", "--quick", "--no-scheduler", code=1)["checks"]
    assert [each["state"] for each in checks if each["name"] == "scheduler"] == ["wrong"]
    assert "a scheduler was started" in cli("ls").err
    until(lambda: living.owner(str(motet_home)))
    process = living.owner(str(motet_home))
    assert living.start(str(motet_home)) == 0
    os.kill(process, signal.SIGKILL)
    until(lambda: not living.is_living(str(motet_home)))
    living.unwant(str(motet_home))


def test_schedulers_that_are_killed_and_stopped_begin_each_time_once(tmp_path: Path, rng: random.Random) -> None:
    times, events = schedulers.campaign(str(tmp_path), 4, rng)
    assert times > 0 and events == 4
