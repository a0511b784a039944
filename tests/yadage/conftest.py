"""Workflows in a folder of the test's own: read, grown without an engine, or run in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli

from motet import app
from motet.dialects.yadage import voice
from motet.dialects.yadage.growing import Graph, Question
from motet.dialects.yadage.reader import read
from motet.dialects.yadage.scopes import Member
from motet.dialects.yadage.spec import Workflow
from motet.ports import RunRow
from motet.ports.voice import Onward
from motet.values import yaml
from motet.values.documents import Library, Problems

STEPS = """\
write:
  process: {process_type: string-interpolated-cmd, cmd: 'echo {text} > {file}'}
  environment: {environment_type: localproc-env}
  publisher: {publisher_type: frompar-pub, outputmap: {file: file, text: text}}
found:
  process: {process_type: string-interpolated-cmd, cmd: 'echo {text} > {file}'}
  environment: {environment_type: localproc-env}
  publisher: {publisher_type: fromglob-pub, globexpression: '*.txt', outputkey: files}
breaks:
  process: {process_type: string-interpolated-cmd, cmd: 'echo alas >&2; exit 3'}
  environment: {environment_type: localproc-env}
  publisher: {publisher_type: constant-pub, publish: {x: 1}}
gives:
  process: null
  environment: null
  publisher: {publisher_type: fromparjq-pub, script: '.'}
"""
"""Steps that the workflows of these tests are made of."""


def stage(name: str, step: str = "write", after: Any = None, **parameters: Any) -> dict[str, Any]:
    """A single step; it writes `text` to a file of its own."""
    given = {"text": name, "file": "{workdir}/out.txt", **parameters}
    scheduler = {"scheduler_type": "singlestep-stage", "parameters": given, "step": {"$ref": f"steps.yml#/{step}"}}
    return {"name": name, "scheduler": scheduler, **({} if after is None else {"dependencies": after})}


def scatter(name: str, over: dict[str, Any], step: str = "write", after: Any = None, **more: Any) -> dict[str, Any]:
    """A step for each of some values."""
    parameters = {"file": "{workdir}/out.txt", **more.pop("parameters", {}), **over}
    found = stage(name, step, after)
    found["scheduler"] = {
        "scheduler_type": "multistep-stage", "parameters": parameters, "step": {"$ref": f"steps.yml#/{step}"},
        "scatter": {"method": more.pop("method", "zip"), "parameters": list(over)}, **more,
    }  # fmt: skip
    return found


def nested(found: dict[str, Any], workflow: Any, **parameters: Any) -> dict[str, Any]:
    """The stage with a workflow in place of its step."""
    scheduler = {**found["scheduler"], "workflow": workflow}
    del scheduler["step"]
    if parameters:
        scheduler["parameters"] = parameters
    return {**found, "scheduler": scheduler}


class Bench:
    """Runs workflows in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("steps.yml", STEPS)

    def write(self, name: str, content: Any) -> Path:
        """A file, of text or of a value as YAML."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.write(content))
        return path

    def flow(self, *stages: Any, name: str = "workflow.yml") -> Path:
        """A workflow of these stages, or of a text."""
        text = len(stages) == 1 and isinstance(stages[0], str)
        return self.write(name, stages[0] if text else {"stages": list(stages)})

    def read(self, *stages: Any) -> Workflow:
        """The workflow, checked; raises for what is wrong."""
        problems = Problems()
        found = read(Library(str(self.folder)), str(self.flow(*stages)), problems)
        problems.check()
        return found

    def run(self, *stages: Any, values: dict[str, Any] | None = None, warn: Any = print, **asked: Any) -> RunRow:
        """A run of the workflow, ended; without stages, of the one that was written before."""
        if stages:
            self.flow(*stages)
        host = app.hosts.current()
        given = {"toplevel": str(self.folder), "workdir": str(self.folder / "work"), **asked}
        new = voice.new_run(host, voice.Asked("workflow.yml", values=values or {}, **given), warn)
        host.create(new)
        row = host.store.run(new.id)
        voice.carry_on(host, row, lambda program: host.drive(row, program, Onward()))
        return host.store.run(new.id)

    def done(self, *stages: Any, values: dict[str, Any] | None = None, **asked: Any) -> dict[str, Any]:
        """What the steps of a run have published, which is to succeed."""
        row = self.run(*stages, values=values, **asked)
        assert row.status == "succeeded", row.error
        return voice.values(app.hosts.current(), row)

    def failed(self, *stages: Any, values: dict[str, Any] | None = None, **asked: Any) -> str:
        """The message of a run that is to fail."""
        row = self.run(*stages, values=values, **asked)
        assert row.status == "failed"
        assert isinstance(row.error, dict)
        return str(row.error["message"])

    def text(self, name: str) -> str:
        """A file of the run."""
        return (self.folder / "work" / name).read_text()

    def grow(
        self, *stages: Any, values: dict[str, Any] | None = None, gives: Callable[[Member], Any] | None = None
    ) -> Graph:
        """The graph, grown to its end without any engine: steps publish what `gives` says, else their parameters."""
        graph = Graph(self.read(*stages), "/w", "/w/init", values or {})
        for each in graph.next():
            assert not isinstance(each, Question)
            published = gives(each) if gives is not None and not each.is_init else each.asked
            graph.succeeded(each.key, {"published": published})
        return graph


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Workflows in a folder of the test's own."""
    return Bench(tmp_path)


@pytest.fixture
def cli(tmp_path: Path, motet_home: Path) -> Iterator[Cli]:
    """The command line in that folder."""
    with Cli(tmp_path, motet_home) as found:
        yield found
