"""A stop is a state of the run: code that swallows it is told again at each call and wait, and ends all the same."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from tests.cli.conftest import PATIENCE_S, Cli

FLOWS = """
    import asyncio, os, time
    from motet import flow, task, wait_for_event

    def note(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    @task
    def quick():
        return 1

    @task
    def forever():
        note("begun")
        time.sleep(3600)

    @task(executor="processes")
    def apart():
        note("begun")
        time.sleep(3600)

    @task
    async def waiting():
        note("begun")
        await asyncio.sleep(3600)

    def swallowing(wait):
        try:
            wait()
        except BaseException:
            note("swallowed")
        return "went on"

    @flow
    def once():
        return swallowing(lambda: forever.submit().result())

    @flow
    def inline():
        swallowing(forever)
        return quick()

    @flow
    def in_a_process():
        return swallowing(apart.submit().result)

    @flow
    async def in_a_loop():
        try:
            await waiting()
        except BaseException:
            note("swallowed")
        return "went on"

    @flow
    def below():
        @flow
        def inner():
            return swallowing(lambda: time.sleep(3600) if note("begun") is None else None)
        inner()
        return quick()

    @flow
    def asleep():
        note("begun")
        swallowing(lambda: time.sleep(3600))
        return "went on"

    @flow
    def for_an_event():
        note("begun")
        return swallowing(lambda: wait_for_event("never"))

    @flow
    def each_error():
        note("begun")
        while True:
            try:
                quick()
            except Exception:
                note("swallowed")
            time.sleep(0.01)

    @flow
    def everything():
        note("begun")
        while True:
            try:
                quick()
                time.sleep(0.1)
            except BaseException:
                pass

    @flow
    def without_calls():
        note("begun")
        while True:
            try:
                time.sleep(3600)
            except BaseException:
                note("swallowed")
"""
CODES = {"SIGINT": 130, "SIGTERM": 143, "stop": 1}


def begun(cli: Cli, name: str) -> subprocess.Popen[str]:
    """The flow under way."""
    cli.write("flows.py", FLOWS)
    process = cli.start("run", f"flows.py:{name}", "--name", "mine", "--plain")
    cli.wait_for_count(1, process)
    return process


def stop(cli: Cli, process: subprocess.Popen[str], how: str) -> None:
    if how == "stop":
        cli.start("stop", "mine", "--wait", "0")
    else:
        process.send_signal(signal.Signals[how])


def ended(cli: Cli, process: subprocess.Popen[str], how: str) -> str:
    """What it said, once it has ended as it should."""
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == CODES[how], out + err
    assert cli.json("show", "mine")["status"] == "cancelled"
    assert "Traceback" not in err
    return out + err


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *(("once", how) for how in CODES), ("inline", "SIGTERM"), ("in_a_process", "SIGINT"), ("in_a_loop", "stop"),
        ("in_a_loop", "SIGTERM"), ("below", "SIGINT"), ("asleep", "stop"), ("for_an_event", "SIGTERM"),
        ("each_error", "stop"), ("each_error", "SIGINT"),
    ],
)  # fmt: skip
def test_once_is_enough(cli: Cli, name: str, how: str) -> None:
    process = begun(cli, name)
    stop(cli, process, how)
    assert "motet resume mine" in ended(cli, process, how)


@pytest.mark.parametrize("how", ["stop", "SIGTERM"])
def test_code_that_calls_on_and_on_is_given_up(cli: Cli, how: str) -> None:
    process = begun(cli, "everything")
    stop(cli, process, how)
    assert "ended by force" in ended(cli, process, how)


@pytest.mark.parametrize("how", ["stop", "SIGINT"])
def test_at_the_latest_a_second_word_ends_the_process(cli: Cli, how: str) -> None:
    process = begun(cli, "without_calls")
    stop(cli, process, how)
    cli.wait_for_count(2, process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143
    assert "killed" in err


def test_what_a_flow_says_that_swallowed_its_stop_is_no_result(cli: Cli) -> None:
    process = begun(cli, "asleep")
    stop(cli, process, "SIGTERM")
    ended(cli, process, "SIGTERM")
    cli.write("flows.py", FLOWS.replace("time.sleep(3600)", "None"))
    assert "Result: 'went on'" in cli("resume", "mine").out
    assert cli.counted().count("begun") == 2


def test_plain_python(cli: Cli) -> None:
    cli.write("flows.py", FLOWS)
    cli.write("script.py", "from flows import once\n\nif __name__ == '__main__':\n    once()\n")
    process = subprocess.Popen([sys.executable, "script.py"], cwd=cli.folder, env=cli.env, stderr=subprocess.PIPE)
    cli.wait_for_count(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode, err
    assert cli.runs()[0]["status"] == "cancelled"
