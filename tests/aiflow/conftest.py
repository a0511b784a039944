"""The commands `aiflow` and `notification` in this process, with scripts in a folder of the test's own."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from motet import app
from motet.cli.main import main
from motet.ports.voice import Host

SCRIPT = """
    import os

    from ai_flow import ops
    from ai_flow.model.action import TaskAction
    from ai_flow.model.workflow import Workflow
    from ai_flow.notification.notification_client import AIFlowNotificationClient, Event, ListenerProcessor
    from ai_flow.operators.bash import BashOperator
    from ai_flow.operators.python import PythonOperator


    def fit():
        pass


    with Workflow(name="learning") as workflow:
        train = PythonOperator(name="train", python_callable=fit)
        train.action_on_event_received(action=TaskAction.START, event_key="data_prepared")
        check = BashOperator(name="check", bash_command="echo checked")
        check.start_after(train)
"""


class Desk:
    """Runs the commands; what they print is what they give."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def write(self, name: str, text: str = SCRIPT) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"))
        return path

    def __call__(self, *words: object, code: int = 0) -> str:
        """A command to its end; gives what it prints."""
        self._capsys.readouterr()
        given = main([str(each) for each in words])
        told = self._capsys.readouterr()
        assert given == code, f"{words}: {given}\n{told.out}\n{told.err}"
        return told.out if not code else told.out + told.err

    def rows(self, *words: object) -> list[dict[str, str]]:
        """The same for what lists, as JSON."""
        found: list[dict[str, str]] = json.loads(self(*words, "-o", "json"))
        return found

    def refused(self, text: str, *more: object) -> str:
        """The message with which a script is refused."""
        return self("aiflow", "workflow", "upload", self.write("wrong.py", text), *more, code=2)

    def definition(self, text: str) -> dict[str, Any]:
        """The workflow of a script as data: the last of those that are in it."""
        self("aiflow", "workflow", "upload", self.write("right.py", text))
        documents = self.host.store.documents("aiflow", "snapshot")
        found: dict[str, Any] = documents[-1].body["definition"]
        return found

    @property
    def host(self) -> Host:
        """Where all is kept."""
        return app.hosts.current()


@pytest.fixture
def desk(tmp_path: Path, motet_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("AIFLOW_HOME", str(motet_home / "aiflow"))
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, capsys)
