"""Import hooks by which another system's modules are served from Motet's, so that its scripts run as they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from motet.errors import NotServed
from motet.typed import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

INHERITED = "MOTET_STANDS_IN"
"""The environment variable by which processes that Motet starts know what stands in: `module:function:argument`."""


class Face(Protocol):
    """What stands in for the modules of another system."""

    def names(self, module: str) -> Iterable[str] | None:
        """What `from module import *` gives; None where there is no such module."""

    def get(self, module: str, name: str) -> Any:
        """What the module has under that name. Raises NotServed."""

    def refuse(self, module: str) -> NotServed:
        """What to say of a module that there is not."""


class _StandIn(ModuleType):
    """A module of another system's name, which asks the face for a name when it is first used."""

    def __init__(self, name: str, face: Face) -> None:
        super().__init__(name)
        self.__face = face
        self.__all__ = list(face.names(name) or ())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in self.__all__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        inner = f"{self.__name__}.{name}"
        if name not in self.__all__ and self.__face.names(inner) is not None:
            __import__(inner)
            return sys.modules[inner]
        found = self.__face.get(self.__name__, name)
        setattr(self, name, found)
        return found

    def __reduce__(self) -> Any:
        return __import__, (self.__name__, None, None, ("*",))

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *self.__all__})


class _Finder:
    """Finds the stand-ins for the package `of`, and makes them; `choose` says what stands in once it is imported."""

    def __init__(self, of: str, choose: Callable[[], Face | None]) -> None:
        self._of = of
        self._choose = choose
        self._chosen: list[Face | None] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that stands in for the one of that name, unless nothing does. Raises NotServed."""
        if name.partition(".")[0] != self._of:
            return None
        if not self._chosen:
            self._chosen.append(self._choose())
        face = self._chosen[0]
        if face is None:
            return None
        if face.names(name) is None:
            raise face.refuse(name)
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module."""
        face = self._chosen[0]
        assert face is not None
        return _StandIn(spec.name, face)

    def exec_module(self, module: ModuleType) -> None:
        """Its names come when they are used."""


@contextmanager
def standing_in(of: str, choose: Callable[[], Face | None]) -> Iterator[None]:
    """While it lasts, imports of the package `of`, and below it, give what the face has, be the package installed or
    not. `choose` is asked for the face at the first such import; where it gives None, nothing stands in.
    """
    taken = _taken(of)
    finder = _Finder(of, choose)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _taken(of)
        sys.modules.update(taken)


def _taken(of: str) -> dict[str, ModuleType]:
    """The modules of the package that were imported, taken out."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == of}


def inherit() -> None:
    """In a process that Motet has started: have stand in what did there."""
    module, _, rest = os.environ.get(INHERITED, "").partition(":")
    if module:
        function, _, argument = rest.partition(":")
        __import__(module)
        getattr(sys.modules[module], function)(argument)
