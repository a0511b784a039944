"""Workflows of every voice are registered, and start by name from what was kept, without their files."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S, Cli

from motet import app, voices
from motet.errors import NotFound, ParameterError
from motet.kernel.transitions import ENDED
from motet.ports import RunRow
from motet.registry import definitions, starting
from motet.registry.starting import Place

PYTHON = """
    from datetime import date

    import beside
    from motet import flow, task


    @task
    def tell(n: int, since: date) -> str:
        return f"{beside.WORD} {n} {since.year}"


    @flow
    def train(n: int, since: date = date(2020, 1, 2), tags: list[str] = ["a"]) -> str:
        with open("written.txt", "w") as file:
            file.write("beside the code")
        with open("read.txt") as file:
            return " ".join([tell(n, since), *tags, file.read()])


    if __name__ == "__main__":
        train(3)
"""
PROGRAM = """
    from typing import NotRequired, TypedDict

    from motet.kernel.program import Finish


    class Wanted(TypedDict):
        n: int
        word: NotRequired[str]


    class Twice:
        def __init__(self, wanted):
            self.wanted = wanted

        def advance(self, view):
            return [Finish("succeeded", self.wanted["n"] * 2)]


    def twice(wanted: Wanted) -> Twice:
        return Twice(wanted)
"""
YADAGE = """
    stages:
    - name: greet
      dependencies: [init]
      scheduler:
        scheduler_type: singlestep-stage
        parameters: {word: {step: init, output: word}, count: {step: init, output: count}}
        step:
          process: {process_type: string-interpolated-cmd, cmd: 'echo {word} {count}'}
          environment: {environment_type: localproc-env}
          publisher: {publisher_type: frompar-pub, outputmap: {said: word}}
"""
ORQUESTRA = """
    apiVersion: io.orquestra.workflow/1.0.0
    name: greeting
    imports:
    - {name: kitchen, type: local, parameters: {path: ./kitchen}}
    steps:
    - name: greet
      config:
        runtime:
          language: python3
          imports: [kitchen]
          parameters: {file: kitchen/greet.py, function: greet}
      inputs:
      - {n: 3, type: int}
      - {who: world, type: string}
      outputs:
      - {name: out, type: words}
    types: [words]
"""
GREET = """
    import json


    def greet(n, who):
        with open("out.json", "w") as file:
            json.dump({"type": "words", "said": who * n}, file)
"""


def python(cli: Cli) -> tuple[str, ...]:
    cli.write("flows.py", PYTHON)
    cli.write("beside.py", "WORD = 'told'")
    cli.write("read.txt", "read")
    return ("flows.py",)


def program(cli: Cli) -> tuple[str, ...]:
    cli.write("programs.py", PROGRAM)
    return ("programs:twice",)


def yadage(cli: Cli) -> tuple[str, ...]:
    cli.write("greet.yml", YADAGE)
    return "greet.yml", "-p", "word=hi", "-p", "count=2"


def orquestra(cli: Cli) -> tuple[str, ...]:
    cli.write("greeting.yaml", ORQUESTRA)
    (cli.folder / "kitchen").mkdir()
    cli.write("kitchen/greet.py", GREET)
    return ("greeting.yaml",)


def started(name: str, **given: Any) -> str:
    """A run of what is registered, begun as a scheduler does: without its voice."""
    host = app.hosts.current()
    new = starting.new_run(definitions.find(host.store, name), given, Place(host.store, host.home, time.time()))
    assert host.store.create_run(new)
    starting.start_engine(host.home, new)
    return new.id


def ended(run: str) -> RunRow:
    """The run when it has ended."""
    until = time.monotonic() + PATIENCE_S
    while (row := app.hosts.current().store.run(run)).status not in ENDED:
        assert time.monotonic() < until, row
        time.sleep(0.05)
    return row


def result(row: RunRow) -> Any:
    return row.result


def results(row: RunRow) -> Any:
    return voices.of_run(row).values(app.hosts.current(), row)


EACH = [
    pytest.param(python, "flows", "n=4", "n=four", "n of workflow flows@1", result, "told 4 2020 a read", id="flow"),
    pytest.param(program, "twice", "n=4", "n=4.5", "n of workflow twice@1", result, 8, id="program"),
    pytest.param(
        yadage,
        "greet",
        "count=5",
        "count=five",
        "count of workflow greet@1",
        results,
        {"init": {"count": 5, "word": "hi"}, "greet": {"said": "hi"}},
        id="stages",
    ),
    pytest.param(
        orquestra,
        "greeting",
        "greet.n=2",
        "greet.n=two",
        "greet.n of workflow greeting@1",
        results,
        {"greet": {"out": {"type": "words", "said": "worldworld"}}},
        id="steps",
    ),
]


@pytest.mark.parametrize(("written", "name", "right", "wrong", "told", "read", "given"), EACH)
def test_what_is_registered_starts_by_name_when_its_files_are_gone(
    cli: Cli, written: Callable[[Cli], tuple[str, ...]], name: str, right: str, wrong: str, told: str,
    read: Callable[[RunRow], Any], given: Any,
) -> None:  # fmt: skip
    target, *options = written(cli)
    made = cli.json("register", target, *options)
    assert (made["name"], made["version"]) == (name, 1)
    shutil.rmtree(cli.folder)
    cli.folder.mkdir()
    refused = cli("submit", name, "-p", wrong, code=2).err
    assert told in refused and "Asked for is" in refused
    with pytest.raises(ParameterError, match="no parameter 'neither'"):
        started(name, neither=1)
    assert cli.recorded() == []
    row = ended(cli.json("submit", name, "-p", right)["id"])
    assert row.error is None
    assert read(row) == given
    assert list(cli.folder.iterdir()) == []


def test_a_version_is_its_content_and_stays_what_it_was(cli: Cli) -> None:
    (target,) = python(cli)
    first = cli.json("register", target)
    cli.write("beside.py", "WORD = 'changed'")
    assert cli.json("register", target)["version"] == 2
    cli.write("beside.py", "WORD = 'told'")
    again = cli.json("register", target)
    assert (again["version"], again["digest"]) == (1, first["digest"])
    runs = [started(name, n=1) for name in ("flows", "flows@2", f"flows@{first['digest'][:8]}")]
    assert [ended(run).result for run in runs] == [
        "told 1 2020 a read", "changed 1 2020 a read", "told 1 2020 a read"
    ]  # fmt: skip
    cli("register", "--remove", "flows@1")
    assert [each.number for each in definitions.every(app.hosts.current().store)] == [2]
    with pytest.raises(NotFound, match="has no version '1'"):
        started("flows@1")
    shutil.rmtree(cli.home / "work" / runs[0])  # a fork puts the code of the run in its place again
    assert cli.json("fork", runs[0], "-p", "n=2")["runs"][0]["result"] == "told 2 2020 a read"


def test_a_script_is_registered_with_what_it_calls_its_flow_with(cli: Cli) -> None:
    python(cli)
    made = cli.json("register", "flows.py", "-p", "since=2021-05-06", "--name", "three")
    assert made["params"] == {"n": 3, "since": "2021-05-06"}
    assert made["schema"]["required"] == ["n"]
    assert "takes parameters alone" in cli("submit", "three", "--door", "orion", code=2).err


def test_secrets_and_what_is_no_code_are_in_no_archive(cli: Cli) -> None:
    python(cli)
    cli.write(".env", "TOKEN=abc")
    cli.write(".motetignore", "big/\n")
    (cli.folder / "big").mkdir()
    cli.write("big/file", "x")
    (cli.home / "secrets").mkdir(mode=0o700)
    (cli.home / "secrets" / "github").write_text("sesame-opens")
    cli("register", "flows.py")
    run = started("flows")
    assert ended(run).error is None
    code = cli.home / "work" / run / "code"
    assert {each.name for each in code.iterdir()} >= {"flows.py", "beside.py", "read.txt", "written.txt"}
    assert not {".env", "big"} & {each.name for each in code.iterdir()}
    cli.write("config.py", "TOKEN = 'sesame-opens'")
    refused = cli("register", "flows.py", code=2).err
    assert "config.py holds a secret" in refused and "sesame" not in refused
    cli.write("config.py", "")
    (cli.folder / "data.bin").write_bytes(bytes(3 * 2**20) + b"sesame-opens")
    assert "data.bin holds a secret" in cli("register", "flows.py", code=2).err
    cli.write("data.bin", "")
    os.mkdir(os.path.join(os.fsencode(cli.folder), b"caf\xe9"))
    with open(os.path.join(os.fsencode(cli.folder), b"caf\xe9", b"menu"), "wb"):
        refused = cli("register", "flows.py", code=2).err
    assert "menu' is no text" in refused and "--exclude" in refused
    cli("register", "flows.py", "--exclude", "caf*")


def test_what_cannot_be_loaded_is_not_registered(cli: Cli) -> None:
    cli.write("broken.py", "from motet import flow\nimport nowhere_to_be_found\n")
    assert "nowhere_to_be_found" in cli("register", "broken.py:f", code=2).err
    with pytest.raises(NotFound, match="No workflow is registered as 'f'"):
        definitions.find(app.hosts.current().store, "f")
