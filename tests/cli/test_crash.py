"""What a killed process leaves, and how its run is taken up again: nothing recorded is run twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.cli.conftest import PATIENCE_S, Cli


def crash(cli: Cli, *args: str, steps: int = 3) -> str:
    """Run until so many steps have begun, the last of which goes on, then kill -9; gives the run's name."""
    process = cli.start("run", *args, "--name", "mine", env={**cli.env, "HOLD": str(steps - 1)})
    cli.wait_for_count(steps, process)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    return "mine"


def test_kill_and_resume(cli: Cli, flows: Path) -> None:
    name = crash(cli, "flows.py:crawl", "-p", "size=6", "-p", "seconds=0")
    assert cli.json("show", name)["status"] == "crashed"
    assert [run["name"] for run in cli.json("ls", "--status", "crashed")] == ["mine"]
    assert cli.json("ls", "--status", "running") == []
    assert "crashed" in cli("ls").out
    before = cli.counted()
    done = cli("resume", name, cwd="/")
    assert f"Resuming mine: {len(before) - 1} steps kept." in done.out
    assert "Result: 15" in done.out
    after = cli.counted()
    assert after == [*before, before[-1], *map(str, range(len(before), 6))], "only what was under way ran again"
    assert cli.json("show", name)["status"] == "succeeded"


def test_kill_and_resume_of_a_script_with_its_own_classes(cli: Cli) -> None:
    """What a script run as the main module has pickled is read again on resume, in worker processes too."""
    cli.write(
        "script.py",
        """
        import os
        import time
        from dataclasses import dataclass
        from motet import flow, task

        @dataclass
        class Point:
            x: int

        def count(word):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"{word}\\n")

        @task
        def make(number):
            count(number)
            return Point(number)

        @task(executor="processes")
        def double(point):
            count(f"double-{point.x}")
            return Point(point.x * 2)

        @task
        def linger():
            count("linger")
            if os.environ.get("LINGER"):
                time.sleep(3600)

        @flow
        def points():
            first = double.submit(make(1)).result()
            linger()
            return double.submit(first).result() == Point(4) and isinstance(first, Point)

        if __name__ == "__main__":
            count("main")
            print(points())
        """,
    )
    cli.env["LINGER"] = "yes"
    crash(cli, "script.py", steps=4)
    del cli.env["LINGER"]
    assert "Result: True" in cli("resume", "mine").out
    assert cli.counted() == ["main", "1", "double-1", "linger", "linger", "double-2"]


def test_a_killed_engine_in_the_background(cli: Cli, flows: Path) -> None:
    cli.env["HOLD"] = "1"
    run = cli.json("submit", "flows.py:crawl", "-p", "size=20", "-p", "seconds=0", "--name", "mine")
    assert (run["name"], run["workflow"]) == ("mine", "crawl")
    cli.wait_for_count(2)
    os.kill(cli.json("show", "mine")["owner"]["pid"], signal.SIGKILL)
    cli.wait_for_status("mine", "crashed")
    del cli.env["HOLD"]
    assert "Result: 190" in cli("resume", "mine").out
    assert cli.counted() == ["0", "1", *map(str, range(1, 20))]


def test_a_crashed_run_is_given_up(cli: Cli, flows: Path) -> None:
    name = crash(cli, "flows.py:crawl")
    assert "has ended: cancelled" in cli("stop", name).out
    assert cli.json("show", name)["status"] == "cancelled"
    counted = len(cli.counted())
    assert "has ended already: cancelled" in cli("stop", name).out.replace("had ended", "has ended")
    assert len(cli.counted()) == counted


CHANGING = """
    import os
    from motet import flow, task

    def count(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{{word}}\\n")

    @task
    def load(number):
        count(f"load-{{number}}")
        return number

    @task
    def use(value):
        count(f"use-{{value}}")
        return value * 10

    @task
    def other():
        count("other")
        return 1

    @flow
    def changing():
        loaded = load.submit({argument})
        return use.submit(loaded).result() + other() + (1 if {well} else 1 // 0)
"""


def test_changed_code_stops_a_resume(cli: Cli) -> None:
    cli.write("changing.py", CHANGING.format(argument=1, well=False))
    cli("run", "changing.py", "--name", "mine", code=1)
    assert sorted(cli.counted()) == ["load-1", "other", "use-1"]
    cli.write("changing.py", CHANGING.format(argument=2, well=True))
    done = cli("resume", "mine", code=2)
    assert done.err.startswith("motet: Step changing/load-0 was recorded as ")
    assert "--rerun-changed" in done.err
    assert "Traceback" not in done.err
    assert len(cli.counted()) == 3, "nothing was run"
    assert "was recorded as" in cli.json("resume", "mine", code=2)["error"]
    done = cli("resume", "mine", "--rerun-changed")
    assert "Result: 22" in done.out
    assert sorted(cli.counted()) == ["load-1", "load-2", "other", "use-1", "use-2"], "what did not change is kept"


def test_changed_code_that_does_not_concern_recorded_steps(cli: Cli) -> None:
    cli.write("changing.py", CHANGING.format(argument=1, well=False))
    cli("run", "changing.py", "--name", "mine", code=1)
    cli.write("changing.py", CHANGING.format(argument=1, well=True))
    assert "3 steps kept" in cli("resume", "mine").out
    assert len(cli.counted()) == 3


def test_a_flow_that_is_gone(cli: Cli, flows: Path) -> None:
    name = crash(cli, "flows.py:crawl")
    flows.rename(flows.with_name("away.py"))
    done = cli("resume", name, code=2)
    assert "flows.py" in done.err
    assert cli.json("show", name)["status"] == "crashed"
    flows.with_name("away.py").rename(flows)
    flows.write_text(flows.read_text().replace("def crawl", "def creep"))
    assert "no flow 'crawl'" in cli("resume", name, code=2).err


def test_what_cannot_be_resumed(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:total", "--name", "mine")
    done = cli("resume", "mine", code=2)
    assert "has ended: succeeded" in done.err
    assert done.out == ""
    process = cli.start("run", "flows.py:crawl", "--name", "alive")
    cli.wait_for_count(7, process)
    done = cli("resume", "alive", code=2)
    assert f"process {process.pid}" in done.err
    assert "motet stop alive" in done.err
    process.kill()


def test_resume_tells_of_the_elements_of_maps_that_are_kept(cli: Cli) -> None:
    cli.write(
        "mapped.py",
        """
        import os
        from motet import flow, task
        from motet.task_runners import SequentialTaskRunner

        @task
        def double(number):
            if number == 3 and os.environ.get("CRASH"):
                os.kill(os.getpid(), 9)
            return 2 * number

        @flow(task_runner=SequentialTaskRunner)
        def mapped():
            return sum(double.map(range(5)).result())
        """,
    )
    cli.env["CRASH"] = "yes"
    cli("run", "mapped.py", "--name", "mine", code=-signal.SIGKILL)
    del cli.env["CRASH"]
    done = cli("resume", "mine").out
    assert "Resuming mine: 0 steps and 3 elements of maps kept." in done
    assert "Result: 20" in done
