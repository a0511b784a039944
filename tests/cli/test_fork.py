"""`motet fork` and `motet retry`: what is kept, what runs anew."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Cli

PIPE = """
    import os
    from motet import flow, task, unmapped

    def count(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    @task
    def load(rows):
        count("load")
        return list(range(rows))

    @task
    def scale(value, by):
        count(f"scale{value}")
        return [value * by]

    @task(executor="processes")
    def total(values):
        count("total")
        return sum(each[0] for each in values)

    @task
    def label(text):
        count("label")
        return text.upper()

    @flow
    def prepare(rows):
        count("prepare")
        return load(rows)

    @flow
    def pipe(rows: int = 3, by: int = 2, text: str = "a"):
        values = prepare(rows)
        scaled = scale.map(values, unmapped(by))
        return [total.submit(scaled).result(), label(text)]
"""


def ran(cli: Cli, before: int) -> list[str]:
    """What the steps wrote that ran since, but for the body of the subflow, which always runs."""
    words = cli.counted()[before:]
    assert words.count("prepare") == 1
    return sorted(word for word in words if word != "prepare")


@pytest.mark.parametrize(
    ("options", "result", "again"),
    [
        ((), [6, "A"], []),
        (("-p", "text=b"), [6, "B"], ["label"]),
        (("-p", "by=3"), [9, "A"], ["scale0", "scale1", "scale2", "total"]),
        (("-p", "rows=2"), [2, "A"], ["load", "scale0", "scale1", "total"]),
        (("--from", "total-0"), [6, "A"], ["total"]),
        (("--from", "scale-0"), [6, "A"], ["scale0", "scale1", "scale2", "total"]),
        (("--from", "scale-0[1]"), [6, "A"], ["scale1", "total"]),
        (("--from", "pipe/prepare-0"), [6, "A"], ["load", "scale0", "scale1", "scale2", "total"]),
        (("--from", "load-0", "--from", "label-0"), [6, "A"],
         ["label", "load", "scale0", "scale1", "scale2", "total"]),
    ],
)  # fmt: skip
def test_what_does_not_change_is_reused(cli: Cli, options: list[str], result: object, again: list[str]) -> None:
    cli.write("pipe.py", PIPE)
    cli("run", "pipe.py:pipe", "--name", "first")
    before = len(cli.counted())
    (run,) = cli.json("fork", "first", "--name", "second", *options)["runs"]
    assert (run["status"], run["result"]) == ("succeeded", result)
    assert ran(cli, before) == again
    assert cli.json("show", "first")["result"] == [6, "A"], "the old run stays as it is"


def test_code_that_changed_runs_anew_and_what_it_changes_too(cli: Cli) -> None:
    path = cli.write("pipe.py", PIPE)
    cli("run", "pipe.py:pipe", "--name", "first")
    before = len(cli.counted())
    path.write_text("# a comment\n" + path.read_text().replace("text.upper()", "text.lower()"))
    assert cli.json("fork", "first")["runs"][0]["result"] == [6, "a"]
    assert ran(cli, before) == ["label"]


def test_a_fork_tells_why_a_step_was_or_was_not_taken_over(cli: Cli) -> None:
    cli.write("pipe.py", PIPE)
    cli("run", "pipe.py:pipe", "--name", "first")
    told = cli("fork", "first", "--name", "second", "-p", "by=3").out
    assert "Forking first" in told
    assert "6 succeeded (2 reused)" in told
    assert "It did not run: its result is that of step pipe/label-0 of run first" in cli("why", "second", "label-0").out
    assert "its arguments have changed" in cli("why", "second", "scale-0").out
    assert "results of steps that ran anew: pipe/scale-0" in cli("why", "second", "total-0").out
    assert "label-0  succeeded (reused)" in cli("why", "second", "label-0").out
    assert cli.json("why", "second", "load-0")["reused"][1] == "pipe/prepare-0/load-0"


def test_a_fork_of_a_failed_run_and_of_a_fork(cli: Cli) -> None:
    cli.write(
        "fails.py",
        """
        import os
        from motet import flow, task

        @task
        def fine():
            with open(os.environ["COUNT"], "a") as file:
                file.write("fine\\n")
            return object

        @task
        def check(value, limit):
            assert value is object
            if limit < 5:
                raise ValueError("too low")
            return limit

        @flow
        def fails(limit: int = 1):
            return check(fine(), limit)
        """,
    )
    cli("run", "fails.py", "--name", "first", code=1)
    cli("fork", "first", "-p", "limit=2", "--name", "second", code=1)
    assert cli.json("fork", "second", "-p", "limit=7")["runs"][0]["result"] == 7
    assert cli.counted() == ["fine"]


def test_async_tasks_and_submitted_subflows(cli: Cli) -> None:
    cli.write(
        "several.py",
        """
        import os
        from motet import flow, task

        def count(word):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"{word}\\n")

        @task
        async def fetch(name):
            count(f"fetch-{name}")
            return [name]

        @task
        def join(parts, by):
            count("join")
            return by.join(parts)

        @flow
        def inner(name):
            count(f"inner-{name}")
            return join([name, name], "-")

        @flow
        async def several(by: str = "+"):
            first, second = inner.submit("a"), inner.submit("b")
            parts = await fetch("c")
            return join([first.result(), second.result(), *parts], by)
        """,
    )
    cli("run", "several.py:several", "--name", "old")
    before = len(cli.counted())
    assert cli.json("fork", "old", "-p", "by=*")["runs"][0]["result"] == "a-a*b-b*c"
    assert sorted(cli.counted()[before:]) == ["inner-a", "inner-b", "join"]


def test_a_fork_that_was_killed_is_resumed_as_a_fork(cli: Cli) -> None:
    cli.write(
        "killed.py",
        """
        import os, signal
        from motet import flow, task

        def count(word):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"{word}\\n")

        @task
        def first():
            count("first")
            return ["x"]

        @task
        def second(value):
            count("second")
            return [value]

        @task
        def third(value, die):
            count("third")
            if die and not os.path.exists("died"):
                open("died", "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            return 3

        @task
        def fourth(value):
            count("fourth")
            return value

        @flow
        def killed(die: bool = False):
            made = second(first())
            number = third(made, die)
            return fourth([made, number])
        """,
    )
    cli("run", "killed.py", "--name", "old")
    cli("fork", "old", "--from", "second-0", "-p", "die=true", "--name", "new", code=-9)
    assert cli("resume", "new").out.startswith("Resuming new")
    assert cli.json("show", "new")["status"] == "succeeded"
    assert cli.counted() == ["first", "second", "third", "fourth", "second", "third", "third", "fourth"]


def test_wrong_input(cli: Cli) -> None:
    cli.write("pipe.py", PIPE)
    cli("run", "pipe.py:pipe", "--name", "first")
    assert "no run 'nothing'" in cli("fork", "nothing", code=2).err
    assert "no step 'nothing'" in cli("fork", "first", "--from", "nothing", code=2).err
    assert "no parameter 'bye'" in cli("fork", "first", "-p", "bye=1", code=2).err
    assert "Parameter by of flow pipe" in cli("fork", "first", "-p", "by=x", code=2).err
    assert len(cli.runs()) == 1


def test_retry_starts_at_the_failure(cli: Cli) -> None:
    cli.write(
        "flaky.py",
        """
        import os
        from motet import flow, task

        @task
        def fine(number):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"{number}\\n")
            return number

        @task
        def needs_a_file(value):
            return open("there").read() + str(value)

        @flow
        def flaky():
            return needs_a_file(sum(fine(number) for number in range(3)))
        """,
    )
    cli("run", "flaky.py", "--name", "mine", code=1)
    assert "motet retry mine" in cli("why", "mine", "needs_a_file-0").out
    (cli.folder / "there").write_text("found ")
    done = cli("retry", "mine")
    assert "3 steps kept" in done.out
    assert "Result: 'found 3'" in done.out
    assert cli.counted() == ["0", "1", "2"]
