"""Who may start: decided from what all processes hold and who stands in line. Pure, and the same whoever decides.

A ticket takes what it needs one after another, in one order for all, and holds what it has while it stands in line for
the next. So nobody waits in a circle; each line is served from its head, so nobody starves, however much it needs. All
is worked out anew each time from the tickets in their order: what one that waits has already is never stored, and
cannot be lost with its process.

A need beyond the whole capacity is met when nobody else has any of it, so that it runs alone. For a ticket of something
below what holds a part already, that part counts as free, and it stands in nobody's line (see `motet.kernel.limits`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

Standing: TypeAlias = dict[str, Any]
"""What a process has on the board, as JSON.

owner   which process it is; `bell` is the name of its FIFO
holds   how much it has of each resource or slot, in use or kept for its next attempt; `gpus` the numbers of its GPUs
front   its first tickets, for each kind of needs some; `rest` the next one of a kind that has more
granted what it was given and has not seen yet, by the number of the ticket: the numbers of its GPUs
by      what it has in use, for people: [run, step, name, ...]
watch   whether it is to see to the death of those who hold something: the first in line do
"""

GPU = "resource:gpu"
_ROUNDING = 1e-6


def serve(standings: Iterable[Standing]) -> list[Standing]:
    """Give those who may start what they need; gives the processes of these. What it changes is to be kept."""
    everyone = list(standings)
    used: dict[str, float] = {}
    taken: dict[str, None] = {}
    for each in everyone:
        for name, amount in each["holds"].items():
            used[name] = used.get(name, 0.0) + amount
        taken.update(dict.fromkeys(each["gpus"]))
    blocked: dict[str, None] = {}
    served: dict[int, Standing] = {}
    for ticket, standing in _in_order(everyone):
        if ticket.get("above"):
            if not _fits_below(ticket, used):
                continue
        elif ticket.get("rest") or not _passes(ticket, used, blocked):
            if ticket.get("rest"):  # what comes behind it is not on the board yet
                blocked.update(dict.fromkeys(ticket["needs"]))
            continue
        standing["granted"][str(ticket["number"])] = _hand_over(ticket, standing, taken)
        standing["front"].remove(ticket)
        served[id(standing)] = standing
    return list(served.values())


def _in_order(standings: list[Standing]) -> list[tuple[Standing, Standing]]:
    """All tickets: what is below a holder first, then by priority and time."""
    pairs = [(ticket, each) for each in standings for ticket in (*each["front"], *each["rest"])]
    return sorted(pairs, key=lambda pair: (not pair[0].get("above"), pair[0]["order"]))


def _passes(ticket: Standing, used: dict[str, float], blocked: dict[str, None]) -> bool:
    """Have it pass one line after another; what it has passed is its own until it has all."""
    for name in sorted(ticket["needs"], key=_rank):
        amount, capacity = ticket["needs"][name]
        now = used.get(name, 0.0)
        if name in blocked or not (now + amount <= capacity + _ROUNDING or now <= _ROUNDING):
            blocked[name] = None
            return False
        used[name] = now + amount
    return True


def _fits_below(ticket: Standing, used: dict[str, float]) -> bool:
    """Whether it fits into what is free and what is held above it."""
    for name, (amount, capacity) in ticket["needs"].items():
        others = used.get(name, 0.0) - ticket["above"].get(name, 0.0)
        if others + amount > capacity + _ROUNDING and others > _ROUNDING:
            return False
    for name, (amount, _) in ticket["needs"].items():
        used[name] = used.get(name, 0.0) + amount
    return True


def _hand_over(ticket: Standing, standing: Standing, taken: dict[str, None]) -> list[str]:
    """Note what the process has from now on; gives the numbers of the GPUs."""
    for name, (amount, _) in ticket["needs"].items():
        standing["holds"][name] = standing["holds"].get(name, 0.0) + amount
    if GPU not in ticket["needs"]:
        return []
    free = [each for each in ticket["gpus"] if each not in taken]
    gpus = [*free, *ticket["lent"]][: int(ticket["needs"][GPU][0])]
    taken.update(dict.fromkeys(gpus))
    standing["gpus"] += gpus
    return gpus


def _rank(name: str) -> tuple[int, str]:
    """One order for all: what is scarce is waited for first, and places, of which there are many, last."""
    order = {GPU: 1, "resource:memory": 2, "resource:cpu": 3}
    return (4 if name.startswith("executor:") else order.get(name, 0)), name
