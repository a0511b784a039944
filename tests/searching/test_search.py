"""`motet.search`: a search within a flow is recorded, pruned, and taken up again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

import motet
from motet import app, artifact, flow, task
from motet.errors import UsageError
from motet.search import Choice, Found, Pruning, Range, Search
from motet.values.published import published

SPACE = {"rate": Range(1e-4, 1e-1, "log"), "layers": Choice([1, 2, 3])}


@task
def train(rate: float, layers: int, bad: int = 0) -> float:
    if layers == bad:
        raise ValueError(f"{layers} layers")
    return (rate - 0.01) ** 2 + layers


def found_by(search: Search, **fixed: int) -> Found:
    kept = []

    @flow
    def tune() -> None:
        kept.append(search.run(train, **fixed))

    tune()
    return kept[0]


def test_a_bayesian_search_finds_what_is_best() -> None:
    found = found_by(Search(SPACE, trials=16, parallel=3, seed=7))
    assert len(found.trials) == 16
    assert found.best is not None
    assert found.best.params["layers"] == 1
    assert found.best.value == min(each.value or 9.0 for each in found.trials)


def test_grids_and_chance_need_no_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    grid = found_by(Search({"rate": Choice([0.1, 0.2]), "layers": Choice([1, 2])}, method="grid", direction="maximize"))
    assert [tuple(each.params.values()) for each in grid.trials] == [(0.1, 1), (0.1, 2), (0.2, 1), (0.2, 2)]
    assert grid.best is not None
    assert grid.best.number == 3
    chance = found_by(Search(SPACE, trials=4, parallel=4, method="random", seed=1))
    again = found_by(Search(SPACE, trials=4, method="random", seed=1))
    assert [each.params for each in chance.trials] == [each.params for each in again.trials]
    with pytest.raises(UsageError, match=r"motet\[search\]"):
        found_by(Search(SPACE, trials=1))


def test_a_trial_that_fails_is_one_without_a_value() -> None:
    found = found_by(Search({"rate": Choice([0.1]), "layers": Choice([1, 2])}, method="grid"), bad=1)
    assert [each.ended for each in found.trials] == ["failed", "finished"]
    assert found.best is not None
    assert found.best.number == 1


@pytest.mark.parametrize(
    ("search", "said"),
    [
        (Search(SPACE, trials=0), "needs a trial"),
        (Search(SPACE, method="luck"), "no search 'luck'"),
        (Search(SPACE, method="grid"), "has no end"),
        (Search(SPACE, method="random", pruning=Pruning()), "gives up no trial"),
        (Search({}, method="random"), "needs a parameter"),
        (Search({"bad": Choice([1])}, method="grid"), "cannot be searched and be given"),
    ],
)
def test_what_cannot_be_searched_is_refused(search: Search, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        found_by(search, bad=0)


def test_a_search_is_part_of_a_flow() -> None:
    with pytest.raises(UsageError, match="part of a flow"):
        Search(SPACE, method="random").run(train)


def test_trials_left_behind_are_given_up_and_the_table_is_published() -> None:
    over = Event()
    begun: list[int] = []

    @task
    def climb(x: float) -> float:
        begun.append(len(begun))
        artifact.metric("loss", begun[-1], step=1)
        if begun[-1]:
            over.wait()  # longer than anybody would: it is given up
        return 0.0

    kept = []

    @flow
    def tune() -> None:
        search = Search({"x": Range(0, 1)}, trials=3, pruning=Pruning(first=1), metric="loss")
        kept.append(search.run(climb))

    try:
        tune()
    finally:
        over.set()
    assert [each.ended for each in kept[0].trials] == ["finished", "pruned", "pruned"]
    (run,) = motet.runs
    assert "search" in {each.key for each in published(app.hosts.current().store, run.id)}


SCRIPT = """
import os, sys
from motet import flow, task
from motet.search import Choice, Range, Search

@task
def train(x, kind):
    with open("calls", "a") as calls:
        print(x, file=calls)
    if os.path.exists("die") and sum(1 for _ in open("calls")) == 9:
        os.remove("die")
        os.kill(os.getpid(), 9)
    return (x - 2) ** 2 + (kind == "b")

@flow
def tune():
    found = Search({"x": Range(-5, 5), "kind": Choice("ab")}, trials=14, parallel=2, seed=4).run(train)
    print("best", found.best.number, [each.number for each in found.trials if each.ended != "finished"])

if __name__ == "__main__":
    tune()
"""


def test_a_search_that_was_killed_goes_on_and_repeats_no_trial(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    (tmp_path / "tune.py").write_text(SCRIPT)
    (tmp_path / "die").touch()

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "MOTET_HOME": os.environ["MOTET_HOME"]}
        return subprocess.run(
            [sys.executable, "-m", "motet", *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    first = command("run", "tune.py", "--name", "tune-1")
    assert first.returncode == -9, first.stdout + first.stderr
    done = command("resume", "tune-1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "best" in done.stdout
    calls = (tmp_path / "calls").read_text().split()
    assert 14 <= len(calls) <= 16  # what was under way when it was killed ran twice
    assert len(set(calls)) == 14
