"""What was published to a run, what it listened for, and what of it was acted on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from motet.testing.simulation.world import Violation

_ORDER, _STOPS = "events-are-acted-on-once-in-order", "stop-requests-are-acted-on-once"


@dataclass(frozen=True, slots=True)
class Heard:
    """A rule that the run listens for: the keys of events, and the offset beyond which it hears them."""

    keys: frozenset[str]
    repeat: bool
    offset: int


@dataclass(slots=True)
class Hearing:
    """The published events (offset and key), and the run's part in them.

    offset  of the last one that the run acted on
    stops   published requests to stop it, and whether they have had their effect; `asked` counts other ones
    """

    published: list[tuple[int, str]] = field(default_factory=list)
    waits: dict[str, Heard] = field(default_factory=dict)
    offset: int = 0
    stops: dict[int, bool] = field(default_factory=dict)
    asked: int = 0

    def publish(self, offset: int, key: str) -> bool:
        """An event was published; False if it had been before, under the same client key."""
        if not self.published or offset > self.published[-1][0]:
            self.published.append((offset, key))
            return True
        if (offset, key) not in self.published:
            raise Violation(_ORDER, f"{key} was not published at offset {offset}")
        return False

    def stopping(self) -> None:
        """The run is being stopped: by somebody who is known to have asked for it."""
        if all(self.stops.values()) and not self.asked:
            raise Violation(_STOPS, "the run is being stopped, and nobody asked for it")
        self.settle()

    def settle(self) -> None:
        """All requests up to now have had their effect."""
        self.asked = 0
        for offset in self.stops:
            self.stops[offset] = True

    def check_stops(self, offset: int) -> None:
        """The run goes on, and has read up to that offset: no request may have been passed over."""
        lost = [at for at, acted in self.stops.items() if not acted and at <= offset]
        if lost:
            raise Violation(_STOPS, f"the one at offset {lost[0]} has no effect")

    def listen(self, event: Mapping[str, Any]) -> None:
        """The run listens for the events of a rule."""
        keys = frozenset(_event_keys(event["rule"]))
        self.waits[event["wait"]] = Heard(keys, event.get("repeat", False), event.get("offset", 0))

    def receive(self, event: Mapping[str, Any]) -> None:
        """A published event reached the run, beyond all earlier ones; none was left out that it listens for."""
        offset, key = event["offset"], event["key"]
        if offset <= self.offset:
            raise Violation(_ORDER, f"offset {offset} after offset {self.offset}")
        if (offset, key) not in self.published:
            raise Violation(_ORDER, f"nobody published {key} at offset {offset}")
        for at, other in self.published:
            if self.offset < at < offset:
                self._check_unheard(at, other)
        self.offset = offset

    def _check_unheard(self, offset: int, key: str) -> None:
        for name, heard in self.waits.items():
            if heard.repeat and key in heard.keys and heard.offset < offset:
                raise Violation(_ORDER, f"{key} at offset {offset} did not reach {name}")


def _event_keys(rule: Mapping[str, Any]) -> Iterator[str]:
    if rule["rule"] == "event":
        yield rule["key"]
    for each in rule.get("rules", ()):
        yield from _event_keys(each)
    if "of" in rule:
        yield from _event_keys(rule["of"])
