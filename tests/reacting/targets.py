"""What tasks of the tests do."""

from __future__ import annotations

import time
from typing import Any

from motet.ports import Publication, Store

HERE: dict[str, Store] = {}


def send_twice(key: str) -> None:
    """Publish, wait for what that has started to end, and publish again as the very last thing."""
    store = HERE["store"]
    store.publish([Publication(key, at=time.time())])
    while not any(step.task == "receiver" and step.status == "succeeded" for step in store.steps("r1")):
        time.sleep(0.005)
    store.publish([Publication(key, at=time.time())])


def nothing() -> None:
    """Do nothing."""


def fourth(told: dict[str, Any], statuses: dict[str, str], state: dict[str, Any]) -> dict[str, Any]:
    """Every fourth event starts the task; one that says so raises."""
    if told["value"] == "wrong":
        raise ValueError("a condition that raises")
    heard = [*state.get("heard", ()), told["value"]]
    return {"do": "start" if len(heard) % 4 == 0 else None, "state": {"heard": heard}}
