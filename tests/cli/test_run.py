"""`motet run`: what can be run, with which parameters, and what is said of how it ended."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

HELLO = """
    from motet import flow, task

    @task
    def square(number: int) -> int:
        return number * number

    @flow
    def squares(count: int = 4) -> int:
        return sum(each.result() for each in square.map(range(count)))
"""


def test_the_only_flow_of_a_file(cli: Cli) -> None:
    cli.write("hello.py", HELLO)
    done = cli("run", "hello.py")
    (run,) = cli.runs()
    assert run["status"] == "succeeded"
    assert run["workflow"] == "squares"
    assert f"Run {run['name']} ({run['id']}) succeeded" in done.out
    assert "Result: 14" in done.out
    assert re.fullmatch(rf"motet: [\d:]{{8}} {run['name']} began: squares \({run['id']}\)\n", done.err)


@pytest.mark.parametrize("target", ["hello.py:squares", "hello:squares", "sub/inner.py", "sub.inner:squares"])
def test_forms_of_targets(cli: Cli, target: str) -> None:
    cli.write("hello.py", HELLO)
    (cli.folder / "sub").mkdir()
    cli.write("sub/inner.py", HELLO)
    assert "Result: 14" in cli("run", target, "--name", "mine").out
    assert [run["name"] for run in cli.runs()] == ["mine"]


def test_a_script_runs_as_the_main_module_and_its_flow_runs_are_told(cli: Cli) -> None:
    cli.write("helping.py", "ANSWER = 42\n")
    cli.write(
        "script.py",
        """
        import sys
        from helping import ANSWER
        from motet import flow

        @flow
        def one(x: int = 1):
            return x

        @flow
        def other():
            return {"answer": ANSWER, "argv": sys.argv}

        if __name__ == "__main__":
            print("from the script:", one(), one(x=2), other()["answer"])
        """,
    )
    done = cli("run", str(cli.folder / "script.py"), cwd="/")
    assert "from the script: 1 2 42" in done.out
    assert [line for line in done.out.splitlines() if line.startswith("Result: ")] == [
        "Result: 1",
        "Result: 2",
        f"Result: {{'answer': 42, 'argv': [{str(cli.folder / 'script.py')!r}]}}",
    ]
    assert [run["workflow"] for run in cli.runs()] == ["other", "one", "one"]


def test_parameters_go_to_the_flow_that_the_script_calls(cli: Cli) -> None:
    cli.write(
        "script.py",
        """
        from motet import flow

        @flow
        def inner(y):
            return y

        @flow
        def outer(x: int = 1, z: int = 3):
            return [inner(x), z]

        if __name__ == "__main__":
            print("gave", outer(z=5))
        """,
    )
    assert "gave [7, 5]" in cli("run", "script.py", "-p", "x=7").out
    assert "gave [1, 8]" in cli("run", "script.py", "-p", "z=8").out
    assert "has no parameter 'y'" in cli("run", "script.py", "-p", "y=7", code=2).err


def test_parameters_are_json_or_text_and_fit_their_annotations(cli: Cli) -> None:
    cli.write(
        "params.py",
        """
        from pathlib import Path
        from motet import flow

        @flow
        def show(a, b: int, c: str, d: Path, e: list[int], f: float = 0.5, g: str | None = None, **more):
            return repr((a, b, c, d, e, f, g, more))
        """,
    )
    given = {"a": "text", "b": "3", "c": "1.10", "d": "/tmp", "e": "[1, 2]", "g": "007", "h": '{"deep": null}'}
    options = [word for name, text in given.items() for word in ("-p", f"{name}={text}")]
    (run,) = cli.json("run", "params.py", *options)["runs"]
    told = "('text', 3, '1.10', PosixPath('/tmp'), [1, 2], 0.5, '007', {'h': {'deep': None}})"
    assert run["result"] == told


def test_parameters_from_a_file(cli: Cli) -> None:
    cli.write("hello.py", HELLO)
    cli.write("params.json", '{"count": 3}')
    assert "Result: 5" in cli("run", "hello.py", "--params", "params.json").out
    assert "Result: 1\n" in cli("run", "hello.py", "--params", "params.json", "-p", "count=2").out


def test_a_home_can_be_named(cli: Cli, tmp_path: Path) -> None:
    cli.write("hello.py", HELLO)
    cli("run", "hello.py", "--home", str(tmp_path / "elsewhere"))
    assert cli.runs() == []
    assert len(cli.json("--home", str(tmp_path / "elsewhere"), "ls")) == 1


FAILING = """
    from motet import flow, task

    def helping(number):
        return 1 // number

    @task
    def fine(number):
        return number

    @task
    def bad(number):
        return helping(number)

    @flow
    def failing():
        fine(1)
        bad(0)

    @flow
    def unseen():
        bad.submit(0)
"""


def test_a_failure_shows_the_users_frames_once(cli: Cli) -> None:
    cli.write("failing.py", FAILING)
    done = cli("run", "failing.py:failing", code=1)
    assert done.err.count("Traceback") == 1
    assert done.err.count("failing/bad-0 failed: ZeroDivisionError: ") == 1
    assert done.err.count("\nZeroDivisionError: ") == 1
    places = [line.split(", ", 1)[1] for line in done.err.splitlines() if line.startswith("  File ")]
    assert places == ["line 17, in failing", "line 12, in bad", "line 4, in helping"]
    (run,) = cli.runs()
    assert f"Run {run['name']} ({run['id']}) failed" in done.out
    assert "at failing/bad-0" in done.out
    assert "1 succeeded, 2 failed" in done.out
    assert f"motet resume {run['name']}" in done.out


def test_a_failure_in_a_script_begins_at_the_scripts_frame(cli: Cli) -> None:
    cli.write("failing.py", FAILING)
    cli.write("script.py", "from failing import failing\n\nfailing()\n")
    done = cli("run", "script.py", code=1)
    assert done.err.count("Traceback") == 1
    places = [line.split(", ", 1)[1] for line in done.err.splitlines() if line.startswith("  File ")]
    assert places == ["line 3, in <module>", "line 17, in failing", "line 12, in bad", "line 4, in helping"]


def test_a_failure_that_nobody_looked_at_is_told_with_its_cause(cli: Cli) -> None:
    cli.write("failing.py", FAILING)
    done = cli("run", "failing.py:unseen", code=1)
    assert done.err.count("Traceback") == 1
    assert "in helping" in done.err
    assert "1/1 submitted tasks did not succeed" in done.err


def test_a_failed_run_that_the_script_has_caught_is_still_a_failed_run(cli: Cli) -> None:
    cli.write("failing.py", FAILING)
    cli.write("script.py", "from failing import failing\nstate = failing(return_state=True)\nprint(state.name)\n")
    assert "Failed\n" in cli("run", "script.py", code=1).out


def test_an_error_of_the_script_itself(cli: Cli) -> None:
    cli.write("script.py", "from motet import flow\n\n@flow\ndef f():\n    return 1\n\nf()\nraise KeyError('mine')\n")
    done = cli("run", "script.py", code=1)
    assert "line 8, in <module>" in done.err
    assert "KeyError: 'mine'" in done.err
    assert "motet: " not in done.err.partition("\n")[2], "but for the line that says that it has begun"
    assert "succeeded" in done.out


def test_an_error_of_motets_that_no_run_tells(cli: Cli) -> None:
    cli.write("script.py", "from motet.errors import StepFailed\n\nraise StepFailed('of old', 'look there')\n")
    assert cli("run", "script.py", code=1).err.splitlines() == [
        "motet: of old",
        f"  at {cli.folder / 'script.py'}:3",
        "look there",
    ]
    assert cli.json("run", "script.py", code=1)["cure"] == "look there"


def test_a_script_may_set_its_exit_code(cli: Cli) -> None:
    cli.write("script.py", "import sys\nfrom motet import flow\n\n@flow\ndef f():\n    return 1\n\nf()\nsys.exit(7)\n")
    cli("run", "script.py", code=7)


def test_json_is_the_only_thing_on_stdout(cli: Cli) -> None:
    cli.write(
        "noisy.py",
        """
        import os
        import subprocess
        from motet import flow

        @flow
        def noisy():
            print("a print")
            os.write(1, b"a write\\n")
            subprocess.run(["echo", "an echo"], check=True)
            return {"x": [1, None]}
        """,
    )
    done = cli("run", "noisy.py", "--json")
    (run,) = json.loads(done.out)["runs"]
    assert (run["status"], run["result"], run["repr"]) == ("succeeded", {"x": [1, None]}, "{'x': [1, None]}")
    for told in ("a print", "a write", "an echo"):
        assert told in done.err
    cli.write("failing.py", FAILING)
    (run,) = cli.json("run", "failing.py:failing", code=1)["runs"]
    assert run["error"]["type"] == "ZeroDivisionError"
    assert cli.json("run", "failing.py:none", code=2)["error"].startswith("failing.py has no flow")


def test_a_declarative_program(cli: Cli) -> None:
    cli.write(
        "chain.py",
        """
        from motet.kernel.policy import Policy
        from motet.kernel.program import AddStep, Finish

        class Chain:
            def __init__(self, params):
                self.length = params["length"]

            def advance(self, view):
                last = ""
                for number in range(self.length):
                    key = f"step-{number}"
                    yield AddStep(
                        key, "step", call={"target": "chain:work", "args": [number]}, policy=Policy(executor="threads"),
                        needs=[last] if last else [],
                    )
                    last = key
                if view.ended(last):
                    yield Finish("succeeded", view.result(last))

        def work(number):
            return number * 10

        def broken(params):
            raise KeyError("no idea")

        def odd(params):
            return params
        """,
    )
    done = cli("run", "chain:Chain", "-p", "length=3")
    assert "Result: 20" in done.out
    assert "3 succeeded" in done.out
    assert "KeyError: 'no idea'" in cli("run", "chain:broken", code=2).err
    assert "does not make a program" in cli("run", "chain:odd", code=2).err
    (run,) = cli.json("run", "chain:Chain", "-p", "length=1")["runs"]
    assert run["result"] == 0


def test_what_a_first_run_imports(cli: Cli) -> None:
    """The start must stay fast: what a plain run has no use for is not loaded."""
    cli.write(
        "hello.py",
        """
        import sys
        from motet import flow, task

        @task
        def square(number: int) -> int:
            return number * number

        @flow
        def loaded():
            square(2)
            heavy = {"pydantic", "cloudpickle", "asyncio", "multiprocessing", "subprocess", "tempfile", "logging",
                     "importlib.metadata", "email", "http", "urllib.request", "xml", "concurrent.futures", "socket"}
            return sorted(heavy & set(sys.modules))
        """,
    )
    (run,) = cli.json("run", "hello.py")["runs"]
    assert run["result"] == []


def test_a_run_whose_streams_are_closed(cli: Cli) -> None:
    """As some daemons start programs; the store's files must not get the numbers of the streams."""
    cli.write(
        "script.py",
        """
        import os
        from motet import flow

        @flow(flow_run_name="mine")
        def main():
            print("printed")
            os.write(1, b"written")
        """,
    )
    motet = [sys.executable, "-P", "-m", "motet.cli", "run", "script.py"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *motet], cwd=cli.folder, env=cli.env, check=False
    )
    assert done.returncode == 0
    assert "printed" in cli("logs", "mine").out
    assert "sound" in cli("doctor").out
