"""Requests of runs: what cannot be meant is refused before anything is kept, and what is typed stays what it is."""

from __future__ import annotations

import math
from typing import Any

import pytest

from motet.dialects.spell.commands import grammar, spell
from motet.dialects.spell.requests import RunRequest
from motet.dialects.spell.searches import SearchRequest
from motet.errors import UsageError

CONDITION = {"metric": "loss", "operator": "<", "value": 1}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("command", ["a", "b"]), ("command", "a\0b"), ("command", "a\udcff"), ("command", " "), ("cwd", 1),
        ("envvars", {"A": 1}), ("envvars", {"A": "\0"}), ("envvars", {"": "x"}), ("envvars", {"A=B": "x"}),
        ("docker_image", 5), ("github_url", 5), ("description", 5), ("params", {"a": object()}),
        ("params", {"a": math.nan}), ("params", ["a"]), ("labels", [3]), ("labels", "abc"), ("pip_packages", [3]),
        ("attached_resources", {"runs/1": 5}), ("attached_resources", {5: "x"}), ("stop_conditions", ["x"]),
        ("stop_conditions", [[{**CONDITION, "metric": None}]]), ("stop_conditions", [[{**CONDITION, "value": "1"}]]),
        ("stop_conditions", [[{**CONDITION, "operator": "~"}]]),
        ("stop_conditions", [[{**CONDITION, "min_indices": -1}]]),
        ("stop_conditions", [[CONDITION]] * 6), ("timeout_minutes", math.inf), ("timeout_minutes", math.nan),
        ("timeout_minutes", True), ("timeout_minutes", -1), ("retries", -1), ("retries", 1.5), ("grace_s", -1),
        ("run_type", "bogus"), ("workflow_id", "x"), ("distributed", "x"), ("idempotent", "yes"), ("code", "x"),
        ("code", {"artifact": 1}),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(name: str, told: Any) -> None:
    with pytest.raises(UsageError):
        RunRequest.from_json({"command": "true", name: told})


def test_a_parameter_cannot_make_a_command_that_is_no_text() -> None:
    with pytest.raises(UsageError, match="needs a command"):
        RunRequest.from_json({"command": "echo :A:", "params": {"a": "x\0"}})


def test_a_condition_needs_no_index() -> None:
    RunRequest.from_json({"command": "true", "stop_conditions": [[CONDITION, {**CONDITION, "min_indices": None}]]})


@pytest.mark.parametrize("typed", ["3.10", "007", "1_000", "nan", "inf", "-Infinity", " 1", "1e999", "+5", "x", ""])
def test_a_parameter_that_a_number_would_change_stays_text(typed: str) -> None:
    assert grammar.value(typed) == typed


def test_a_parameter_that_is_a_number_is_one() -> None:
    assert [grammar.value(each) for each in ("7", "-0.5", "1e-3", "2E2")] == [7, -0.5, 0.001, 200.0]
    assert grammar.spec("lr=0.10:1.0:log", ranges=True)[1]["min"] == 0.1


@pytest.mark.parametrize("typed", ["loss < e", "loss < .", "loss < 1-2", "loss < ++1", "loss <", "< 1", "loss = 1"])
def test_a_condition_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(UsageError, match="no stop condition"):
        grammar._conditions(typed)


@pytest.mark.parametrize(
    "told",
    [
        {"parallel": -1}, {"prune": -1, "metric": "m"}, {"prune": 3}, {"num_runs": 0}, {"num_runs": -2},
        {"params": {"a": {"min": "x", "max": "y"}}}, {"params": {"a": {"min": None, "max": 1}}},
        {"params": {"a": {"min": math.nan, "max": 1}}}, {"params": {"a": 3}}, {"params": {}}, {"direction": "up"},
    ],
)  # fmt: skip
def test_a_search_that_cannot_be_meant_is_refused(told: dict[str, Any]) -> None:
    whole = {"kind": "random", "params": {"a": {"min": 1, "max": 2}}, "num_runs": 2, **told}
    with pytest.raises(UsageError):
        SearchRequest(**whole).check()


def test_what_is_good_is_the_same_at_all_doors() -> None:
    typed = spell._parser("hyper bayesian").parse_args(["true"])
    assert typed.direction == SearchRequest("bayesian", {}).direction == "maximize"
