"""Tools of a builder that is stopped or killed: none of them is left, whatever they have started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from motet.testing.executor_tasks import wait_until

BUILDER = """\
import signal, sys
from motet.environments.plain import PlainRunner
from motet.interrupts import Interrupts

with Interrupts((signal.SIGINT, signal.SIGTERM)):
    if sys.argv[1] == "waits":
        open(sys.argv[2], "w").write("0 0")
        PlainRunner().pause(1000)
    PlainRunner().run(["true"])
    tool = "echo $$ $(sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!') > $0.part; mv $0.part $0; sleep 1000"
    PlainRunner().run(["sh", "-c", tool, sys.argv[2]])
"""


def is_gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has reaped yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_tool_is_left_by_a_builder_that_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    told = tmp_path / "told"
    builder = subprocess.Popen([sys.executable, "-c", BUILDER, "runs", str(told)], stderr=subprocess.DEVNULL)
    wait_until(told.exists, "the builder is at work")
    pids = [int(each) for each in told.read_text().split()]
    assert len(pids) == 2
    assert not any(is_gone(each) for each in pids)
    builder.send_signal(number)
    assert builder.wait() == {signal.SIGTERM: 143}.get(number, -number)
    wait_until(lambda: all(is_gone(each) for each in pids), "its tools are gone")


def test_waiting_for_another_builder_can_be_stopped(tmp_path: Path) -> None:
    told = tmp_path / "told"
    builder = subprocess.Popen([sys.executable, "-c", BUILDER, "waits", str(told)])
    wait_until(told.exists, "the builder is at work")
    os.kill(builder.pid, signal.SIGTERM)
    assert builder.wait() == 143
