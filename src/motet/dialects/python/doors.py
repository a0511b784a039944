"""Doors: whose names, and whose manner, `import prefect` gives. One is asked for, or the run's own, or told by what the
script does with its task calls.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from motet import standins
from motet.mains import Main
from motet.standins import Face
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motet.kernel.events import Json

NONE = "none"

_CHOOSING = "motet.dialects.python.prefect.choosing"

_open: list[str] = []
"""The door that stands open; "" until the script's first import of Prefect says which."""


def _ignore(text: str, verbosity: int) -> None:
    pass


@contextmanager
def open_door(door: str = "", main: Main | None = None, tell: Callable[[str, int], None] = _ignore) -> Iterator[None]:
    """While it lasts, `import prefect` leads through that door: "prefect", "orion", or "none", which leaves it alone.

    Without one, what is run as `main` says so once it imports Prefect, and `tell` is told. Raises TargetError there
    where the script leaves it open, or is one of Prefect 1.
    """
    before, inherited = _open[:], os.environ.get(standins.INHERITED)
    _open[:] = [door]
    if door == NONE:
        try:
            yield
        finally:
            _open[:] = before
        return

    def choose() -> Face | None:
        _open[0] = door or _told_by_signs(main, tell)
        if not _open[0]:
            return None
        os.environ[standins.INHERITED] = f"{__name__}:inherit:{_open[0]}"
        face: Face = _loaded(_CHOOSING).face_of(_open[0])
        return face

    try:
        with standins.standing_in("prefect", choose):
            yield
    finally:
        _open[:] = before
        os.environ.pop(standins.INHERITED, None)
        if inherited is not None:
            os.environ[standins.INHERITED] = inherited


def door_now() -> str:
    """The door through which Prefect was imported here; "" where it was not."""
    return _open[0] if _open else ""


_inherited: list[Any] = []


def inherit(door: str) -> None:
    """In a worker process: have the door open from now on that is open in the engine's."""
    if not _inherited:
        _inherited.append(open_door(door))
        _inherited[0].__enter__()


def door_of(program: Json) -> AbstractContextManager[None]:
    """The door that a run was begun through, open; for one that came through none, as its script says."""
    main = Main(program.get("file") or "", "" if program.get("file") else program.get("module", ""))
    return open_door(program.get("door", ""), main)


def _told_by_signs(main: Main | None, tell: Callable[[str, int], None]) -> str:
    found: str = _loaded(_CHOOSING).told_by_signs(main, tell)
    return found


def _loaded(module: str) -> Any:
    """By its name: what stands in for Prefect stands on the voice, which therefore imports none of it."""
    __import__(module)
    return sys.modules[module]
