"""AIFlow's workflows: tasks that start, stop and start again by events.

    from motet.aiflow import PythonOperator, TaskAction, Workflow

    with Workflow(name="online_learning") as workflow:
        train = PythonOperator(name="train", python_callable=fit)
        train.action_on_event_received(TaskAction.START, "data_prepared")

Scripts that were written for AIFlow import these by the original's names, `ai_flow...` and `notification_service...`,
wherever Motet loads them. `motet aiflow workflow upload FILE` keeps the workflows of a script.
"""

from motet import app as app  # puts the parts together, so that clients and `ops` find where runs are kept
from motet.aiflow import ops
from motet.dialects.aiflow.model.conditions import (
    Condition,
    MeetAllCondition,
    MeetAnyCondition,
    SingleEventCondition,
    TaskRule,
    TaskStatusAllMetCondition,
    TaskStatusCondition,
    WorkflowRule,
)  # fmt: skip
from motet.dialects.aiflow.model.contexts import (
    Context,
    TaskExecutionContext,
    ValueState,
    ValueStateDescriptor,
    WorkflowContext,
    WorkflowExecutionContext,
    get_runtime_task_context,
)  # fmt: skip
from motet.dialects.aiflow.model.events import Event
from motet.dialects.aiflow.model.words import AIFlowException, TaskAction, TaskStatus, WorkflowStatus
from motet.dialects.aiflow.model.workflow import AIFlowOperator, Operator, Workflow
from motet.dialects.aiflow.notifying import (
    AIFlowNotificationClient,
    EmbeddedNotificationClient,
    ListenerProcessor,
    ListenerRegistrationId,
)  # fmt: skip
from motet.dialects.aiflow.operators.flink import FlinkOperator
from motet.dialects.aiflow.operators.plain import BashOperator, PythonOperator
from motet.dialects.aiflow.operators.spark import SparkSqlOperator, SparkSubmitOperator

__all__ = [
    "Workflow", "Operator", "AIFlowOperator", "BashOperator", "PythonOperator", "FlinkOperator", "SparkSqlOperator",
    "SparkSubmitOperator", "TaskAction", "TaskStatus", "WorkflowStatus", "TaskRule", "WorkflowRule",
    "Condition", "SingleEventCondition", "MeetAllCondition", "MeetAnyCondition", "TaskStatusCondition",
    "TaskStatusAllMetCondition", "Context", "WorkflowContext", "WorkflowExecutionContext", "TaskExecutionContext",
    "ValueState", "ValueStateDescriptor", "get_runtime_task_context",
    "Event", "AIFlowNotificationClient", "EmbeddedNotificationClient", "ListenerProcessor", "ListenerRegistrationId",
    "AIFlowException", "ops",
]  # fmt: skip
