"""What no event may be is refused at every door, with one message, and harms nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.conftest import Cli, cli

from motet import app, flow, wait_for_event
from motet.clients import Client
from motet.errors import UsageError
from motet.events import publish, publish_many
from motet.ports import Document
from motet.questions import give

__all__ = ["cli"]


def deep(levels: int) -> Any:
    return deep(levels - 1) if levels == 0 else [deep(levels - 1)] if levels > 1 else []


def doubled() -> Any:
    """A small object that is 2 ** 60 times as large where it is written out."""
    value: Any = "x"
    for _ in range(60):
        value = [value, value]
    return value


WRONG = {
    "10 MB": "x" * 10_000_000, "2 MB within": {"a": ["x" * 2_000_000]}, "deep": deep(101), "very deep": deep(900),
    "doubled": doubled(), "no JSON": {"a": {1, 2}}, "a number of 5,000 digits": 10**5000,
    "keys": {(1, 2): 3},
}  # fmt: skip

ASKED = {"schema": {"properties": {"v": {}}}, "step": "s"}

DOORS: dict[str, Callable[[Any], object]] = {
    "publish": lambda value: publish("k", value),
    "publish_many": lambda value: publish_many([("fine", 1), ("k", value)]),
    "client": lambda value: Client("r1", "").publish("k", value),
    "answer": lambda value: Client("r1", "").answer("step", name=value),
    "request": lambda value: Client("r1", "").add("step", call={"target": "builtins:len", "args": [value]}),
    "give": lambda value: give(
        app.hosts.current().store, Document("python", "wait", "r1/s", ASKED, 0), {"v": value}, "test", 0.0
    ),
    "wait": lambda value: wait_for_event("k", value=value, timeout=0),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_no_door_takes_what_is_too_large_too_deep_or_no_json(door: str) -> None:
    for what, value in WRONG.items():
        with pytest.raises(UsageError) as refused:
            DOORS[door](value)
        assert len(str(refused.value)) < 400, what
    assert app.hosts.current().store.head() == 0


def test_names_are_limited_at_every_door(cli: Cli) -> None:
    for name in ("k" * 1_000_000, "é" * 600, "a\nb", "\ud800", ""):
        for call in (publish, lambda key: publish_many([("fine", 1), (key, 1)]), Client("r1", "").publish):
            with pytest.raises(UsageError):
                call(name)  # type: ignore[operator]
    for more in ({"namespace": "n" * 2000}, {"client_key": "c" * 2000}, {"namespace": "motet"}):
        with pytest.raises(UsageError):
            publish("k", **more)  # type: ignore[arg-type]
    wrong = [{"key": "k" * 1_000_000}, {"key": "k", "value": "x" * 10_000_000}]
    for each in wrong:
        (cli.folder / "events.jsonl").write_text(json.dumps(each))
        assert len(cli("publish", "--lines", "events.jsonl", code=2).err.splitlines()) == 2
    (cli.folder / "events.jsonl").write_text('{"key": "k", "value": ' + "[" * 5000 + "]" * 5000 + "}")
    assert len(cli("publish", "--lines", "events.jsonl", code=2).err.splitlines()) == 2
    assert app.hosts.current().store.head() == 0


def test_the_largest_that_may_be_is_taken_everywhere() -> None:
    value = "x" * (2**20 - 2)
    publish("k" * 1000, value)

    @flow
    def main() -> int:
        publish("k", [value[:-10]])
        return len(wait_for_event("k").value[0])

    assert main() == 2**20 - 12
    publish("k", deep(100))
