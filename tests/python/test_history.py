"""Runs read back, carried on and forked from Python."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import motet
from motet import artifact, flow, task
from motet.errors import NotFound, RunFailed, UsageError

FAILS = {"unsteady": True}


@dataclass
class Model:
    depth: int


@task(task_run_name="depth {depth}")
def evaluate(depth: int) -> float:
    print("at", depth)
    if depth == 2 and FAILS["unsteady"]:
        raise ValueError("unsteady")
    return 1 / (depth + 1)


@task
def best(losses: list[float]) -> Model:
    artifact.table("scores", [{"depth": at, "loss": loss} for at, loss in enumerate(losses)], "all of them")
    artifact.markdown("report", "# Well")
    artifact.file("plan", __file__)
    for loss in losses:
        artifact.metric("loss", loss)
    return Model(losses.index(min(losses)))


@flow(flow_run_name="forty")
def search(depths: int = 3, model: Model | None = None) -> Model:
    return best(evaluate.map(range(depths)).result())


@flow
async def later(count: int = 2) -> int:
    if FAILS["unsteady"]:
        raise ValueError("not yet")
    return count


@pytest.fixture(autouse=True)
def steady() -> None:
    FAILS["unsteady"] = False


def test_a_run_read_back() -> None:
    with motet.tags("nightly"):
        search(model=Model(7))
    run = motet.runs["forty"]
    assert repr(run).startswith("<run forty of search: succeeded after ")
    assert (run.status, run.name, run.workflow, run.tags) == ("succeeded", "forty", "search", ("nightly",))
    assert run.params == {"depths": 3, "model": Model(7)}
    assert run.result == Model(2)
    assert run.started_at is not None and run.ended_at is not None
    assert run.created_at <= run.started_at <= run.ended_at
    assert run.duration_s == pytest.approx((run.ended_at - run.started_at) / timedelta(seconds=1), abs=1e-3)
    assert list(run.steps) == ["search", "search/evaluate-0", "search/best-0"]
    assert len(run.steps) == 3 and "best-0" in run.steps and "worst-0" not in run.steps
    elements = run.steps["evaluate-0"].elements
    assert [each.name for each in elements] == ["depth 0", "depth 1", "depth 2"]
    assert elements[1].result == 0.5 and elements[1].logs == "at 1\n"
    assert dict(run.results) == {"search/evaluate-0": [1, 0.5, 1 / 3], "search/best-0": Model(2)}
    assert run.metrics == {"loss": 1 / 3}
    assert run.artifacts["loss"].points == {0: 1, 1: 0.5, 2: 1 / 3}
    assert run.artifacts["scores"].value[1] == {"depth": 1, "loss": 0.5}
    assert run.artifacts["best-0#report"].value == "# Well"
    assert Path(run.artifacts["plan"].path).read_bytes() == run.artifacts["plan"].value == Path(__file__).read_bytes()
    assert sorted(run.artifacts) == ["loss", "plan", "report", "scores"]
    assert list(run.steps["best-0"].artifacts) == list(run.artifacts)
    assert sorted(run.logs.splitlines()) == ["at 0", "at 1", "at 2"]
    with pytest.raises(KeyError, match="there are"):
        run.artifacts["nothing"]
    with pytest.raises(NotFound, match="no step 'worst'"):
        run.steps["worst"]


def test_runs_are_chosen(tmp_path: Path) -> None:
    assert "forty" not in motet.runs
    for depths in (2, 3, 4):
        search(depths)
    assert [run.params["depths"] for run in motet.runs] == [4, 3, 2]
    assert [run.params["depths"] for run in motet.runs.where(params={"depths": 3})] == [3]
    assert [run.params["depths"] for run in motet.runs.where(metrics={"loss": (0.3, None)})] == [3, 2]
    assert list(motet.runs.where(status="failed")) == []
    assert list(motet.runs.where(workflow="other")) == []
    newest = motet.runs["forty"]
    assert [run.id for run in motet.runs.where(since=newest.created_at)] == [newest.id]
    assert len(list(motet.runs.where(since="1h"))) == 3
    with pytest.raises(UsageError, match="no time"):
        motet.runs.where(since="yesterday or so")


def test_resume_and_fork(capsys: pytest.CaptureFixture[str]) -> None:
    FAILS["unsteady"] = True
    with pytest.raises(ValueError, match="unsteady"):
        search()
    run = motet.runs["forty"]
    assert (run.status, run.error) == ("failed", "ValueError: unsteady")
    assert "in evaluate" in run.traceback
    with pytest.raises(RunFailed, match="ValueError: unsteady"):
        assert run.result
    assert run.resume().status == "failed", "it fails again, and nothing is raised"
    FAILS["unsteady"] = False
    capsys.readouterr()
    again = motet.resume(run)
    assert (again.id, again.status, again.result) == (run.id, "succeeded", Model(2))
    assert capsys.readouterr().out == "at 2\n", "what succeeded is not run again"
    assert run.refresh().status == "succeeded"
    with pytest.raises(UsageError, match="has ended: succeeded"):
        again.resume()


def test_a_fork_reuses_elements() -> None:
    search(3)
    other = motet.runs["forty"].fork({"depths": 5}, name="more")
    assert (other.name, other.status, len(other.steps["evaluate-0"].elements)) == ("more", "succeeded", 5)
    assert [each.cached for each in other.steps["evaluate-0"].elements] == [True, True, True, False, False]
    anew = motet.fork(other, anew=["evaluate-0"], name="anew")
    assert not any(each.cached for each in anew.steps["evaluate-0"].elements)


def test_where_an_event_loop_runs() -> None:
    FAILS["unsteady"] = True
    with pytest.raises(ValueError, match="not yet"):
        asyncio.run(later())  # type: ignore[arg-type]
    FAILS["unsteady"] = False

    async def cell() -> Any:
        return motet.resume(next(iter(motet.runs)))

    assert asyncio.run(cell()).result == 2


SESSION = """
import sys, os
from motet import flow, runs, resume, fork
FAILS = True
@flow
def cell(count: int = 1):
    if FAILS:
        raise ValueError("no")
    return count

try:
    cell()
except ValueError:
    pass
run = next(iter(runs))
FAILS = False
assert resume(run).result == 1
assert run.fork({"count": 5}).result == 5
print("well", sys.argv, os.getcwd() == {folder!r})
"""


def test_flows_of_a_session_are_carried_on_from_it(tmp_path: Path) -> None:
    text = SESSION.replace("{folder!r}", repr(str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "well ['-c'] True\n"


def test_what_loading_a_script_changes_is_put_back(tmp_path: Path, motet_home: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from motet import flow\n\n\n@flow\ndef f(n: int = 1):\n    return n\n")
    done = subprocess.run([sys.executable, "-P", "-m", "motet.cli", "run", str(script), "--name", "mine"], check=False)
    assert done.returncode == 0
    before = sys.modules["__main__"], sys.argv[:], sys.path[:], os.getcwd()
    assert motet.fork("mine", {"n": 3}).result == 3
    assert before == (sys.modules["__main__"], sys.argv, sys.path, os.getcwd())
