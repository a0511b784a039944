"""Files of the user's that are called as modules of the standard library are: `json.py` beside a script.

Who imports `json` from the user's own folder gets the user's, as under plain Python. Motet and all other libraries get
that of the standard library, whenever they import it. Nothing of this costs a program that has no such files.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from threading import RLock
from types import ModuleType

from motet.typed import Any

_names: set[str] = set()
_folders: list[str] = []
_aside: dict[str, ModuleType] = {}
"""The modules of these names that are not in `sys.modules` now: the genuine ones, but while they are imported."""

_now: list[bool] = []
"""Not empty while the genuine ones are in place."""

_plain, _plain_module = builtins.__import__, importlib.import_module
_lock = RLock()


def guard(folder: str, found: Set[str]) -> None:
    """From now on, who imports from outside of the folder gets the standard library's modules, not those in it."""
    if folder in _folders:
        return
    with _lock:
        more = found - _names
        for name in sorted(more):
            try:
                _plain_module(name)
            except ImportError:  # not every build has all of them; nobody else is to find the user's
                sys.modules[name] = None  # type: ignore[assignment]
        _names.update(more)
        _folders.append(folder)
        if not _now:
            _aside.update(_taken_out(more))
        builtins.__import__, importlib.import_module = _import, _import_module


def loaded(name: str) -> ModuleType | None:
    """The module of the standard library of that name, if it was imported."""
    return (sys.modules if _now or name not in _names else _aside).get(name)


def boot_path() -> Sequence[str]:
    """`sys.path` for a process that has yet to load Motet: folders that are guarded come last."""
    return [*(each for each in sys.path if each not in _folders), *(each for each in sys.path if each in _folders)]


def _taken_out(names: Set[str]) -> dict[str, ModuleType]:
    """Take all modules of these names out of `sys.modules`."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in names}


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,  # noqa: A002 - as `__import__` is called
    locals: Mapping[str, Any] | None = None,  # noqa: A002 - as `__import__` is called
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """`import`, with the modules in place that are the importer's: also for what it imports in turn, from C, too."""
    importer = globals or {}
    genuine = not _is_the_users(importer)
    if genuine and level == 0 and name in sys.modules and name.partition(".")[0] not in _names:
        return _plain(name, globals, locals, fromlist or (), level)
    with _lock, _in_place(genuine):
        return _plain(name, globals, locals, fromlist or (), level)


def _import_module(name: str, package: str | None = None) -> ModuleType:
    """`importlib.import_module`, which does not tell who asks: who asks for one of the names means the user's own."""
    top = (package or "" if name.startswith(".") else name).partition(".")[0]
    with _lock, _in_place(top not in _names):
        return _plain_module(name, package)


@contextmanager
def _in_place(genuine: bool) -> Iterator[None]:
    """The genuine modules in `sys.modules`, or else the user's."""
    if genuine == bool(_now):
        yield
        return
    _exchange()
    try:
        yield
    finally:
        _exchange()


def _exchange() -> None:
    """Put the other ones into `sys.modules`: the genuine modules for the user's, or the user's for these."""
    out = _taken_out(_names)
    sys.modules.update(_aside)
    _aside.clear()
    _aside.update(out)
    _now[:] = [] if _now else [True]


def _is_the_users(importer: Mapping[str, Any]) -> bool:
    """Whether a module is the user's own: what lies in such a folder, or in no file."""
    if str(importer.get("__name__")).partition(".")[0] == "motet":
        return False
    file = importer.get("__file__")
    if not file:
        return getattr(importer.get("__spec__"), "origin", None) != "frozen"
    return "-packages" + os.sep not in file and any(file.startswith(os.path.join(each, "")) for each in _folders)
