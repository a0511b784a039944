"""Voices: files are told by what stands in them, options belong to one voice, and a package may bring a voice."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli
from tests.source import MODULES, ROOT

from motet import app, voices
from motet.ports.voice import Asked, Target

FLOW = """\
from motet import flow, task

@task
def a(x):
    return x

@flow
def main(name: str = "a"):
    return a(name)
"""

RECIPE = """\
#recipe
flour = echo 500; echo flour >> $COUNT
dough = echo kneaded; echo dough >> $COUNT; while [ -n "$SLOW" ]; do sleep 1; done
bread = echo baked; echo bread >> $COUNT
needs: dough flour
needs: bread dough
"""


@pytest.fixture
def kitchen(cli: Cli, tmp_path: Path) -> Cli:
    """A command line where a package is installed that brings the voice of recipes."""
    site = tmp_path / "site"
    found = site / "recipes-1.0.dist-info"
    found.mkdir(parents=True)
    shutil.copy(Path(__file__).parent / "a_voice" / "recipes.py", site)
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: recipes\nVersion: 1.0\n")
    (found / "entry_points.txt").write_text("[motet.voices]\nrecipes = recipes:VOICE\n")
    cli.env["PYTHONPATH"] = str(site)
    cli.write("bread.recipe", RECIPE)
    cli.write("flow.py", FLOW)
    return cli


def test_a_file_of_an_installed_voice_is_run_shown_and_read(kitchen: Cli) -> None:
    told = kitchen("run", "bread.recipe", "--name", "loaf")
    assert "Its results: motet results loaf" in told.out
    assert kitchen.json("show", "loaf")["status"] == "succeeded"
    assert kitchen.json("results", "loaf")["bread"] == {"out": "baked"}
    assert [step["key"] for step in kitchen.json("show", "loaf")["steps"]] == ["flour", "dough", "bread"]
    assert "bread.recipe: done" in kitchen("menu").out
    assert "menu  " in kitchen("--help").out
    assert "--swap" in kitchen("run", "--help").out
    kitchen("submit", "bread.recipe", "--name", "two")
    assert kitchen.wait_for_status("two", "succeeded")["workflow"] == "bread.recipe"
    kitchen("shims", "shims")
    assert (kitchen.folder / "shims" / "cook").exists()
    script = "import motet; print(motet.load('bread.recipe', swap=['flour=echo rye'])()['flour'])"
    kitchen.write("calls.py", script)
    assert "{'out': 'rye'}" in kitchen("run", "calls.py", code=2).out, "it calls no flow, and says so behind"


def test_a_run_of_an_installed_voice_survives_its_process(kitchen: Cli) -> None:
    kitchen.env["SLOW"] = "yes"
    process = kitchen.start("run", "bread.recipe", "--name", "loaf")
    kitchen.wait_for_count(2, process)
    kitchen.wait_for_running("loaf", "dough")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert kitchen.json("show", "loaf")["status"] == "crashed"
    shown = kitchen("show", "loaf").out
    assert re.search(r"dough +interrupted", shown)
    assert re.search(r"^Steps .*\binterrupted", shown, re.M), "the counts say what the tree says"
    del kitchen.env["SLOW"]
    kitchen("resume", "loaf")
    assert kitchen.json("results", "loaf")["bread"] == {"out": "baked"}
    assert kitchen.counted().count("bread") == 1
    assert kitchen.counted().count("dough") == 2, "what was cut off ran again"


def test_options_of_a_run_of_an_installed_voice(kitchen: Cli) -> None:
    kitchen("run", "bread.recipe", "--swap", "bread=echo toast", "--name", "toast")
    assert kitchen.json("results", "toast")["bread"] == {"out": "toast"}
    kitchen("fork", "toast", "--swap", "flour=echo rye", "--name", "rye")
    assert kitchen.json("results", "rye") == {
        "flour": {"out": "rye"}, "dough": {"out": "kneaded"}, "bread": {"out": "toast"},
    }  # fmt: skip
    assert "no step 'butter'" in kitchen("run", "bread.recipe", "--swap", "butter=x", code=2).err


def test_a_program_that_fails_ends_its_run_with_what_it_said(kitchen: Cli) -> None:
    """It is the voice's, and no fault of the engine: the run has failed, and goes on once the cause is gone."""
    kitchen.env["OVEN"] = "broken"
    told = kitchen("run", "bread.recipe", "--name", "loaf", code=1)
    assert "RuntimeError: the oven is broken" in told.out + told.err
    assert "To carry on: motet resume loaf" in told.out
    assert "fault in Motet" not in told.out + told.err
    shown = kitchen.json("show", "loaf")
    assert (shown["status"], shown["error"]["message"]) == ("failed", "the oven is broken")
    assert "recipes.py" in shown["error"]["traceback"], "it says where"
    assert shown["owner"] is None
    del kitchen.env["OVEN"]
    kitchen("resume", "loaf")
    assert kitchen.json("results", "loaf")["bread"] == {"out": "baked"}
    assert kitchen.counted().count("flour") == 1, "what was done is kept"


def test_what_is_final_stays_when_a_run_is_reopened(kitchen: Cli) -> None:
    kitchen.write("toast.recipe", """\
        #recipe
        flour = echo flour >> $COUNT; test -n "$MILL"
        toast = echo burn >> $COUNT; exit 1
        """)  # fmt: skip
    kitchen("run", "toast.recipe", "--name", "toast", code=1)
    assert sorted(kitchen.counted()) == ["burn", "flour"]
    kitchen.env["MILL"] = "turns"
    kitchen("resume", "toast", code=1)
    assert sorted(kitchen.counted()) == ["burn", "flour", "flour"], "what has failed runs again, what is burnt does not"
    statuses = {step["key"]: step["status"] for step in kitchen.json("show", "toast")["steps"]}
    assert statuses == {"flour": "succeeded", "toast": "failed"}


FAULTS = [
    (
        "syntax.py",
        "from motet import flow\n\n@flow\ndef main():\n    retur n 1\n",
        ["syntax.py", "line 5", "\n          ^"],
    ),
    ("cause.py", "import motet\nimport nothing_of_that_name\n", ["cause.py", "line 2", "nothing_of_that_name"]),
    ("flow.py", FLOW.replace('name: str = "a"', "name: str"), ["Flow main", "'name'"]),
    ("tabs.yaml", "apiVersion: io.orquestra.workflow/1.0.0\nsteps:\n\t- x\n", ["tabs.yaml:3:1:"]),
    (
        "kind.yaml",
        "apiVersion: io.orquestra.workflow/1.0.0\nname: w\nimports:\n- {name: own, type: gitt}\nsteps: []\n",
        ["kind.yaml:4:21:", "'gitt'", "Did you mean 'git'?"],
    ),
    (
        "two.yaml",
        "apiVersion: io.orquestra.workflow/1.0.0\nname: w\nimports: []\nsteps:\n- {name: a, passed: [b]}\n- {nam: c}\n",
        ["two.yaml:5:", "two.yaml:6:"],
    ),
]


@pytest.mark.parametrize(("name", "text", "wanted"), FAULTS, ids=[each[0] for each in FAULTS])
def test_voices_find_faults_with_their_place_before_anything_runs(
    name: str, text: str, wanted: list[str], tmp_path: Path, motet_home: Path
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with closing(app.open_host(str(motet_home))) as host:
        target = Target(str(path))
        found = voices.of_target(target).check(host, target, Asked())
        told = "\n".join(str(each) for each in found)
        assert [each for each in wanted if each not in told] == [], told
        assert host.store.runs() == []


def test_voices_find_nothing_wrong_in_what_is_right(tmp_path: Path, motet_home: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "job.py").write_text("def step(n, before=None):\n    pass\n")
    (tmp_path / "chain.zqwl").write_text(CHAIN)
    with closing(app.open_host(str(motet_home))) as host:
        for name in ("flow.py", "chain.zqwl"):
            target = Target(str(tmp_path / name))
            assert voices.of_target(target).check(host, target, Asked()) == ()
        assert host.store.runs() == []


FOREIGN = [
    (["run", "flow.py", "--set", "name=x"], "--set is an option for an Orquestra workflow", "-p NAME=VALUE"),
    (["run", "--matrix", "name=x,y", "flow.py"], "--matrix", "-p NAME=VALUE"),
    (["run", "flow.py:main", "--no-cache"], "--no-cache", "cache_policy"),
    (["submit", "flow.py", "--set=a.b=1"], "--set", "-p NAME=VALUE"),
    (["run", "flow:main", "--swap", "a=b"], "for a recipe, and flow:main is a Python flow", "Leave it"),
    (["run", "bread.recipe", "--set", "flour.x=1"], "--set", "--swap STEP=COMMAND"),
    (["run", "bread.recipe", "--door", "orion"], "--door", "Leave it out"),
    (["run", "bread.recipe", "-p", "x=1"], "takes no -p", "--swap"),
    (["run", "bread.recipe", "--", "please"], "takes no arguments", "not spoken to"),
    (["submit", "bread.recipe", "--no-cache"], "--no-cache", "Leave it out"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "what", "cure"), FOREIGN)
def test_options_of_another_voice_are_refused(kitchen: Cli, args: list[str], what: str, cure: str) -> None:
    done = kitchen(*args, code=2)
    assert what in done.err
    assert cure in done.err.splitlines()[-1]
    assert kitchen.recorded() == []
    told = kitchen.json(*args, code=2) if "--" not in args else {"error": what, "cure": cure}
    assert (what in told["error"], cure in told["cure"]) == (True, True)


def test_options_of_results_and_forks_belong_to_a_voice_too(kitchen: Cli) -> None:
    kitchen("run", "bread.recipe", "--name", "loaf")
    kitchen("run", "flow.py", "--name", "flowing")
    assert "--format is an option for" in kitchen("results", "loaf", "--format", "v2", code=2).err
    assert (
        "--swap is an option for a recipe, and run flowing" in kitchen("fork", "flowing", "--swap", "a=b", code=2).err
    )
    assert "no run of a workflow file" in kitchen("results", "flowing", code=2).err


def test_a_broken_package_harms_nobody_else(kitchen: Cli, tmp_path: Path) -> None:
    kitchen("run", "bread.recipe", "--name", "loaf")
    (tmp_path / "site" / "recipes.py").write_text("import nothing_of_that_name\n")
    assert kitchen.json("show", "loaf")["status"] == "succeeded"
    assert len(kitchen.runs()) == 1
    kitchen("run", "flow.py")
    told = kitchen("run", "bread.recipe", code=2).err
    assert "no workflow that is known here" in told
    assert "'recipes' of package recipes cannot be loaded" in told
    assert "cannot be loaded" in kitchen("resume", "loaf", code=2).err


WORKFLOW = "apiVersion: io.orquestra.workflow/1.0.0\nname: w\nimports: []\nsteps: []\n"


@pytest.mark.parametrize("name", ["wf.zqwl", "wf", "wf.YAML", "wf.yaml", "wf.txt"])
def test_files_are_told_by_what_stands_in_them_in_every_command(cli: Cli, name: str) -> None:
    """Each command comes as far as the fault in the workflow, and none takes it for something else."""
    cli.write(name, WORKFLOW)
    cli.write("calls.py", f"import motet\nmotet.load({name!r})()\n")
    wanted = cli("run", name, code=2).err.splitlines()[0]
    assert "steps" in wanted
    for args in (["submit", name], ["lock", name]):
        assert wanted in cli(*args, code=2).err
    assert wanted.removeprefix("motet: ") in cli("run", "calls.py", code=2).err
    assert wanted.removeprefix("motet: ") in cli("qe", "submit", "workflow", name, code=1).out


@pytest.mark.parametrize("name", ["script", "script.txt", "script.PY"])
def test_a_script_may_be_called_as_it_likes(cli: Cli, name: str) -> None:
    cli.write(name, FLOW)
    assert "succeeded" in cli("run", name, "-p", "name=x").out


def test_a_file_of_nobody_is_told_what_there_is(cli: Cli) -> None:
    cli.write("notes.txt", "buy milk\n")
    told = cli("run", "notes.txt", code=2).err
    assert "notes.txt is no workflow that is known here" in told
    assert ".py" in told
    assert "apiVersion" in told


def test_the_entry_points_of_motet_itself_stand_in_two_places_alike() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["motet.voices"] == dict(voices.BUILT_IN)
    assert [each.name for each in voices.built_in()] == list(voices.BUILT_IN)


NAMED = re.compile(r"orquestra|\borion\b|prefect|\bqe\b|[\"']python[\"']", re.IGNORECASE)
MAY_NAME = {"voices.py": "the registry"}


def test_no_voice_is_named_above_or_below_its_own_folder() -> None:
    """The command line, the composition root and what lies below the voices know none of them."""
    checked = (
        "cli/",
        "views/",
        "app.py",
        "workflows.py",
        "questions.py",
        "standins.py",
        "engine/",
        "kernel/",
        "ports/",
    )
    found = []
    for module in MODULES:
        if module.within.startswith(checked):
            for number, line in enumerate(module.text.splitlines(), 1):
                if NAMED.search(line):
                    found.append(f"{module.place}:{number}: {line.strip()}")
    assert found == []


def test_an_import_of_a_dialect_stands_in_its_own_folder_only() -> None:
    found: list[Any] = []
    for module in MODULES:
        if module.within.startswith(("cli/", "views/", "app.py", "workflows.py", "voices.py")):
            found += [
                module.place for line in module.text.splitlines() if re.search(r"(from|import) motet\.dialects", line)
            ]
    assert found == []
    assert os.path.isdir(ROOT / "src" / "motet" / "dialects")


CHAIN = """\
apiVersion: io.orquestra.workflow/1.0.0
name: chain
imports:
- {name: own, type: local, parameters: {path: code}}
steps:
- name: s0
  config: {runtime: {language: python3, imports: [own], parameters: {file: own/job.py, function: step}}}
  inputs:
  - {n: 0, type: int}
  outputs: [{name: out, type: json}]
- name: s1
  config: {runtime: {language: python3, imports: [own], parameters: {file: own/job.py, function: step}}}
  inputs:
  - {n: 1, type: int}
  - {before: ((s0.out)), type: json}
  outputs: [{name: out, type: json}]
"""


def test_a_run_of_a_workflow_file_is_forked_with_other_inputs(cli: Cli) -> None:
    (cli.folder / "code").mkdir()
    job = "import json\ndef step(n, before=None):\n    json.dump({'n': n}, open('out.json', 'w'))\n"
    cli.write("code/job.py", job)
    cli.write("chain.zqwl", CHAIN)
    cli("run", "chain.zqwl", "--name", "first")
    assert "1 reused" in cli("fork", "first", "--set", "s1.n=5", "--name", "second").out
    assert cli.json("results", "second") == {"s0": {"out": {"n": 0}}, "s1": {"out": {"n": 5}}}
    assert "its arguments have changed: n (it was 1, now 5)" in cli("why", "second", "s1").out
    assert "its result is that of step s0 of run first" in cli("why", "second", "s0").out.replace("\n", " ")
    cli("fork", "second", "--from", "s0", "--name", "third")
    assert [step["cached"] for step in cli.json("show", "third")["steps"]] == [False, False], "and what comes after it"
    assert cli.json("results", "third")["s1"] == {"out": {"n": 5}}, "what was set stays so"
    cli("fork", "second", "--matrix", "s1.n=5,6", "--name", "fourth")
    assert cli.json("results", "fourth") == {
        "s0": {"out": {"n": 0}}, "s1-5": {"out": {"n": 5}}, "s1-6": {"out": {"n": 6}},
    }, "several values in place of the one that was set"  # fmt: skip
    cached = {step["key"]: step["cached"] for step in cli.json("show", "fourth")["steps"]}
    assert cached["s0"] == 1
    assert {type(each) for each in cached.values()} == {int}, "how many of a map's elements; a step is one"
    cli("fork", "fourth", "--set", "s1.n=5", "--from", "s1-6", "--name", "fifth")
    assert cli.json("results", "fifth") == {"s0": {"out": {"n": 0}}, "s1": {"out": {"n": 5}}}, "and the other way round"
    cached = {step["key"]: step["cached"] for step in cli.json("show", "fifth")["steps"]}
    assert cached == {"s0": True, "s1": False}, "what takes the place of a step that is to run anew runs anew"
    cli("fork", "second", "--matrix", "s1.n=5,6", "--from", "s1", "--name", "spread")
    cached = {step["key"]: step["cached"] for step in cli.json("show", "spread")["steps"]}
    assert cached == {"s0": True, "s1-5": False, "s1-6": False}
    cli("fork", "fourth", "--from", "s1-6", "--name", "one")
    cached = {step["key"]: step["cached"] for step in cli.json("show", "one")["steps"]}
    assert cached == {"s0": True, "s1-5": True, "s1-6": False}
    cli("fork", "first", "--no-cache", "--name", "sixth")
    assert [step["cached"] for step in cli.json("show", "sixth")["steps"]] == [False, False]
    assert "takes no -p" in cli("fork", "first", "-p", "n=1", code=2).err
    assert "no step 's9'" in cli("fork", "first", "--set", "s9.n=1", code=2).err


def test_a_plan_of_what_is_known_only_as_it_runs_is_refused_and_of_a_program_says_so(kitchen: Cli) -> None:
    for target, what in (("flow.py", "a Python flow"), ("bread.recipe", "a recipe")):
        refused = kitchen("run", target, "--plan", code=2).err
        assert f"{target} is {what}: which steps it has is known only as it runs." in refused
    kitchen.write(
        "programs.py",
        """
        from motet.kernel.policy import Policy
        from motet.kernel.program import AddStep, Finish

        class Program:
            def advance(self, view):
                call = {"target": "builtins:abs", "args": [-1]}
                for key, needs in (("first", []), ("second", ["first"])):
                    if not view.status(key):
                        yield AddStep(key, key, call=call, needs=needs, policy=Policy(executor="threads"))
                if view.status("second"):
                    yield Finish()

        def make(params):
            return Program()
        """,
    )
    told = kitchen("run", "programs:make", "--plan").out
    assert "first   to run" in told and "second  unknown until run: after first" in told
    assert "2 steps: 0 cached, 1 to run, 1 unknown until run. Which steps follow is known once these have run." in told
    assert kitchen.recorded() == []
