"""Named limits: who may start, first come first served.

A step takes its limits one after another, the tightest first, and holds what it has while it waits in line
for the next. As all take them in that one order, nobody waits in a circle; as each line is served from its
head only, nobody starves, however much it demands; and a release costs who starts, not who waits.

A demand beyond the whole capacity is let through when the limit is idle, so that it runs alone. A step that
demands several limits may hold one while another is busy: at most as many do as the tightest has room for.

What the machine counts (`state.shared`) is asked for when a step has passed the limits of its run, which it holds
meanwhile; a map asks for one element after another. No run waits for its own limits with something of the machine in
hand, so there is no circle between the two.

A step below one that holds a limit goes before all who wait for it, and what is held above it is room for it: its
holder ends after it, so it would wait for itself. One at a time does so, as it counts as used itself.
"""

from __future__ import annotations

from _heapq import heapify, heappop, heappush
from collections.abc import Iterable
from math import inf

from motet.kernel.state import Limit, RunState, Step
from motet.kernel.transitions import RUNNING

_FIRST = 1 << 60
"""So much earlier than others a step lines up below one that holds what it demands."""

_ROUNDING = 1e-6
"""Demands may be fractions, and sums of fractions are off by a little."""


def line_up(state: RunState, step: Step) -> None:
    """Put a step that may start in line for what it demands, if it is not there."""
    if step.ticket or not may_start(state, step):
        return
    owner = state.steps[step.of] if step.of else step
    state.tickets += 2
    # An element that is tried again goes before the rest of its map.
    is_below = any(held_above(state, step, name) for name in step.policy.demands)
    step.ticket = owner.ticket - 1 if owner.ticket else state.tickets - is_below * _FIRST
    state.ready.append(step.key)


def may_start(state: RunState, step: Step) -> bool:
    """Whether the step has what it needs to run, and is not to stop."""
    owner = state.steps[step.of] if step.of else step
    if step.stopping or owner.stopping or not owner.bound:
        return False
    return not step.unmet or step.status == RUNNING  # a map that has begun goes on


def held_above(state: RunState, step: Step, name: str) -> float:
    """How much of the limit the running steps above it hold. Places of executors are lent by who waits, not so."""
    held, key = 0.0, "" if name.startswith("executor:") else step.parent
    while above := state.steps.get(key) or state.steps.get(key.rpartition("[")[0]):
        held += above.policy.demands.get(name, 0.0) if above.status == RUNNING else 0.0
        key = above.parent
    return held


def leave(state: RunState, step: Step) -> None:
    """Take the step out of line: what it held, or its place, may let others start."""
    for name in step.held:
        state.limits[name].held -= step.policy.demands[name]
    step.ticket, step.held = 0, ()
    state.asking.pop(step.key, None)
    state.granted.pop(step.key, None)
    state.changes.freed.update(dict.fromkeys(step.policy.demands))


def line_up_anew(state: RunState) -> None:
    """Send all back to the start: capacities changed, and with them the order in which limits are taken."""
    waiting = [entry for limit in state.limits.values() for entry in limit.line]
    waiting += [(state.steps[key].ticket, key) for key in (*state.asking, *state.granted)]
    waiting.sort()
    for limit in state.limits.values():
        limit.line.clear()
        limit.held = 0.0
    for ticket, key in reversed(waiting):
        step = state.steps.get(key)
        if step is not None and step.ticket == ticket:
            step.held = ()
            state.ready.appendleft(key)


def grant(state: RunState, step: Step) -> None:
    """The machine has what the step had asked for: it may start."""
    del state.asking[step.key]
    state.granted[step.key] = None
    state.ready.append(step.key)


def admit(state: RunState, freed: Iterable[str]) -> tuple[list[tuple[Step, list[int]]], list[Step]]:
    """Who may start now, each with the elements that may (none for a step that is no map); and who asks the machine.

    `freed` are the limits that may have room again. Whoever is named counts as started from then on.
    """
    contended = [name for name in freed if state.limit(name).line]
    if not contended and not state.ready:
        return [], []
    admission = _Admission(state, dict.fromkeys(contended))
    admission.run()
    return admission.starts, admission.asks


class _Admission:
    """One round of admissions. `planned` is the room that its starts take: state learns of them later."""

    __slots__ = ("asks", "freed", "planned", "starts", "state")

    def __init__(self, state: RunState, freed: dict[str, None]) -> None:
        self.state = state
        self.freed = freed
        self.planned: dict[str, float] = {}
        self.starts: list[tuple[Step, list[int]]] = []
        self.asks: list[Step] = []

    def run(self) -> None:
        """Put in line who is new (an element that is tried again goes first), and serve where there is room."""
        ready = self.state.ready
        while ready or self.freed:
            if not ready:
                self._serve(min(self.freed, key=lambda name: self.state.limit(name).line[:1]))
                continue
            step = self.state.steps.get(ready.popleft())
            if step is not None and step.ticket:
                self._go_on(step)

    def _serve(self, name: str) -> None:
        """Let pass who is first in line; where there is nobody, or no room, serve that line no more.

        Of those below holders none stands in another's way: the last that was let through needs those below it.
        """
        limit = self.state.limit(name)
        line = limit.line
        for entry in sorted(each for each in line if each[0] < 0) if line and line[0][0] < 0 else line[:1]:
            step = self.state.steps.get(entry[1])
            if step is not None and step.ticket != entry[0]:
                step = None  # it left, or is in line under another ticket
            if step is None or self._fits(name, limit, step):
                _take_out(line, entry)
                if step is not None:
                    self._hold(name, limit, step)
                    self._go_on(step)
                return
        del self.freed[name]

    def _go_on(self, step: Step) -> None:
        """Have the step pass one limit after another, until it starts or has to wait."""
        entry = (step.ticket, step.key)
        for name in self._order(step):
            limit = self.state.limit(name)
            if name in step.held:
                continue
            is_next = step.ticket < 0 or not limit.line or entry <= limit.line[0]
            if not is_next or not self._fits(name, limit, step):
                heappush(limit.line, entry)
                return
            self._hold(name, limit, step)
        self._start(step)

    def _order(self, step: Step) -> Iterable[str]:
        demands, limit = step.policy.demands, self.state.limit
        if self.state.shared:
            demands = {name: demands[name] for name in demands if name not in self.state.shared}
        if len(demands) < 2:
            return demands
        return sorted(demands, key=lambda name: (limit(name).capacity, name))

    def _hold(self, name: str, limit: Limit, step: Step) -> None:
        step.held += (name,)
        limit.held += step.policy.demands[name]

    def _used(self, name: str, limit: Limit) -> float:
        used = limit.used + limit.held + self.planned.get(name, 0.0)
        return used if used > _ROUNDING else 0.0

    def _room(self, name: str, limit: Limit, step: Step) -> float:
        """How much there is left. An executor's backlog (slack) is room for the elements of maps."""
        slack = limit.slack if step.map is not None or step.of else 0.0
        return limit.capacity + slack + held_above(self.state, step, name) - self._used(name, limit) + _ROUNDING

    def _fits(self, name: str, limit: Limit, step: Step) -> bool:
        others = self._used(name, limit) - held_above(self.state, step, name)
        return others <= _ROUNDING or step.policy.demands[name] <= self._room(name, limit, step)

    def _start(self, step: Step) -> None:
        """Start the step, or as many elements as there is room for; a map with more lines up again."""
        demands = step.policy.demands
        if not self._has_of_machine(step):
            return
        for name in step.held:
            self.state.limits[name].held -= demands[name]
        step.held = ()
        taken = step.map.take(self._elements(step)) if step.map is not None else []
        if taken or step.map is None:
            self.starts.append((step, taken))
            for name, amount in demands.items():
                self.planned[name] = self.planned.get(name, 0.0) + amount * (len(taken) or 1)
        else:
            self.freed.update(dict.fromkeys(demands))  # what it held is somebody else's
        if step.map is not None and step.map.next_waiting() >= 0:
            self._go_on(step)
        else:
            step.ticket = 0

    def _has_of_machine(self, step: Step) -> bool:
        """Whether it has what it takes of the machine, once; if not it is to ask for that."""
        state = self.state
        if not self._asks(step):
            return True
        if step.key in state.granted:
            del state.granted[step.key]
            return True
        if step.key not in state.asking:
            state.asking[step.key] = None
            self.asks.append(step)
        return False

    def _asks(self, step: Step) -> bool:
        return bool(self.state.shared) and any(name in self.state.shared for name in step.policy.demands)

    def _elements(self, step: Step) -> float:
        """How many elements there is room for: one at least, for it was let through."""
        if self._asks(step):
            return 1.0
        rooms = [
            self._room(name, self.state.limits[name], step) // amount
            for name, amount in step.policy.demands.items()
            if amount > 0 and self.state.limits[name].capacity != inf  # which no number of elements divides
        ]
        return max(1.0, min(rooms, default=inf))


def _take_out(line: list[tuple[int, str]], entry: tuple[int, str]) -> None:
    if entry == line[0]:
        heappop(line)
    else:
        line.remove(entry)
        heapify(line)
