"""A server in this process: its application, with a token for each role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from motet.ports import NewRun
from motet.server import tokens
from motet.server.api import ROUTES
from motet.server.application import Application
from motet.server.gate import Gate
from motet.server.site import Site, open_site
from motet.server.table import Role


@dataclass
class Served:
    """A site, its application, and what asks it as whom."""

    site: Site
    application: Application

    def as_(self, role: Role | None, run: str = "", **more: Any) -> TestClient:
        client = TestClient(self.application, base_url="http://localhost:4200", raise_server_exceptions=False, **more)
        if role is Role.RUN:
            client.headers["authorization"] = f"Bearer {tokens.of_run(self.site.home, run)}"
        elif role is not None:
            _, text = tokens.create(self.site.store, f"a-{role}", role)
            client.headers["authorization"] = f"Bearer {text}"
        return client

    @property
    def viewer(self) -> TestClient:
        return self.as_(Role.VIEWER)

    @property
    def operator(self) -> TestClient:
        return self.as_(Role.OPERATOR)

    @property
    def admin(self) -> TestClient:
        return self.as_(Role.ADMIN)

    def make(self, run: str, **fields: Any) -> None:
        given = {"name": run, "workflow": "w", "program": {"voice": "python"}, "created_at": 1.0, **fields}
        assert self.site.store.create_run(NewRun(run, **given))


@pytest.fixture
def served(motet_home: Path) -> Iterator[Served]:
    site = open_site(str(motet_home))
    yield Served(site, Application(site, ROUTES, Gate(site)))
    site.close()
