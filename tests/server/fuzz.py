"""Requests made from the API's own description, right and wrong ones: `python -m tests.server.fuzz [COUNT] [SEED]`.

Each answer must be one that the description names, and fit it; none may be a failure of the server; nobody without a
token is let in. The application is asked in this process; what would start a process is left out.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path
from unittest import SkipTest

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from starlette.testclient import TestClient

from motet.ports import LogLine, NewRun, Publication
from motet.server import tokens
from motet.server.api import ROUTES
from motet.server.application import Application
from motet.server.gate import Gate
from motet.server.site import Site, open_site
from motet.server.table import Role, Table

CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    ignored_auth, unsupported_method,
)  # fmt: skip
"""Not that wrong queries are refused: what is wrong as data is often right once it is written as text. What all routes
refuse is in tests/server/test_hostile.py.
"""

LEFT_OUT = {"live", "live_run", "submit", "fork", "resume", "register", "logout"}
"""Streams go on, the next four start processes, and the last ends the token that asks."""


def filled(site: Site) -> None:
    """Something to be found."""
    for name in ("0", "a", "run"):
        site.store.create_run(NewRun(name, name, "w", {"voice": "python"}, {"n": 1}, created_at=1.0))
        site.logs.write(name, [LogLine(1.0, "w", 1, "stdout", "a line")])
    site.store.publish([Publication("k", {"a": [1, None]}, at=1.0)])


def fuzz(site: Site, count: int, chosen: int, part: slice = slice(None)) -> tuple[Counter[int], list[str]]:
    """Ask about so many times; gives how often there was which answer, and what is wrong. `part` of the routes."""
    application = Application(site, ROUTES, Gate(site, ["testserver"]))
    application.gate._wrong.add = lambda address: 0.0  # type: ignore[method-assign] # all come from one address here
    _, text = tokens.create(site.store, "fuzz", Role.ADMIN)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", application)
    operations = [found.ok() for found in schema.get_all_operations()]
    operations = [each for each in operations if each.definition.raw["operationId"] not in LEFT_OUT][part]
    statuses, wrong = Counter[int](), []
    for operation, mode in product(operations, GenerationMode):
        strategy = operation.as_strategy(generation_mode=mode)

        @seed(chosen)
        @settings(
            max_examples=max(2, count // len(operations) // 2), deadline=None, database=None,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=strategy)
        def ask(case: schemathesis.Case) -> None:
            answer = case.call_and_validate(headers={"Authorization": f"Bearer {text}"}, checks=list(CHECKS))
            statuses[answer.status_code] += 1

        try:
            ask()
        except (Unsatisfiable, SkipTest):
            continue  # there is no wrong way to ask for it
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - boundary: whatever a check says
            wrong.append(f"{operation.label}: {error}")
    return statuses, wrong


def let_in(site: Site) -> list[str]:
    """The routes that let in whoever has no token, and are not for all."""
    client = TestClient(Application(site, ROUTES, Gate(site)), base_url="http://localhost")
    found = []
    for route in Table(ROUTES):
        path = route.path.replace(":path}", "}").replace("{run}", "a").replace("{", "").replace("}", "")
        if route.permission.value != "public" and client.request(route.method, path).status_code != 401:
            found.append(f"{route.method} {path}")
    return found


def main(count: int, chosen: int) -> int:
    print(f"seed {chosen}")
    with tempfile.TemporaryDirectory() as folder:
        site = open_site(str(Path(folder) / "home"))
        filled(site)
        statuses, wrong = fuzz(site, count, chosen)
        wrong += let_in(site)
        site.close()
    print("\n\n".join(wrong) or f"{statuses.total()} requests, answered {dict(statuses)}: no failure, none let in")
    return bool(wrong)


if __name__ == "__main__":
    given_count, given_seed = [*sys.argv[1:], "", ""][:2]
    sys.exit(main(int(given_count or 10_000), int(given_seed or random.randrange(2**32))))
