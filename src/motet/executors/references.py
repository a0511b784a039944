"""Functions by name: how one is told to another process that can import it too.

Kept small: a worker process imports it.
"""

from __future__ import annotations

import sys
from typing import Any


def name_of(function: Any) -> str | None:
    """`module:qualname`, if importing that gives the function; with `.fn` for a task's own function.

    None for all others: what is defined in the main script or inside a function, lambdas, callable objects.
    """
    module_name = getattr(function, "__module__", None)
    qualname = getattr(function, "__qualname__", None)
    if not isinstance(qualname, str) or "<" in qualname or module_name == "__main__":
        return None
    module = sys.modules.get(module_name or "")
    if module is None or getattr(module, "__spec__", None) is None:
        return None
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if found is function:
        return f"{module_name}:{qualname}"
    return f"{module_name}:{qualname}.fn" if getattr(found, "fn", None) is function else None


def find(name: str) -> Any:
    """The function that `name_of` named. Raises ImportError or AttributeError if it is not there."""
    module_name, _, qualname = name.partition(":")
    found = _module(module_name)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def _module(name: str) -> Any:
    from importlib import import_module, invalidate_caches

    try:
        return sys.modules.get(name) or import_module(name)
    except ModuleNotFoundError:
        # A file that is newer than what the import system remembers of its folder.
        invalidate_caches()
        return import_module(name)
