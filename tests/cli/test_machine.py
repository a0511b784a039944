"""What all runs share of a machine: resources, places, GPUs; and runs of which there is to be one."""

from __future__ import annotations

import signal
import subprocess
import time

from tests.cli.conftest import PATIENCE_S, Cli

FLOWS = """
    import os, time
    from motet import flow, task, command

    def note(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    @task(resources={"whole": 2}, executor="processes")
    def everything(name):
        note(f"begin-{name}")
        while not os.path.exists(f"go-{name}"):
            time.sleep(0.01)
        note(f"end-{name}")
        return name

    @flow
    def machine(name: str):
        return everything(name)

    @task(resources={"gpu": 1}, executor="processes")
    def device(number):
        own = os.environ["CUDA_VISIBLE_DEVICES"]
        open(f"uses-{own}", "w").close()
        while not (os.path.exists("uses-4") and os.path.exists("uses-7")):
            time.sleep(0.01)
        return own

    shell = command("echo $CUDA_VISIBLE_DEVICES", resources={"gpu": 2})

    @flow
    def devices():
        return sorted(set(device.map(range(5)).result())), shell().stdout.strip()
"""


def begin(cli: Cli, name: str, *more: str) -> subprocess.Popen[str]:
    """A run that asks for the whole machine."""
    return cli.start("run", "flows.py:machine", "-p", f"name={name}", "--name", name, "--plain", *more)


def waits(cli: Cli, name: str) -> None:
    """Wait until its step is in line."""
    until = time.monotonic() + PATIENCE_S
    while "it is held by" not in cli("why", name, "machine/everything-0", code=None).out:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_who_asks_for_all_waits_for_whoever_has_it_and_is_told_so(cli: Cli) -> None:
    cli.env["MOTET_RESOURCES"] = "whole=2"
    cli.write("flows.py", FLOWS)
    one = begin(cli, "one")
    cli.wait_for_count(1, one)
    low, high = begin(cli, "low"), begin(cli, "high", "--priority", "3")
    for name in ("low", "high"):
        cli.wait_for_steps(name, "machine/everything-0")
        waits(cli, name)
    told = cli("why", "low", "machine/everything-0").out
    assert "the machine's whole" in told and "held by one machine/everything-0" in told
    assert cli.counted() == ["begin-one"]
    one.kill()
    cli.wait_for_count(2, high)
    (cli.folder / "go-high").touch()
    (cli.folder / "go-low").touch()
    for process in (high, low):
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
    assert cli.counted() == ["begin-one", "begin-high", "end-high", "begin-low", "end-low"]


def test_one_that_waits_can_be_stopped_and_leaves_the_line(cli: Cli) -> None:
    cli.env["MOTET_RESOURCES"] = "whole=2"
    cli.write("flows.py", FLOWS)
    one = begin(cli, "one")
    cli.wait_for_count(1, one)
    two = begin(cli, "two")
    cli.wait_for_steps("two", "machine/everything-0")
    waits(cli, "two")
    two.send_signal(signal.SIGINT)
    two.communicate(timeout=PATIENCE_S)
    three = begin(cli, "three")
    cli.wait_for_steps("three", "machine/everything-0")
    (cli.folder / "go-one").touch()
    (cli.folder / "go-three").touch()
    assert [each.wait(PATIENCE_S) for each in (one, three)] == [0, 0]
    assert "begin-two" not in cli.counted()


def test_gpus_have_numbers(cli: Cli) -> None:
    cli.env["MOTET_GPUS"] = "4,7"
    cli.write("flows.py", FLOWS)
    assert "Result: (['4', '7'], '4,7')" in cli("run", "flows.py:devices").out


def test_a_key_makes_one_run(cli: Cli) -> None:
    cli.write("flows.py", FLOWS)
    (cli.folder / "go-once").touch()
    args = ("submit", "flows.py:machine", "-p", "name=once", "--key", "monday", "--json")
    both = [cli.start(*args) for _ in range(3)]
    for each in both:
        assert each.wait(PATIENCE_S) == 0
    assert "had been submitted" in cli("submit", "flows.py:machine", "-p", "name=once", "--key", "monday").out
    again = cli("submit", "flows.py:machine", "-p", "name=twice", "--key", "monday")
    assert "The run of the key 'monday' was asked for otherwise: name was once." in again.err
    assert "otherwise" not in cli("submit", "flows.py:machine", "-p", "name=once", "--key", "monday").err
    cli.wait_for_status(cli.runs()[0]["id"], "succeeded")
    assert len(cli.runs()) == 1
    assert cli.counted() == ["begin-once", "end-once"]


def test_only_one_of_a_workflow_at_a_time(cli: Cli) -> None:
    cli.write("flows.py", FLOWS)
    one = begin(cli, "one")
    cli.wait_for_count(1, one)
    refused = cli("submit", "flows.py:machine", "-p", "name=two", "--only-one", code=2).err
    assert "Run one" in refused and "--only-one" in refused
    (cli.folder / "go-one").touch()
    (cli.folder / "go-two").touch()
    assert one.wait(PATIENCE_S) == 0
    cli("run", "flows.py:machine", "-p", "name=two", "--only-one")
    assert len(cli.runs()) == 2
