"""What attackers send: paths in place of hashes, scripts in place of names, requests that are too large."""

from __future__ import annotations

import json
import random
import re

import pytest
from tests.server.conftest import Served

from motet.ports import Publication
from motet.server.api import ROUTES
from motet.server.table import JSON

SMUGGLED = (
    "../../../etc/passwd", "..%2f..%2fstore.db", "%2e%2e/%2e%2e/server.token", "....//store.db", "/etc/passwd",
    "a" * 63, "a" * 65, "A" * 64, "g" * 64, "0" * 63 + "/", "%00" + "0" * 63, "sha256:" + "0" * 57, "0" * 64 + "%0a",
    "０" * 64,
)  # fmt: skip

SEEDS = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</title><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "'-alert(1)-'", "{{7*7}}", "<!--", "]]>", "\u2028alert(1)", "<iframe srcdoc='<script>x</script>'>",
)  # fmt: skip


def test_artifacts_are_named_by_hash_and_never_by_path(served: Served) -> None:
    client = served.viewer
    for name in SMUGGLED:
        for path in (f"/api/v1/artifacts/{name}", f"/api/v1/artifacts/{name}/uses"):
            answer = client.get(path)
            assert answer.status_code in (400, 404, 422), (path, answer.status_code)
            assert "root:" not in answer.text
    stored = served.site.artifacts.put([b"<script>alert(1)</script>"])
    answer = client.get(f"/api/v1/artifacts/{stored.digest}")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


def payloads(rng: random.Random, count: int) -> list[str]:
    """Scripts, cut and joined at random."""
    return [
        "".join(rng.choice(SEEDS)[: rng.randrange(5, 40)] for _ in range(rng.randrange(1, 4))) for _ in range(count)
    ]


def test_what_others_have_written_comes_back_as_inert_json(served: Served, rng: random.Random) -> None:
    texts = payloads(rng, 200)
    for number, text in enumerate(texts):
        served.make(f"r{number}", name=text, workflow=text, tags=[text], params={text: text})
    served.site.store.publish([Publication(text, {text: text}, "n", text) for text in texts])
    client = served.viewer
    pages = [client.get("/api/v1/runs", params={"limit": 200}), client.get("/api/v1/events", params={"limit": 300})]
    pages += [client.get(f"/api/v1/runs/{texts[0]}"), client.get("/api/v1/runs", params={"text": texts[1]})]
    pages += [client.get("/api/v1/runs/none", params={texts[2]: texts[3]}), client.get(f"/{texts[4]}")]
    for answer in pages:
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        json.loads(answer.text)
    assert {each["name"] for each in pages[0].json()["runs"]} == set(texts)


def test_what_is_too_large_or_of_another_kind_is_refused(served: Served) -> None:
    client = served.operator
    large = json.dumps({"key": "k", "value": "x" * 2**20})
    sent = {"content-type": "application/json"}
    assert client.post("/api/v1/events", content=large, headers=sent).status_code == 413
    assert client.post("/api/v1/events", content="key=k", headers={"content-type": "text/plain"}).status_code == 415
    deep = '{"key": "k", "value": ' + "[" * 5000 + "]" * 5000 + "}"
    for wrong in ("", "{", "[]", '{"key": "k", "more": 1}', '{"key": 1}', '{"key": "k", "value": NaN}', deep):
        status = client.post("/api/v1/events", content=wrong, headers=sent).status_code
        assert status in (400, 422), wrong[:80]
    assert client.post("/api/v1/links", content="x" * 100, headers=sent).status_code == 413


@pytest.mark.parametrize("name", ["begun\x00", "a\nb", "x" * 2000])
def test_a_name_that_cannot_be_is_refused(served: Served, name: str) -> None:
    answer = served.admin.post("/api/v1/tokens", json={"user": name, "role": "viewer"})
    assert answer.status_code in (400, 422)


def test_no_route_takes_what_it_does_not_name(served: Served) -> None:
    served.application.hub.close()  # so streams of events end at once
    client = served.admin
    for route in ROUTES:
        path = re.sub(r"{\w+(:path)?}", "0" * 64, route.path)
        with_more = client.request(route.method, f"{path}?nobody_names_this=1", json={})
        assert with_more.status_code in (413, 415, 422), (route.method, path, with_more.status_code)
        if "body" in route.takes and route.consumes == JSON:
            for wrong in ({"nobody_names_this": 1}, [], 1, None):
                assert client.request(route.method, path, json=wrong).status_code in (415, 422), (route.path, wrong)
            assert client.request(route.method, path, content=b"x").status_code == 415, route.path
