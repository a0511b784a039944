"""Which door a script that imports Prefect is given, where none was asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from motet.dialects.python.prefect.script import find, read
from motet.dialects.python.prefect.signs import Signs
from motet.errors import TargetError
from motet.mains import Main
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
