"""Logs of runs, what running code knows of itself, tags."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli, cli

from motet import app, disable_run_logger, flow, get_run_context, get_run_logger, tags, task
from motet.errors import UsageError
from motet.runtime import flow_run, task_run

__all__ = ["cli"]


def lines() -> list[tuple[str, str]]:
    """What the newest run has logged: key and text."""
    host = app.hosts.current()
    (run, *_) = host.store.runs(limit=1)
    return [(line.key, line.text) for line in host.logs.read(run.id).lines]


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_the_run_logger_writes_to_the_log_of_its_step(executor: str, capsys: pytest.CaptureFixture[str]) -> None:
    @task(executor=executor)
    def work() -> None:
        get_run_logger().info("in %s", "work")
        get_run_logger().debug("not shown")

    @flow
    def main() -> None:
        work()
        get_run_logger().warning("in main")

    main()
    assert lines() == [
        ("main/work-0", "INFO in work"),
        ("main", "WARNING in main"),
    ]
    if executor == "processes":  # pytest handles what this process logs; what workers say is shown as it would be
        assert " | INFO    | Task run 'work-0' - in work\n" in capsys.readouterr().err


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_prints_are_log_lines_where_that_is_asked_for(executor: str) -> None:
    @task(executor=executor)
    def work() -> None:
        print("one")
        print("two", end="")

    silent = work.with_options(log_prints=False)

    @flow(log_prints=True)
    def main() -> None:
        work()
        silent()
        print("three")

    main()
    assert lines() == [
        ("main/work-0", "INFO one"),
        ("main/work-0", "INFO two"),
        ("main/work-1", "one"),
        ("main/work-1", "two"),
        ("main", "INFO three"),
    ]


def test_prints_are_kept_whether_or_not_they_are_log_lines(capsys: pytest.CaptureFixture[str]) -> None:
    @flow
    def main() -> None:
        print("hello")

    main()
    assert lines() == [("main", "hello")]
    assert capsys.readouterr().out == "hello\n"


def test_records_carry_names_for_the_programs_own_handlers(caplog: pytest.LogCaptureFixture) -> None:
    @task
    def work() -> None:
        get_run_logger(extra_field=3).info("hello")

    @flow(flow_run_name="mine")
    def main() -> None:
        work()

    with caplog.at_level(logging.INFO):
        main()
    record: Any = caplog.records[-1]
    assert (record.flow_run_name, record.flow_name, record.task_run_name, record.extra_field) == (
        "mine", "main", "work-0", 3,
    )  # fmt: skip


def test_there_is_no_run_logger_outside_of_a_run() -> None:
    with pytest.raises(UsageError, match="disable_run_logger"):
        get_run_logger()


def test_the_run_logger_can_be_switched_off_to_test_a_function(caplog: pytest.LogCaptureFixture) -> None:
    @task
    def work() -> int:
        get_run_logger().error("never seen")
        return 1

    with disable_run_logger():
        assert work.fn() == 1
    assert "never seen" not in caplog.text


def test_the_console_shows_lines_in_the_manner_of_prefect(cli: Cli) -> None:
    cli.write(
        "script.py",
        """
        from motet import flow, get_run_logger

        @flow(log_prints=True, flow_run_name="mine")
        def main():
            get_run_logger().info("hello")
            print("a print")
        """,
    )
    done = cli("run", "script.py")
    assert "| INFO    | Flow run 'mine' - hello" in done.err
    assert "| INFO    | Flow run 'mine' - a print" in done.err
    assert "a print" not in done.out
    assert "INFO hello" in cli("logs", "mine").out


def test_a_wrong_level_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_LOGGING_LEVEL", "LOUD")
    logger = logging.getLogger("motet.flow_runs")
    handlers, logger.handlers = logger.handlers, []
    try:
        with pytest.raises(UsageError, match="LOUD"):
            flow(lambda: get_run_logger(), name="main")()
    finally:
        logger.handlers = handlers


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_running_code_knows_its_run(executor: str) -> None:
    @task(executor=executor, tags=["gpu"], retries=1)
    def look(number: int) -> dict[str, Any]:
        if task_run.run_count == 1:
            raise ValueError("again")
        return {
            "task": (task_run.name, task_run.task_name, task_run.run_count, dict(task_run.parameters)),
            "tags": list(task_run.tags),
            "flow": (flow_run.name, flow_run.flow_name, dict(flow_run.parameters), flow_run.flow_version),
            "ids": (task_run.id, flow_run.id, flow_run.root_flow_run_id),
        }

    @flow(flow_run_name="mine", version="3")
    def main(size: int) -> Any:
        assert task_run.id is None
        with tags("blue"):
            return flow_run.id, look(5)

    run, found = main(2)
    assert found["task"] == ("look-0", "look", 2, {"number": 5})
    assert found["tags"] == ["blue", "gpu"]
    assert found["flow"] == ("mine", "main", {"size": 2}, "3")
    assert found["ids"] == (f"{run}/main/look-0", run, run)


def test_outside_of_a_run_there_is_nothing_to_know() -> None:
    assert flow_run.id is None and task_run.name is None
    assert flow_run.parameters == {} and list(flow_run.tags) == []
    with pytest.raises(AttributeError, match="it has"):
        _ = flow_run.nmae
    with pytest.raises(UsageError, match="no flow run"):
        get_run_context()


def test_the_context_has_the_objects() -> None:
    @task
    def work() -> Any:
        context = get_run_context()
        return context.task is work, context.flow is main, context.task_run.name  # type: ignore[union-attr]

    @flow
    def main() -> Any:
        context = get_run_context()
        assert context.flow is main and context.task is None and context.parameters == {}
        return work()

    assert main() == (True, True, "work-0")


def test_tags_of_a_run_are_recorded() -> None:
    @flow(tags=["own"])
    def main() -> None:
        pass

    with tags("one"), tags("two") as both:
        assert both == {"one", "two"}
        main()
    assert list(app.hosts.current().store.runs(limit=1)[0].tags) == ["one", "own", "two"]


def test_a_plain_functions_prints_outside_of_a_run_go_where_they_went(tmp_path: Path) -> None:
    @task(log_prints=True)
    def work() -> int:
        return 1

    assert work() == 1
