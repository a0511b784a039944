"""What the page is told of one step: attempts, inputs, previews, forks; and logs with what stands around."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pandas  # type: ignore[import-untyped]
import pytest
from starlette.testclient import TestClient
from tests.server.conftest import Served

import motet
from motet.artifacts.memory import MemoryArtifacts
from motet.server.api import ROUTES
from motet.server.application import Application
from motet.server.gate import Gate
from motet.server.site import open_site
from motet.server.table import Role
from motet.views.inputs import shown


@motet.task
def load(count: int) -> Any:
    return pandas.DataFrame({"a": range(count), "b": [each / 2 for each in range(count)], "c": ["x"] * count})


@motet.task
def features(table: Any) -> Any:
    for number in range(300):
        print(f"line {number}{' alloc' if number in (5, 7, 200) else ''}")
    return numpy.asarray(table["b"].to_numpy() - 1.0)


@motet.task(retries=1)
def train(trial: dict[str, float], data: Any) -> dict[str, Any]:
    if trial["depth"] == 96:
        raise ValueError("too deep")
    return {"rmse": trial["depth"] / 10, "notes": "n" * 5000}


@motet.task
def note(text: str) -> str:
    return text * 1000


@motet.flow
def taxi(count: int = 8, depth: int = 96) -> None:
    data = features(load(count))
    note("a\n")
    train.map([{"depth": each, "lr": 0.1} for each in (4, 8, depth)], data=motet.unmapped(data)).wait()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, str]]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTET_HOME", str(home))
        taxi(return_state=True)
        site = open_site(str(home))
        client = Served(site, Application(site, ROUTES, Gate(site))).as_(Role.VIEWER)
        yield client, f"/api/v1/runs/{site.store.runs()[0].id}"
        site.close()


def view(told: tuple[TestClient, str], step: str) -> dict[str, Any]:
    client, run = told
    answer = client.get(f"{run}/step", params={"step": step})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_array_and_a_table_come_with_what_is_in_them(told: tuple[TestClient, str]) -> None:
    found = view(told, "features-0")
    array = found["result"]["preview"]
    assert (array["dtype"], array["shape"], array["low"], array["high"], array["empty"]) == ("float64", [8], -1, 2.5, 0)
    assert sum(array["bars"]) == 8
    [table] = found["inputs"]
    assert table["from"] == "taxi/load-0"
    assert table["preview"]["rows"][:2] == [[0, 0.0, "x"], [1, 0.5, "x"]]
    assert (table["preview"]["n_rows"], table["preview"]["kinds"][:2]) == (8, ["int64", "float64"])
    assert table["preview"]["about"][1]["mean"] == 1.75


def test_values_are_told_without_being_loaded(told: tuple[TestClient, str]) -> None:
    assert view(told, "train-0[0]")["result"]["value"] == {"rmse": 0.4, "notes": "n" * 5000}
    text = view(told, "note-0")["result"]
    assert (text["n_chars"], text["text"]) == (2000, "a\n" * 39 + "a")
    assert view(told, "load-0")["inputs"] == [{"name": "count", "from": "", "value": 8}]


def test_what_voices_record_in_their_own_way_is_told_by_its_names() -> None:
    nothing = MemoryArtifacts()
    outputs = {"table": {"artifact": "0" * 64, "size_bytes": 9, "value": {"rows": [1]}}, "big": {"artifact": "1" * 64}}
    assert shown({"outputs": outputs}, nothing)["value"] == {"table": {"rows": [1]}, "big": {"artifact": "1" * 64}}
    assert shown({"published": {"out": "x"}}, nothing)["value"] == {"published": {"out": "x"}}
    assert "value" not in shown({"lost": "a lock"}, nothing)
    assert shown({"artifact": "2" * 64, "size_bytes": 5}, nothing).keys() == {"words", "artifact", "size_bytes"}


def test_an_element_stands_beside_its_siblings(told: tuple[TestClient, str]) -> None:
    found = view(told, "train-0[2]")
    [trial] = [each for each in found["inputs"] if each["name"] == "trial"]
    assert (trial["value"], trial["others"]) == ({"depth": 96, "lr": 0.1}, {"depth": [4, 8]})
    assert (found["before"], found["after"]) == ("taxi/train-0[1]", "")
    first = view(told, "train-0[0]")
    assert (first["before"], first["after"]) == ("", "taxi/train-0[1]")
    assert "others" not in view(told, "train-0[1]")["inputs"][0]


def test_each_failed_attempt_has_its_error_at_the_users_line(told: tuple[TestClient, str]) -> None:
    attempts = view(told, "train-0[2]")["attempts"]
    assert [each["outcome"] for each in attempts] == ["failed", "failed"]
    for each in attempts:
        frame = each["error"]["frames"][-1]
        assert Path(frame["file"]).name == "test_stepping.py"
        assert [line for _, line in frame["code"]][-2:] == [
            '        raise ValueError("too deep")', '    return {"rmse": trial["depth"] / 10, "notes": "n" * 5000}',
        ]  # fmt: skip
        assert frame["code"][2][0] == frame["line"]


def test_the_plan_of_a_fork_says_what_runs_anew(told: tuple[TestClient, str]) -> None:
    client, run = told
    plan = client.post(f"{run}/fork/plan", json={"anew": ["features-0"]}).json()
    assert (plan["reused"], plan["anew"], plan["to_come"], plan["surely"]) == (2, 3, 1, True)
    assert plan["steps"] == ["taxi/features-0", "taxi/train-0"]
    plan = client.post(f"{run}/fork/plan", json={"params": {"count": 3}}).json()
    assert (plan["reused"], plan["anew"], plan["surely"]) == (1, 4, False)
    plan = client.post(f"{run}/fork/plan", json={}).json()
    assert (plan["reused"], plan["anew"], plan["to_come"]) == (5, 0, 1)


def test_hits_come_with_the_lines_around_them(told: tuple[TestClient, str]) -> None:
    client, run = told
    found = client.get(f"{run}/logs", params={"search": "alloc", "around": 2}).json()["lines"]
    assert [each["text"].split()[1] for each in found] == [*map(str, range(3, 10)), *map(str, range(198, 203))]
    assert [each["text"].split()[1] for each in found if each["hit"]] == ["5", "7", "200"]
    assert [each["left_out"] for each in found if each["left_out"]] == [188]
    again = client.get(f"{run}/logs", params={"position": found[2]["position"], "limit": 1, "chars": 4}).json()
    assert [(each["text"], each["cut_chars"]) for each in again["lines"]] == [("line", len(" 5 alloc"))]


def test_errors_are_found_from_both_ends(told: tuple[TestClient, str]) -> None:
    client, run = told
    first = client.get(f"{run}/logs", params={"errors": True, "limit": 1}).json()
    assert "Attempt 1 failed: ValueError" in first["lines"][0]["text"]
    second = client.get(f"{run}/logs", params={"errors": True, "limit": 1, "position": first["position"]}).json()
    back = {"errors": True, "limit": 1, "from_end": True, "position": second["lines"][0]["position"]}
    assert client.get(f"{run}/logs", params=back).json()["lines"] == first["lines"]
    streams = client.get(f"{run}/logs", params={"stream": "stdout"}).json()["lines"]
    assert {each["stream"] for each in streams} == {"stdout"}


def test_all_of_a_log_comes_as_text(told: tuple[TestClient, str]) -> None:
    client, run = told
    answer = client.get(f"{run}/logs/text", params={"step": "features-0"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.text.splitlines()) == 300
    assert client.get(f"{run}/logs/text", params={"search": "alloc"}).text.count("\n") == 3
