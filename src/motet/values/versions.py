"""Which libraries a pickled value takes to be loaded, in which versions; and which of them are not here, or others.

{"numpy": "2.1.3", "settings": ""}: top-level modules with the version of what they belong to; none for modules of the
user's own. The standard library and Motet itself are not named; "python" is, where code was pickled by value, which
no other version of Python loads.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

_OURS = frozenset(("motet", "__main__", "__mp_main__"))


@lru_cache(maxsize=4096)
def versions(modules: frozenset[str]) -> Mapping[str, str]:
    """What it takes to load what comes from these modules."""
    found = {root: version_of(root) for root in sorted({each.partition(".")[0] for each in modules})}
    if found.pop("cloudpickle", None) is not None:
        found["python"] = _python()  # code goes by value
    return {root: version for root, version in found.items() if version is not None}


@lru_cache(maxsize=4096)
def version_of(root: str) -> str | None:
    """The version of the library that a loaded module belongs to; empty if it has none, None if it is not told of."""
    if root in sys.stdlib_module_names or root in _OURS or root.startswith("_cython_"):  # see `pickle`
        return None
    said = getattr(sys.modules.get(root), "__version__", None)
    if isinstance(said, str):
        return said
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(root)
    except (PackageNotFoundError, ValueError):
        return ""


def _python() -> str:
    return "{}.{}".format(*sys.version_info)


def missing(needed: Mapping[str, str], path: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """What of it is not here, or in another version: the module, and what is the matter. `path`: where else to look.

    Nothing is imported.
    """
    for root, version in needed.items():
        here = _python() if root == "python" else _found(root, tuple(path))
        if here is None:
            yield root, "cannot be imported here"
        elif version and here and here != version:
            yield root, f"is {here} here, and was {version}"


@lru_cache(maxsize=4096)
def _found(root: str, path: tuple[str, ...]) -> str | None:
    """The version of a library that could be imported, empty if it has none; None where it cannot."""
    from importlib.machinery import PathFinder
    from importlib.metadata import PackageNotFoundError, packages_distributions, version
    from importlib.util import find_spec

    if root not in sys.modules and PathFinder.find_spec(root, list(path)) is None and find_spec(root) is None:
        return None
    for name in (root, *packages_distributions().get(root, ())):
        try:
            return version(name)
        except (PackageNotFoundError, ValueError):
            continue
    return ""
