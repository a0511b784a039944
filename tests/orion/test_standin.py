"""`import prefect`, served from motet.orion."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.orion.running import run

from motet import orion
from motet.dialects.python.doors import door_now, open_door


@pytest.fixture(autouse=True)
def without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "prefect"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that has Prefect's name."""
    package = tmp_path / "site" / "prefect"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def flow(function): return lambda *args: 'the real one'\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent), prepend=os.pathsep)
    return package


def test_names_and_modules() -> None:
    with open_door("orion"):
        import prefect
        from prefect import flow, task
        from prefect.orion.schemas.states import Completed
        from prefect.task_runners import SequentialTaskRunner

        assert (flow, task, Completed) == (orion.flow, orion.task, orion.Completed)
        assert SequentialTaskRunner is orion.SequentialTaskRunner
        assert prefect.task_runners.SequentialTaskRunner is SequentialTaskRunner
        assert door_now() == "orion"
        with pytest.raises(ImportError, match=r"prefect\.dask"):
            import prefect.dask
    assert orion.__name__ == orion.__spec__.name == "motet.orion"
    assert (door_now(), "prefect" in sys.modules) == ("", False)


SCRIPT = """from prefect import flow

@flow
def f(): return 5

print(f())
"""


@pytest.mark.parametrize(
    ("options", "out"),
    [
        (["--door", "orion"], "Completed()"),
        (["--door", "none"], "the real one"),
        (["--door", "prefect"], "5"),
        ([], "5"),
    ],
)
def test_a_door_goes_before_prefect_itself(tmp_path: Path, real: Path, options: list[str], out: str) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    done = run("run", *options, str(path), how="motet")
    assert done.out.splitlines()[0] == out, done.err


def test_a_resume_and_a_fork_take_the_runs_own_door(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.replace("return 5", "raise ValueError(5)"))
    assert run("run", "--door", "orion", "--name", "calm-heron", str(path), how="motet").code == 0
    for command in ("resume", "fork"):
        again = run(command, "calm-heron", how="motet")
        assert "Failed('Flow run encountered an exception.')" in again.err, command
