"""Finding flows: in a file, in a module, again on resume. Definitions are loaded without running any flow."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any

from motet.errors import TargetError
from motet.kernel.events import Json

if TYPE_CHECKING:
    from motet.dialects.python.flows import Flow

_loading: ContextVar[str | None] = ContextVar("motet_loading", default=None)


class _Enough(BaseException):
    """The flow that was wanted is defined: the rest of its file need not run."""


def definitions_only(flow: Flow[..., Any]) -> bool:
    """Whether flows are only being defined: a call at the top of a file then does not run its flow."""
    wanted = _loading.get()
    if wanted is None:
        return False
    if flow.fn.__qualname__ == wanted:
        raise _Enough
    return True


@contextmanager
def _defining(wanted: str) -> Iterator[None]:
    token = _loading.set(wanted)
    try:
        yield
    except _Enough:
        pass
    finally:
        _loading.reset(token)


def load_file(path: str, wanted: str = "") -> ModuleType:
    """The file as the module `__main__`, so that what it pickled can be read; what it guards does not run.

    Its `__name__` is "__mp_main__", as in the workers of multiprocessing. Raises TargetError.
    """
    from importlib.util import module_from_spec, spec_from_file_location

    if not os.path.isfile(path):
        raise TargetError(f"There is no file {path}.", "Check the path.")
    spec = spec_from_file_location("__mp_main__", path)
    if spec is None or spec.loader is None:
        raise TargetError(f"{path} is not a Python file.", "Name a file that ends in .py.")
    module = module_from_spec(spec)
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module
    folder = os.path.dirname(os.path.abspath(path))
    if sys.path[0] != folder:
        sys.path.insert(0, folder)
    with _defining(wanted):
        spec.loader.exec_module(module)
    return module


def load_module(name: str, path: str = "") -> ModuleType:
    """The module of that name. Raises TargetError."""
    for each in (path, os.getcwd()):
        if each and each not in sys.path:
            sys.path.insert(0, each)
    try:
        with _defining(""):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise TargetError(f"There is no module {name}.", "Check the name, and the current folder.") from None
        raise


def flows_of(module: ModuleType) -> dict[str, Flow[..., Any]]:
    """The flows that the module itself defines, by the names they have in it."""
    from motet.dialects.python.flows import Flow

    own = {"__main__", "__mp_main__", module.__name__}
    return {
        name: value for name, value in vars(module).items() if isinstance(value, Flow) and value.fn.__module__ in own
    }


def pick(module: ModuleType, name: str, where: str) -> Flow[..., Any]:
    """The flow of that name; without a name, the only one. Raises TargetError, naming those that there are."""
    from motet.dialects.python.flows import Flow

    flows = flows_of(module)
    told = ", ".join(flows) or "none"
    if name:
        found: Any = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if isinstance(found, Flow):
            return found
        by_name = [each for each in flows.values() if each.name == name]
        if by_name:
            return by_name[0]
        raise TargetError(f"{where} has no flow {name!r}.", f"Its flows: {told}.")
    if len(flows) != 1:
        what = "defines no flow" if not flows else f"defines {len(flows)} flows"
        cure = f"Name one, as in {where}:{next(iter(flows))}. There are: {told}." if flows else "Put @flow above one."
        raise TargetError(f"{where} {what}.", cure)
    return next(iter(flows.values()))


def find_again(spec: Json) -> Flow[..., Any]:
    """The flow that a run was made of, from the code on disk as it is now. Raises TargetError."""
    qualname = spec["qualname"]
    if "<locals>" in qualname:
        raise TargetError(
            f"Flow {qualname} was defined inside a function, where it cannot be found again.",
            "Move it to the top of its module.",
        )
    if spec["module"] == "__main__":
        if spec["file"] is None:
            raise TargetError(
                "The flow was defined in an interactive session, which cannot be loaded again.",
                "Write it to a file and run that.",
            )
        module, where = load_file(spec["file"], qualname), spec["file"]
    else:
        module, where = load_module(spec["module"], spec.get("path", "")), spec["module"]
    return pick(module, qualname, where)
