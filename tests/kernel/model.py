"""What the kernel must do, said once more in the plainest way: dicts, and everything worked out from scratch.

Elements of maps are entries like any other. The model does not decide who starts: it is told, and objects to a
start that is not due, has no room or jumps the queue; and, when all is quiet, to one that is missing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

BAD = {"failed", "cancelled", "skipped"}
ENDED = BAD | {"succeeded"}


@dataclass(eq=False, kw_only=True)
class Entry:
    """A step, a map (which has a size) or an element (of a map)."""

    needs: set[str]
    after: set[str]
    each: set[str]
    size: int | None = None
    of: str = ""
    retries: int = 0
    demands: dict[str, float] = field(default_factory=dict)
    status: str = "pending"
    attempt: int = 0
    failures: int = 0
    due_at: float = 0.0
    stopping: bool = False
    since: int = 0


class Model:
    def __init__(self, capacities: dict[str, float]) -> None:
        self.entries: dict[str, Entry] = {}
        self.capacities = capacities
        self.cancelling = False
        self.turn = 0

    def add(self, key: str, *, needs: Collection[str] = (), after: Collection[str] = (),
            each: Collection[str] = (), size: int | None = None, **policy: Any) -> None:  # fmt: skip
        after, each = set(after) - set(needs), set(each)
        self.entries[key] = Entry(needs=set(needs), after=after, each=each, size=size, **policy)
        for i in range(size or 0):
            upstream = {f"{up}[{i}]" for up in each}
            self.entries[f"{key}[{i}]"] = Entry(needs=upstream, after=set(), each=each, of=key, **policy)

    # -- what is told

    def start(self, key: str, attempt: int, at: float) -> None:
        entry = self.entries[key]
        waiting = self.waiting(at)
        assert entry in waiting, f"{key} was started, but is {entry}"
        assert attempt > entry.attempt, f"attempt {attempt} of {key} was given out before"
        assert self.fits(entry), f"{key} was started without room"
        for other in waiting:
            if other.demands == entry.demands and len(entry.demands) == 1 and not other.of and not entry.of:
                assert other.since >= entry.since > 0, f"{key} was started before {other}"
        entry.status, entry.attempt = "running", attempt
        if entry.of:
            self.entries[entry.of].status = "running"

    def report(self, key: str, attempt: int, how: str, due_at: float) -> bool:
        """An attempt succeeded, failed or was cancelled. False if it is old news."""
        entry = self.entries[key]
        if entry.status != "running" or entry.attempt != attempt:
            return False
        if how == "failed":
            entry.failures += 1
            how = "cancelled" if self.stops(entry) else "failed" if entry.failures > entry.retries else "retrying"
        entry.status, entry.due_at = how, due_at
        return True

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
        while any(self.advance(*pair) or self.end_map(*pair) for pair in self.entries.items()):
            pass
        waiting = self.waiting(at)
        for entry in self.entries.values():
            entry.since = (entry.since or self.turn) if entry in waiting else 0

    def advance(self, key: str, entry: Entry) -> bool:
        was, elements = entry.status, self.elements(key)
        if was in ENDED:
            return False
        entry.stopping = entry.stopping or (self.cancelling and not entry.of)
        in_hand = was == "running" and (entry.size is None or any(e.status == "running" for e in elements))
        if entry.stopping and not in_hand:
            entry.status = "cancelled"
            for each in elements:  # those that were tried before; those that never ran share the map's fate
                each.status = "cancelled" if each.failures and each.status not in ENDED else each.status
        elif was in ("pending", "ready", "retrying"):
            # Where an element needs one that never ran, it is its map that gives up, at its end.
            tried = not entry.of or entry.failures
            bad = any((self.outcome(k) if tried else self.entries[k].status) in BAD for k in entry.needs)
            left = was if was == "retrying" else "ready" if self.free(entry) else "pending"
            entry.status = "skipped" if bad and self.opened(entry) and not self.stops(entry) else left
        return entry.status != was

    def end_map(self, key: str, entry: Entry) -> bool:
        """A map ends when all of its elements have, or when those left wait for some that will never run."""
        if entry.size is None or entry.status not in ("ready", "running") or entry.stopping:
            return False
        elements = self.elements(key)
        good = [e for e in elements if e.status == "succeeded"]
        left = [e for e in elements if e.status not in ENDED]
        lost = not any(self.free(e) or e.status != "pending" or self.doomed(e) for e in left)
        if not left or (lost and all(self.entries[up].status in ENDED for up in entry.each)):
            begun = entry.status == "running" or good
            entry.status = "succeeded" if len(good) == len(elements) else "failed" if begun else "skipped"
        return entry.status in ENDED

    def outcome(self, key: str) -> str:
        """The status of an entry; an element that never ran shares the fate of its map."""
        entry = self.entries[key]
        fate = self.entries[entry.of].status if entry.of else ""
        if entry.status in ENDED or fate not in ENDED:
            return entry.status
        return "cancelled" if fate == "cancelled" else "skipped"

    def elements(self, key: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.of == key]

    def doomed(self, entry: Entry) -> bool:
        return any(self.entries[need].status in BAD for need in entry.needs)

    def free(self, entry: Entry) -> bool:
        needed = all(self.outcome(need) == "succeeded" for need in entry.needs)
        return needed and all(self.outcome(other) in ENDED for other in entry.after)

    def stops(self, entry: Entry) -> bool:
        return bool(self.cancelling or entry.stopping or (entry.of and self.entries[entry.of].stopping))

    def opened(self, entry: Entry) -> bool:
        return not entry.of or self.entries[entry.of].status in ("ready", "running")

    # -- limits

    def waiting(self, at: float) -> list[Entry]:
        """Those that could start now but for the limits."""
        return [
            e for e in self.entries.values()
            if (e.status == "ready" or (e.status == "retrying" and e.due_at <= at))
            and e.size is None and self.free(e) and self.opened(e) and not self.stops(e)
        ]  # fmt: skip

    def fits(self, entry: Entry) -> bool:
        running = [e for e in self.entries.values() if e.status == "running" and e.size is None]
        used = {name: sum(e.demands.get(name, 0) for e in running) for name in entry.demands}
        return all(not used[name] or used[name] + n <= self.capacities[name] for name, n in entry.demands.items())

    def check_quiet(self, at: float) -> None:
        """Whoever waits waits for a reason: for somebody without room in a line with it, or in line with them."""
        waiting = self.waiting(at)
        reasons = {name for entry in waiting if not self.fits(entry) for name in entry.demands}
        for _ in waiting:
            reasons |= {name for entry in waiting if reasons & set(entry.demands) for name in entry.demands}
        for entry in waiting:
            assert reasons & set(entry.demands), f"{entry} could start"
