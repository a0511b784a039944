"""What scripts may say, and what becomes of it."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pytest
from tests.aiflow.conftest import Desk

from motet.dialects.aiflow import contexts, planning, serving
from motet.dialects.aiflow.model.conditions import Condition, MeetAllCondition, MeetAnyCondition, SingleEventCondition
from motet.dialects.aiflow.model.contexts import Context, TaskExecutionContext, ValueState, ValueStateDescriptor
from motet.dialects.aiflow.model.events import Event
from motet.dialects.aiflow.operators.flink import FlinkOperator
from motet.dialects.aiflow.operators.plain import BashOperator, PythonOperator
from motet.dialects.aiflow.operators.spark import SparkSqlOperator, SparkSubmitOperator
from motet.errors import NotServed, UsageError

NAMES = """
    ai_flow.model.workflow: Workflow WorkflowContextManager
    ai_flow.model.action: TaskAction
    ai_flow.model.operator: Operator AIFlowOperator OperatorConfigItem
    ai_flow.operators.bash: BashOperator
    ai_flow.operators.python: PythonOperator
    ai_flow.operators.flink.flink_operator: FlinkOperator
    ai_flow.operators.spark.spark_submit: SparkSubmitOperator
    ai_flow.operators.spark.spark_sql: SparkSqlOperator
    ai_flow.model.condition: Condition
    ai_flow.model.internal.conditions: SingleEventCondition MeetAllCondition MeetAnyCondition TaskStatusCondition
    ai_flow.model.internal.conditions: TaskStatusAllMetCondition match_events
    ai_flow.model.context: Context
    ai_flow.model.internal.contexts: WorkflowContext WorkflowExecutionContext TaskExecutionContext
    ai_flow.model.internal.contexts: get_runtime_task_context set_runtime_task_context
    ai_flow.model.rule: TaskRule WorkflowRule
    ai_flow.model.state: State StateDescriptor StateType ValueState ValueStateDescriptor
    ai_flow.model.status: WorkflowStatus TaskStatus TASK_FINISHED_SET TASK_ALIVE_SET WORKFLOW_FINISHED_SET
    ai_flow.model.status: WORKFLOW_ALIVE_SET
    ai_flow.model.execution_type: ExecutionType
    ai_flow.model.task_execution: TaskExecution TaskExecutionKey
    ai_flow.model.workflow_execution: WorkflowExecution
    ai_flow.model.internal.events: TaskStatusChangedEvent EventContextConstant
    ai_flow.notification.notification_client: AIFlowNotificationClient ListenerProcessor Event ListenerRegistrationId
    notification_service.model.event: Event DEFAULT_NAMESPACE ANY_CONDITION
    notification_service.client.embedded_notification_client: EmbeddedNotificationClient
    notification_service.client.notification_client: NotificationClient ListenerProcessor ListenerRegistrationId
    ai_flow: ops
    ai_flow.common.env: expand_env_var get_aiflow_home
    ai_flow.common.exception.exceptions: AIFlowException AIFlowConfigException AIFlowDBException AIFlowYAMLException
    ai_flow.common.exception.exceptions: TaskFailedException TaskForceStoppedException AIFlowK8sException
    ai_flow.common.util.mock_context: set_mock_runtime_context
    ai_flow.metadata: NamespaceMeta WorkflowMeta WorkflowSnapshotMeta WorkflowExecutionMeta TaskExecutionMeta
    ai_flow.metadata: WorkflowScheduleMeta WorkflowEventTriggerMeta
    ai_flow.ops: upload_workflows start_workflow_execution list_workflows get_workflow stop_workflow_executions
"""


def test_each_name_that_scripts_import_is_served_and_gone_afterwards() -> None:
    for line in NAMES.strip().splitlines():
        module, _, names = line.strip().partition(": ")
        for name in names.split():
            space: dict[str, object] = {}
            with serving.standing_in():
                exec(f"from {module} import {name}", space)
            assert space[name] is not None
    with serving.standing_in(), pytest.raises(NotServed, match="There is no module"):
        exec("import ai_flow.nothing", {})
    with serving.standing_in(), pytest.raises(NotServed, match="has no Nothing here"):
        exec("from ai_flow.model.workflow import Nothing", {})
    assert not [name for name in sys.modules if name.startswith(("ai_flow", "notification_service"))]
    with pytest.raises(ModuleNotFoundError):
        exec("import ai_flow", {})


def test_an_original_that_is_installed_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ai_flow").mkdir()
    (tmp_path / "ai_flow" / "__init__.py").write_text("ORIGINAL = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    with serving.standing_in():
        exec("from ai_flow import ORIGINAL", {})


@pytest.mark.parametrize(("operator", "expected"), [
    (BashOperator, "name bash_command **kwargs"),
    (PythonOperator, "name python_callable op_args=None op_kwargs=None **kwargs"),
    (FlinkOperator, ("name application target=None application_args=None executable_path=None application_mode=False "
     "stop_with_savepoint=False kubernetes_cluster_id=None command_options=None jobs_info_poll_interval=1 **kwargs")),
    (SparkSubmitOperator, ("name application application_args=None executable_path=None master='yarn' "
     "deploy_mode='client' application_name=None submit_options=None k8s_namespace=None env_vars=None **kwargs")),
    (SparkSqlOperator, "name sql master='yarn' application_name=None executable_path=None **kwargs"),
])  # fmt: skip
def test_operators_take_what_scripts_give_them(operator: type, expected: str) -> None:
    found = list(inspect.signature(operator.__init__).parameters.values())[1:]  # type: ignore[misc]
    plain = [str(each.replace(annotation=inspect.Parameter.empty)) for each in found]
    assert " ".join(plain) == expected


def test_a_workflow_becomes_tasks_and_rules_in_their_order(desk: Desk) -> None:
    found = desk.definition("""
        from ai_flow.model.action import TaskAction
        from ai_flow.model.condition import Condition
        from ai_flow.model.internal.conditions import MeetAllCondition, MeetAnyCondition, SingleEventCondition
        from ai_flow.model.status import TaskStatus
        from ai_flow.model.workflow import Workflow
        from ai_flow.operators.bash import BashOperator

        class Odd(Condition):
            def is_met(self, event, context):
                return False

        with Workflow("many", namespace="apart", interpreter="/bin/python9") as many:
            b = BashOperator("b", "true", periodic_expression="interval@0 0 0 30", retries=2)
            a = BashOperator("a", "true", interpreter="/bin/python8")
            a.action_on_event_received(TaskAction.START, "x")
            a.action_on_condition(TaskAction.STOP, Odd(["y", "z"]))
            b.start_after([a])
            b.action_on_task_status(TaskAction.RESTART, {a: TaskStatus.FAILED})
            both = MeetAllCondition("both", [SingleEventCondition("p"), SingleEventCondition("q")], reset=True)
            b.action_on_condition("START", MeetAnyCondition([both, SingleEventCondition("r")]))
    """)
    event = {"kind": "event"}
    assert found == {
        "name": "many", "namespace": "apart", "interpreter": "/bin/python9", "config": {},
        "tasks": [
            {"name": "b", "kind": "BashOperator", "periodic": "interval@0 0 0 30", "interpreter": "",
             "config": {"retries": 2}},
            {"name": "a", "kind": "BashOperator", "periodic": "", "interpreter": "/bin/python8", "config": {}},
        ],
        "rules": [
            {"task": "b", "action": "START", "condition": {"kind": "statuses", "tasks": [["a", "SUCCESS"]]}, "at": 0},
            {"task": "b", "action": "RESTART", "condition": {"kind": "statuses", "tasks": [["a", "FAILED"]]}, "at": 1},
            {"task": "b", "action": "START", "at": 2, "condition": {"kind": "any", "of": [
                {"kind": "all", "name": "both", "of": [{**event, "key": "p"}, {**event, "key": "q"}], "reset": True},
                {**event, "key": "r"},
            ]}},
            {"task": "a", "action": "START", "condition": {**event, "key": "x"}, "at": 0},
            {"task": "a", "action": "STOP", "condition": {"kind": "own", "keys": ["y", "z"], "class": "Odd"}, "at": 1},
        ],
    }  # fmt: skip


HEAD = "from ai_flow.model.workflow import Workflow\nfrom ai_flow.operators.bash import BashOperator\n"


@pytest.mark.parametrize(("text", "told"), [
    ("x = 1\n", "defines no workflow"),
    (HEAD + "with Workflow('w') as w: pass\n", "has no tasks"),
    (HEAD + "with Workflow('a/b') as w:\n    BashOperator('t', 'true')\n", "'a/b' cannot be the name of a workflow"),
    (HEAD + "with Workflow('w') as w:\n    BashOperator('a#1', 'true')\n", "'a#1' cannot be the name of a task"),
    (HEAD + "with Workflow('w') as w:\n    BashOperator('..', 'true')\n", "'..' cannot be the name of a task"),
    (HEAD + "BashOperator('t', 'true')\n", "Task t is defined outside of any workflow"),
    (HEAD + "with Workflow('w') as w:\n    with Workflow('v') as v: pass\n", "Sub-workflows are not allowed"),
    (HEAD + "with Workflow('w') as w:\n    t = BashOperator('t', 'true', periodic_expression='cron@1 2')\n",
     "'cron@1 2' is no cron expression"),
    (HEAD + "with Workflow('w') as w:\n    BashOperator('t', 'true', periodic_expression='cron@0 0 30 2 *')\n",
     "is no cron expression"),
    (HEAD + "with Workflow('w') as w:\n    a, b = BashOperator('a', 'true'), BashOperator('b', 'true')\n"
     "    a.start_after(b)\n    b.start_after([a])\n    a.action_on_event_received('STOP', 'x')\n",
     "no task can ever begin: each waits for others"),
    (HEAD + "with Workflow('w') as w:\n    a = BashOperator('a', 'true')\n"
     "    a.action_on_task_status('START', {a: 'FAILED'})\n", "no task can ever begin"),
    (HEAD + "with Workflow('w') as w:\n    BashOperator('t', 'true', periodic_expression='interval0 0 10 0')\n",
     "says no times"),
    (HEAD + "with Workflow('w') as w:\n    BashOperator('t', 'true', retries='many')\n", "retries cannot be 'many'"),
    (HEAD + "with Workflow('w') as w:\n    BashOperator('t', 'true', slot=1)\n", "slot cannot be 1"),
    (HEAD + "with Workflow('w') as w:\n    BashOperator('t', 'true')\n"
     "w.action_on_event_received('nobody', 'x', 'START')\n", "a rule for nobody, which is no task of it"),
    (HEAD + "with Workflow('w') as w:\n    t = BashOperator('t', 'true')\n"
     "    t.action_on_event_received('START', 'k' * 1_000_000)\n", "1000000 characters"),
    (HEAD + "with Workflow('w') as w:\n    t = BashOperator('t', 'true')\n"
     "    t.action_on_task_status('START', {t: 'QUEUED'})\n", "no task is ever told to be QUEUED"),
    (HEAD + "with Workflow('w') as w:\n    BashOperator('t', 'true')\n"
     "with Workflow('w') as v:\n    BashOperator('t', 'true')\n", "defines two workflows default.w"),
    ("from ai_flow.project import Project\n", "wrong.py: There is no module ai_flow.project here"),
    ("import no_such_module\n", "needs the module no_such_module, which"),
    ("1 / 0\n", "ZeroDivisionError"),
    ("raise SystemExit(3)\n", "SystemExit"),
    ("def broken(:\n", "SyntaxError"),
    (HEAD + "from ai_flow.operators.flink.flink_operator import FlinkOperator\n"
     "with Workflow('w') as w:\n    FlinkOperator('t', 'app.jar', target='moon')\n", "moon is no target of Flink's"),
    (HEAD + "from ai_flow.operators.python import PythonOperator\n"
     "with Workflow('w') as w:\n    PythonOperator('t', 3)\n", "`python_callable` param must be callable"),
])  # fmt: skip
def test_what_is_wrong_in_a_script_is_said_and_nothing_is_kept(desk: Desk, text: str, told: str) -> None:
    assert told in desk.refused(text)
    assert desk.host.store.documents("aiflow", "snapshot") == []


def test_a_workflow_that_an_error_has_left_open_is_not_in_the_way_of_the_next(desk: Desk) -> None:
    desk.refused(HEAD + "with Workflow('w') as w:\n    BashOperator('t', 'true')\n    1 / 0\n")
    desk.refused(HEAD + "Workflow('w').__enter__()\n1 / 0\n")
    assert desk.definition(HEAD + "with Workflow('w') as w:\n    BashOperator('t', 'true')\n")["name"] == "w"


@pytest.mark.parametrize(("text", "cron", "every_s"), [
    ("interval@0 0 0 30", "", 30), ("interval@1 2 3 4", "", 93784), ("interval@   5", "", 5),
    ("cron@*/5 * * * *", "*/5 * * * *", 0), ("cron@0 9 * * mon", "0 9 * * mon", 0),
])  # fmt: skip
def test_expressions_say_when(text: str, cron: str, every_s: int) -> None:
    found = planning.parsed(text)
    assert (found.cron, found.every_s) == (cron, every_s)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "interval@",
        "interval@0 0 0 0",
        "interval@1 2 3",
        "interval@0 0 0 -1",
        "interval@a 0 0 0",
        "interval@\u00b2 0 0 0",
        "cron@* * * * * *",
        "cron@0 0 30 2 *",
        "cron@",
        "cron@61 * * * *",
    ],
)
def test_expressions_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        planning.parsed(text)


@pytest.mark.parametrize(("text", "due", "now", "expected"), [
    ("interval@0 0 0 30", 100.0, 100.0, 130.0), ("interval@0 0 0 30", 100.0, 191.5, 220.0),
    ("cron@30 2 * * *", 1774735200.0, 1774735200.0, 1774746000.0),  # half past two does not come on 29 March 2026
    ("cron@*/5 * * * *", 1774735200.0, 1774735201.0, 1774735500.0),
])  # fmt: skip
def test_ticks_are_the_times_that_a_schedule_would_have(
    text: str, due: float, now: float, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert planning.next_at(planning.parsed(text), due, now) == expected


@pytest.mark.parametrize("more", [
    "b.action_on_event_received('START', 'x')", "b.action_on_condition('RESTART', Any([SingleEventCondition('x')]))",
    "BashOperator('c', 'true')", "BashOperator('c', 'true', periodic_expression='interval@0 0 0 5').start_after(a)",
    "a.action_on_condition('START', TaskStatusCondition('other', 'a', 'default', 'SUCCESS'))",
])  # fmt: skip
def test_tasks_that_wait_for_each_other_are_taken_where_anything_may_begin(desk: Desk, more: str) -> None:
    names = "MeetAnyCondition as Any, SingleEventCondition, TaskStatusCondition"
    head = f"{HEAD}from ai_flow.model.internal.conditions import {names}\nwith Workflow('w') as w:\n"
    body = (
        "    a, b = BashOperator('a', 'true'), BashOperator('b', 'true')\n    a.start_after(b)\n    b.start_after(a)\n"
    )
    assert desk.definition(f"{head}{body}    {more}\n")["name"] == "w"


# ---------------------------------------------------------------- conditions that are asked themselves


class Counted(Condition):
    """Met by each second event."""

    def is_met(self, event: Event, context: Context) -> bool:
        state = context.get_state(ValueStateDescriptor("seen"))
        assert isinstance(state, ValueState)
        seen = state.value() or 0
        assert isinstance(seen, int)
        state.update(seen + 1)
        return seen % 2 == 1


ASKED = {"workflow_execution_id": 1, "namespace": "default", "workflow": "w"}


def test_what_a_condition_remembers_is_there_at_the_next_event() -> None:
    states: dict[str, object] = {}
    met = []
    for _ in range(4):
        context, kept = contexts.conditions(ASKED, states, {})
        met.append(Counted(["x"]).is_met(Event("x", "1"), context))
        states = kept()
    assert met == [False, True, False, True]
    assert states == {"seen": 4}


def test_what_is_no_plain_value_is_remembered_too() -> None:
    context, kept = contexts.conditions(ASKED, {}, {})
    state = context.get_state(ValueStateDescriptor("set"))
    assert isinstance(state, ValueState)
    state.update({1, 2})
    again, _ = contexts.conditions(ASKED, kept(), {})
    state = again.get_state(ValueStateDescriptor("set"))
    assert isinstance(state, ValueState)
    assert state.value() == {1, 2}


@pytest.mark.parametrize(("reset", "expected"), [(False, [False, True, True]), (True, [False, True, False])])
def test_all_stays_met_unless_it_is_to_begin_again(reset: bool, expected: list[bool]) -> None:
    condition = MeetAllCondition("ab", [SingleEventCondition("a"), SingleEventCondition("b")], reset)
    context, _ = contexts.conditions(ASKED, {}, {})
    assert [condition.is_met(Event(key, ""), context) for key in "aba"] == expected
    either = MeetAnyCondition([SingleEventCondition("a"), SingleEventCondition("b")])
    assert [either.is_met(Event(key, ""), context) for key in "abc"] == [True, True, False]


def test_a_task_has_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "stay", lambda: None)
    context = contexts.begin({**ASKED, "task": "t", "sequence_number": 2, "run": "r"})
    assert isinstance(context, TaskExecutionContext)
    assert context.get_state(ValueStateDescriptor("x")) is None
    assert (str(context.task_execution_key), context.step) == ("1_t_2", "t#2")
