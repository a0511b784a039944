"""`aiflow`: uploads, lists, namespaces, and the commands that have nothing to do."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.aiflow.conftest import SCRIPT, Desk

from motet import voices
from motet.dialects.aiflow import executions, registry
from motet.dialects.aiflow.commands.tables import lines
from motet.errors import UsageError
from motet.ports.voice import Asked, Target


def test_an_upload_says_which_workflows_it_has_kept(desk: Desk) -> None:
    two = SCRIPT + '\n    with Workflow("second", namespace="apart") as second:\n        BashOperator("x", "true")\n'
    told = desk("aiflow", "workflow", "upload", desk.write("flows.py", two))
    assert told == "Workflow: default.learning, submitted.\nWorkflow: apart.second, submitted.\n"
    assert [each["workflow_name"] for each in desk.rows("aiflow", "workflow", "list")] == ["learning"]
    (found,) = desk.rows("aiflow", "workflow", "list", "-n", "apart")
    assert list(found) == [
        "id", "workflow_name", "namespace", "create_time", "update_time", "is_enabled", "event_offset",
    ]  # fmt: skip
    assert (found["id"], found["is_enabled"]) == ("2", "True")
    assert "apart" in [each["namespace"] for each in desk.rows("aiflow", "namespace", "list")]


def test_a_table_has_a_line_below_its_names() -> None:
    assert lines([{"id": "1", "name": "wf"}, {"id": "23", "name": ""}], ("id", "name")) == [
        "id | name", "===+=====", "1  | wf", "23 |",
    ]  # fmt: skip


def test_show_has_the_script_and_what_was_understood_of_it(desk: Desk) -> None:
    script = desk.write("flows.py")
    desk("aiflow", "workflow", "upload", script)
    (found,) = desk.rows("aiflow", "workflow", "show", "learning")
    assert found["content"] == script.read_text()
    assert '"train"' in found["tasks"]
    assert '"data_prepared"' in found["rules"]
    assert desk("aiflow", "workflow", "show", "nobody", code=1) == "No such workflow.\n"
    assert "workflow_name: learning" in desk("aiflow", "workflow", "show", "learning", "-o", "yaml")


def test_files_and_folders_stand_beside_the_script(desk: Desk) -> None:
    desk.write("dataset/deep/rows.csv", "1,2\n")
    desk.write("dataset/__pycache__/x.pyc", "no")
    desk.write("settings.json", "{}")
    desk.write("beside.py", "FOUND = 1\n")
    tool = desk.write("tool.sh", "#!/bin/sh\n")
    tool.chmod(0o755)
    script = desk.write("flows.py", "import beside\nimport os\n" + SCRIPT.replace("\n    ", "\n"))
    told = desk("aiflow", "workflow", "upload", script, code=2)
    assert "needs the module beside" in told
    desk("aiflow", "workflow", "upload", script, "--files", "dataset/,settings.json,beside.py", "tool.sh")
    (snapshot,) = registry.snapshots(desk.host.store, 1)
    with ZipFile(desk.host.artifacts.path(snapshot.signature)) as archive:
        assert archive.namelist() == [
            "beside.py", "dataset/", "dataset/deep/", "dataset/deep/rows.csv", "flows.py", "settings.json", "tool.sh",
        ]  # fmt: skip
    meta = registry.named(desk.host.store, "default", "learning")
    number, row = executions.make(desk.host, meta)
    ready = executions.ready(desk.host, row)
    folder = Path(os.environ["AIFLOW_HOME"]) / "working_dir" / "learning" / str(number) / "flows"
    assert ready.program["file"] == str(folder / "flows.py")
    assert (folder / "dataset" / "deep" / "rows.csv").read_text() == "1,2\n"
    assert os.access(folder / "tool.sh", os.X_OK)
    assert (folder / "flows.py").read_bytes() == script.read_bytes()


def test_an_execution_keeps_its_snapshot_whatever_is_uploaded_later(desk: Desk) -> None:
    script = desk.write("flows.py")
    desk("aiflow", "workflow", "upload", script)
    store = desk.host.store
    _, first = executions.make(desk.host, registry.named(store, "default", "learning"))
    desk.write("other/flows.py", SCRIPT.replace("learning", "another"))
    desk("aiflow", "workflow", "upload", "other/flows.py")
    desk.write("flows.py", SCRIPT.replace("data_prepared", "data_there"))
    desk("aiflow", "workflow", "upload", script)
    _, second = executions.make(desk.host, registry.named(store, "default", "learning"))
    told = [executions.ready(desk.host, row).program for row in (first, second)]
    assert ["data_prepared" in Path(each["file"]).read_text() for each in told] == [True, False]
    assert [each["definition"]["rules"][0]["condition"]["key"] for each in told] == ["data_prepared", "data_there"]
    (found,) = desk.rows("aiflow", "workflow", "list")[:1]
    assert found["id"] == "1"
    assert [each.id for each in registry.snapshots(store, 1)] == [1, 3]


def test_the_folder_of_an_execution_is_laid_out_once(desk: Desk) -> None:
    desk("aiflow", "workflow", "upload", desk.write("flows.py"))
    meta = registry.named(desk.host.store, "default", "learning")
    _, row = executions.make(desk.host, meta)
    written = Path(executions.ready(desk.host, row).program["folder"]) / "model"
    written.write_text("mine")
    executions.ready(desk.host, row)
    assert written.read_text() == "mine"


def test_numbers_whose_folders_another_store_has_taken_are_left_out(desk: Desk) -> None:
    desk("aiflow", "workflow", "upload", desk.write("flows.py"))
    (Path(os.environ["AIFLOW_HOME"]) / "working_dir" / "learning" / "1" / "flows").mkdir(parents=True)
    number, _ = executions.make(desk.host, registry.named(desk.host.store, "default", "learning"))
    assert number == 2


@pytest.mark.parametrize("file", ["nowhere.py", "notes.txt", "."])
def test_what_is_no_script_is_refused(desk: Desk, file: str) -> None:
    desk.write("notes.txt", "no script")
    desk("aiflow", "workflow", "upload", file, code=2)


def test_files_that_are_not_there_or_called_alike_are_refused(desk: Desk) -> None:
    script = desk.write("flows.py")
    desk.write("a/rows.csv", "1")
    desk.write("b/rows.csv", "2")
    assert "There is no file or folder gone" in desk("aiflow", "workflow", "upload", script, "-f", "gone", code=2)
    assert "called rows.csv" in desk("aiflow", "workflow", "upload", script, "-f", "a/rows.csv,b/rows.csv", code=2)


def test_a_folder_that_holds_itself_is_refused(desk: Desk) -> None:
    script = desk.write("flows.py")
    desk.write("rows/deep/rows.csv", "1")
    (desk.folder / "rows" / "deep" / "again").symlink_to(desk.folder / "rows")
    assert "has a link to a folder that it is in: again" in desk(
        "aiflow", "workflow", "upload", script, "-f", "rows", code=2
    )


def test_namespaces_come_and_go(desk: Desk) -> None:
    assert desk("aiflow", "namespace", "add", "lab", "--properties", '{"owner": "me"}') == "Namespace: lab, created.\n"
    assert desk("aiflow", "namespace", "add", "lab") == "Namespace: lab already exists\n"
    assert desk("aiflow", "namespace", "list").splitlines()[-1].split() == ["lab", "|", '{"owner":', '"me"}']
    desk("aiflow", "workflow", "upload", desk.write("f.py", SCRIPT.replace('name="learning"', '"learning", "lab"')))
    assert "holds the workflow learning" in desk("aiflow", "namespace", "delete", "lab", code=2)
    assert desk("aiflow", "workflow", "delete", "learning", "-n", "lab", "-y") == "Workflow: lab.learning deleted.\n"
    assert desk("aiflow", "namespace", "delete", "lab", "-y") == "Namespace: lab, deleted.\n"
    desk("aiflow", "namespace", "delete", "lab", code=2)
    assert "is no JSON" in desk("aiflow", "namespace", "add", "lab", "--properties", "{", code=2)


def test_a_disabled_workflow_cannot_be_started(desk: Desk) -> None:
    desk("aiflow", "workflow", "upload", desk.write("flows.py"))
    assert desk("aiflow", "workflow", "disable", "learning") == "Workflow: default.learning disabled.\n"
    assert "is disabled" in desk("aiflow", "workflow-execution", "start", "learning", code=2)
    assert desk("aiflow", "workflow", "enable", "learning") == "Workflow: default.learning enabled.\n"
    desk("aiflow", "workflow", "enable", "nobody", code=2)


@pytest.mark.parametrize("words", [
    "aiflow db init", "aiflow db reset -y", "aiflow db upgrade", "aiflow config init", "aiflow server start -d",
    "aiflow server stop", "aiflow webserver start -d", "aiflow webserver stop", "notification config init",
    "notification db init", "notification server start -d", "notification server stop",
])  # fmt: skip
def test_what_the_quickstart_starts_is_not_needed(desk: Desk, words: str) -> None:
    told = desk(*words.split())
    assert told.startswith("Nothing is needed: ")
    assert told.count("\n") == 1


def test_commands_that_are_not_known_are_told_with_those_that_are(desk: Desk) -> None:
    assert desk("aiflow", "version") == "0.4.dev0\n"
    assert "aiflow workflow upload" in desk("aiflow", "help")
    assert "aiflow has no command 'frobnicate'" in desk("aiflow", "frobnicate", code=2)
    assert "aiflow workflow: and then?" in desk("aiflow", "workflow", code=2)
    assert "required: file_path" in desk("aiflow", "workflow", "upload", code=2)
    assert "invalid int value" in desk("aiflow", "workflow-execution", "stop", "one", code=2)
    assert desk("aiflow", "workflow-execution", "show", "9", code=1) == "No such workflow execution.\n"
    assert desk("aiflow", "task-execution", "show", "9", code=1) == "No such task execution.\n"
    assert "There is no workflow execution 9" in desk("aiflow", "task-execution", "list", "9", code=2)
    assert "There is no workflow default.nobody" in desk("aiflow", "workflow-execution", "start", "nobody", code=2)


def test_settings_are_told(desk: Desk) -> None:
    assert desk("aiflow", "config", "get-value", "aiflow_home") == f"{os.environ['AIFLOW_HOME']}\n"
    assert "motet_home: " in desk("aiflow", "config", "list")
    desk("aiflow", "config", "get-value", "rpc_port", code=2)


@pytest.fixture
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Afterwards the main module of this process is what it was."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "argv", ["motet"])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.mark.usefixtures("own_main")
def test_a_script_is_run_for_what_it_asks_of_ops(desk: Desk) -> None:
    asks = '\n    if __name__ == "__main__":\n        ops.upload_workflows(__file__)\n'
    target = Target(str(desk.write("asks.py", SCRIPT + asks)))
    voice = voices.of_target(target)
    assert voice.name == "aiflow"
    assert voice.run(desk.host, target, Asked())
    assert [each["workflow_name"] for each in desk.rows("aiflow", "workflow", "list")] == ["learning"]


@pytest.mark.usefixtures("own_main")
def test_a_script_that_only_defines_workflows_is_to_be_uploaded(desk: Desk) -> None:
    target = Target(str(desk.write("defines.py")))
    voice = voices.of_target(target)
    for begin in (voice.run, voice.new_run):
        with pytest.raises(UsageError, match="defines AIFlow workflows") as refused:
            begin(desk.host, target, Asked())
        assert "motet aiflow workflow upload" in refused.value.cure
