"""What is said while runs go on, and how scripts and notebooks show a run that failed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

from motet.testing.executor_tasks import wait_until

STEADY = """
    from motet import flow, task

    TRIES = {}

    @task(retries=1)
    def shaky(number):
        TRIES[number] = TRIES.get(number, 0) + 1
        if number % 2 and TRIES[number] == 1:
            raise ValueError(f"odd {number}")
        return number

    @task
    def hopeless():
        raise RuntimeError("no way\\nout")

    @flow
    def inner():
        hopeless()

    @flow
    def steady(count: int = 4, fail: bool = False):
        shaky.map(range(count)).wait()
        shaky(7)
        if fail:
            inner()
        return count
"""

RETRIES = ["shaky-0[1]", "shaky-0[3]", "shaky-1"]


def retried(text: str) -> list[str]:
    return sorted(re.findall(r"steady/(\S+) attempt 1 failed: ValueError: odd \d+; the next in 0 ms", text))


def test_begin_and_failed_attempts_are_said_and_logged(cli: Cli) -> None:
    cli.write("steady.py", STEADY)
    done = cli("run", "steady.py:steady", "--name", "mine")
    first, *others = done.err.splitlines()
    assert re.fullmatch(r"motet: \d\d:\d\d:\d\d mine began: steady \(\w{20}\)", first)
    assert retried(done.err) == RETRIES
    assert len(others) == 3
    logged = cli.json("logs", "mine")
    assert sorted(line["key"].removeprefix("steady/") for line in logged) == RETRIES
    assert all("Attempt 1 failed: ValueError: odd" in line["text"] for line in logged)
    assert all(line["attempt"] == 1 for line in logged)


def test_a_failure_is_logged_once_with_its_traceback(cli: Cli) -> None:
    cli.write("steady.py", STEADY)
    done = cli("run", "steady.py:steady", "-p", "fail=true", "--name", "mine", code=1)
    assert done.err.count("hopeless-0 failed: RuntimeError: no way") == 1
    assert "inner-0 failed" not in done.err, "what failed below it was told"
    logged = [line["text"] for line in cli.json("logs", "mine", "inner-0")]
    assert logged[0] == "Attempt 1 failed: RuntimeError: no way"
    assert "Traceback (most recent call last):" in logged
    assert logged.count("RuntimeError: no way") == 1


def test_verbose_tells_each_step_and_maps_on_one_line(cli: Cli) -> None:
    cli.write("steady.py", STEADY)
    told = cli("run", "steady.py:steady", "-v", "--name", "mine").err
    assert len(re.findall(r"steady/shaky-0 succeeded after .*, 4 of 4 elements well", told)) == 1
    assert re.search(r"steady/shaky-1 succeeded after", told)
    assert re.search(r"mine steady succeeded after", told)
    other = cli("fork", "mine", "-v").err
    assert "4 of 4 elements well, 4 reused" in other


def test_quiet_says_nothing_but_errors(cli: Cli) -> None:
    cli.write("steady.py", STEADY + "\n    print('own')\n")
    done = cli("run", "steady.py:steady", "-q", "--name", "mine")
    assert (done.out, done.err) == ("own\n", "")
    assert len(cli.json("logs", "mine")) == 3, "the log has all"
    failed = cli("run", "steady.py:steady", "-q", "-p", "fail=true", code=1)
    assert "RuntimeError: no way" in failed.err
    assert "attempt 1 failed" not in failed.err
    assert "To carry on: motet resume" in failed.out


def test_very_many_failures_are_not_all_said(cli: Cli) -> None:
    cli.write("steady.py", STEADY)
    done = cli("run", "steady.py:steady", "-p", "count=100", "--name", "mine")
    assert len(retried(done.err)) == 20
    assert done.err.count("steady/shaky-0: further failures are in the log: motet logs mine") == 1
    assert len(cli.json("logs", "mine")) == 50


def test_what_steers_a_terminal_is_written_out(cli: Cli) -> None:
    cli.write(
        "odd.py",
        """
        from motet import flow, task

        @task
        def odd():
            raise ValueError("red \\x1b[31m and \\x07")

        @flow
        def f():
            odd()
        """,
    )
    told = cli("run", "odd.py", code=1).err
    assert "\\x1b[31m and \\x07" in told
    assert "\x1b" not in told and "\x07" not in told


def python(cli: Cli, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], cwd=cli.folder, env=cli.env, capture_output=True, text=True, check=False
    )


def test_a_script_shows_the_run_that_failed_and_no_frame_of_motet(cli: Cli) -> None:
    cli.write("steady.py", STEADY + "\n    if __name__ == '__main__':\n        steady(fail=True)\n")
    done = python(cli, "steady.py")
    (run,) = cli.runs()
    assert done.returncode == 1
    assert "/motet/" not in done.stderr
    assert "steady(fail=True)" in done.stderr and "in hopeless" in done.stderr
    assert done.stderr.endswith(
        f"motet: run {run['name']} ({run['id']}) failed.\n"
        f"Look at it: motet show {run['name']}. To carry on: motet resume {run['name']}\n"
    )
    assert retried(done.stderr) == RETRIES


def test_an_error_that_is_no_runs_is_shown_as_python_does(cli: Cli) -> None:
    text = STEADY + "\n    try:\n        steady(fail=True)\n    except RuntimeError:\n        pass\n    1 / 0\n"
    cli.write("steady.py", text)
    done = python(cli, "steady.py")
    assert "ZeroDivisionError" in done.stderr
    assert "To carry on" not in done.stderr


def test_what_motet_refuses_is_shown_from_the_users_own_frame(cli: Cli) -> None:
    cli.write("flows.py", "from motet import flow\n\n\n@flow\ndef typed(n: int):\n    return n\n\n\ntyped('many')\n")
    done = python(cli, "flows.py")
    assert done.returncode == 1 and "/motet/" not in done.stderr
    assert "typed('many')" in done.stderr and "'many' does not fit" in done.stderr
    done = python(cli, "-c", "import motet\nmotet.runs['none']")
    assert "There is no run 'none'." in done.stderr and "/motet/" not in done.stderr


def test_a_session_is_told_how_to_carry_on_in_it(cli: Cli) -> None:
    text = "from motet import flow\n@flow\ndef cell():\n    1 / 0\ncell()\n"
    done = python(cli, "-c", text)
    (run,) = cli.runs()
    assert f'To carry on: motet.resume("{run["name"]}")' in done.stderr
    assert "/motet/" not in done.stderr


def test_a_notebook_cell_shows_the_same(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    cli.write("cell.ipy", "from motet import flow\n\n\n@flow\ndef cell():\n    1 / 0\n\n\ncell()\n")
    done = python(cli, "-m", "IPython", "--no-banner", "--colors=NoColor", "cell.ipy")
    (run,) = cli.runs()
    told = done.stdout + done.stderr
    assert "ZeroDivisionError" in told
    assert "/motet/" not in told
    assert f"motet show {run['name']}" in told
    cli.write("cell.ipy", "import motet\n\nmotet.runs['none']\n")
    done = python(cli, "-m", "IPython", "--no-banner", "--colors=NoColor", "cell.ipy")
    assert "There is no run 'none'." in done.stdout + done.stderr and "/motet/" not in done.stdout + done.stderr


ASKING = """
    from motet import flow, pause_flow_run

    @flow
    def asking():
        return pause_flow_run(wait_for_input=int, description="How many\\x1b?")
"""


def test_a_question_is_said_with_the_command_that_answers(cli: Cli) -> None:
    cli.write("asking.py", ASKING)
    process = cli.start("run", "asking.py", "--name", "mine")
    assert process.stderr is not None
    assert "mine began" in process.stderr.readline()
    assert process.stderr.readline() == "motet: mine waits for input value (integer): How many\\x1b?\n"
    assert process.stderr.readline() == "To answer: motet answer mine -p value=...\n"
    wait_until(lambda: bool(re.search(r"pause-0 +waiting", cli("show", "mine").out)), "the step is shown, too")
    cli("answer", "mine", "-p", "value=3")
    out, err = process.communicate(timeout=120)
    assert "Result: 3" in out
    assert err == ""
