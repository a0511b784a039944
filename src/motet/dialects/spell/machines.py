"""Machine types: what a name stands for on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from motet.errors import UsageError
from motet.kernel.events import Json
from motet.records import Record
from motet.values import yaml

_GPUS = ("K80", "P100", "T4", "V100", "A100", "H100")
_TABLE = "spell-machines.yaml"
_SPOT = re.compile(r"-(spot|prempt|preempt)$", re.I)
_CPUS = ("CPU", "cpu-big", "cpu-bigger", "cpu-huge", "ram-big", "ram-huge")


class Machine(Record, frozen=True):
    """What a run of a machine type takes of this machine, beside a place among the commands that run at once.

    demands  of named resources: {"gpu": 1}
    told     what that is, in words
    warning  what of the name cannot be had here; "" for nothing
    """

    name: str
    demands: Mapping[str, float]
    told: str
    warning: str = ""


def table(home: str) -> dict[str, dict[str, Json]]:
    """The machine types by name: {"cpu": ..., "gpu": ...}. Those of the home's `spell-machines.yaml` go first.

    Raises UsageError for a file that is no such table.
    """
    found: dict[str, dict[str, Json]] = {each: {} for each in _CPUS}
    for kind in _GPUS:
        found.update({f"{kind}{f'x{many}' if many > 1 else ''}": {"gpu": many} for many in (1, 2, 4, 8)})
    path = os.path.join(home, _TABLE)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            own = yaml.read(file.read(), path).value
        if not isinstance(own, dict) or not all(isinstance(name, str) and _is_machine(own[name]) for name in own):
            raise UsageError(f"{path} is no table of machine types.", "Write, for example: big: {cpu: 4, gpu: 1}")
        found.update(own)
    return found


def _is_machine(told: Json) -> bool:
    return isinstance(told, dict) and all(isinstance(amount, int | float) for amount in told.values())


def machine(name: str, resources: Mapping[str, float], home: str) -> Machine:
    """What the name stands for, as far as this machine has it; what it has not is left out, with a warning."""
    known = {each.lower(): (each, wanted) for each, wanted in table(home).items()}
    plain = _SPOT.sub("", name)
    if plain.lower() not in known:
        return Machine(name, {}, "CPU", f"There is no machine type {name!r}: this run has a place of this machine.")
    title, wanted = known[plain.lower()]
    demands = {each: float(amount) for each, amount in wanted.items() if resources.get(each, 0) >= float(amount)}
    told = ", ".join(f"{amount:g} {each}" for each, amount in demands.items()) or "CPU"
    missing = [f"{amount:g} {each}" for each, amount in wanted.items() if each not in demands]
    warning = f"This machine has no {', '.join(missing)} for {title}: the run has {told}." if missing else ""
    return Machine(title, {f"resource:{each}": amount for each, amount in demands.items()}, told, warning)
