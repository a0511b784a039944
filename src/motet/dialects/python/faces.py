"""What doors give for the modules of Prefect: tables of names, each with the place where it is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module

from motet.errors import NotServed, did_you_mean
from motet.standins import Face
from motet.typed import Any

_TABLES = {"orion": "motet.dialects.python.orion.served", "prefect": "motet.dialects.python.prefect.served"}


def face_of(door: str) -> Face:
    """What stands in for Prefect behind that door."""
    table = import_module(_TABLES[door])
    return TableFace(door, table.SERVED, table.INSTEAD)


class TableFace:
    """A face that is a table.

    served   by module the names that it gives, each with its place: `module:name`, or `module:` for a module itself;
             of a place the part after `motet.dialects.python.`, unless that of `motet.` is named whole
    instead  what to do in place of what is not served, by the longest beginning of `module.name`
    """

    def __init__(self, door: str, served: Mapping[str, Mapping[str, str]], instead: Mapping[str, str]) -> None:
        self._door = door
        self._served = served
        self._instead = instead

    def names(self, module: str) -> Iterable[str] | None:
        """The names that the module gives; none for a package that has served modules."""
        found = self._served.get(module)
        if found is None and any(each.startswith(f"{module}.") for each in self._served):
            return ()
        return found

    def get(self, module: str, name: str) -> Any:
        """What the name stands for. Raises NotServed."""
        place = self._served.get(module, {}).get(name)
        if place is None:
            known = self.names(module) or ()
            raise self._refused(f"{module}.{name}", f"{name} of {module}", did_you_mean(name, known))
        where, _, attribute = place.partition(":")
        found = import_module(where if where.partition(".")[0] == "motet" else f"motet.dialects.python.{where}")
        return getattr(found, attribute) if attribute else found

    def refuse(self, module: str) -> NotServed:
        """What to say of a module that is not served."""
        return self._refused(module, module, "")

    def _refused(self, whole: str, what: str, cure: str) -> NotServed:
        longest = max((each for each in self._instead if _is_within(whole, each)), key=len, default="")
        cure = self._instead.get(longest, "") or cure or "`motet migrate prefect DIR` lists what your code uses of it."
        return NotServed(f"Motet's door {self._door!r} does not serve {what}.", cure, name=whole)


def _is_within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")
