"""A store in memory with one registered workflow, a clock that is set by hand, and engines that are only noted."""

from __future__ import annotations

from typing import Any

import pytest

from motet.owners import this_process
from motet.ports import Batch, Publication, RunRow
from motet.ports.definition import Definition
from motet.registry import definitions
from motet.scheduling.beginning import Beginner
from motet.stores.memory import MemoryStore

SCHEMA = {
    "type": "object", "properties": {"n": {"type": "integer"}, "path": {}}, "additionalProperties": False,
    "required": ["n"],
}  # fmt: skip


class World:
    """What a scheduler meets."""

    def __init__(self, home: str) -> None:
        self.store = MemoryStore()
        self.home = home
        self.at = 1_000_000.0
        self.launched: list[str] = []
        self.said: list[str] = []
        self.fails = 0
        definition = Definition(
            "train", {"voice": "program", "target": "m:f"}, SCHEMA, {"n": 1}, name="train", voice="program"
        )
        definitions.keep(self.store, definition, self.at)

    def now(self) -> float:
        return self.at

    def launch(self, row: RunRow) -> None:
        if self.fails:
            self.fails -= 1
            raise KeyboardInterrupt  # as if it had been killed here
        self.launched.append(row.id)

    def beginner(self) -> Beginner:
        """A scheduler's hands: another one each time."""
        return Beginner(self.store, self.home, self.now, self.said.append, self.launch)

    def end(self, run: str, status: str = "succeeded", error: Any = None) -> None:
        """Have the run end so, as an engine does."""
        row = self.store.claim(run, this_process(), 15.0)
        events = [{"event": "run.started", "at": self.at}, {"event": "run.finished", "at": self.at, "status": status}]
        self.store.append(
            run, row.epoch, row.seq, Batch(events, (), {"status": status, "ended_at": self.at, "error": error})
        )
        self.store.release(run, row.epoch)

    def publish(self, key: str, value: Any = None, **more: Any) -> int:
        return self.store.publish([Publication(key, value, at=self.at, **more)])[0]


@pytest.fixture
def world(tmp_path: Any) -> World:
    return World(str(tmp_path))
