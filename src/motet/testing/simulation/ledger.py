"""What was committed, folded by a second and simpler set of rules than the kernel's, which judges it on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.transitions import ENDED
from motet.ports.execution import Settled
from motet.testing.simulation.hearing import Hearing
from motet.testing.simulation.spec import Spec
from motet.testing.simulation.world import Process, Violation, World


@dataclass(slots=True)
class Item:
    """What the journal says of a step, or of an element of a map.

    attempt  the last one it knows of, written by the owner of epoch `by`
    due_at   when a retry is due, by the wall clock; `wait_s` after the failure
    own      whether it is an element of which something was told by itself
    kept     the numbers of its checkpoints that its next attempt may begin from
    """

    status: str = "pending"
    attempt: int = 0
    by: int = 0
    failures: int = 0
    due_at: float = 0.0
    wait_s: float = 0.0
    result: Json = None
    own: bool = False
    kept: list[int] = field(default_factory=list)


class Ledger:
    """The committed run.

    epoch      the newest owner's
    retired    steps that are over and forgotten, with how they ended
    finishing  whether its program ended the run, so that what became of its steps does not decide
    answered   by rule, the last of its firings that the program has said something of
    begun      (map, step) where the step was reset when the map had begun: that goes on, and does not wait for it again
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.status = "pending"
        self.epoch = 0
        self.items: dict[str, Item] = {}
        self.specs: dict[str, Spec] = {}
        self.retired: dict[str, str] = {}
        self.begun: set[tuple[str, str]] = set()
        self.answered: dict[str, int] = {}
        self.hearing = Hearing()
        self.cancelling = self.finishing = False
        self.outcomes = 0
        self._policies: dict[str, Policy] = {}
        self.writer: Process | None = None

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.status in ("succeeded", "failed", "cancelled")

    def item(self, key: str) -> Item:
        """What is known of a step or element; nothing yet, at first."""
        found = self.items.get(key)
        if found is None:
            found = self.items[key] = Item()
        return found

    def outcome(self, key: str) -> str:
        """The status of a step or element; elements that never ran share the fate of their map."""
        found = self.items.get(key)
        if found is not None and found.status in ENDED:
            return found.status
        if key in self.retired:
            return self.retired[key]
        of = key.rpartition("[")[0] if key.endswith("]") else ""
        if of in self.specs and self.items[of].status in ENDED:
            return "cancelled" if self.items[of].status == "cancelled" else "skipped"
        return found.status if found is not None else "pending"

    def steps_left(self) -> int:
        """How many steps have yet to end."""
        return sum(self.items[key].status not in ENDED for key in self.specs)

    def policy(self, written: Json) -> Policy:
        """The policy that was written so; one object for all steps that share it."""
        text = repr(written)
        found = self._policies.get(text)
        if found is None:
            found = self._policies[text] = Policy.from_json(written)
        return found

    def named(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """The key of the step or element that the event is about, and of the step that has its policy."""
        key, element = event["key"], event.get("element", -1)
        if element >= 0:
            name = f"{key}[{element}]"
            self.item(name).own = True
            return name, key
        return key, key if key in self.specs else key.rpartition("[")[0]

    def check_current(self, key: str, number: int, result: Json = None) -> None:
        """Whether the outcome is one of the attempt that runs, and the very one that it reported."""
        assert self.writer is not None
        running = self.writer.running.get(key)
        if running is None or running.number != number:
            now = running.number if running is not None else "none"
            raise Violation("outcomes-are-of-the-current-attempt", f"{key}: of attempt {number}, running is {now}")
        if result is not None and result["by"] != running.mark:
            raise Violation(
                "outcomes-are-of-the-current-attempt", f"{key}: {result['by']} reported it, running is {running.mark}"
            )

    def end(self, key: str, status: str, result: Json = None) -> None:
        """A step or element has its outcome."""
        item = self.item(key)
        if item.status in ENDED:
            raise Violation("outcomes-are-recorded-once", f"{key} was {item.status} and is now {status}")
        item.status, item.result = status, result
        running = self.writer.running.get(key) if self.writer is not None else None
        if running is not None:
            item.attempt, item.by = running.number, self.epoch
        self.hearing.waits.pop(f"step {key}", None)
        self.outcomes += 1
        self.over(key)

    def over(self, key: str) -> None:
        """Its writer has an attempt in hand no longer."""
        assert self.writer is not None
        self.writer.running.pop(key, None)

    def told_of(self, key: str) -> list[Settled]:
        """The failures that the attempt in hand was said to have ended with."""
        assert self.writer is not None
        return self.writer.running[key].told

    def elements(self, key: str) -> Iterator[tuple[str, Item]]:
        """The elements of a map of which something is known."""
        for index in range(self.specs[key].size or 0):
            found = self.items.get(f"{key}[{index}]")
            if found is not None:
                yield f"{key}[{index}]", found
