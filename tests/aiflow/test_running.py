"""Executions of workflows to their end: what the original is known to get wrong, and what scripts count on."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.aiflow.conftest import Desk

from motet.dialects.aiflow import executions, registry
from motet.dialects.aiflow.plugin import VOICE
from motet.ports import Publication, RunRow
from motet.ports.voice import Host, Onward
from motet.views import reactions

HEAD = """
    import logging
    import os
    import signal
    import time

    from ai_flow.model.action import TaskAction
    from ai_flow.model.condition import Condition
    from ai_flow.model.internal.conditions import MeetAllCondition, SingleEventCondition
    from ai_flow.model.state import ValueStateDescriptor
    from ai_flow.model.status import TaskStatus
    from ai_flow.model.workflow import Workflow
    from ai_flow.notification.notification_client import AIFlowNotificationClient
    from ai_flow.operators.bash import BashOperator
    from ai_flow.operators.python import PythonOperator

    START, STOP, RESTART = TaskAction.START, TaskAction.STOP, TaskAction.RESTART


    def send(*keys, value="v"):
        client = AIFlowNotificationClient("localhost:50052")
        for key in keys:
            client.send_event(key, value)
        client.close()
"""

Told = dict[str, list[str]]


def started(desk: Desk, script: str, *files: Path) -> tuple[Host, RunRow, int]:
    """An execution of the script's workflow, to be driven."""
    more = ["--files", ",".join(map(str, files))] if files else []
    desk("aiflow", "workflow", "upload", desk.write("flows.py", HEAD + script), *more)
    host = desk.host
    meta = registry.workflow(host.store, "default", "w")
    assert meta is not None
    number, row = executions.make(host, meta)
    return host, row, number


def ended(host: Host, row: RunRow, number: int, meanwhile: Callable[[], None] | None = None) -> tuple[str, Told]:
    """Drive it to its end; gives how it has ended, and how all executions of each task have."""
    aside = threading.Thread(target=meanwhile) if meanwhile is not None else None
    if aside is not None:
        aside.start()
    try:
        VOICE.carry_on(host, row, Onward())
    finally:
        if aside is not None:
            aside.join()
    found = host.store.run(row.id)
    return executions.status_of(found), tasks(host, found, number)


def tasks(host: Host, row: RunRow, number: int) -> Told:
    """The statuses of all executions of each task."""
    told: Told = {}
    for each in executions.tasks_of(host.store, number, row):
        told.setdefault(each.task_name, []).append(each.status)
    return told


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something."""
    while not is_so():
        time.sleep(0.01)


def test_what_fails_stops_or_raises_harms_nothing_else(desk: Desk, tmp_path: Path) -> None:
    script = """
    def boom():
        logging.info("about to fail")
        send("x")
        raise RuntimeError("boom")


    def killed():
        os.kill(os.getpid(), signal.SIGKILL)


    with Workflow(name="w") as w:
        boom_task = PythonOperator(name="boom", python_callable=boom)
        BashOperator(name="after", bash_command="true").start_after(boom_task)
        BashOperator(name="failed", bash_command="true").action_on_task_status(START, {boom_task: TaskStatus.FAILED})
        BashOperator(name="running", bash_command="true").action_on_task_status(START, {boom_task: TaskStatus.RUNNING})
        unreached = BashOperator(name="unreached", bash_command="true")
        unreached.action_on_event_received(STOP, "x")
        unreached.start_after(w.tasks["after"])
        on_x = BashOperator(name="on_x", bash_command="cat table.csv && pwd")
        on_x.action_on_event_received(START, "x")
        killed_task = PythonOperator(name="killed", python_callable=killed)
        BashOperator(name="noticed", bash_command="true").action_on_task_status(START, {killed_task: TaskStatus.FAILED})
    """
    table = desk.folder / "table.csv"
    table.write_text("a,b\n1,2\n")
    host, row, number = started(desk, script, table)
    status, told = ended(host, row, number)
    good = ["SUCCESS"]
    assert status == "FAILED"
    assert told == {
        "boom": ["FAILED"], "killed": ["FAILED"], "failed": good, "running": good, "on_x": good, "noticed": good,
    }  # fmt: skip
    logs = Path(os.environ["AIFLOW_HOME"], "logs", "w", str(number))
    assert "INFO: about to fail" in (logs / "boom" / "1.log").read_text()
    lines = [each for each in (logs / "on_x" / "1.log").read_text().splitlines() if "INFO" not in each]  # of stderr
    assert lines[-3:] == ["a,b", "1,2", str(Path(os.environ["AIFLOW_HOME"], "working_dir", "w", str(number), "flows"))]


def test_endless_tasks_keep_nobody_waiting_and_end_when_they_are_to(desk: Desk, tmp_path: Path) -> None:
    script = """
    def stream():
        try:
            open("begun", "a").write("x")
            send("ready")
            while True:
                time.sleep(60)
        finally:
            open("ended", "a").write("x")


    with Workflow(name="w") as w:
        for n in range(3):
            task = PythonOperator(name=f"stream{n}", python_callable=stream)
        task.action_on_event_received(RESTART, "again")
        task.action_on_event_received(STOP, "enough")
        shell = BashOperator(name="shell", bash_command="sleep 1000")
        shell.action_on_event_received(STOP, "enough")
        batch = BashOperator(name="batch", bash_command="true")
        batch.action_on_event_received(START, "ready")
    """
    host, row, number = started(desk, script)
    folder = Path(os.environ["AIFLOW_HOME"], "working_dir", "w", str(number), "flows")

    def publish(key: str) -> None:
        host.store.publish([Publication(key, "", "default", at=time.time())])

    def meanwhile() -> None:
        def now() -> Told:
            return tasks(host, host.store.run(row.id), number)

        def begun(count: int) -> bool:
            return (folder / "begun").exists() and len((folder / "begun").read_text()) == count

        until(lambda: begun(3) and now().get("batch", [""])[0] == "SUCCESS")
        publish("again")
        until(lambda: begun(4))
        publish("enough")
        until(lambda: now()["stream2"][-1] == now()["shell"][-1] == "STOPPED")
        host.store.publish([Publication("run.stop", None, "motet", run=row.id, at=time.time())])

    status, told = ended(host, row, number, meanwhile)
    assert status == "STOPPED"
    assert told.pop("batch")[0] == "SUCCESS"
    assert told == {"stream0": ["STOPPED"], "stream1": ["STOPPED"], "stream2": ["STOPPED"] * 2, "shell": ["STOPPED"]}
    assert (folder / "ended").read_text() == "xxxx"


def test_conditions_of_users_own_remember_and_what_fails_is_started_again_if_asked_for(desk: Desk) -> None:
    script = """
    class Third(Condition):
        def __init__(self):
            super().__init__(["n"])

        def is_met(self, event, context):
            if event.value == "wrong":
                raise ValueError("a condition that raises")
            state = context.get_state(ValueStateDescriptor("heard"))
            heard = [*(state.value() or []), event.value]
            state.update(heard)
            return len(heard) == 3


    def numbers():
        for value in ("1", "wrong", "2", "3"):
            send("n", value=value)


    def flaky():
        with open("tries", "a+") as file:
            file.write("x")
            file.seek(0)
            if len(file.read()) < 3:
                raise RuntimeError("not yet")


    with Workflow(name="w") as w:
        tried = PythonOperator(name="flaky", python_callable=flaky, again="failure", delays_s=[0.01])
        BashOperator(name="worked", bash_command="true").start_after(tried)
        PythonOperator(name="numbers", python_callable=numbers)
        third = BashOperator(name="third", bash_command="true")
        third.action_on_condition(START, Third())
        either = BashOperator(name="either", bash_command="true")
        either.action_on_event_received(START, "n")
    """
    host, row, number = started(desk, script)
    status, told = ended(host, row, number)
    assert status == "SUCCESS"
    assert told["third"] == told["flaky"] == told["worked"] == ["SUCCESS"]
    assert told["either"][0] == "SUCCESS"
    assert host.store.step(row.id, "flaky#1").attempt == 3
    (asked,) = [each for each in reactions.of_run(host.store, host.store.run(row.id)) if each.id == "third/*"]
    assert [each["did"].partition(": ")[2] for each in asked.firings] == [
        "ignored third/*: it is not met", "ignored third/*: it could not be asked", "ignored third/*: it is not met",
        "started third#1",
    ]  # fmt: skip


def test_what_is_periodic_starts_at_once_and_anew_at_each_tick(desk: Desk) -> None:
    script = """
    with Workflow(name="w") as w:
        BashOperator(name="tick", bash_command="sleep 1000", periodic_expression="interval@0 0 0 1")
    """
    host, row, number = started(desk, script)

    def meanwhile() -> None:
        until(lambda: len(tasks(host, host.store.run(row.id), number).get("tick", ())) >= 3)
        host.store.publish([Publication("run.stop", None, "motet", run=row.id, at=time.time())])

    status, told = ended(host, row, number, meanwhile)
    assert status == "STOPPED"
    assert set(told["tick"]) == {"STOPPED"}


def test_a_task_runs_in_the_python_that_is_named_for_it(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.symlink_to(os.path.realpath(sys.executable))
    script = f"""
    import sys


    def which():
        print("I am", sys.executable)


    def wrong():
        raise RuntimeError("of its own" + "!" * 200_000)  # more than a pipe takes


    with Workflow(name="w", interpreter="{other}") as w:
        which_task = PythonOperator(name="which", python_callable=which)
        PythonOperator(name="wrong", python_callable=wrong).start_after(which_task)
        PythonOperator(name="none", python_callable=which, interpreter="/no/python")
    """
    host, row, number = started(desk, script)
    status, told = ended(host, row, number)
    assert status == "FAILED"
    assert told == {"which": ["SUCCESS"], "wrong": ["FAILED"], "none": ["FAILED"]}
    log = Path(os.environ["AIFLOW_HOME"], "logs", "w", str(number), "which", "1.log")
    assert f"I am {other}" in log.read_text()
    errors = [step.error["message"] for step in host.store.steps(row.id, status="failed")]
    assert "/no/python cannot be run" in errors[0]
    assert "RuntimeError: of its own" in errors[1]


def test_files_stand_in_their_place_whole_whichever_thread_is_first(desk: Desk) -> None:
    script = """
    with Workflow(name="w") as w:
        BashOperator(name="t", bash_command="true")
    """
    table = desk.write("table.csv", "a,b\n")
    host, row, number = started(desk, script, table)
    above = Path(os.environ["AIFLOW_HOME"], "working_dir", "w", str(number))
    for _ in range(5):
        shutil.rmtree(above)
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: executions.ready(host, row), range(4)))
        assert os.listdir(above) == ["flows"]
        assert sorted(os.listdir(above / "flows")) == ["flows.py", "table.csv"]


@pytest.mark.parametrize(("reset", "while_alive", "did"), [(False, "ignore", 2), (True, "queue", 1)])
def test_what_the_language_does_can_be_had_otherwise(
    desk: Desk, reset: bool, while_alive: str, did: int
) -> None:  # fmt: skip
    script = f"""
    with Workflow(name="w", while_alive="{while_alive}") as w:
        both = BashOperator(name="both", bash_command="true")
        both.action_on_condition(
            START, MeetAllCondition("ab", [SingleEventCondition("a"), SingleEventCondition("b")], reset={reset}))
    """
    from motet.dialects.aiflow.running.plan import plan_of

    plan = plan_of(desk.definition(HEAD + script), {})
    rule = plan.reactions["both/0"].rule
    assert plan.tasks["both"].while_alive == while_alive
    memory, fired = rule.start(0.0), 0
    for offset, key in enumerate(("a", "b", "a"), 1):
        memory, causes = rule.fold(memory, _received(key, offset))
        fired += causes is not None
    assert fired == did


def _received(key: str, offset: int) -> object:
    from motet.kernel.events import EventReceived

    return EventReceived(float(offset), offset, key, "default")
