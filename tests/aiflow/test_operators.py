"""Operators, with programs of their names that note how they were called."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from motet.dialects.aiflow.model.contexts import TaskExecutionContext
from motet.dialects.aiflow.model.words import AIFlowException, TaskFailedException
from motet.dialects.aiflow.model.workflow import AIFlowOperator, Operator, Workflow
from motet.dialects.aiflow.operators.flink import FlinkOperator
from motet.dialects.aiflow.operators.plain import BashOperator, PythonOperator, masked
from motet.dialects.aiflow.operators.spark import SparkSqlOperator, SparkSubmitOperator

CONTEXT: TaskExecutionContext = None  # type: ignore[assignment] - operators here ask for nothing


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first on PATH; programs in it note their arguments in `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return folder


def tool(folder: Path, name: str, says: str = "") -> None:
    """A program that notes how it was called, then does what `says` says."""
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "{name} $*" >> {folder.parent}/calls\n{says}\n')
    path.chmod(0o755)


def calls(folder: Path) -> list[str]:
    """How programs were called."""
    return (folder.parent / "calls").read_text().splitlines()


def run(make: Callable[[], AIFlowOperator]) -> AIFlowOperator:
    """The operator, run to its end."""
    with Workflow("w"):
        operator = make()
    operator.start(CONTEXT)
    operator.await_termination(CONTEXT)
    return operator


def test_bash_runs_where_it_is_and_fails_with_its_status(tools: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(lambda: BashOperator("t", "pwd; echo bad >&2; echo kept > rows.csv"))
    told = capfd.readouterr()
    assert told.out.splitlines() == [str(tools.parent), "bad"]
    assert (tools.parent / "rows.csv").read_text() == "kept\n"
    with pytest.raises(TaskFailedException, match="has ended with exit code 7"):
        run(lambda: BashOperator("t", "exit 7"))
    with pytest.raises(TaskFailedException, match="has ended with signal 9"):
        run(lambda: BashOperator("t", "kill -9 $$"))


def test_bash_stops_at_once_while_it_is_waited_for(tools: Path) -> None:
    with Workflow("w"):
        task = BashOperator("t", "exec sleep 600")
    task.stop(CONTEXT)
    task.start(CONTEXT)
    threading.Timer(0.1, task.stop, [CONTEXT]).start()
    with pytest.raises(TaskFailedException, match="signal 15"):
        task.await_termination(CONTEXT)
    task.stop(CONTEXT)


def test_what_has_not_ended_in_time_has_failed(tools: Path) -> None:
    with Workflow("w"):
        task = BashOperator("t", "exec sleep 600")
    task.start(CONTEXT)
    with pytest.raises(TaskFailedException, match="has not ended in"):
        task.await_termination(CONTEXT, timeout=0)
    task.stop(CONTEXT)


def test_python_calls_its_function(tools: Path) -> None:
    given = []
    run(lambda: PythonOperator("t", lambda *args, **kwargs: given.append((args, kwargs)), [1, 2], {"a": 3}))
    assert given == [((1, 2), {"a": 3})]


def test_passwords_are_not_shown() -> None:
    shown = masked(["spark-submit", "--conf", "db.password=hunter2", "--secret", "abc", "app.py"])
    assert "hunter2" not in shown
    assert "abc" not in shown
    assert "app.py" in shown


# ---------------------------------------------------------------- Flink


def test_flink_submits_and_cancels_the_job_that_the_client_has_named(tools: Path) -> None:
    tool(tools, "flink", "echo 'Job has been submitted with JobID ab12cd'")
    task = run(
        lambda: FlinkOperator(
            "t", "app.jar", target="yarn-session", application_args="--rows 'a b'", command_options="-p 2"
        )
    )
    task.stop(CONTEXT)
    assert calls(tools) == [
        "flink run --target yarn-session -p 2 app.jar --rows a b", "flink cancel -t yarn-session ab12cd",
    ]  # fmt: skip


def test_flink_stops_with_a_savepoint_where_asked_for(tools: Path) -> None:
    tool(tools, "flink", "echo 'Job has been submitted with JobID ab12cd'")
    run(lambda: FlinkOperator("t", "app.jar", stop_with_savepoint=True)).stop(CONTEXT)
    assert calls(tools)[-1] == "flink stop ab12cd"


def test_a_flink_job_of_which_nothing_is_known_cannot_be_stopped(tools: Path) -> None:
    tool(tools, "flink")
    task = run(lambda: FlinkOperator("t", "app.jar"))
    with pytest.raises(AIFlowException, match="Flink job id has not been obtained"):
        task.stop(CONTEXT)


def test_a_flink_application_on_yarn_is_followed_to_its_end(tools: Path) -> None:
    tool(tools, "flink", "echo 'Submitted application application_1_2'")
    tool(tools, "yarn", "echo '\tFinal-State : FAILED'")
    with pytest.raises(TaskFailedException, match="application_1_2 has ended: FAILED"):
        run(lambda: FlinkOperator("t", "app.jar", target="yarn-application", application_mode=True))
    assert calls(tools) == [
        "flink run-application --target yarn-application app.jar",
        "yarn application --status application_1_2",
    ]


def test_a_flink_application_on_kubernetes_is_followed_and_cleaned_up(tools: Path) -> None:
    job = "0123456789abcdef0123456789abcdef"
    tool(tools, "flink", f"[ $1 = list ] && echo '01.01.2030 : {job} : name (FINISHED)'; true")
    tool(tools, "kubectl")
    more = {"target": "kubernetes-application", "application_mode": True, "kubernetes_cluster_id": "c1"}
    run(lambda: FlinkOperator("t", "local:///app.jar", **more))  # type: ignore[arg-type]
    assert calls(tools) == [
        ("flink run-application --target kubernetes-application -Dkubernetes.cluster-id=c1 "
        "-Dexecution.shutdown-on-application-finish=false local:///app.jar"),
        "flink list -a --target kubernetes-application -Dkubernetes.cluster-id=c1",
        "kubectl delete deployment/c1",
    ]  # fmt: skip


def test_a_flink_of_a_folder_is_found(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(AIFlowException, match="There is no flink on PATH"):
        run(lambda: FlinkOperator("t", "app.jar"))
    monkeypatch.setenv("FLINK_HOME", str(tools.parent))
    tool(tools, "flink")
    run(lambda: FlinkOperator("t", "app.jar"))
    assert calls(tools) == ["flink run app.jar"]


@pytest.mark.parametrize(("more", "told"), [
    ({"target": "yarn-application"}, "is no target of Flink's in this mode"),
    ({"target": "local", "application_mode": True}, "is no target of Flink's in application mode"),
    ({"target": "yarn-application", "application_mode": True}, "needs yarn, which is not on PATH"),
])  # fmt: skip
def test_targets_that_cannot_be_are_refused_when_the_task_is_defined(
    tools: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, object], told: str
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", "/nowhere")
    with Workflow("w"), pytest.raises(AIFlowException, match=told):
        FlinkOperator("t", "app.jar", **more)  # type: ignore[arg-type]


# ---------------------------------------------------------------- Spark


def test_spark_submits_with_what_it_is_given(tools: Path) -> None:
    tool(tools, "spark-submit", "echo 'Submitted application application_9_1'")
    tool(tools, "yarn")
    env = {"LEVEL": "3"}
    task = run(lambda: SparkSubmitOperator("t", "app.py", "1 'a b'", submit_options="--verbose", env_vars=env))
    task.stop(CONTEXT)
    assert calls(tools) == [
        ("spark-submit --master yarn --deploy-mode client --name spark_submit_task_t "
        "--conf spark.yarn.appMasterEnv.LEVEL=3 --verbose app.py 1 a b"),
        "yarn application -kill application_9_1",
    ]  # fmt: skip


def test_a_local_application_of_spark_sees_its_variables(tools: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tool(tools, "spark-submit", 'echo "level $LEVEL"')
    run(lambda: SparkSubmitOperator("t", "app.py", master="local[2]", application_name="n", env_vars={"LEVEL": "3"}))
    assert calls(tools) == ["spark-submit --master local[2] --deploy-mode client --name n app.py"]


def test_an_application_on_kubernetes_succeeds_if_its_driver_says_so(tools: Path) -> None:
    more = {"master": "k8s://x", "deploy_mode": "cluster", "k8s_namespace": "lab"}
    tool(tools, "kubectl")
    tool(tools, "spark-submit", "echo 'pod name: app-1-driver'; echo 'exit code: 3'")
    with Workflow("w"):
        task = SparkSubmitOperator("t", "app.py", **more)  # type: ignore[arg-type]
    task.start(CONTEXT)
    with pytest.raises(TaskFailedException, match="exit code 3"):
        task.await_termination(CONTEXT)
    task.stop(CONTEXT)
    assert calls(tools)[-1] == "kubectl delete pod -n lab app-1-driver"
    tool(tools, "spark-submit", "echo 'exit code: 0'")
    run(lambda: SparkSubmitOperator("t", "app.py", **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(("more", "told"), [
    ({"master": "spark://h:7077", "deploy_mode": "cluster"}, "has no cluster mode here"),
    ({"master": "k8s://x"}, "needs k8s_namespace"),
    ({"master": "local", "deploy_mode": "cluster", "env_vars": {"A": "1"}}, "takes env_vars in client mode only"),
])  # fmt: skip
def test_places_that_cannot_be_are_refused_when_the_task_is_defined(
    tools: Path, more: dict[str, object], told: str
) -> None:  # fmt: skip
    with Workflow("w"), pytest.raises(AIFlowException, match=told):
        SparkSubmitOperator("t", "app.py", **more)  # type: ignore[arg-type]


def test_spark_runs_queries_and_files_of_queries(tools: Path) -> None:
    tool(tools, "spark-sql")
    run(lambda: SparkSqlOperator("t", "SELECT 1", master="local"))
    run(lambda: SparkSqlOperator("t", "queries.sql", application_name="n"))
    assert calls(tools) == [
        "spark-sql --master local --name spark_sql_task_t -e SELECT 1", "spark-sql --name n -f queries.sql",
    ]  # fmt: skip


def test_a_task_that_is_no_operator_of_aiflow_does_nothing() -> None:
    with Workflow("w") as workflow:
        Operator("plain")
    assert not isinstance(workflow.tasks["plain"], AIFlowOperator)
