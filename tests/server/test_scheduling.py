"""Registered workflows, schedules, triggers and alerts over HTTP: what the commands do, without their processes."""

from __future__ import annotations

import base64
import threading
import time
from typing import Any

import pytest
from tests.server.conftest import Served

from motet.kernel.transitions import ENDED
from motet.ports.definition import Definition
from motet.registry import definitions
from motet.scheduling import living
from motet.scheduling.loop import Scheduler

FLOW = """
from motet import flow


@flow
def greet(n: int) -> str:
    return f"hello {n}"
"""
API = "/api/v1"


@pytest.fixture
def idle(served: Served) -> Served:
    """With a workflow whose engine ends at once."""
    schema = {
        "type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False
    }  # fmt: skip
    definition = Definition("idle", {"voice": "program", "target": "m:f"}, schema, name="idle", voice="program")
    definition.environment = {"interpreter": "/bin/true"}
    definitions.keep(served.site.store, definition, time.time())
    return served


def test_code_that_is_sent_is_registered_and_started_by_name(served: Served) -> None:
    operator = served.operator
    code = base64.b64encode(FLOW.encode()).decode()
    made = operator.post(f"{API}/workflows", json={"target": "flows.py:greet", "code": code}).json()
    assert (made["name"], made["version"], made["schema"]["required"]) == ("greet", 1, ["n"])
    assert [each["name"] for each in operator.get(f"{API}/workflows").json()] == ["greet"]
    refused = operator.post(f"{API}/workflows/greet/runs", json={"params": {"n": "x"}})
    assert refused.status_code == 400 and "Parameter n of workflow greet@1" in refused.json()["error"]
    run = operator.post(f"{API}/workflows/greet@1/runs", json={"params": {"n": 3}, "id": "r1"}).json()
    assert run["program"]["begun_by"] == {"by": "server", "user": "a-operator"}
    assert operator.post(f"{API}/workflows/greet/runs", json={"params": {"n": 3}, "id": "r1"}).status_code == 409
    deadline = time.monotonic() + 300
    while served.site.store.run("r1").status not in ENDED:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert served.site.store.run("r1").result == "hello 3"


def test_schedules_and_triggers(idle: Served) -> None:
    operator, viewer = idle.operator, idle.viewer
    wanted: dict[str, Any] = {"name": "nightly", "target": "idle", "cron": "30 2 * * *", "zone": "Europe/Berlin"}
    made = operator.post(f"{API}/schedules", json={**wanted, "params": {"n": 1}}).json()
    assert made["number"] == 1 and made["next_at"] > time.time()
    assert operator.post(f"{API}/schedules", json=wanted).status_code == 409
    assert operator.post(f"{API}/schedules", json={**wanted, "name": "x", "cron": "@never"}).status_code == 400
    assert operator.post(f"{API}/schedules", json={**wanted, "name": "x", "params": {"m": 1}}).status_code == 400
    assert viewer.post(f"{API}/schedules", json=wanted).status_code == 403
    assert len(viewer.get(f"{API}/schedules/nightly/times", params={"count": 3}).json()) == 3
    assert operator.post(f"{API}/schedules/nightly/pause").json()["paused"]
    assert viewer.get(f"{API}/schedules").json()[0]["next_at"] is None
    assert not operator.post(f"{API}/schedules/nightly/resume").json()["paused"]
    trigger = {"name": "t", "target": "idle", "key": "data/*", "where": ["value.n>1"], "take": {"n": "value.n"}}
    assert operator.post(f"{API}/triggers", json=trigger).status_code == 201
    assert viewer.get(f"{API}/triggers").json()[0]["where"] == ["value.n>1"]
    assert living.is_wanted(idle.site.home)
    assert operator.delete(f"{API}/triggers/t").json()["name"] == "t"
    assert operator.delete(f"{API}/schedules/nightly").status_code == 200
    assert operator.delete(f"{API}/schedules/nightly").status_code == 404


def test_alerts_are_for_admins_and_by_no_command(idle: Served) -> None:
    admin = idle.admin
    assert admin.post(f"{API}/alerts", json={"name": "a", "command": ["sh"]}).status_code == 422
    assert admin.post(f"{API}/alerts", json={"name": "a"}).status_code == 400
    assert admin.post(f"{API}/alerts", json={"name": "a", "hook": "https://example.org/x"}).status_code == 201
    assert idle.operator.get(f"{API}/alerts").status_code == 403
    assert [each["hook"] for each in admin.get(f"{API}/alerts").json()] == ["https://example.org/x"]
    assert admin.delete(f"{API}/alerts/a").status_code == 200


def test_a_scheduler_within_a_process_ends_when_it_is_asked_to(idle: Served) -> None:
    idle.operator.post(f"{API}/schedules", json={"name": "often", "target": "idle", "every_s": 1})
    made = Scheduler(idle.site.store, idle.site.home, time.time, lambda _: None)
    stopped = threading.Event()
    thread = threading.Thread(target=made.run, args=(stopped,))
    thread.start()
    deadline = time.monotonic() + 300
    while not idle.site.store.runs():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stopped.set()
    thread.join(300)
    made.close()
    assert not thread.is_alive()
    assert idle.site.store.runs()[0].id.startswith("s1-")
