"""Which names `import spell` gives where the original is not installed, and in runs."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from contextlib import ExitStack
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any

from motet import mains, standins
from motet.errors import NotServed
from motet.standins import Face

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "served")
"""A folder that comes first on PYTHONPATH of what runs: there `import spell` gives Motet's, whatever is installed."""

SERVED = (
    "spell", "spell.client", "spell.client.runs", "spell.client.hyper", "spell.client.resources",
    "spell.client.workflows", "spell.client.model", "spell.metrics", "spell.api", "spell.api.models",
    "spell.api.exceptions", "spell.cli", "spell.cli.commands", "spell.cli.commands.ps",
)  # fmt: skip


class SpellFace:
    """What stands in for the modules of the original: those of `motet.spell`, by the same names."""

    def names(self, module: str) -> Iterable[str] | None:
        return list(getattr(_own(module), "__all__", ())) if module in SERVED else None

    def get(self, module: str, name: str) -> Any:
        try:
            return getattr(_own(module), name)
        except AttributeError:
            raise self._refused(f"{module} has no {name} here.") from None

    def refuse(self, module: str) -> NotServed:
        """What to say of a module that is not served."""
        return self._refused(f"There is no module {module} here.", module)

    @staticmethod
    def _refused(what: str, module: str = "") -> NotServed:
        return NotServed(what, "docs/reference/spell.md lists what scripts may import.", module)


def _own(module: str) -> Any:
    return import_module(f"motet.{module}")


def standing_in() -> ExitStack:
    """Until it is closed, imports of `spell` give Motet's, unless the original is installed."""
    stack = ExitStack()
    stack.enter_context(standins.standing_in("spell", _face))
    return stack


def _face() -> Face | None:
    """Nothing stands in for an original, but in a run, where that would ask a server that is not there."""
    found = PathFinder.find_spec("spell")
    is_own = found is None or os.path.dirname(found.origin or "") == FOLDER
    return SpellFace() if is_own else None


def run(file: str) -> None:
    """Run the script as Python does, with the names of the original in place."""
    module, source = mains.module_of(mains.main_of(file))
    with standing_in():
        exec(mains.compiled(source, file, whole=True), vars(module))


_staying: list[ExitStack] = []


def stay() -> None:
    """From now on they stand in."""
    if not _staying:
        _staying.append(standing_in())
        atexit.register(_staying[0].close)
