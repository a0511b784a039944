"""Runs that steps of other runs begin: driven with them, stopped with them, and taken up with them after a crash."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest
from tests.cli.conftest import PATIENCE_S, Cli
from tests.faults.children import PROGRAMS, Trial
from tests.orquestra.workflows import odd, step

SLOW = odd(step("a", "slow", "word: one; seconds: 600"))
QUICK = odd(step("a", "slow", "word: one; seconds: 0"))
THROUGH = "@motet.task\ndef through():\n    return motet.load('w.yaml')()\n"
CALLS = [
    "motet.load('w.yaml')()",
    "motet.load('w.yaml').submit().result()",
    "through()",
    "motet.load('w.yaml', detached=True)()",
]


def outer(cli: Cli, call: str) -> Path:
    return cli.write("outer.py", f"import motet\n\n{THROUGH}\n@motet.flow\ndef outer():\n    return len({call})\n")


def statuses(cli: Cli) -> dict[str, str]:
    return {row.program["voice"]: row.status for row in cli.recorded()}


@pytest.mark.parametrize("call", CALLS)
def test_a_workflow_is_stopped_with_the_flow_that_has_called_it(cli: Cli, call: str) -> None:
    cli.write("w.yaml", SLOW)
    outer(cli, call)
    process = cli.start("run", "outer.py", "--name", "outer")
    cli.wait_for_count(1, process)
    cli("stop", "outer")
    process.communicate(timeout=PATIENCE_S)
    cli.wait_for_status("outer", "cancelled")
    assert statuses(cli) == {"python": "cancelled", "orquestra": "cancelled"}
    parents = {row.program["voice"]: row.parent for row in cli.recorded()}
    assert parents["orquestra"] in {row.id for row in cli.recorded()}


def test_ctrl_c_stops_the_flow_and_the_workflow_that_it_has_called(cli: Cli) -> None:
    cli.write("w.yaml", SLOW)
    outer(cli, CALLS[0])
    process = cli.start("run", "outer.py", "--name", "outer")
    cli.wait_for_count(1, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert statuses(cli) == {"python": "cancelled", "orquestra": "cancelled"}


def test_a_flow_whose_process_is_gone_is_stopped_with_its_children(cli: Cli) -> None:
    cli.write("w.yaml", SLOW)
    outer(cli, CALLS[0])
    process = cli.start("run", "outer.py", "--name", "outer")
    cli.wait_for_count(1, process)
    process.kill()
    process.communicate()
    cli("stop", "outer")
    assert statuses(cli) == {"python": "cancelled", "orquestra": "cancelled"}


@pytest.mark.parametrize("call", [CALLS[0], CALLS[3]], ids=["here", "detached"])
def test_what_a_child_has_put_out_is_given(cli: Cli, call: str) -> None:
    cli.write("w.yaml", QUICK)
    outer(cli, call)
    assert "Result: 1" in cli("run", "outer.py").out
    assert statuses(cli) == {"python": "succeeded", "orquestra": "succeeded"}
    assert cli.counted() == ["one", "one-ends"]


def test_a_detached_child_goes_on_when_the_process_of_its_parent_is_killed(cli: Cli) -> None:
    cli.write("w.yaml", odd(step("a", "held", "word: one")))
    outer(cli, CALLS[3])
    process = cli.start("run", "outer.py", "--name", "outer")
    cli.wait_for_count(1, process)
    process.kill()
    process.communicate()
    (cli.folder / "go").touch()
    cli.wait_for_count(2)
    assert "Result: 1" in cli("resume", "outer").out
    assert cli.counted() == ["one", "one-ends"], "once"


def test_a_program_starts_children_of_any_voice(cli: Cli) -> None:
    cli.write("w.yaml", QUICK)
    cli.write("programs.py", PROGRAMS)
    cli("run", "programs:parent")
    assert [(bool(row.parent), row.status) for row in cli.recorded()].count((True, "succeeded")) == 2
    assert {row.program["voice"] for row in cli.recorded()} == {"program", "orquestra"}


def test_a_child_that_fails_fails_its_step_with_what_it_said(cli: Cli) -> None:
    cli.write("w.yaml", odd(step("a", "broken", "word: one")))
    outer(cli, CALLS[0])
    told = cli("run", "outer.py", code=1)
    assert "RunFailed" in told.err + told.out


def test_killed_at_any_moment_none_is_lost_started_twice_or_left_alive(tmp_path: Path, rng: random.Random) -> None:
    for number in range(3):
        Trial(tmp_path / str(number), rng).run()
