"""`import prefect`, served from motet.orion."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.orion.running import run

from motet import orion
from motet.dialects.python.finding.standin import standing_in, stands_in


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
    with standing_in("orion"):
        import prefect
        from prefect import flow, task
        from prefect.orion.schemas.states import Completed
        from prefect.task_runners import SequentialTaskRunner

        assert (flow, task, Completed) == (orion.flow, orion.task, orion.Completed)
        assert SequentialTaskRunner is orion.SequentialTaskRunner
        assert prefect.task_runners.SequentialTaskRunner is SequentialTaskRunner
        assert stands_in()
        with pytest.raises(ModuleNotFoundError, match=r"prefect\.deployments"):
            import prefect.deployments
    assert orion.__name__ == orion.__spec__.name == "motet.orion"


def test_prefect_itself_goes_first_unless_a_door_is_asked_for(tmp_path: Path, real: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text("from prefect import flow\n\n@flow\ndef f(): return 5\n\nprint(f())\n")
    door = run("run", "--door", "orion", str(path), how="motet")
    assert (door.code, door.out.splitlines()[0]) == (0, "Completed()"), door.err
    plain = run("run", str(path), how="motet")
    assert plain.out.startswith("the real one\n")


def test_without_prefect_no_door_need_be_asked_for(tmp_path: Path) -> None:
    if find_spec("prefect") is not None:
        pytest.skip("Prefect itself is installed here")
    path = tmp_path / "script.py"
    path.write_text("from prefect import flow\n\n@flow\ndef f(): return 5\n\nprint(f())\n")
    done = run("run", str(path), how="motet")
    assert (done.code, done.out.splitlines()[0]) == (0, "Completed()"), done.err
