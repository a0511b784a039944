"""What came of what, over HTTP: events and who heard them, artifacts and what made them, code, many runs together."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.server.conftest import Served

from motet import artifact, flow, rules, task
from motet.ports import Publication
from motet.ports.definition import Definition
from motet.reactions import finish, react, start
from motet.registry import definitions, snapshots
from motet.scheduling import triggers
from motet.scheduling.triggers import Trigger
from motet.server.site import Site
from motet.server.table import Role

API = "/api/v1"


@task
def rows(n: int) -> list[int]:
    return list(range(n * 20_000))


@task
def small(n: int) -> int:
    return n


@task
def total(values: list[int], least: int) -> dict[str, Any]:
    artifact.metric("loss", 1 / (least + 1), step=0)
    artifact.markdown("report", f"# {sum(values)}")
    artifact.image("curve", b"\x89PNG\r\n\x1a\n" + b"0" * 70_000)
    return {"values": values, "sum": sum(values)}


@task
def add(values: list[int], number: int) -> list[int]:
    return [*values, number]


@flow(name="spread")
def spread() -> int:
    values = rows(1)
    return len([add.submit(values, 1), *add.map([values], [2])])


@task
def online() -> None:
    pass


@flow(name="pipeline")
def pipeline(n: int, model: dict[str, Any]) -> int:
    found = total.submit(rows(n), small.submit(n)).result()
    return int(found["sum"])


def get(client: TestClient, route: str, **query: Any) -> Any:
    answer = client.get(f"{API}{route}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_lineage_goes_back_to_what_made_it_and_forward_to_what_was_made_of_it(served: Served) -> None:
    pipeline(1, {"depth": 3})
    client = served.viewer
    run = get(client, "/runs")["runs"][0]["id"]
    made = get(client, f"/runs/{run}/lineage", step="rows")["made"]
    graph = get(client, f"/artifacts/{made[0]}/lineage")
    steps = {each["task"]: each["level"] for each in graph["nodes"] if "step" in each}
    assert steps["rows"] == -1
    assert steps["total"] == 1
    assert graph["sentence"].startswith("Made by pipeline/rows-0 of ")
    (last,) = [each for each in get(client, f"/runs/{run}/lineage", step="total")["made"] if each != made[0]][:1]
    back = get(client, f"/artifacts/{last}/lineage")
    levels = {each.get("task") or each["artifact"]: each["level"] for each in back["nodes"]}
    assert (levels["total"], levels[made[0]], levels["rows"]) == (-1, -2, -3)
    assert levels["small"] == -2  # what it gave is no artifact: it leads on all the same
    assert not back["is_cut"]
    near = get(client, f"/artifacts/{last}/lineage", levels=1)
    assert near["is_cut"]
    names = {each["key"]: each for each in back["nodes"] if "artifact" in each}
    assert names["result of rows"]["size_bytes"] > 32_768


def test_lineage_leads_to_elements_of_maps(served: Served) -> None:
    spread()
    client = served.viewer
    run = get(client, "/runs")["runs"][0]["id"]
    (first,) = get(client, f"/runs/{run}/lineage", step="rows")["made"]
    graph = get(client, f"/artifacts/{first}/lineage", levels=1)
    after = [each["step"] for each in graph["nodes"] if each["level"] == 1]
    assert "spread/add-0" in after
    assert any(each.startswith("spread/add-1") for each in after)


def test_published_artifacts_are_listed_newest_first_and_lead_to_their_step(served: Served) -> None:
    pipeline(1, {})
    client = served.viewer
    found = get(client, "/artifacts")["events"]
    assert [each["key"] for each in found] == ["curve", "report"]
    assert [each["key"] for each in get(client, "/artifacts", kind="metric")["events"]] == ["loss"]
    assert [each["key"] for each in get(client, "/artifacts", text="REP")["events"]] == ["report"]
    assert client.get(f"{API}/artifacts", params={"kind": "odd"}).status_code == 400
    graph = get(client, f"/artifacts/{found[0]['value']['content']['artifact']}/lineage")
    middle = next(each for each in graph["nodes"] if each["level"] == 0)
    assert (middle["key"], middle["type"]) == ("curve", "image")
    assert [each["task"] for each in graph["nodes"] if each["level"] == -1] == ["total"]
    assert [each for each in graph["nodes"] if each["level"] > 0] == []  # it was published, not handed on


def test_many_runs_are_told_as_columns(served: Served) -> None:
    for number in (1, 2):
        pipeline(number, {"depth": number, "kind": "x"})
    client = served.viewer
    runs = [each["id"] for each in get(client, "/runs")["runs"]]
    found = get(client, "/figures", runs=",".join(runs))
    assert [each["id"] for each in found["runs"]] == runs
    assert found["params"] == {"n": [2, 1], "model.depth": [2, 1], "model.kind": ["x", "x"]}
    assert found["metrics"] == {"loss": [pytest.approx(1 / 3), 0.5]}
    assert client.get(f"{API}/figures", params={"runs": ","}).status_code == 400
    assert client.get(f"{API}/figures", params={"runs": "none"}).status_code == 404


def test_events_are_read_from_the_end(served: Served) -> None:
    store = served.site.store
    store.publish([Publication(f"key-{number}", {"n": number}, "team", "me") for number in range(2500)])
    client, found, before = served.viewer, [], None
    while True:
        page = get(client, "/events/recent", limit=1000, **({"before": before} if before else {}))
        found += [each["key"] for each in page["events"]]
        before = page["next"]
        if before is None:
            break
    assert found == [f"key-{number}" for number in reversed(range(2500))]
    assert [each["key"] for each in get(client, "/events/recent", text="KEY-12", limit=2)["events"]] == [
        "key-1299", "key-1298",
    ]  # fmt: skip


def test_every_rule_that_saw_an_event_says_whether_it_fired_and_why_not(served: Served) -> None:
    store, client = served.site.store, served.as_(Role.VIEWER)
    driving = threading.Thread(target=_react)
    driving.start()
    _wait_until_it_listens(served.site)
    triggers.add(store, Trigger("retrain", _registered(served), "drift", where=["value>=5"]), time.time())
    _, offset, _ = store.publish([Publication("parsed", 1), Publication("drift", 7), Publication("enough")])
    driving.join()
    found = get(client, f"/events/{offset}")
    told = {each["rule"]: each for each in found["rules"]}
    assert {rule: each["fired"] for rule, each in told.items()} == {
        "start online/0": True, "start online/1": False, "start online/2": False, "start online/3": False,
        "start online/4": True, "retrain": False,
    }  # fmt: skip
    assert told["start online/0"]["did"] == "started online#1"
    assert [each["holds"] for each in told["start online/0"]["conditions"]] == [True, True]
    assert told["start online/1"]["conditions"] == [
        {"words": "3 times event drift", "holds": False, "value": "1 of 3"}
    ]  # fmt: skip
    assert [each["holds"] for each in told["start online/2"]["conditions"]] == [True, True, False]
    assert told["start online/3"]["conditions"][0]["value"] == "its namespace is '', not 'other'"
    assert told["retrain"]["conditions"] == [{"words": "value>=5", "holds": True, "value": "7"}]
    assert [value for _, value in found["hour"]] == [7]
    assert [each["fired"] for each in found["rules"]] == [True, True, False, False, False, False]
    assert client.get(f"{API}/events/{offset + 10_000}").status_code == 404


def _react() -> None:
    react(
        start(online, on=rules.AllOf((rules.OnEvent("drift"), rules.OnEvent("parsed")))),
        start(online, on=rules.Count(rules.OnEvent("drift"), 3)),
        start(online, on=rules.Sequence((rules.OnEvent("parsed"), rules.OnEvent("drift"), rules.OnEvent("seal")))),
        start(online, on=rules.OnEvent("drift", namespace="other")),
        start(online, on=rules.OnEvent("drift", value=7)),
        finish(on="enough"),
        name="live", ends=False,
    )  # fmt: skip


def _registered(served: Served) -> str:
    definition = Definition("idle", {"voice": "program", "target": "m:f"}, {"type": "object"}, name="idle")
    return definitions.keep(served.site.store, definition, time.time()).name


def _wait_until_it_listens(site: Site) -> None:
    follower = site.store.follow()
    while not any(each.key == "wait.added" and "finish" in str(each.value) for each in site.store.read(0)):
        follower.wait(1.0)
    follower.close()


# ---------------------------------------------------------------- code


def test_the_code_of_a_workflow_is_read_in_each_version(served: Served, tmp_path: Path) -> None:
    site, client = served.site, served.viewer
    for text in ("hello", "good morning"):
        (tmp_path / "flows.py").write_text(f"def greet(n: int) -> str:\n    return '{text}'\n")
        (tmp_path / "words.bin").write_bytes(b"\xff\xfe")
        kept = snapshots.pack(site.artifacts, str(tmp_path), site.home)
        made = Definition("greet", {}, name="greet", target="flows.py:greet", snapshot=kept)
        definitions.keep(site.store, made, time.time())
    first, second = (get(client, f"/workflows/greet@{number}/source") for number in (1, 2))
    assert (first["path"], second["path"]) == ("flows.py", "flows.py")
    assert "hello" in first["text"]
    assert "good morning" in second["text"]
    assert first["files"]["flows.py"] != second["files"]["flows.py"]
    assert first["files"]["words.bin"] == second["files"]["words.bin"]
    binary = get(client, "/workflows/greet/source", path="words.bin")
    assert (binary["text"], binary["why"][:21]) == (None, "words.bin is no text.")
    assert client.get(f"{API}/workflows/greet/source", params={"path": "../etc/passwd"}).status_code == 404


def test_the_code_of_a_run_is_read_as_it_was(served: Served, tmp_path: Path) -> None:
    def git(*words: str) -> str:
        call = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()

    file = tmp_path / "flows.py"
    git("init", "-q")
    texts = ("kept = 1\n", "lost = 1\n", "here = 1\n")
    digests = []
    for text in texts:
        file.write_text(text)
        digests.append(git("hash-object", *(["-w"] if "kept" in text else []), "flows.py"))
    for name, digest in zip(("kept", "lost", "here"), digests, strict=True):
        code = {"repository": str(tmp_path), "commit": "", "files": {"flows.py": digest}}
        served.make(name, program={"voice": "python", "file": str(file), "made_with": {"code": code}})
    client = served.viewer
    assert get(client, "/runs/kept/source")["text"] == "kept = 1\n"
    assert get(client, "/runs/here/source")["text"] == "here = 1\n"
    lost = get(client, "/runs/lost/source")
    assert lost["text"] is None
    assert "has changed since" in lost["why"]
    served.make("bare")
    assert client.get(f"{API}/runs/bare/source").status_code == 404


# ---------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("cron", "start_at", "note"),
    [
        ("30 2 * * *", "2027-03-28T00:00", "02:30 does not exist on 28 Mar, runs at 03:00"),
        ("30 2 * * *", "2027-10-31T00:00", "02:30 comes twice on 31 Oct, this is the first"),
        ("0 3 * * *", "2027-03-28T00:00", ""),
        ("*/30 * * * *", "2027-03-28T01:00", ""),
    ],
)
def test_times_tell_of_missing_and_doubled_hours(served: Served, cron: str, start_at: str, note: str) -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    zone = "Europe/Berlin"
    start = datetime.fromisoformat(start_at).replace(tzinfo=ZoneInfo(zone)).timestamp()
    found = get(served.viewer, "/times", cron=cron, zone=zone, start_at=start, count=3)
    assert found["times"][0]["note"] == note
    assert found["words"].endswith(f", {zone}")
    assert len(found["times"]) == 3


def test_times_are_told_of_intervals_and_single_times_too(served: Served) -> None:
    client = served.viewer
    assert get(client, "/times", every_s=900)["words"] == "Every 15 min 00 s"
    assert len(get(client, "/times", every_s=900)["times"]) == 10
    at = time.time() + 1000
    assert [each["at"] for each in get(client, "/times", at=at)["times"]] == [pytest.approx(at)]
    for wrong in ({}, {"cron": "61 * * * *"}, {"at": 1.0}, {"cron": "@daily", "zone": "Nowhere"}):
        assert client.get(f"{API}/times", params=wrong).status_code == 400
