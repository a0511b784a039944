"""Requests of Spell's API whose parts are of the wrong kind: refused with a word about it, and never a failure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from motet.dialects.spell.api.protocol import PROTOCOL
from motet.ports.routes import Role, Route
from motet.server import tokens
from motet.server.application import Application
from motet.server.gate import Gate
from motet.server.site import Site, open_site

ODD: tuple[Any, ...] = (
    None, True, -1, 10**30, 1.5, "", "x", "a\0b", [], {}, [1], ["x"], {"a": 1}, "y" * 3000, [[]], {"x": {"y": {}}},
    "../..", [None], {"values": 3}, {"mount_point": 7},
)  # fmt: skip
NAMES = (
    "command", "gpu", "workspace_id", "git_commit_hash", "uncommitted_hash", "environment_vars", "attached_resources",
    "pip_packages", "pip_env_packages", "apt_packages", "labels", "params", "stop_conditions", "timeout_minutes",
    "project_id", "idempotent", "conda_file", "requirements_file", "docker_image", "cwd", "description", "workflow_id",
    "run_ids", "name", "description", "statuses", "offset", "follow", "metric_name", "condition", "value", "metrics",
    "run", "workspace_specs", "github_specs", "grid_params", "random_params", "bayesian_params", "num_runs", "metric",
    "parallel_runs", "metric_aggregation", "resource", "version", "files", "alias", "resource_path", "root_commit",
    "user", "title", "key", "compressed", "commit_label", "distributed", "tensorboard_directory", "github_url",
)  # fmt: skip
WHOLE: dict[str, Any] = {
    "command": "true", "name": "n", "run": {"command": "true"}, "metric_name": "m", "condition": "eq", "value": 1,
    "root_commit": "0" * 40, "title": "t", "key": "ssh-rsa AAAA me", "resource": "runs/1", "alias": "l",
    "resource_path": "runs/1", "run_ids": [1],
}  # fmt: skip


class Still(Site):
    """A site where nothing is begun: what is asked for here would begin a thousand engines."""

    def start(self, run: str, command: object = ()) -> None:
        pass


@pytest.fixture
def ada(motet_home: Path) -> Iterator[TestClient]:
    found = open_site(str(motet_home))
    site = Still(found.home, found.store, found.artifacts, found.logs)
    routes = [replace(each, brought_by="spell") for each in PROTOCOL.routes]
    client = TestClient(
        Application(site, routes, Gate(site)), base_url="http://localhost", raise_server_exceptions=False
    )
    client.headers["authorization"] = f"Bearer {tokens.create(site.store, 'ada', Role.OPERATOR)[1]}"
    client.post("/v1/runs/ada", json={"command": "true"})
    yield client
    site.close()


def path_of(route: Route, chosen: random.Random) -> str:
    """The path, with things that are there, or are not."""
    path = route.path.replace(":path}", "}").replace("{owner}", "ada")
    for name in route.named:
        odd = chosen.choice(["1", "1", "1", "0", "-1", "x", "9" * 30, "%00", "%2e%2e", "runs/1"])
        path = path.replace(f"{{{name}}}", odd)
    return path


def is_asked(route: Route) -> bool:
    """Streams that go on for as long as a run does are left out, and a search waits for runs that nobody begins."""
    return route.answer.__name__ not in (
        "followed_logs",
        "waited_status",
        "waited_metric",
        "user_metrics",
        "stats",
        "search_made",
    )


def test_what_is_of_the_wrong_kind_is_refused_and_nothing_fails(ada: TestClient, seed: str) -> None:
    chosen = random.Random(seed)
    for route in filter(is_asked, PROTOCOL.routes):
        for _ in range(4):
            body = {**WHOLE, **{chosen.choice(NAMES): chosen.choice(ODD) for _ in range(2)}}
            given: dict[str, Any] = (
                {"json": body} if "body" in route.takes and route.consumes == "application/json" else {}
            )
            if route.consumes != "application/json":
                given = {"content": chosen.randbytes(20), "headers": {"content-type": route.consumes}}
            answer = ada.request(route.method, path_of(route, chosen), **given)
            assert answer.status_code < 500, (route.method, route.path, body, answer.text)
