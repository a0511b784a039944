"""Schedules and triggers: added, paused, resumed, deleted; and carried out by the scheduler of the home."""

from __future__ import annotations

import os
import signal
import time

import pytest
from tests.aiflow.conftest import SCRIPT, Desk

from motet.aiflow import Condition, MeetAllCondition, MeetAnyCondition, SingleEventCondition, WorkflowRule, ops
from motet.dialects.aiflow import executions
from motet.errors import NotFound, UsageError
from motet.owners import is_dead
from motet.scheduling.loop import Scheduler


@pytest.fixture
def uploaded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The workflow `learning`; no scheduler is started by itself."""
    monkeypatch.setenv("MOTET_SCHEDULER", "none")
    desk("aiflow", "workflow", "upload", desk.write("flows.py"))
    return desk


def test_schedules_come_go_and_pause(uploaded: Desk) -> None:
    desk = uploaded
    told = desk("aiflow", "workflow-schedule", "add", "learning", "interval@0 0 10 0")
    assert told == "Workflow schedule: 1 created.\n"
    desk("aiflow", "workflow-schedule", "add", "learning", "cron@*/5 * * * *")
    assert "says no times" in desk("aiflow", "workflow-schedule", "add", "learning", "daily", code=2)
    assert "no workflow default.nobody" in desk(
        "aiflow", "workflow-schedule", "add", "nobody", "cron@* * * * *", code=2
    )
    rows = desk.rows("aiflow", "workflow-schedule", "list", "learning")
    assert [list(each) for each in rows] == [["id", "workflow_id", "expression", "create_time", "is_paused"]] * 2
    assert [each["expression"] for each in rows] == ["interval@0 0 10 0", "cron@*/5 * * * *"]
    for _ in range(2):  # the original fails at the second time
        assert desk("aiflow", "workflow-schedule", "pause", 1) == "Workflow schedule: 1 paused.\n"
    assert desk.rows("aiflow", "workflow-schedule", "show", 1)[0]["is_paused"] == "True"
    assert desk("aiflow", "workflow-schedule", "resume", 1) == "Workflow schedule: 1 resumed.\n"
    desk("aiflow", "workflow-schedule", "pause", 2)
    assert desk("aiflow", "workflow-schedule", "delete", 2) == "Workflow schedule: 2 deleted.\n"
    assert "There is no workflow schedule 2" in desk("aiflow", "workflow-schedule", "pause", 2, code=2)
    assert desk("aiflow", "workflow-schedule", "show", 2, code=1) == "No such workflow schedule.\n"
    told = desk("aiflow", "workflow-schedule", "delete-all", "learning", "-y")
    assert told == "All schedules of workflow: default.learning deleted.\n"
    assert ops.list_workflow_schedules("learning") is None


def test_what_is_disabled_is_started_by_nothing_and_goes_on_when_it_is_enabled(uploaded: Desk) -> None:
    first, second = (ops.add_workflow_schedule("cron@0 9 * * *", "learning").id for _ in range(2))
    trigger = ops.add_workflow_trigger(WorkflowRule(SingleEventCondition("x")), "learning").id
    ops.pause_workflow_schedule(second)
    ops.disable_workflow("learning")

    def paused() -> list[bool]:
        found = [ops.get_workflow_schedule(first), ops.get_workflow_schedule(second), ops.get_workflow_trigger(trigger)]
        return [each.is_paused for each in found if each is not None]

    assert paused() == [True, True, True]
    ops.enable_workflow("learning")
    assert paused() == [False, True, False]
    ops.delete_workflow("learning")
    assert ops.get_workflow_schedule(first) is None
    assert ops.get_workflow_trigger(trigger) is None


class Odd(Condition):
    def is_met(self, event: object, context: object) -> bool:
        return False


def test_triggers_are_told_by_events(uploaded: Desk) -> None:
    desk = uploaded
    either = MeetAnyCondition([SingleEventCondition("a"), SingleEventCondition("b")])
    assert ops.add_workflow_trigger(WorkflowRule(either), "learning").rule == {"any": ["a", "b"]}
    for wrong in (MeetAllCondition("m", [SingleEventCondition("a")]), Odd(["a"])):
        with pytest.raises(UsageError, match="cannot be triggered by a"):
            ops.add_workflow_trigger(WorkflowRule(wrong), "learning")
    (row,) = desk.rows("aiflow", "workflow-trigger", "list", "learning")
    assert list(row) == ["id", "workflow_id", "rule", "create_time", "is_paused"]
    for _ in range(2):  # the original fails at the second time
        assert desk("aiflow", "workflow-trigger", "pause", row["id"]) == f"Workflow trigger: {row['id']} paused.\n"
    assert desk("aiflow", "workflow-trigger", "delete", row["id"]) == f"Workflow trigger: {row['id']} deleted.\n"
    assert desk("aiflow", "workflow-trigger", "delete-all", "learning") == (
        "All triggers of workflow: default.learning deleted.\n"
    )
    with pytest.raises(NotFound):
        ops.resume_workflow_trigger(1)


def test_an_event_starts_an_execution_with_a_number_of_its_own(uploaded: Desk) -> None:
    desk = uploaded
    desk.write(
        "flows.py",
        SCRIPT.replace('train.action_on_event_received(action=TaskAction.START, event_key="data_prepared")', "pass"),
    )
    desk("aiflow", "workflow", "upload", "flows.py")
    ops.add_workflow_trigger(WorkflowRule(SingleEventCondition("new_data")), "learning")
    desk("notification", "event", "send", "new_data", "1", "-n", "elsewhere")
    desk("notification", "event", "send", "new_data", "1", "-n", "default")
    host = desk.host
    scheduler = Scheduler(host.store, host.home, time.time, lambda _: None)
    try:
        scheduler.look()
        while not (rows := desk.rows("aiflow", "workflow-execution", "list", "learning")) or rows[0]["end_date"] == "":
            time.sleep(0.05)
    finally:
        scheduler.close()
        for owner in [row.owner for row in host.store.runs() if row.owner is not None and not is_dead(row.owner)]:
            os.kill(owner.pid, signal.SIGKILL)
    assert [(each["id"], each["run_type"], each["status"]) for each in rows] == [("1", "EVENT", "SUCCESS")]
    assert [each.task_name for each in ops.list_task_executions(1) or ()] == ["train", "check"]
    assert executions.find(host.store, 1).program["begun_by"]["by"] == "trigger"
