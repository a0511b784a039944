"""What tasks of the tests do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from motet.kernel.program import Action, Finish, Listen, View
from motet.ports import Publication, Store
from motet.rules import OnEvent

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


class Growing:
    """Listens for "b" once it has heard "a"; both, and all else that is published, are in its result."""

    def __init__(self, params: Any) -> None:
        self._heard: list[str] = []

    def advance(self, view: View) -> Iterator[Action]:
        """One rule begins when another fires."""
        yield Listen("all", OnEvent("*", pattern=True))
        yield Listen("a", OnEvent("a"))
        self._heard += [f"{fired.wait} {fired.signal.key}" for fired in view.fired]
        if any(fired.wait == "a" for fired in view.fired):
            yield Listen("b", OnEvent("b"))
        if any(fired.signal.key == "end" for fired in view.fired):
            yield Finish("succeeded", self._heard)
