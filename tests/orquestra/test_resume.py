"""Runs of workflows are taken up again with what they were begun with; local folders that changed since are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli
from tests.orquestra.conftest import Remotes
from tests.orquestra.workflows import odd, step

HEAD = """\
apiVersion: io.orquestra.workflow/1.0.0
name: local
imports:
- {name: one, type: local, parameters: {path: one}}
- {name: two, type: local, parameters: {path: two}}
steps:
"""
STEP = """\
- name: NAME
  passed: PASSED
  config:
    runtime:
      language: python3
      imports: [IMPORT]
      parameters: {file: IMPORT/job.py, function: go}
  inputs: INPUTS
  outputs: [{name: out, type: json}]
"""
CODE = """
import json


def go(before=None):
    earlier = json.load(open(before))["v"] if before else ""
    {act}
    json.dump({{"v": earlier + "{word}"}}, open("out.json", "w"))
"""


def node(name: str, imported: str, inputs: str = "[]", passed: str = "[]") -> str:
    for mark, text in (("NAME", name), ("IMPORT", imported), ("INPUTS", inputs), ("PASSED", passed)):
        if mark == "NAME":
            found = STEP
        found = found.replace(mark, text)
    return found


def write(cli: Cli, folder: str, word: str, act: str = "pass") -> None:
    (cli.folder / folder).mkdir(exist_ok=True)
    cli.write(f"{folder}/job.py", CODE.format(word=word, act=act))


@pytest.fixture
def failed(cli: Cli) -> Cli:
    """A run `mine`: a and d by folder one, b by folder two from a, c by folder one from b, which fails."""
    write(cli, "one", "old ", act="assert not before")
    write(cli, "two", "two ")
    text = HEAD + node("a", "one") + node("b", "two", "[{before: ((a.out)), type: json}]")
    text += node("c", "one", "[{before: ((b.out)), type: json}]") + node("d", "two")
    cli.write("w.yaml", text)
    cli("run", "w.yaml", "--name", "mine", code=1)
    write(cli, "one", "new ")
    return cli


def results(cli: Cli, run: str = "mine") -> dict[str, Any]:
    return {name: each["out"]["v"] for name, each in json.loads(cli("results", run).out).items()}


def attempts(cli: Cli) -> dict[str, int]:
    return {each["key"]: each["attempt"] for each in cli.json("show", "mine")["steps"]}


def test_kept_steps_whose_local_folder_changed_are_named(failed: Cli) -> None:
    done = failed("resume", "mine")
    assert "a kept, though changed since: the local folder that it imports as one." in done.out
    assert "b kept" not in done.out
    assert "d kept" not in done.out
    assert "Kept, though changed since: 1 step" in done.out
    assert results(failed)["c"] == "old two new "
    assert "though changed since it ran: the local folder that it imports as one." in failed("why", "mine", "a").out
    assert "kept on a resume" not in failed("why", "mine", "c").out, "it ran by what is there now"


def test_rerun_changed_runs_them_and_their_consumers_anew(failed: Cli) -> None:
    before = attempts(failed)
    done = failed("resume", "mine", "--rerun-changed")
    assert "changed since" not in done.out
    assert results(failed) == {"a": "new ", "b": "new two ", "c": "new two new ", "d": "two "}
    after = attempts(failed)
    assert [key for key in after if after[key] > before[key]] == ["a", "b", "c"]
    failed("run", "w.yaml", "--no-cache", "--name", "fresh")
    assert results(failed) == results(failed, "fresh"), "nothing old is mixed in"


def test_what_ran_by_the_new_folder_is_not_named_at_the_next_resume(failed: Cli) -> None:
    write(failed, "two", "again ", act="assert 0")
    write(failed, "one", "new ", act="assert not before")
    named = failed.json("resume", "mine", code=1)["runs"][0]["changed"]
    assert named == {
        "a": ["the local folder that it imports as one"], "b": ["the local folder that it imports as two"],
        "d": ["the local folder that it imports as two"],
    }  # fmt: skip
    write(failed, "two", "two ")
    assert list(failed.json("resume", "mine", code=1)["runs"][0]["changed"]) == ["a"], "put back is not changed"


def test_an_unchanged_folder_is_not_named_whatever_lies_beside_its_code(cli: Cli) -> None:
    write(cli, "one", "old ", act="assert not before")
    cli.write("w.yaml", HEAD + node("a", "one") + node("b", "one", "[{before: ((a.out)), type: json}]"))
    cli("run", "w.yaml", "--name", "mine", code=1)
    (cli.folder / "one" / "__pycache__").mkdir(exist_ok=True)
    cli.write("one/__pycache__/job.pyc", "compiled anew")
    found = cli.json("resume", "mine", code=1)["runs"][0]
    assert (found["changed"], found["not_known"]) == ({}, [])


def test_a_workflow_and_its_folders_that_were_moved(failed: Cli) -> None:
    write(failed, "one", "old ", act="assert not before")
    place = failed.folder / "elsewhere"
    place.mkdir()
    for name in ("one", "two", "w.yaml"):
        (failed.folder / name).rename(place / name)
    assert "which is not there" in failed("resume", "mine", code=2).err
    assert "There is no file" in failed("resume", "mine", "--at", "nowhere.yaml", code=2).err
    assert "changed since" not in failed("resume", "mine", "--at", str(place), code=1).out
    write_moved(place)
    assert "a kept, though changed since" in failed("resume", "mine").out, "the place is remembered"
    assert results(failed)["c"] == "old two new "


def write_moved(place: Path) -> None:
    (place / "one" / "job.py").write_text(CODE.format(word="new ", act="pass"))


def test_a_run_at_an_old_commit_says_so_when_it_fails_again(cli: Cli, remotes: Remotes) -> None:
    text = odd(step("a", "broken", "word: x"))
    cli.write("w.yaml", text)
    cli("run", "w.yaml", "--name", "mine", code=1)
    commit = cli.json("show", "mine")["program"]["imports"]["garden"]["commit"]
    done = cli("resume", "mine", code=1)
    assert f"It stays at the commits that it was begun with: garden at {commit[:12]}." in done.err
    assert "motet run takes later ones" in done.err
