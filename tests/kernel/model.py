"""What the kernel must do, said once more in the plainest way: dicts, and everything worked out from scratch.

Elements of maps are entries like any other. The model never decides who starts: it is told, and objects to
a start that is not due, has no room or jumps the queue; and, when all is quiet, to one that is missing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

BAD = {"failed", "cancelled", "skipped"}
ENDED = BAD | {"succeeded"}


class Entry(dict[str, Any]):
    """A step, a map or an element; its fields read as attributes."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__  # type: ignore[assignment]


class Model:
    def __init__(self, capacities: dict[str, float]) -> None:
        self.entries: dict[str, Entry] = {}
        self.capacities = capacities
        self.cancelling = False
        self.turn = 0

    def add(self, key: str, *, needs: Collection[str] = (), after: Collection[str] = (),
            each: Collection[str] = (), size: int | None = None, **policy: Any) -> None:  # fmt: skip
        blank = {"status": "pending", "attempt": 0, "failures": 0, "due_at": 0.0, "stopping": False, "since": 0}
        blank |= {"of": "", "size": None, "each": set(each), "demands": {}, "retries": 0} | policy
        self.entries[key] = Entry(blank, needs=set(needs), after=set(after) - set(needs), size=size)
        for i in range(size or 0):
            self.entries[f"{key}[{i}]"] = Entry(blank, of=key, needs={f"{up}[{i}]" for up in each}, after=set())

    def outcome(self, key: str) -> str:
        """The status of an entry; an element that never ran shares the fate of its map."""
        entry = self.entries[key]
        fate = self.entries[entry.of].status if entry.of else ""
        if entry.status in ENDED or fate not in ENDED:
            return entry.status
        return "cancelled" if fate == "cancelled" else "skipped"

    def elements(self, key: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.of == key]

    # -- what is told

    def start(self, key: str, attempt: int, at: float) -> None:
        entry = self.entries[key]
        due = entry.status == "ready" or (entry.status == "retrying" and entry.due_at <= at)
        assert due and self.free(entry) and not self.stops(entry), f"{key} is {entry} and was started"
        assert self.opened(entry) and attempt > entry.attempt
        assert self.fits(entry), f"no room for {key}"
        for other in self.waiting(at):
            if other.demands == entry.demands and len(entry.demands) == 1 and not other.of and not entry.of:
                assert other.since >= entry.since > 0, f"{key} jumped the queue"
        entry.status, entry.attempt = "running", attempt
        if entry.of:
            self.entries[entry.of].status = "running"

    def report(self, key: str, attempt: int, how: str, at: float, delay_s: float) -> bool:
        """An attempt ended: succeeded, failed or cancelled. False if it is old news."""
        entry = self.entries[key]
        if entry.status != "running" or entry.attempt != attempt:
            return False
        if how == "failed":
            entry.failures += 1
            how = "cancelled" if self.stops(entry) else "failed" if entry.failures > entry.retries else "retrying"
        entry.status, entry.due_at = how, at + delay_s
        return True

    def stop(self, key: str) -> None:
        self.entries[key].stopping = True

    def reset(self, key: str, *, keep: bool) -> None:
        for entry in (self.entries[key], *self.elements(key)):
            if not (entry.of and keep and entry.status == "succeeded"):
                entry.status, entry.failures, entry.stopping = "pending", 0, False

    def crash(self) -> None:
        for entry in self.entries.values():
            entry.since = 0
            if entry.status == "running" and entry.size is None:
                entry.status = "ready"

    # -- what follows

    def settle(self, at: float) -> None:
        """Work everything out until nothing changes any more; note since when each waits for room."""
        self.turn += 1
        while any([self.advance(*pair) for pair in self.entries.items()]) or any(map(self.end_map, self.entries)):
            pass
        waiting = self.waiting(at)
        for entry in self.entries.values():
            entry.since = (entry.since or self.turn) if entry in waiting else 0

    def advance(self, key: str, entry: Entry) -> bool:
        was = entry.status
        if was in ENDED:
            return False
        entry.stopping = entry.stopping or (self.cancelling and not entry.of)
        own = self.elements(key)
        if (
            entry.stopping
            and was != "running"
            or entry.stopping
            and own
            and not any(each.status == "running" for each in own)
        ):
            entry.status = "cancelled"
            for each in own:  # what was begun is cancelled, what never ran shares its fate
                each.status = "cancelled" if each.status not in ENDED and each.failures else each.status
        elif was in ("pending", "ready", "retrying") and not (entry.of and self.stops(entry)):
            if entry.of and not entry.failures:  # for a need that never ran it is its map that gives up
                bad = any(self.entries[need].status in BAD for need in entry.needs)
            else:
                bad = any(self.outcome(need) in BAD for need in entry.needs)
            left = was if was == "retrying" else "ready" if self.free(entry) else "pending"
            entry.status = "skipped" if bad and self.opened(entry) else left
        return entry.status != was

    def end_map(self, key: str) -> bool:
        """A map ends when all of its elements have, or when those left wait for some that will never run."""
        entry, own = self.entries[key], self.elements(key)
        if entry.size is None or entry.status not in ("ready", "running") or entry.stopping:
            return False
        left = [each for each in own if each.status not in ENDED]
        lost = all(each.status == "pending" for each in left)
        if lost and all(self.entries[up].status in ENDED for up in entry.each) or not left:
            good = [each for each in own if each.status == "succeeded"]
            begun = entry.status == "running" or good
            entry.status = "succeeded" if len(good) == len(own) else "failed" if begun else "skipped"
        return entry.status in ENDED

    def free(self, entry: Entry) -> bool:
        needs = all(self.outcome(need) == "succeeded" for need in entry.needs)
        return needs and all(self.outcome(other) in ENDED for other in entry.after)

    def stops(self, entry: Entry) -> bool:
        return bool(self.cancelling or entry.stopping or (entry.of and self.entries[entry.of].stopping))

    def opened(self, entry: Entry) -> bool:
        return not entry.of or self.entries[entry.of].status in ("ready", "running")

    def used(self, name: str) -> float:
        running = [entry for entry in self.entries.values() if entry.status == "running" and entry.size is None]
        return sum(entry.demands.get(name, 0) for entry in running)

    def fits(self, entry: Entry) -> bool:
        rooms = ((self.used(name), amount, self.capacities[name]) for name, amount in entry.demands.items())
        return all(not used or used + amount <= capacity for used, amount, capacity in rooms)

    def waiting(self, at: float) -> list[Entry]:
        """What could start now but for the limits."""
        return [
            entry
            for entry in self.entries.values()
            if (entry.status == "ready" or (entry.status == "retrying" and entry.due_at <= at))
            and entry.size is None and self.free(entry) and not self.stops(entry) and self.opened(entry)
        ]  # fmt: skip

    def check_quiet(self, at: float) -> None:
        """Whoever waits waits for a reason: a limit that is in use, or somebody in line who does not fit."""
        waiting = self.waiting(at)
        for entry in waiting:
            lines = [[other for other in waiting if name in other.demands] for name in entry.demands]
            blocked = any(not self.fits(other) for line in lines for other in line)
            assert blocked, f"{entry} could start"
