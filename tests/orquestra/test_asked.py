"""What tells steps of workflows apart: one value for cache, fork, resume and `motet why`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.cli.conftest import Cli
from tests.orquestra.workflows import odd
from tests.orquestra.workflows import step as written

from motet.dialects.orquestra.asked import asked, changed, parts, resolved
from motet.dialects.orquestra.components import Component
from motet.dialects.orquestra.spec import Import, Input, Output, Step
from motet.dialects.orquestra.surroundings import Surroundings
from motet.ports import recorded_spec


def make(
    versions: Mapping[str, str] | None = None, digest: str = "d", **fields: Any
) -> tuple[Step, dict[str, Component], Surroundings]:  # fmt: skip
    given: dict[str, Any] = {
        "name": "s", "imports": ["mine", "other"], "module": "mine", "file": "job.py", "function": "go",
        "inputs": [Input("rate", "float", (), value=0.1), Input("table", "json", (), source=("load", "rows"))],
        "outputs": [Output("out", "json", (), "out.json")],
    }  # fmt: skip
    step = Step(at=(), **{**given, **fields})
    kinds = {"mine": "local", "other": "git"}
    named = {"mine": "v1", "other": "c1", **(versions or {})}
    found = {name: Component(Import(name, kinds[name], ()), f"/{name}", version) for name, version in named.items()}
    return step, found, Surroundings("/python", (), digest, {})


def identity(**given: Any) -> str:
    return asked(*make(**given)).identity


ANOTHER: dict[str, dict[str, Any]] = {
    "the function": {"function": "stop"},
    "the file": {"file": "work.py"},
    "the folder that the file is in": {"versions": {"mine": "v2"}},
    "another import": {"versions": {"other": "c2"}},
    "the order of the imports": {"imports": ["other", "mine"]},
    "interpreter or packages": {"digest": "e"},
    "a literal": {
        "inputs": [Input("rate", "float", (), value=0.2), Input("table", "json", (), source=("load", "rows"))]
    },
    "the output that is taken": {
        "inputs": [Input("rate", "float", (), value=0.1), Input("table", "json", (), source=("load", "columns"))]
    },
    "the file of an output": {"outputs": [Output("out", "json", (), "result.json")]},
}  # fmt: skip


@pytest.mark.parametrize("what", ANOTHER)
def test_what_can_change_a_result_counts(what: str) -> None:
    assert identity(**ANOTHER[what]) != identity()


@pytest.mark.parametrize(
    "given",
    [{"name": "t"}, {"resources": {"cpu": 2.0}}, {"retries": 3, "delay_s": 1.0}, {"timeout_s": 9.0}, {"passed": ["a"]},
     {"image": "other"}],
)  # fmt: skip
def test_what_only_says_where_when_or_how_often_does_not(given: dict[str, Any]) -> None:
    assert identity(**given) == identity()


def test_one_and_one_point_nought_and_true_are_told_apart() -> None:
    found = {
        identity(inputs=[Input("a", "json", (), value=value)]) for value in (1, 1.0, True, "1", [1], [1.0], [True])
    }
    assert len(found) == 7


def test_between_runs_artifacts_count_by_content() -> None:
    record = {"artifact": "f00", "file": "rows.json", "size_bytes": 1}
    one = asked(*make())
    step, components, around = make(inputs=[
        Input("rate", "float", (), value=0.1), Input("table", "json", (), source=("elsewhere", "all"))
    ])  # fmt: skip
    other = asked(step, components, around)
    assert one.identity != other.identity
    assert resolved(one, {"table": record}).identity == resolved(other, {"table": record}).identity
    for changes in ({"artifact": "f01"}, {"file": "rows.csv"}):
        assert resolved(one, {"table": {**record, **changes}}).identity != resolved(one, {"table": record}).identity
    assert "/" not in "".join(parts(resolved(one, {"table": record})).values()).replace(one.target, ""), "no path"


def test_the_record_of_a_step_is_its_value() -> None:
    spec = asked(*make())
    assert recorded_spec(spec.json()) == spec


def test_what_has_changed_is_named() -> None:
    was = asked(*make()).json()

    def told(**given: Any) -> list[str]:
        step, components, around = make(**given)
        return changed(was, asked(step, components, around).json(), components, {})

    assert told() == []
    assert told(versions={"mine": "v2"}) == ["the local folder that it imports as mine"]
    assert told(versions={"other": "c2"}) == ["the import other"]
    assert told(digest="e") == ["its interpreter or packages"]


@pytest.mark.parametrize(
    ("call", "begun", "names"),
    [({"file": "mine/job.py", "local": {"mine": "v0"}}, {}, True), ({"local": {"mine": "v1"}}, {"mine": "v0"}, False),
     ({"file": "mine/job.py"}, {"mine": "v0"}, True), (None, {"mine": "v1"}, False)],
)  # fmt: skip
def test_of_steps_of_earlier_versions_local_folders_are_known(
    call: Any, begun: dict[str, str], names: bool
) -> None:  # fmt: skip
    step, components, around = make()
    now = asked(step, components, around).json()
    assert changed(call, now, components, begun) == ["the local folder that it imports as mine"] * names


@pytest.fixture
def counted(cli: Cli) -> Callable[[], list[str]]:
    """What has run since it was asked the last time."""
    seen = [0]

    def news() -> list[str]:
        found = cli.counted()[seen[0] :]
        seen[0] += len(found)
        return found

    return news


def test_a_fork_takes_over_the_steps_of_its_run(cli: Cli, counted: Callable[[], list[str]]) -> None:
    text = odd(
        written("a", "tell", "x: 1"), written("b", "tell", "x: 2"), written("c", "tell", "y: ((b.told))"),
        written("d", "tell", "y: ((a.told))"),
    )  # fmt: skip
    cli.write("w.yaml", text)
    cli("run", "w.yaml", "--name", "mine")
    ran = len(counted())
    cli("fork", "mine", "--set", "b.x=3", "--name", "other")
    notes = {each["key"]: each["cached"] for each in cli.json("show", "other")["steps"]}
    assert (notes, len(counted())) == ({"a": True, "b": False, "c": False, "d": True}, ran // 2)
    assert "its result is that of step a of run mine" in cli("why", "other", "a").out
    assert "its arguments have changed: x (it was 2, now 3)" in cli("why", "other", "b").out
    cli("fork", "mine", "--from", "a", "--name", "third")
    notes = {each["key"]: each["cached"] for each in cli.json("show", "third")["steps"]}
    assert notes == {"a": False, "b": True, "c": True, "d": False}
    assert "--from asks for it to run" in cli("why", "third", "a").out
