"""The store and logs, read as they are from elsewhere: what is told, and what is told to nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.server.conftest import Served

from motet import requests
from motet.kernel.events import EventReceived, to_json
from motet.owners import this_process
from motet.ports import STEERING, Batch, Publication, RunFilter
from motet.stores.wire import READS, from_json, reading


def asked(served: Served, port: str, read: str, **given: Any) -> Any:
    answer = served.viewer.get(f"/api/v1/ports/{port}/{read}", params={"given": json.dumps(given)})
    return answer.json(), answer.status_code


def test_rows_come_as_they_are_in_the_store(served: Served) -> None:
    served.make("r1", tags=("a",), params={"n": 1})
    told, status = asked(served, "store", "run", run="r1")
    assert status == 200
    assert from_json(reading("store", "run").gives, told) == served.site.store.run("r1")
    where = RunFilter(tag="a", params={"n": 1}, metrics={})
    told, _ = asked(served, "store", "run_page", **reading("store", "run_page").told((where,), {"limit": 5}))
    assert from_json(reading("store", "run_page").gives, told) == served.site.store.run_page(where, limit=5)


def test_each_call_that_reads_is_known_with_what_it_takes_and_gives() -> None:
    for port, names in READS.items():
        for name in names:
            assert reading(port, name).takes is not None


@pytest.mark.parametrize(
    ("read", "given"),
    [
        ("claim", {}), ("run", {}), ("run", {"run": 1}), ("run", {"run": "r", "more": 1}), ("run", []),
        ("read", {"after": -1}), ("read", {"after": 2**70}), ("read", {"after": "1"}),
        ("run_page", {"where": {"no": 1}}), ("run_page", {"where": {}, "start": "no cursor"}),
        ("run_page", {"where": {"metrics": {"a": [1]}}}), ("step", {"run": "a\ud800", "key": "b"}),
        ("attempts", {"run": "none", "key": "\0"}),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(served: Served, read: str, given: Any) -> None:
    answer = served.viewer.get(f"/api/v1/ports/store/{read}", params={"given": json.dumps(given)})
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["cure"]


def test_no_json_is_refused(served: Served) -> None:
    for text in ("", "{", "[" * 5000, "NaN", "1"):
        assert served.viewer.get("/api/v1/ports/store/run", params={"given": text}).status_code == 400


def test_documents_are_told_of_those_that_commands_show_and_no_others(served: Served) -> None:
    assert served.operator.get("/api/v1/me").status_code == 200  # it has a token, which is a document
    for voice, kind in (("motet", "token"), ("motet", "audit"), ("python", "limit"), ("motet", "")):
        assert asked(served, "store", "documents", voice=voice, kind=kind)[1] == 400
        assert asked(served, "store", "document", voice=voice, kind=kind, key="k")[1] == 400
    assert asked(served, "store", "documents", voice="motet", kind="limit") == ([], 200)


def test_no_token_of_a_run_is_told(served: Served) -> None:
    store, token = served.site.store, requests.token(served.site.home, "r1")
    served.make("r1")
    request = {"step": "a", "token": token}
    offset = store.publish([Publication("step.stop", request, STEERING, "code", "r1", "", 1.0)])[0]
    row = store.claim("r1", this_process(), 60.0)
    received = EventReceived(2.0, offset, "step.stop", STEERING, request, "code", "r1")
    store.append("r1", row.epoch, 0, Batch([to_json(received)]))
    events, _ = asked(served, "store", "read", after=0)
    history, _ = asked(served, "store", "history", run="r1")
    assert "step.stop" in json.dumps(events)
    assert "step.stop" in json.dumps(history)
    assert token not in json.dumps([events, history])


def test_a_run_is_called_and_tagged_otherwise(served: Served) -> None:
    served.make("r1", tags=("old",))
    answer = served.operator.put("/api/v1/runs/r1/labels", json={"name": "better", "tags": ["b", "a"]})
    assert (answer.json()["name"], answer.json()["tags"]) == ("better", ["a", "b"])
    assert served.viewer.put("/api/v1/runs/r1/labels", json={"name": "x", "tags": []}).status_code == 403
    for name, tags in (("", []), ("a\nb", []), ("a", ["b\nc"])):
        answer = served.operator.put("/api/v1/runs/r1/labels", json={"name": name, "tags": tags})
        assert answer.status_code in (400, 422), answer.text


def test_events_are_published_together_or_not_at_all(served: Served) -> None:
    events = [{"key": "one", "value": 1}, {"key": "two", "namespace": "n", "client_key": "k"}]
    offsets = served.operator.post("/api/v1/events/batch", json={"events": events}).json()["offsets"]
    assert [each.key for each in served.site.store.read(offsets[0] - 1)] == ["one", "two"]
    head = served.site.store.head()
    wrong = [*events, {"key": "run.stop", "namespace": "motet"}]
    assert served.operator.post("/api/v1/events/batch", json={"events": wrong}).status_code == 400
    assert served.site.store.head() == head


def test_of_a_run_whose_process_lives_no_death_is_told(served: Served) -> None:
    served.make("r1")
    assert served.viewer.get("/api/v1/runs/r1/death").json() == {"how": ""}
    served.site.store.claim("r1", this_process(), 60.0)
    assert served.viewer.get("/api/v1/runs/r1/death").json() == {"how": ""}
