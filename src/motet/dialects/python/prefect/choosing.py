"""Which door a script that imports Prefect is given, where none was asked for; and what stands behind each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

from motet.dialects.python.prefect.script import find, read
from motet.dialects.python.prefect.signs import Signs
from motet.errors import NotServed, TargetError, did_you_mean
from motet.mains import Main
from motet.standins import Face
from motet.typed import Any


def told_by_signs(main: Main | None, tell: Callable[[str, int], None]) -> str:
    """The door that the script asks for by its manner; "" where it is not the script that imports Prefect."""
    importer = _importer()
    place = main.path if main is not None and main.path else ""
    search = [each for each in (place, os.getcwd(), *sys.path[:1]) if each]
    file = (main.file or find(main.module, search)) if main is not None else ""
    signs = read([each for each in (file, importer) if each], search)
    if not signs.files and (not importer or "-packages" in importer):
        return ""
    return chosen(signs, tell)


def chosen(signs: Signs, tell: Callable[[str, int], None]) -> str:
    """The door for a script with these signs. Raises TargetError."""
    if signs.first:
        raise TargetError(
            f"This is a script of Prefect 1 ({signs.first}), which Motet does not run.",
            "Make the body of `with Flow(...)` a function with @flow above it, each Parameter an argument of that "
            "function, and `flow.run()` a call of it. Tasks stay; imports from prefect.tasks.* go.",
        )
    if signs.beta and (signs.today or signs.certain):
        raise TargetError(
            "It cannot be told whether this script is written for Prefect 3 or for the beta of 2022. "
            f"{signs.today or signs.certain} is of today, {signs.beta} is of the beta.",
            "Say which: --door prefect, where task calls give values, or --door orion, where they give futures.",
        )
    if signs.beta and not signs.today:
        tell(f"door orion: task calls give futures, as in Prefect's beta, for {signs.beta}", 0)
        return "orion"
    if signs.deploys and not signs.today:
        tell(f"door orion: task calls give futures, as in Prefect's beta, for {signs.deploys}", 0)
        return "orion"
    why = f", for {signs.today}" if signs.today else ""
    tell(f"door prefect: task calls give values, as in Prefect 3{why}", 1)
    return "prefect"


def _importer() -> str:
    """The file whose import is under way; "" where it is no file of a user's."""
    frame: Any = sys._getframe()
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if not name.startswith(("importlib", "_frozen_importlib", "motet.")) and name != "motet":
            file = frame.f_code.co_filename
            return os.path.abspath(file) if os.path.isfile(file) else ""
        frame = frame.f_back
    return ""


_TABLES = {"orion": "motet.dialects.python.orion.served", "prefect": "motet.dialects.python.prefect.served"}


def face_of(door: str) -> Face:
    """What stands in for Prefect behind that door."""
    table = import_module(_TABLES[door])
    return TableFace(door, table.SERVED, table.INSTEAD)


_WITHOUT = (
    "Do without it, or run the script with Prefect itself (`--door none`). `motet migrate prefect DIR` lists all that "
    "your code uses and that is not served."
)


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
        cure = self._instead.get(longest, "") or cure or _WITHOUT
        return NotServed(f"Motet's door {self._door!r} does not serve {what}.", cure, name=whole)


def _is_within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")
