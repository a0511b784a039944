"""What is told before any step runs: faults in what the components hold; and what components must not be able to do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.orquestra.conftest import MEASURE, ODD, POINTS, SCORE, Remotes
from tests.orquestra.workflows import BLOSSOMS, changed, odd, step

from motet.dialects.orquestra.source import Library, misfit, packages_in


def refused(cli: Cli, text: str) -> str:
    """What `motet run` says of a workflow that cannot be right; no run is made."""
    cli.write("w.yaml", text)
    said = cli("run", "w.yaml", code=2).err
    assert cli.recorded() == []
    return said


FAULTS = {
    "no such file": ("steps/points.py", "steps/point.py", """\
w.yaml:23:15: import 'garden' (commit ########) has no file 'steps/point.py'.
Did you mean 'steps/points.py'? There is: """),
    "no such function": ("function: draw", "function: drow", """\
w.yaml:24:19: steps/points.py of import 'garden' has no function 'drow'.
Did you mean 'draw'?"""),
    "no such argument": ("  - count: 4", "  - cont: 4", """\
w.yaml:30:5: draw() in steps/points.py takes no argument 'cont'.
Did you mean 'count'?"""),
    "an argument too few": ("  - slope: 2.0\n    type: float\n", "", """\
w.yaml:30:3: step 'draw-points' does not give draw() in steps/points.py its argument 'slope'.
Add it"""),
    "packages under another name": ('tag: "v1"', "branch: misplaced", """\
w.yaml:61:15: tasks/score.py:1 imports 'scores', which no import of step 'score' has and no requirement brings: an \
undeclared dependency, or a wrong name.
From the step's imports can be imported: metrics"""),
    "no such tag": ('tag: "v1"', "tag: v2", """\
w.yaml:10:3: import 'scores' cannot be had from git@git.example:others/scores.git, tag 'v2': Component scores: \
git@git.example:others/scores.git has no tag 'v2'. It has: """),
    "no such repository": ("growers/garden.git", "growers/gardens.git", """\
w.yaml:5:3: import 'garden' cannot be had from git@git.example:growers/gardens.git, branch 'main': """),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_before_anything_runs(cli: Cli, fault: str) -> None:
    old, new, told = FAULTS[fault]
    said = re.sub(r"commit [0-9a-f]{8}", "commit ########", refused(cli, changed(old, new)))
    assert said.startswith(f"motet: {told}"), said


def test_a_repository_that_is_gone_is_told_with_the_remedy(cli: Cli) -> None:
    cli.env["GIT_SSH_COMMAND"] = "echo Permission denied. >&2; false"
    said = refused(cli, changed("git@git.example:growers", "git@nowhere.invalid:growers"))
    assert "cannot be fetched: Permission denied. fatal: " in said
    assert 'git config --global url."file:///path/to/copies/".insteadOf "git@nowhere.invalid:"' in said


def test_all_that_is_missing_is_told_at_once(cli: Cli) -> None:
    text = changed("growers/garden.git", "growers/gardens.git", changed('tag: "v1"', "branch: misplaced"))
    text = text.replace("function: mean_error", "function: mean_eror")
    said = refused(cli, changed("growers/gardens.git", "growers/gone.git", text))
    assert "w.yaml has 2 errors" in said
    assert "import 'garden' cannot be had from" in said
    assert "has no function 'mean_eror'" in said


def test_what_is_missing_of_a_repository_that_is_there_is_told_by_what_it_has(cli: Cli) -> None:
    said = refused(cli, changed('branch: "main"', "branch: mian"))
    assert "has no branch 'mian'. It has: main.\nName one that it has" in said
    assert "insteadOf" not in said
    said = refused(cli, changed('branch: "main"', "commit: HEAD~7"))
    assert "has no branch, tag or commit 'HEAD~7'. It has: the branches main." in said


def test_a_commit_may_be_told_by_its_descendant(cli: Cli, remotes: Remotes) -> None:
    first = remotes.publish("growers/garden", "main", {"notes.txt": "first"})
    remotes.publish("growers/garden", "main", {"notes.txt": "second"})
    for name in ("HEAD~1", "main^"):
        cli.write("w.yaml", changed('branch: "main"', f"commit: {name}"))
        assert cli.json("run", "w.yaml")["runs"][0]["program"]["imports"]["garden"]["commit"] == first


def test_a_commit_in_a_lock_file_is_no_path(cli: Cli, tmp_path: Path) -> None:
    cli.write("w.yaml", BLOSSOMS)
    cli("lock", "w.yaml")
    lock = json.loads((cli.folder / "w.yaml.lock").read_text())
    for commit in (f"/{'x' * 39}", "G" * 40, "a" * 39, "a" * 41, 7, None):
        lock["imports"]["garden"]["commit"] = commit
        (cli.folder / "w.yaml.lock").write_text(json.dumps(lock))
        assert "does not fit import 'garden' any more" in cli("run", "w.yaml", code=2).err


def test_functions_may_come_by_import(cli: Cli, remotes: Remotes) -> None:
    remotes.publish("growers/garden", "main", {
        "steps/points.py": "from garden.drawing import *\n", "src/python/garden/drawing.py": POINTS,
    })  # fmt: skip
    cli.write("w.yaml", BLOSSOMS)
    cli("run", "w.yaml")
    said = cli.write("w.yaml", changed("function: draw", "function: drew")) and cli("run", "w.yaml", code=2).err
    assert "steps/points.py of import 'garden' has no function 'drew'." in said


def test_what_deeper_modules_import_is_looked_at_too(cli: Cli, remotes: Remotes) -> None:
    remotes.publish(
        "others/scores", "main", {"src/python/scores/measure.py": f"import numppy\n\n\n{MEASURE}"}, tag="v2"
    )
    said = refused(cli, changed('tag: "v1"', "tag: v2"))
    assert "src/python/scores/measure.py:1 imports 'numppy'" in said


def test_dead_requirements_are_taken_by_their_new_names_and_told_once(cli: Cli) -> None:
    cli.write("w.yaml", BLOSSOMS)
    said = cli("run", "w.yaml").err
    assert said.count("no package is called yaml any more: pyyaml is taken") == 1


def test_more_than_the_machine_has_is_a_warning(cli: Cli) -> None:
    text = changed('cpu: "500m"', 'cpu: "4000"', changed('disk: "1Mi"', 'disk: "5Ei"'))
    text = changed('memory: "64Mi"', 'gpu: "40"\n      memory: "5Ti"', text)
    cli.write("w.yaml", text)
    said = cli("run", "w.yaml").err
    for asked in ("4000 cores", "5120 GiB of memory", "GiB of disk", "40 gpu"):
        assert f"{asked}, and this machine has" in said


def test_a_fault_in_a_step_of_a_matrix_is_told_once(cli: Cli) -> None:
    cli.write("w.yaml", changed("function: draw", "function: drow", changed('cpu: "500m"', 'cpu: "4000"')))
    matrix = "--matrix", "draw-points.slope=1.0,2.0,3.0"
    assert cli("run", "w.yaml", *matrix, code=2).err.count("has no function 'drow'") == 1
    cli.write("w.yaml", changed('cpu: "500m"', 'cpu: "4000"'))
    assert cli("run", "w.yaml", *matrix).err.count("step 'draw-points' asks for 4000 cores") == 1


def test_a_lock_file_holds_while_branches_move(cli: Cli, remotes: Remotes) -> None:
    cli.write("w.yaml", BLOSSOMS)
    cli("lock", "w.yaml")
    first = cli.json("run", "w.yaml")["runs"][0]["program"]["imports"]["garden"]["commit"]
    second = remotes.publish("growers/garden", "main", {"steps/points.py": POINTS.replace("+ 1", "+ 7")})
    assert cli.json("run", "w.yaml")["runs"][0]["program"]["imports"]["garden"]["commit"] == first != second
    remotes.bare("growers/garden").rename(remotes.folder / "gone")
    assert cli.json("run", "w.yaml")["runs"][0]["status"] == "succeeded", "what is locked and fetched needs no network"
    (remotes.folder / "gone").rename(remotes.bare("growers/garden"))
    (cli.folder / "w.yaml.lock").unlink()
    assert cli.json("run", "w.yaml")["runs"][0]["program"]["imports"]["garden"]["commit"] == second
    cli("lock", "w.yaml")
    cli.write("w.yaml", changed('branch: "main"', "branch: other"))
    assert "w.yaml.lock does not fit import 'garden' any more" in cli("run", "w.yaml", code=2).err


def test_a_branch_that_cannot_be_fetched_is_taken_as_it_was(cli: Cli, remotes: Remotes) -> None:
    cli.write("w.yaml", BLOSSOMS)
    cli("run", "w.yaml")
    remotes.bare("others/scores").rename(remotes.folder / "gone")
    assert "as it was fetched last" in cli("run", "w.yaml").err


def test_hostile_names_run_nothing(cli: Cli, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for old, new in (
        ('"git@git.example:growers/garden.git"', f'"ext::touch {mark}"'),
        ('"git@git.example:growers/garden.git"', f'"--upload-pack=touch {mark}"'),
        ('branch: "main"', f'branch: "--upload-pack=touch {mark}"'),
        ('branch: "main"', f'commit: "$(touch {mark})"'),
        ("file: garden/steps/points.py", "file: garden/../../points.py"),
    ):
        refused(cli, changed(old, new))
    assert not mark.exists()


def test_a_base_that_is_none_is_told(cli: Cli) -> None:
    cli.env["MOTET_ORQUESTRA_BASE"] = "/no/such/python"
    assert "/no/such/python does not run as a Python interpreter" in refused(cli, BLOSSOMS)


def test_a_base_of_ones_own_is_used(cli: Cli) -> None:
    base = Path(cli.folder) / "base"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", str(base)], check=True)
    (site,) = base.glob("lib/python*/site-packages")
    (site / "motet_paths.pth").write_text("\n".join(each for each in sys.path if os.path.isdir(each)))
    cli.env["MOTET_ORQUESTRA_BASE"] = str(base / "bin" / "python")
    cli.write("w.yaml", odd(step("a", "tell", "x: 1")))
    assert cli.json("run", "w.yaml")["runs"][0]["status"] == "succeeded"


def test_sources_are_read_and_never_run(tmp_path: Path) -> None:
    path = tmp_path / "job.py"
    path.write_text(
        "raise SystemExit\nfrom os import path as p\nimport json.decoder\n\n"
        "@own\ndef wrapped(a): ...\n\ndef f(a, b=1, *, c, d=2): ...\n\ndef g(**rest): ...\n\n"
        "try:\n    x = 1\nfinally:\n    y = 2\n"
    )
    source = Library([]).source(str(path))
    assert {"p", "json", "f", "x", "y"} <= source.names
    assert source.has("f") is True
    assert source.has("z") is False
    functions = {name: source.function(name) for name in ("f", "g", "wrapped")}
    assert None not in functions.values()
    answers = {
        (name, given): misfit(source, function, given.split())
        for name, function in functions.items()
        if function is not None
        for given in ("a c", "a", "a c z")
    }
    assert answers["f", "a c"] is None
    assert answers["f", "a"] == ("missing", ["c"])
    assert answers["f", "a c z"] == ("unknown", ["z"])
    assert answers["g", "a c z"] is None
    assert answers["wrapped", "a c z"] is None, "a decorator may change what a function takes"
    assert packages_in([str(tmp_path)]) == ["job"]


def test_the_listings_hold_what_they_should() -> None:
    """The components of these tests are Python, so that a fault found in them is one that a test put there."""
    for text in (POINTS, SCORE, MEASURE, ODD):
        compile(text, "component", "exec")
