"""Executions as the commands begin, steer and end them, each in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.aiflow.conftest import Desk

from motet.cli.main import main
from motet.dialects.aiflow import executions
from motet.owners import is_dead

SCRIPT = """
    import time

    from ai_flow.model.action import TaskAction
    from ai_flow.model.workflow import Workflow
    from ai_flow.operators.bash import BashOperator
    from ai_flow.operators.python import PythonOperator


    def waits():
        while True:
            time.sleep(60)


    def lacks():
        import no_such_module_here


    with Workflow(name="w") as w:
        PythonOperator(name="stream", python_callable=waits).action_on_event_received(TaskAction.START, "stream")
        PythonOperator(name="lacks", python_callable=lacks).action_on_event_received(TaskAction.START, "go")
        BashOperator(name="note", bash_command="cat version").action_on_event_received(TaskAction.START, "never")
"""


def until(is_so: Callable[[], object]) -> None:
    """Wait for something."""
    while not is_so():
        time.sleep(0.05)


KEEP = """
        PythonOperator(name="keep", python_callable=waits)
"""


@pytest.fixture
def begun(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """An execution of SCRIPT, and perhaps more, number 1."""
    desk.write("version", "first\n")
    script = SCRIPT.rstrip() + getattr(request, "param", "\n")
    desk("aiflow", "workflow", "upload", desk.write("flows.py", script), "--files", "version")
    assert desk("aiflow", "workflow-execution", "start", "w") == "Workflow execution: 1 submitted.\n"
    yield desk
    for owner in [row.owner for row in desk.host.store.runs() if row.owner is not None]:
        if not is_dead(owner):
            os.kill(owner.pid, signal.SIGKILL)
        while not is_dead(owner):
            time.sleep(0.05)


def tasks(desk: Desk) -> list[tuple[str, str]]:
    """The executions of tasks, with their statuses."""
    found = desk.rows("aiflow", "task-execution", "list", 1)
    return [(f"{each['task_name']}_{each['sequence_number']}", each["status"]) for each in found]


def logged(name: str) -> str:
    """What the execution of a task has written."""
    return (Path(os.environ["AIFLOW_HOME"]) / "logs" / "w" / "1" / name).read_text()


@pytest.mark.parametrize("begun", [KEEP], indirect=True)
def test_an_execution_is_steered_by_commands_until_it_is_stopped(begun: Desk) -> None:
    desk = begun
    (row,) = desk.rows("aiflow", "workflow-execution", "list", "w")
    assert list(row) == [
        "id", "workflow_id", "begin_date", "end_date", "status", "run_type", "snapshot_id", "event_offset",
    ]  # fmt: skip
    assert (row["id"], row["status"], row["run_type"], row["end_date"]) == ("1", "RUNNING", "MANUAL", "")
    until(lambda: tasks(desk) == [("keep_1", "RUNNING")])

    assert desk("aiflow", "task-execution", "start", 1, "note") == "Task execution: 1_note_1 submitted.\n"
    until(lambda: ("note_1", "SUCCESS") in tasks(desk))
    desk.write("version", "second\n")
    desk("aiflow", "workflow", "upload", "flows.py", "--files", "version")
    assert desk("aiflow", "task-execution", "start", 1, "note") == "Task execution: 1_note_2 submitted.\n"
    until(lambda: ("note_2", "SUCCESS") in tasks(desk))
    assert [logged(f"note/{number}.log").splitlines()[-1] for number in (1, 2)] == ["first", "first"]

    desk("notification", "event", "send", "go", "x", "-n", "elsewhere")
    desk("notification", "event", "send", "stream", "x", "-n", "default")
    until(lambda: ("stream_1", "RUNNING") in tasks(desk))
    assert "is RUNNING already" in desk("aiflow", "task-execution", "start", 1, "stream", code=2)
    assert "has no task nobody" in desk("aiflow", "task-execution", "start", 1, "nobody", code=2)
    assert not [each for each in tasks(desk) if each[0].startswith("lacks")]
    desk("notification", "event", "send", "go", "x", "-n", "default")
    until(lambda: ("lacks_1", "FAILED") in tasks(desk))

    told = desk("aiflow", "task-execution", "stop", 1, "stream")
    assert told == "Stopping execution of task: stream of workflow execution: 1.\n"
    until(lambda: ("stream_1", "STOPPED") in tasks(desk))
    desk("aiflow", "task-execution", "start", 1, "stream")
    (first, *_) = desk.rows("aiflow", "task-execution", "list", 1)
    assert desk.rows("aiflow", "task-execution", "show", first["id"]) == [first]

    assert "has not ended" in desk("aiflow", "workflow-execution", "delete", 1, code=2)
    assert "has not ended" in desk("aiflow", "workflow", "delete", "w", code=2)
    assert desk("aiflow", "workflow-execution", "stop", 1) == "Stopping workflow execution: 1\n"
    until(lambda: executions.is_over(executions.find(desk.host.store, 1)))
    (row,) = desk.rows("aiflow", "workflow-execution", "show", 1)
    assert row["status"] == "STOPPED" and row["end_date"]
    assert tasks(desk)[-1] == ("stream_2", "STOPPED")
    assert "has ended: STOPPED" in desk("aiflow", "task-execution", "start", 1, "note", code=2)
    assert desk("aiflow", "workflow-execution", "delete", 1) == "Workflow execution: 1 deleted.\n"
    assert desk.rows("aiflow", "workflow-execution", "list", "w") == []
    assert desk("aiflow", "workflow", "delete", "w") == "Workflow: default.w deleted.\n"


def test_what_a_task_lacks_is_named_with_the_python_that_lacks_it(begun: Desk) -> None:
    assert tasks(begun) == []  # all of them wait for an event
    begun("aiflow", "task-execution", "start", 1, "lacks")
    until(lambda: ("lacks_1", "FAILED") in tasks(begun))
    row = executions.find(begun.host.store, 1)
    said = str(begun.host.store.step(row.id, "lacks#1").error)
    assert "no_such_module_here" in said
    assert sys.executable in said


def test_an_execution_whose_process_was_killed_is_told_and_taken_up(
    begun: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    begun("aiflow", "task-execution", "start", 1, "stream")
    until(lambda: ("stream_1", "RUNNING") in tasks(begun))
    owner = executions.find(begun.host.store, 1).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    until(lambda: is_dead(owner))
    for words in (
        ["workflow-execution", "list", "w"],
        ["workflow-execution", "show", "1"],
        ["task-execution", "list", "1"],
    ):
        main(["aiflow", *words])
        assert "The process of workflow execution 1 has died." in capsys.readouterr().err
    assert begun("aiflow", "task-execution", "start", 1, "note") == "Task execution: 1_note_1 submitted.\n"
    until(lambda: ("note_1", "SUCCESS") in tasks(begun))
    owner = executions.find(begun.host.store, 1).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    until(lambda: is_dead(owner))
    told = begun("aiflow", "workflow-execution", "stop-all", "w", "-y")
    assert told == "Stopping all workflow executions of workflow: default.w\n"
    until(lambda: executions.is_over(executions.find(begun.host.store, 1)))
    assert begun.rows("aiflow", "workflow-execution", "show", 1)[0]["status"] == "STOPPED"
