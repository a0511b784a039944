"""What a run was begun with belongs to it: whatever its flow is called, and however it came to its options."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from tests.cli.conftest import Cli

SHAPES = """
import asyncio, os, signal, sys
from functools import partial
from motet import flow, orion, tags, task
from motet.task_runners import ThreadPoolTaskRunner

DIES = bool(os.environ.get("DIES"))


def note(*words):
    with open(os.environ["COUNT"], "a") as file:
        file.write("-".join(map(str, words)) + "\\n")


def die():
    if DIES:
        os.kill(os.getpid(), signal.SIGKILL)


@task
def pay(x, n):
    note(x, n)
    return n


def body(x):
    first = pay(x, 1)
    die()
    return first + pay(x, 2)


@flow
def main(x):
    return body(x)


renamed = main.with_options(name="renamed", retries=1)


@flow(name="Pretty / name")
def pretty(x):
    return body(x)


@flow
def outer(x):
    return main.with_options(name="inner one")(x)


@flow
def beside(x):
    return main.with_options(name="beside it").submit(x).result()


class Experiment:
    def __init__(self, k):
        self.k = k

    @flow
    def run(self, x):
        return body(x) * self.k

    @flow
    @classmethod
    def of(cls, x):
        assert cls is Experiment
        return body(x)

    @flow
    @staticmethod
    def still(x):
        return body(x)

    again = of.with_options(name="again", timeout_seconds=600)


by_call = flow(name="by call")(body)
in_part = flow(partial(body), name="in part")


def make(number):
    @flow(name=f"made {number}")
    def inner(x):
        assert number == x
        return body(x)

    return inner


made_11, made_12 = make(11), make(12)


@flow
async def waits(x):
    return body(x)


@flow
def yields(x):
    yield pay(x, 1)
    die()
    yield pay(x, 2)


@flow
async def yields_async(x):
    yield pay(x, 1)
    die()
    yield pay(x, 2)


@orion.task
def orion_pay(x, n):
    note(x, n)
    return n


@orion.flow
def orion_flow(x):
    orion_pay(x, 1).result()
    die()
    orion_pay(x, 2).result()


@flow
def rebound(x):
    return body(x)


rebound = rebound.with_options(name="bound again")


async def listed(values):
    return [each async for each in values]


CALLS = [
    lambda x: main.with_options(name="in passing")(x),
    lambda x: main.with_options(name="first").with_options(name="second", retries=1)(x),
    lambda x: renamed(x),
    lambda x: renamed.with_options(retries=2)(x),
    lambda x: pretty(x),
    lambda x: outer(x),
    lambda x: beside(x),
    lambda x: Experiment(3).run.with_options(name="method")(x),
    lambda x: Experiment.of.with_options(name="class method")(x),
    lambda x: Experiment(4).still.with_options(name="static")(x),
    lambda x: Experiment.again(x),
    lambda x: made_11(x),
    lambda x: made_12.with_options(retries=1)(x),
    lambda x: by_call(x),
    lambda x: in_part.with_options(name="in parts")(x),
    lambda x: asyncio.run(waits.with_options(name="awaited")(x)),
    lambda x: list(yields.with_options(name="values")(x)),
    lambda x: asyncio.run(listed(yields_async.with_options(name="async values")(x))),
    lambda x: orion_flow.with_options(name="orion")(x),
    lambda x: rebound(x),
]
if __name__ == "__main__":
    for x, call in enumerate(CALLS):
        child = os.fork()
        if not child:
            call(x)
            os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
"""

COMMANDS = """
import os, sys
from motet.cli.main import main

for args in sys.argv[1:]:
    child = os.fork()
    if not child:
        os._exit(main(args.split()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, args
"""


def python(cli: Cli, *args: str, env: dict[str, str] | None = None) -> str:
    """`python` with these arguments, in the folder of the test; gives what it printed."""
    import subprocess

    done = subprocess.run(
        [sys.executable, *args], cwd=cli.folder, env={**cli.env, **(env or {})}, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_recorded_step_is_never_run_again_whatever_its_flow_is_called(cli: Cli) -> None:
    """Each shape is killed after its first step, and taken up again by a process that knows the run alone."""
    cli.write("shapes.py", SHAPES)
    python(cli, "shapes.py", env={"DIES": "yes"})
    crashed = cli.recorded()
    assert len(crashed) == 20
    assert all(word.endswith("-1") for word in cli.counted())
    python(cli, "-c", COMMANDS, *(f"resume {row.id}" for row in crashed))
    twice = {word: count for word, count in Counter(cli.counted()).items() if count > 1}
    assert not twice, f"ran again: {twice}"
    assert sorted(cli.counted()) == sorted(f"{x}-{n}" for x in range(20) for n in (1, 2))
    assert {row.status for row in cli.recorded()} == {"succeeded"}


OPTIONS = """
import os, signal, sys
from motet import flow, tags, task
from motet.runtime import flow_run, task_run


def note(word):
    with open(os.environ["COUNT"], "a") as file:
        file.write(word + "\\n")


@task
def pay(x):
    note(f"paid-{x}-{'+'.join(sorted(task_run.tags))}")
    return x


@flow
def main(x: int = 1):
    pay(1)
    if os.environ.get("DIES"):
        os.kill(os.getpid(), signal.SIGKILL)
    note(f"tags-{'+'.join(sorted(flow_run.tags))}")
    pay(x)
    raise ValueError("as ever")


def told(word):
    return lambda flow, run, state: note(word)


renamed = main.with_options(
    name="renamed", retries=1, retry_delay_seconds=lambda retries: [0.0] * retries, flow_run_name="of {x}",
    on_failure=[told("failed")], tags={"own"},
)


@renamed.on_running
def begins(flow, run, state):
    note("begins")


if __name__ == "__main__":
    with tags("around"):
        renamed.with_options(name="sweep", tags={"passing"})(1)
"""


def test_options_and_tags_hold_on_resume_and_on_fork(cli: Cli) -> None:
    cli.write("options.py", OPTIONS)
    cli.env["DIES"] = "yes"
    cli("run", "options.py", code=-9)
    del cli.env["DIES"]
    assert cli.counted() == ["begins", "paid-1-around"]
    assert [row.name for row in cli.recorded()] == ["of 1"]
    cli("resume", "of 1", code=1)
    after = cli.counted()[2:]
    assert after == ["begins", "tags-around+passing", "paid-1-around", "tags-around+passing", "failed"], "one retry"
    cli("fork", "of 1", "-p", "x=2", code=1)
    after = cli.counted()[7:]
    assert after == ["begins", "tags-around+passing", "paid-2-around", "tags-around+passing", "failed"]
    assert [(row.name, row.workflow) for row in cli.recorded()] == [("of 2", "sweep"), ("of 1", "sweep")]
    assert set(cli.recorded()[0].tags) == set(cli.recorded()[1].tags) == {"around", "passing"}


@pytest.mark.parametrize("how", ["run", "submit"])
def test_a_flow_with_other_options_that_is_named_on_the_command_line(cli: Cli, how: str) -> None:
    """Its lambda as a hook and its function of delays stand in the file: found again by the name that it has there."""
    cli.write("options.py", OPTIONS)
    cli.env["DIES"] = "yes"
    done = cli(how, "options.py:renamed", "--name", "mine", code=-9 if how == "run" else 0)
    if how == "submit":
        cli.wait_for_status("mine", "crashed")
    assert "was submitted" in done.out or how == "run"
    del cli.env["DIES"]
    cli("retry", "mine", code=1)
    assert cli.counted() == ["begins", "paid-1-", "begins", "tags-own", "paid-1-", "tags-own", "failed"]


def test_an_option_that_cannot_be_kept_is_told_of(cli: Cli) -> None:
    cli.write(
        "script.py",
        """
        import os, signal, threading
        from motet import flow, task

        @flow
        def main():
            if os.environ.get("DIES"):
                os.kill(os.getpid(), signal.SIGKILL)

        if __name__ == "__main__":
            lock = threading.Lock()
            main.with_options(name="sweep", on_completion=[lambda *given: lock.acquire()])()
        """,
    )
    cli.env["DIES"] = "yes"
    cli("run", "script.py", code=-9)
    del cli.env["DIES"]
    done = cli("resume", cli.recorded()[0].name)
    assert "was begun with the option on_completion, which is not at hand" in done.err
    assert "lock" in done.err
    assert cli.recorded()[0].workflow == "sweep"


def test_a_name_that_was_changed_in_the_code_changes_no_key(cli: Cli) -> None:
    script = """
        import os, signal
        from motet import flow, task

        @task
        def pay():
            with open(os.environ["COUNT"], "a") as file:
                file.write("paid\\n")

        @flow(name="{name}")
        def main():
            pay()
            if os.environ.get("DIES"):
                os.kill(os.getpid(), signal.SIGKILL)
        """
    cli.write("script.py", script.format(name="before"))
    cli.env["DIES"] = "yes"
    cli("run", "script.py", "--name", "mine", code=-9)
    del cli.env["DIES"]
    cli.write("script.py", script.format(name="after"))
    cli("resume", "mine")
    assert cli.counted() == ["paid"]
    assert {step["key"] for step in cli.json("show", "mine")["steps"]} == {"before", "before/pay-0"}
