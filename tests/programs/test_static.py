"""A static program: results are passed on, failures skip what needs them, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tests.programs.running import EXECUTORS, executions, host_on, run_here, run_killed
from tests.programs.static import Static, make

from motet.errors import UsageError
from motet.values.records import decode

MAKE = "tests.programs.static:make"
HERE = "tests.programs.targets:"


def diamond(path: Path, executor: str, pause_s: float = 0.0) -> Any:
    """a, then six steps b, then c of all of them; a large value and its length beside it."""
    middle = {f"b{n}": call("add", [{"$result": "a"}, n], path, pause_s=pause_s) for n in range(6)}
    return {
        "steps": {
            "c": call("add", [[{"$result": name} for name in middle], {"$result": "length"}], path),
            **middle,
            "a": call("add", [1, 2], path, pause_s=pause_s),
            "large": call("large", [100_000], path),
            "length": call("length", [{"$result": "large"}], path),
            "last": {**call("add", [1], path), "needs": ["c"]},
        },
        "result": "c", "executor": executor, "path": str(path),
    }  # fmt: skip


def call(function: str, args: list[Any], path: Path, **kwargs: Any) -> dict[str, Any]:
    return {"target": HERE + function, "args": [str(path), *args], "kwargs": kwargs}


RESULT = sum(3 + n for n in range(6)) + 100_000


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_results_are_passed_on(store: str, executor: str, tmp_path: Path) -> None:
    host = host_on(store, tmp_path)
    row, _ = run_here(host, MAKE, diamond(tmp_path / "ran", executor))
    assert (row.status, decode(row.result, host.artifacts)) == ("succeeded", RESULT)
    assert set(executions(tmp_path / "ran").values()) == {1}
    assert row.owner is None
    host.close()


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_a_failure_skips_what_needs_it_and_nothing_else(store: str, executor: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    steps = {
        "bad": call("fail", ["broken"], ran),
        "after-bad": call("add", [{"$result": "bad"}], ran),
        "after-that": {**call("add", [1], ran), "needs": ["after-bad"]},
        "good": call("add", [1], ran),
        "after-good": call("add", [{"$result": "good"}, 1], ran, pause_s=0.05),
        "again": {**call("fail_twice", [], ran), "policy": {"retries": 2}},
    }
    host = host_on(store, tmp_path)
    row, _ = run_here(host, MAKE, {"steps": steps, "executor": executor})
    status = {step.key: step.status for step in host.store.steps("r1")}
    assert status == {
        "bad": "failed", "after-bad": "skipped", "after-that": "skipped",
        "good": "succeeded", "after-good": "succeeded", "again": "succeeded",
    }  # fmt: skip
    assert row.status == "failed"
    assert row.error["message"] == "failed: bad; skipped: after-bad, after-that"
    assert executions(ran) == {"bad": 1, "good": 1, "after-good": 1, "again": 3}
    assert "ValueError" in str(host.store.step("r1", "bad").error)
    host.close()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_kills_lose_nothing(executor: str, tmp_path: Path, rng: random.Random) -> None:
    row = run_killed(tmp_path, MAKE, diamond(tmp_path / "ran", executor, pause_s=0.1), 4, rng)
    assert (row.status, row.result) == ("succeeded", RESULT)


def test_what_cannot_be_put_in_order_is_refused() -> None:
    with pytest.raises(UsageError, match="a -> b -> a"):
        make({"steps": {"a": {"target": "m:f", "needs": ["b"]}, "b": {"target": "m:f", "args": [{"$result": "a"}]}}})
    with pytest.raises(UsageError, match="a -> x"):
        Static({"a": {"target": "m:f", "needs": ["x"]}}, "a", "threads")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_a_step_writes_goes_to_a_file_that_the_voice_names_too(
    executor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTET_SECRET_WORD", "hunter2-hunter2")
    path, host = tmp_path / "made" / "a.run.log", host_on("sqlite", tmp_path)
    steps = {
        "a": {"target": HERE + "say", "args": ["hunter2-hunter2"], "log_file": str(path)},
        "b": {"target": HERE + "say", "args": ["elsewhere"], "needs": ["a"]},
    }
    row, _ = run_here(host, MAKE, {"steps": steps, "result": "a", "executor": executor})
    assert row.status == "succeeded"
    assert sorted(path.read_text().splitlines()) == ["*** a", "error ***"]
    logged = [(line.key, line.stream, line.text) for line in host.logs.read(row.id).lines]
    assert sorted(logged) == [
        ("a", "stderr", "error ***"), ("a", "stdout", "*** a"),
        ("b", "stderr", "error elsewhere"), ("b", "stdout", "elsewhere b"),
    ]  # fmt: skip
