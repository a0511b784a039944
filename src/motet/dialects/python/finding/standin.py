"""An import hook by which `import prefect` gives the beta's names, so that its scripts run as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

STANDS_IN = "orion"
"""What a run's program says under `door` if its file was served by this hook."""

_FACE = "motet.orion"
_SERVED = {
    "prefect": _FACE, "prefect.flows": _FACE, "prefect.tasks": _FACE, "prefect.futures": _FACE,
    "prefect.states": _FACE, "prefect.logging": _FACE, "prefect.orion": _FACE, "prefect.orion.schemas": _FACE,
    "prefect.orion.schemas.states": _FACE, "prefect.task_runners": f"{_FACE}.task_runners",
}  # fmt: skip


class _StandIn(ModuleType):
    """A module of Prefect's name."""


class _Finder:
    """Finds the stand-ins, and makes them: module names to the modules whose names they give."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that stands in for the one of that name, if there is one."""
        if name not in _SERVED:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self, is_package=name != "prefect.task_runners")  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give it the names."""
        from importlib import import_module

        face = import_module(_SERVED[module.__name__])
        vars(module).update({name: getattr(face, name) for name in face.__all__})


@contextmanager
def standing_in(door: str = "") -> Iterator[None]:
    """While it lasts, `import prefect` gives the beta's names: always if that `door` was asked for ("orion"),
    else only where Prefect itself is not installed.
    """
    finder = _Finder()
    if door == STANDS_IN:
        _forget()
        sys.meta_path.insert(0, finder)
    else:
        sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def stands_in() -> bool:
    """Whether `prefect` is a stand-in here."""
    return isinstance(sys.modules.get("prefect"), _StandIn)


def _forget() -> None:
    """Have what is called prefect imported anew."""
    for name in [each for each in sys.modules if each.partition(".")[0] == "prefect"]:
        del sys.modules[name]
