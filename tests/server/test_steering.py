"""Runs begun, stopped, carried on, forked and answered over HTTP, by processes of their own."""

from __future__ import annotations

import base64
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from tests.server.conftest import Served

from motet import requests
from motet.kernel.transitions import ENDED
from motet.server.table import Role

FLOW = b"""
from motet import flow, task, pause_flow_run

@task
def doubled(n):
    print("doubling", n)
    return 2 * n

@flow
def main(n: int = 1, ask: bool = False):
    return doubled(n) if not ask else pause_flow_run(wait_for_input=int)
"""


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def ended(served: Served, run: str) -> Any:
    follower = served.site.store.follow()
    try:
        while (row := served.site.store.run(run)).status not in ENDED:
            follower.wait(1.0)
    finally:
        follower.close()
    return row


def brought_in(served: Served, page: Callable[[], Any]) -> Any:
    """The page, once it shows all that has happened."""
    follower = served.site.store.follow()
    try:
        while (found := page())["behind"]:
            follower.wait(1.0)
    finally:
        follower.close()
    return found


def test_code_that_is_sent_becomes_a_run_of_its_user(served: Served) -> None:
    client = served.operator
    made = client.post(
        "/api/v1/runs", json={"target": "flow.py", "code": coded(FLOW), "params": {"n": 21}, "name": "it"}
    )
    assert made.status_code == 201, made.text
    run = made.json()["id"]
    assert made.json()["program"]["begun_by"]["user"] == "a-operator"
    assert ended(served, run).status == "succeeded"
    assert client.get("/api/v1/runs/it").json()["result"] == 42
    lines = client.get(f"/api/v1/runs/{run}/logs", params={"search": "doubling"}).json()["lines"]
    assert [each["text"] for each in lines] == ["doubling 21"]
    steps = brought_in(served, lambda: client.get(f"/api/v1/runs/{run}/steps").json())["steps"]
    key = next(each["key"] for each in steps if each["task"].endswith("doubled"))
    assert client.get(f"/api/v1/runs/{run}/steps/{key}").json()["result"] == 42
    assert client.get(f"/api/v1/runs/{run}/why", params={"step": key}).json()["why"]
    assert client.get(f"/api/v1/runs/{run}/attempts", params={"step": key}).json()["attempts"][0]["number"] == 1
    counts = client.get(f"/api/v1/runs/{run}/summary").json()["tasks"]
    assert sum(sum(each.values()) for each in counts.values()) == len(steps)

    forked = client.post(f"/api/v1/runs/{run}/fork", json={"params": {"n": 4}}).json()
    assert ended(served, forked["id"]).status == "succeeded"
    assert client.get(f"/api/v1/runs/{forked['id']}").json()["result"] == 8
    refused = client.post(f"/api/v1/runs/{run}/fork", json={"anew": [f"{key}@last"]})
    assert "checkpoint" in refused.json()["error"]
    for wrong in ({"name": "\0"}, {"params": {"n": "x" * 200_000}}):
        assert client.post(f"/api/v1/runs/{run}/fork", json={"only_one": True, **wrong}).status_code == 400
    differs = client.get("/api/v1/compare", params={"run": [run, forked["id"]]}).json()
    assert differs["params"]["n"] == ["21", "4"]


def test_a_run_is_answered_and_one_that_waits_is_stopped(served: Served) -> None:
    client = served.operator
    body = {"target": "flow.py", "code": coded(FLOW), "params": {"ask": True}}
    runs = [client.post("/api/v1/runs", json=body).json()["id"] for _ in range(2)]
    follower = served.site.store.follow()
    while {each["run"] for each in client.get("/api/v1/waiting").json()["waits"]} != set(runs):
        follower.wait(1.0)
    follower.close()
    answered = client.post(f"/api/v1/runs/{runs[0]}/answer", json={"values": {"value": "no number"}})
    assert answered.status_code == 400, answered.text
    assert client.post(f"/api/v1/runs/{runs[0]}/answer", json={"values": {"value": 7}}).status_code == 202
    assert ended(served, runs[0]).status == "succeeded"
    assert client.post(f"/api/v1/runs/{runs[1]}/stop", json={"reason": "enough"}).status_code == 202
    assert ended(served, runs[1]).status == "cancelled"
    again = client.post(f"/api/v1/runs/{runs[0]}/resume", json={})
    assert again.status_code == 400
    assert "succeeded" in again.json()["error"]


def test_a_run_that_nobody_drives_is_ended_at_once(served: Served) -> None:
    served.make("idle")
    assert served.operator.post("/api/v1/runs/idle/stop", json={}).json()["status"] == "cancelled"


def test_events_are_published_once_for_a_key_and_read_back(served: Served) -> None:
    served.make("r1")
    client = served.operator
    first = client.post("/api/v1/events", json={"key": "ready", "value": [1], "client_key": "k"}).json()
    assert client.post("/api/v1/events", json={"key": "ready", "value": [1], "client_key": "k"}).json() == first
    assert client.post("/api/v1/events", json={"key": "stop", "namespace": "motet"}).status_code == 400
    of_run = served.as_(Role.RUN, "r1").post("/api/v1/runs/r1/events", json={"key": "mine"})
    assert of_run.status_code == 201
    page = client.get("/api/v1/events", params={"published": "true"}).json()
    assert [(each["key"], each["sender"]) for each in page["events"]] == [("ready", "a-operator"), ("mine", "run r1")]
    assert page["next"] == page["head"]


def test_a_request_of_a_step_has_the_runs_token_and_shows_it_to_nobody(served: Served) -> None:
    served.make("r1")
    asked = served.operator.post("/api/v1/runs/r1/requests", json={"ask": "step.stop", "step": "a"})
    assert asked.status_code == 202
    kept = served.site.store.read(0, published=True)[-1]
    token = requests.token(served.site.home, "r1")
    assert kept.value["token"] == token
    assert token not in served.viewer.get("/api/v1/events").text


def zipped(*names: str | zipfile.ZipInfo) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        for each in names:
            archive.writestr(each, FLOW)
    return found.getvalue()


def linked(name: str) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.external_attr = (stat.S_IFLNK | 0o777) << 16
    return found


def tarred(name: str, **fields: Any) -> bytes:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        for field, value in fields.items():
            setattr(member, field, value)
        archive.addfile(member)
    return found.getvalue()


WRONG: dict[str, tuple[str, Callable[[], bytes]]] = {
    "above": ("../flow.py", lambda: FLOW),
    "absolute": ("/etc/flow.py", lambda: FLOW),
    "an option": ("--home=/tmp", lambda: FLOW),
    "a tar that leads above": ("flow.py", lambda: tarred("../outside.py")),
    "a tar with an absolute path": ("flow.py", lambda: tarred("/outside.py")),
    "a link": ("flow.py", lambda: tarred("flow.py", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "a device": ("flow.py", lambda: tarred("flow.py", type=tarfile.CHRTYPE)),
    "a zip that leads above": ("flow.py", lambda: zipped("../outside.py")),
    "a zip with a link": ("flow.py", lambda: zipped(linked("flow.py"))),
    "a file within a file": ("flow.py", lambda: zipped("a", "a/b", "flow.py")),
    "a file in place of a folder": ("flow.py", lambda: zipped("a/b", "a", "flow.py")),
    "a name that is too long": ("flow.py", lambda: zipped("a" * 300, "flow.py")),
    "a path that is too long": ("flow.py", lambda: zipped("a/" * 3000 + "b", "flow.py")),
    "what the server writes itself": ("flow.py", lambda: zipped(".motet-params.json/x", "flow.py")),
    "an empty zip": ("flow.py", lambda: b"PK\x05\x06" + bytes(18)),
    "half a file": ("flow.py", lambda: b"\x1f\x8bcut"),
    "another file": ("other.py", lambda: zipped("flow.py")),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_leads_out_of_its_folder_or_is_no_code_is_refused(served: Served, case: str) -> None:
    target, code = WRONG[case]
    answer = served.operator.post("/api/v1/runs", json={"target": target, "code": coded(code())})
    assert answer.status_code in (400, 422), answer.text
    assert not served.viewer.get("/api/v1/runs").json()["runs"]
