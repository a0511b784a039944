"""Ctrl-C and SIGTERM: the first one stops in an orderly way, the second ends the process at once."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
from tests.cli.conftest import PATIENCE_S, Cli

SLEEPING = """
    import time
    from motet import flow

    @flow
    def sleeping():
        print("good night", flush=True)
        time.sleep(3600)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_once(cli: Cli, flows: Path, number: int, code: int) -> None:
    args = ("flows.py:crawl", "-p", "size=6", "-p", "seconds=0", "--name", "mine")
    process = cli.start("run", *args, env={**cli.env, "HOLD": "1"})
    cli.wait_for_count(2, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert "cancelled" in out
    assert "motet resume mine" in out
    assert "Traceback" not in err
    assert cli.json("show", "mine")["status"] == "cancelled"
    assert cli.counted() == ["0", "1"]
    assert "Result: 15" in cli("resume", "mine").out
    assert cli.counted() == ["0", "1", *map(str, range(1, 6))], "only what was interrupted runs again"


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "stop"])
def test_a_step_in_a_thread_is_given_up(cli: Cli, how: str) -> None:
    cli.write(
        "stuck.py",
        """
        import os
        import time
        from motet import flow, task

        @task
        def stuck():
            with open(os.environ["COUNT"], "a") as file:
                file.write("begun\\n")
            time.sleep(3600)

        @flow
        def sticking():
            stuck.submit().result()
        """,
    )
    process = cli.start("run", "stuck.py")
    cli.wait_for_count(1, process)
    if how == "stop":
        cli("stop", cli.runs()[0]["id"])
    else:
        process.send_signal(signal.Signals[how])
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == {"SIGINT": 130, "SIGTERM": 143, "stop": 1}[how]
    assert cli.runs()[0]["status"] == "cancelled"


@pytest.mark.parametrize("before", [0, 200])
def test_a_step_in_a_process_ends_whether_its_caller_hears_the_worker_itself_or_not(cli: Cli, before: int) -> None:
    cli.write(
        "elsewhere.py",
        """
        import os
        import time
        from motet import flow, task

        @task(executor="processes")
        def quick():
            return None

        @task(executor="processes")
        def slow():
            with open(os.environ["COUNT"], "a") as file:
                file.write("begun\\n")
            time.sleep(3600)

        @flow
        def waiting(before: int):
            for _ in range(before):
                quick()
            slow()
        """,
    )
    process = cli.start("run", "elsewhere.py", "-p", f"before={before}")
    cli.wait_for_count(1, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert cli.runs()[0]["status"] == "cancelled"


def test_twice_ends_even_what_python_cannot_interrupt(cli: Cli) -> None:
    """Compiled code that lets other threads run, but does not look for signals."""
    cli.write(
        "compiled.py",
        """
        import hashlib
        import os
        from motet import flow, task

        @task
        def first():
            return 1

        @task
        def hashing():
            with open(os.environ["COUNT"], "a") as file:
                file.write("begun\\n")
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

        @flow
        def compiled():
            first()
            hashing()
        """,
    )
    process = cli.start("run", "compiled.py", "--name", "mine")
    cli.wait_for_count(1, process)
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    assert "began" in process.stderr.readline()
    assert "again ends it at once" in process.stderr.readline()
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "killed" in err
    run = cli.json("show", "mine")
    assert run["status"] == "crashed"
    assert [step["status"] for step in run["steps"]][:2] == ["running", "succeeded"]


def test_at_any_moment_of_a_busy_run(cli: Cli, flows: Path, rng: random.Random) -> None:
    """However deep in its own work the engine is, the run ends as cancelled, or had ended, and can be resumed."""
    for turn in range(8):
        name = f"turn-{turn}"
        process = cli.start("run", "flows.py:total", "-p", "size=3000", "--name", name)
        before = len(cli.counted())
        cli.wait_for_count(before + 1, process)
        time.sleep(rng.random() * 0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
        status = cli.json("show", name)["status"]
        assert (process.returncode, status) in ((130, "cancelled"), (0, "succeeded")), err
        assert "Traceback" not in err
        if status == "cancelled":
            cli("resume", name)
        assert 3000 <= len(cli.counted()) - before <= 3001


def test_plain_python_is_interrupted_as_safely(cli: Cli, flows: Path, rng: random.Random) -> None:
    import subprocess
    import sys

    cli.write("script.py", "from flows import total\n\nif __name__ == '__main__':\n    total(size=3000)\n")
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "script.py"], cwd=cli.folder, env=cli.env, stderr=subprocess.PIPE)
        before = len(cli.counted())
        cli.wait_for_count(before + 1)
        time.sleep(rng.random() * 0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
        assert cli.runs()[0]["status"] in ("cancelled", "succeeded"), err.decode()


def test_interrupts_of_what_only_waits(cli: Cli) -> None:
    cli.write("sleeping.py", SLEEPING)
    cli("submit", "sleeping.py", "--name", "mine")
    for args in (["events", "-f", "--run", "mine"], ["logs", "-f", "mine"]):
        process = cli.start(*args)
        assert process.stdout is not None
        assert process.stdout.readline(), "it follows by now"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, err) == (130, "")


def test_stop_ends_a_run_elsewhere(cli: Cli, flows: Path) -> None:
    process = cli.start("run", "flows.py:crawl", "--name", "mine")
    cli.wait_for_count(2, process)
    assert "has ended: cancelled" in cli("stop", "mine").out
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    run = cli.json("submit", "flows.py:crawl", "--name", "theirs")
    cli.wait_for_status("theirs", "running")
    assert cli.json("stop", run["id"])["status"] == "cancelled"


def test_stop_does_not_wait_for_ever(cli: Cli) -> None:
    busy = SLEEPING.replace("time.sleep(3600)", "__import__('hashlib').pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)")
    cli.write("busy.py", busy)
    cli("submit", "busy.py", "--name", "mine")
    cli.wait_for_status("mine", "running")
    assert "is stopping" in cli("stop", "mine", "--wait", "0.5", code=1).out
    cli.wait_for_status("mine", "cancelling")
