"""Runs of this door are recorded like all others: killed anywhere, they are taken up again."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from tests.orion.running import run

from motet.app import hosts

SCRIPT = """
import os, signal, sys
from prefect import flow, task
from prefect.task_runners import SequentialTaskRunner

HERE = os.path.dirname(os.path.abspath(__file__))


def note(what):
    with open(os.path.join(HERE, "ran"), "a") as file:
        file.write(what + "\\n")


@task
def first():
    note("first")
    return {"rows": 3}


@task
def broken():
    note("broken")
    raise ValueError("as ever")


@task
def second(data):
    note("second")
    if not os.path.exists(os.path.join(HERE, "again")):
        open(os.path.join(HERE, "again"), "w").close()
        FAIL
    data["rows"] += 1
    return data


@flow
def prepare():
    broken()
    first()


@flow(task_runner=SequentialTaskRunner)
def pipeline():
    data = first()
    prepared = prepare()
    assert str(prepared) == "Failed('1/2 states failed.')", prepared
    failed, good = prepared.result(raise_on_failure=False)
    assert isinstance(failed.result(raise_on_failure=False), ValueError), failed
    assert good.result() == {"rows": 3}, good
    return [second(data)]


if __name__ == "__main__":
    print(pipeline())
"""


def ran(folder: Path) -> list[str]:
    return (folder / "ran").read_text().split()


def test_a_killed_run_is_taken_up_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.replace("FAIL", "os.kill(os.getpid(), signal.SIGKILL)"))
    killed = run("run", "--door", "orion", str(path), how="motet")
    assert killed.code == -signal.SIGKILL, killed.err
    assert sorted(ran(tmp_path)) == ["broken", "first", "first", "second"]
    (row,) = hosts.current().store.runs()

    done = run("resume", row.id, how="motet")
    assert done.code == 0, done.err
    assert sorted(ran(tmp_path)) == ["broken", "first", "first", "second", "second"]
    assert f"Flow run '{row.name}'" in done.err, "it has the name it had"
    assert "Created flow run" not in done.err, "it is not told twice what was created"
    assert "first-" not in done.err
    assert done.said[f"Flow run '{row.name}'"][-1] == "INFO Finished in state Completed('All states completed.')"
    assert re.search(r"result=\[Completed\(message=None, type=COMPLETED", done.out), done.out


def test_a_killed_run_knows_the_states_of_a_large_subflow_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    many = SCRIPT.replace("    broken()\n", "    for _ in range(60):\n        broken()\n").replace("1/2", "60/61")
    many = many.replace("failed, good =", "*_, failed, good =")
    path.write_text(many.replace("FAIL", "os.kill(os.getpid(), signal.SIGKILL)"))
    assert run("run", "--door", "orion", str(path), how="motet").code == -signal.SIGKILL
    (row,) = hosts.current().store.runs()
    done = run("resume", row.id, how="motet")
    assert done.code == 0, done.err
    assert ran(tmp_path).count("broken") == 60


def test_a_failed_run_is_carried_on_from_its_failure(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.replace("FAIL", "raise KeyError('this time')").replace("    broken()\n", "    first()\n")
                    .replace("Failed('1/2 states failed.')", "Completed('All states completed.')")
                    .replace("isinstance(failed.result(raise_on_failure=False), ValueError)", "True"))  # fmt: skip
    failed = run("run", "--door", "orion", str(path), how="motet")
    assert failed.code == 0, failed.err
    assert "Failed('1/1 states failed.')" in failed.out
    (row,) = hosts.current().store.runs()
    assert row.status == "failed"

    done = run("resume", row.id, how="motet")
    assert done.code == 0, done.err
    assert ran(tmp_path) == ["first", "first", "first", "second", "second"]
    assert hosts.current().store.run(row.id).status == "succeeded"


def test_what_a_run_logs_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.replace("FAIL", "pass"))
    run("run", "--door", "orion", str(path), how="motet")
    (row,) = hosts.current().store.runs()
    kept = run("logs", row.id, how="motet").out
    assert f"Flow run '{row.name}' - Finished in state Completed('All states completed.')" in kept
    assert "Encountered exception during execution:" in kept
    assert os.path.basename(str(path)) in kept
