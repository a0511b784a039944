"""Import hooks by which another system's modules are served from Motet's, so that its scripts run as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType

from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


class _StandIn(ModuleType):
    """A module of another system's name."""


class _Finder:
    """Finds the stand-ins, and makes them: `served` are their names with the modules whose names they give."""

    def __init__(self, served: Mapping[str, str]) -> None:
        self._served = served

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that stands in for the one of that name, if there is one."""
        if name not in self._served:
            return None
        from importlib.machinery import ModuleSpec

        holds_others = any(each.startswith(f"{name}.") for each in self._served)
        return ModuleSpec(name, self, is_package=holds_others)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give it the names."""
        from importlib import import_module

        face = import_module(self._served[module.__name__])
        vars(module).update({name: getattr(face, name) for name in face.__all__})


@contextmanager
def standing_in(served: Mapping[str, str], *, always: bool) -> Iterator[None]:
    """While it lasts, imports of the names in `served` give modules with what Motet's, named there, have in `__all__`.

    Where what they stand in for is installed itself, that is imported, unless they are to stand in `always`.
    """
    finder = _Finder(served)
    if always:
        for name in [each for each in sys.modules if each.partition(".")[0] in served]:
            del sys.modules[name]
        sys.meta_path.insert(0, finder)
    else:
        sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def stands_in(name: str) -> bool:
    """Whether the module of that name, as it was imported here, is a stand-in."""
    return isinstance(sys.modules.get(name), _StandIn)
