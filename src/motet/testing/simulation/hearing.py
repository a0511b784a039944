"""What was published to a run, what it listened for, and what of it was acted on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from motet.ports import Publication
from motet.testing.simulation.plan import RUN
from motet.testing.simulation.world import Violation

_ORDER, _STOPS = "events-are-acted-on-once-in-order", "stop-requests-are-acted-on-once"
_MET = "steps-that-wait-get-the-first-that-will-do"
_ASKED = "requests-are-taken-in-once"
_MEANT = "events-are-heard-by-whom-they-are-meant-for"


@dataclass(frozen=True, slots=True)
class Heard:
    """A rule that the run listens for: its parts over events, and the offset beyond which it hears them.

    simple  whether it is over one event, and nothing else
    """

    events: tuple[Mapping[str, Any], ...]
    repeat: bool
    offset: int
    simple: bool = False


@dataclass(slots=True)
class Hearing:
    """The published events (with their offsets), and the run's part in them.

    offset  of the last one that the run acted on
    stops   published requests to stop it, and whether they have had their effect; `asked` counts other ones
    asked_of_steps  requests for steps of it, and whether they were taken in, or were too late
    """

    published: list[tuple[int, Publication]] = field(default_factory=list)
    waits: dict[str, Heard] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)
    offset: int = 0
    stops: dict[int, bool] = field(default_factory=dict)
    asked: int = 0
    asked_of_steps: dict[int, bool] = field(default_factory=dict)

    def publish(self, offset: int, event: Publication) -> bool:
        """An event was published; False if it had been before, under the same client key."""
        if not self.published or offset > self.published[-1][0]:
            self.published.append((offset, event))
            return True
        self._at(offset, event.key)
        return False

    def _at(self, offset: int, key: str) -> Publication:
        for at, event in self.published:
            if (at, event.key) == (offset, key):
                return event
        raise Violation(_ORDER, f"nobody published {key} at offset {offset}")

    def stopping(self) -> None:
        """The run is being stopped: by somebody who is known to have asked for it."""
        if all(self.stops.values()) and not self.asked:
            raise Violation(_STOPS, "the run is being stopped, and nobody asked for it")
        self.settle()

    def settle(self) -> None:
        """All requests up to now have had their effect."""
        self.asked = 0
        for known in (self.stops, self.asked_of_steps):
            known.update(dict.fromkeys(known, True))

    def check_stops(self, offset: int) -> None:
        """The run goes on, and has read up to that offset: no request may have been passed over."""
        lost = [at for at, acted in self.stops.items() if not acted and at <= offset]
        if lost:
            raise Violation(_STOPS, f"the one at offset {lost[0]} has no effect")
        lost = [at for at, acted in self.asked_of_steps.items() if not acted and at <= offset]
        if lost:
            raise Violation(_ASKED, f"the one at offset {lost[0]} was not taken in")

    def listen(self, event: Mapping[str, Any]) -> None:
        """The run listens for the events of a rule."""
        events, simple = tuple(_events(event["rule"])), event["rule"]["rule"] == "event"
        self.waits[event["wait"]] = Heard(events, event.get("repeat", False), event.get("offset", 0), simple)

    def receive(self, event: Mapping[str, Any]) -> None:
        """A published event reached the run, beyond all earlier ones; none was left out that it listens for."""
        offset, key = event["offset"], event["key"]
        if "wait" in event:  # what others have heard before
            if not _is_for(self.waits[event["wait"]], self._at(offset, key)):
                raise Violation(_MEANT, f"{key} at offset {offset} is not for {event['wait']}")
            self.offset = max(self.offset, offset)
            return
        if offset <= self.offset:
            raise Violation(_ORDER, f"offset {offset} after offset {self.offset}")
        received = self._at(offset, key)
        if offset in self.asked_of_steps:
            self.asked_of_steps[offset] = True
        if received.run not in ("", RUN) and not any(_is_for(each, received) for each in self.waits.values()):
            raise Violation(_MEANT, f"{key} at offset {offset} is for {received.run}")
        for at, other in self.published:
            if self.offset < at < offset:
                self._check_unheard(at, other)
        self.offset = offset

    def check_met(self, key: str, told: Mapping[str, Any]) -> None:
        """The step has what it waits for: of published events the first one beyond where it began to hear."""
        heard = self.waits[f"step {key}"]
        fired = told.get("event", {}).get("offset")
        first = next((at for at, each in self.published if at > heard.offset and _is_for(heard, each)), None)
        if heard.simple and fired != first:
            raise Violation(_MET, f"{key} was given the event at offset {fired}, the first one is at {first}")

    def _check_unheard(self, offset: int, event: Publication) -> None:
        for name, heard in self.waits.items():
            if heard.repeat and heard.offset < offset and _is_for(heard, event):
                raise Violation(_ORDER, f"{event.key} at offset {offset} did not reach {name}")


def _is_for(heard: Heard, event: Publication) -> bool:
    return any(_may_hear(each, event) for each in heard.events)


def _may_hear(rule: Mapping[str, Any], event: Publication) -> bool:
    """Whether the event may reach the rule: by name only if it is Motet's own, or another run's."""
    if not (fnmatchcase(event.key, rule["key"]) if rule.get("pattern") else event.key == rule["key"]):
        return False
    own = event.namespace in ("motet", "artifact")
    named = rule["namespace"] == event.namespace if "namespace" in rule else not own
    mine = rule["run"] == event.run if "run" in rule else event.run in ("", RUN) or event.namespace == "artifact"
    return named and mine and rule.get("value", event.value) == event.value


def _events(rule: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if rule["rule"] == "event":
        yield rule
    for each in rule.get("rules", ()):
        yield from _events(each)
    if "of" in rule:
        yield from _events(rule["of"])
