"""Single steps, run in this process; and the command line, for what is asked of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli

from motet import app
from motet.dialects.yadage.packtivity.program import new_run, program_of
from motet.dialects.yadage.packtivity.settings import Settings
from motet.dialects.yadage.packtivity.spec import read
from motet.dialects.yadage.packtivity.step import Step
from motet.ports import RunRow, StepRow
from motet.ports.voice import Onward
from motet.values import yaml
from motet.values.documents import Library, Problems

CONSTANT = {"publisher_type": "constant-pub", "publish": {}}
LOCAL = {"environment_type": "localproc-env"}


def spec_of(text: str | dict[str, Any], folder: Path) -> Any:
    """The packtivity that the text is, checked; all that is wrong is raised."""
    file = folder / "a_step.yml"
    file.write_text(text if isinstance(text, str) else yaml.write(text))
    problems = Problems()
    found = read(Library(str(folder)).open("a_step.yml"), problems)
    problems.check()
    return found


def cmd(text: str, publisher: dict[str, Any] = CONSTANT, environment: dict[str, Any] = LOCAL) -> dict[str, Any]:
    """A step of that shell command."""
    process = {"process_type": "string-interpolated-cmd", "cmd": text}
    return {"process": process, "environment": environment, "publisher": publisher}


def script(text: str, interpreter: str = "sh", **more: Any) -> dict[str, Any]:
    """A step of that script."""
    process = {"process_type": "interpolated-script-cmd", "script": text, "interpreter": interpreter}
    return {**cmd("true", **more), "process": process}


class Bench:
    """Runs steps in a folder, one run each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings()

    def run(
        self, spec: str | dict[str, Any], parameters: Any = None, at: str = "work", readonly: tuple[str, ...] = (),
        **more: Any,
    ) -> tuple[RunRow, StepRow]:  # fmt: skip
        """The run and its step, ended."""
        host = app.hosts.current()
        folder = str(self.folder / at)
        found = spec_of(spec, self.folder)
        seen = tuple(str(self.folder / each) for each in readonly)
        parameters = {} if parameters is None else parameters
        step = Step(Path(at).name, f"step {at}", found, parameters, folder, seen, str(self.folder), **more)
        new = new_run(host, at, step, self.settings)
        host.create(new)
        host.drive(host.store.run(new.id), program_of(host, host.store.run(new.id)), Onward())
        (row,) = host.store.steps(new.id, whole=True)
        return host.store.run(new.id), row

    def done(self, spec: str | dict[str, Any], parameters: Any = None, at: str = "work", **more: Any) -> Any:
        """What a step has published, which is to succeed."""
        run, row = self.run(spec, parameters, at, **more)
        assert run.status == "succeeded", run.error
        return row.result["published"]

    def failed(self, spec: str | dict[str, Any], parameters: Any = None, at: str = "work", **more: Any) -> str:
        """The message of a step that is to fail."""
        run, _ = self.run(spec, parameters, at, **more)
        assert run.status == "failed"
        assert isinstance(run.error, dict)
        return str(run.error["message"])

    def text(self, name: str) -> str:
        """A file below the folder."""
        return (self.folder / name).read_text()

    def log(self, at: str = "work") -> str:
        """What the step there has written."""
        return self.text(f"{at}/_packtivity/{Path(at).name}.run.log")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Steps in a folder of the test's own."""
    return Bench(tmp_path)


@pytest.fixture
def cli(tmp_path: Path, motet_home: Path) -> Iterator[Cli]:
    """The command line in a folder of the test's own."""
    with Cli(tmp_path, motet_home) as found:
        yield found


def as_json(value: Any) -> Any:
    """The value as JSON keeps it."""
    return json.loads(json.dumps(value))
