"""Main modules: what Python itself would run, be it a script, a part of a package, a folder or an archive."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, ModuleType

from motet.errors import TargetError
from motet.records import Record
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast
    from importlib.machinery import ModuleSpec

_GUARDS = ("__name__ == '__main__'", "'__main__' == __name__")


_NOT_LOADED = {"antigravity", "copyreg", "encodings", "idlelib", "this", "turtledemo"}
"""What nobody needs, or what does something when it is imported; and what Python itself looks up at any moment."""


class Main(Record, frozen=True):
    """What is run as `__main__`.

    file    a script, by its path; also the file that `module` was found in, where that is known
    module  its name in a package, as after `python -m`; `__main__` in a folder or archive; empty for a script
    path    what comes first on `sys.path`; empty for what Python would put there
    """

    file: str
    module: str = ""
    path: str = ""


def main_of(place: str, module: str = "") -> Main:
    """What to run for a path: a script; a script of a package that imports from there by dots, as that package's
    module; `__main__.py` in a folder or archive. Without a path: the module of that name. Raises TargetError.
    """
    if not place:
        return Main("", module)
    if os.path.isdir(place):
        inside = os.path.join(place, "__main__.py")
        if not os.path.isfile(inside):
            raise TargetError(f"{place} is a folder without a __main__.py.", f"Name a file in it: {inside}.")
        return main_of(inside)
    source = read(place)
    if source[:4] == b"PK\x03\x04" or (source[:2] == b"#!" and b"PK\x03\x04" in source[:512]):
        return Main("", "__main__", os.path.abspath(place))
    if any(map(_imports_by_dots, source.splitlines())):
        return _part_of_package(place)
    return Main(place)


def _imports_by_dots(line: bytes) -> bool:
    words = line.split(None, 2)
    return words[:1] == [b"from"] and words[1:] != [] and words[1].startswith(b".")


def imports(source: str, *packages: str) -> bool:
    """Whether a line of the source begins with an import of one of these packages."""
    if not any(each in source for each in packages):
        return False
    import re

    return re.search(rf"^(?:from|import)\s+(?:{'|'.join(packages)})\b", source, re.M) is not None


def _part_of_package(file: str) -> Main:
    """The file as a module of the package that its folder is, or of the current folder's, where no folder says so."""
    folder, name = os.path.split(os.path.abspath(file))
    names = [name.removesuffix(".py")]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, name = os.path.split(folder)
        names.insert(0, name)
    if len(names) == 1:
        within = os.path.relpath(os.path.abspath(file), os.getcwd()).removesuffix(".py")
        names, folder = within.split(os.sep), os.getcwd()
    if len(names) > 1 and all(each.isidentifier() for each in names):
        return Main(file, ".".join(names), folder)
    return Main(file)


def is_there(file: str) -> bool:
    """Whether the file is there; of one in an archive, whether that is."""
    return os.path.exists(file) or os.path.isfile(os.path.dirname(file))


def is_program(main: Main) -> bool:
    """Whether it can be run: a module always, a package if it has a `__main__`. Packages above it are imported."""
    if not main.module or main.module == "__main__":
        return True
    put_first(main.path or os.getcwd())
    spec = _spec_of(main.module)
    return spec is None or spec.submodule_search_locations is None or _spec_of(f"{main.module}.__main__") is not None


def module_of(main: Main) -> tuple[ModuleType, CodeType | bytes]:
    """A main module without content, in place as `__main__`, and its source; its code, where that is all there is.

    `sys.argv` begins with its file, as for any program. Raises TargetError.
    """
    if not main.module:
        source: CodeType | bytes = read(main.file)
        place = os.path.abspath(main.file)
        if not os.environ.get("PYTHONSAFEPATH"):
            put_first(os.path.dirname(os.path.realpath(main.file)))
        module = _put_in_place(place, None)
        sys.argv[0] = main.file
        return module, source
    put_first(main.path or os.getcwd())
    spec = _found(main)
    loader: Any = spec.loader
    place = spec.origin or ""
    try:
        source = loader.get_data(place) if place.endswith(".py") else loader.get_code(spec.name)
    except OSError as error:
        raise TargetError(f"{place} cannot be read: {error.strerror or error}.", "Check the path.") from None
    return _put_in_place(place, spec), source


def _found(main: Main) -> ModuleSpec:
    """Where the module lies; the packages above it are imported."""
    name = main.module
    if name == "__main__":
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, [main.path])
    else:
        spec = _spec_of(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = _spec_of(f"{name}.__main__")
    if spec is None or spec.loader is None:
        raise TargetError(
            f"There is no file {name}, nor a module of that name to run.",
            "Name a file.py, a file.py:flow, a package.module, a module:flow or a workflow.yaml.",
        )
    return spec


def _spec_of(name: str) -> ModuleSpec | None:
    """Where a module lies; None for one that is not there, or not in a package that is there."""
    from importlib.util import find_spec

    try:
        return find_spec(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            return None
        raise


def _put_in_place(file: str, spec: ModuleSpec | None) -> ModuleType:
    module = ModuleType("__main__")
    module.__file__ = file
    module.__builtins__ = sys.modules["builtins"]  # type: ignore[attr-defined]
    if spec is not None:
        module.__spec__, module.__loader__, module.__package__ = spec, spec.loader, spec.parent
    sys.modules["__main__"] = module
    sys.argv[:1] = [file]
    return module


def compiled(source: CodeType | bytes, place: str, *, whole: bool) -> CodeType:
    """The code of a main module; unless it is `whole`, without what stands below `if __name__ == "__main__"`.

    Raises TargetError if it is no Python.
    """
    if isinstance(source, CodeType):
        return source
    try:
        if whole:
            return compile(source, place, "exec", dont_inherit=True)
        import ast

        tree = ast.parse(source, place)
        tree.body = [part for each in tree.body for part in _unguarded(each)]
        return compile(tree, place, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        from traceback import format_exception_only

        said = "".join(format_exception_only(error)).rstrip()
        raise TargetError(f"{place} is not Python:\n{said}", "Put that line right.") from None


def _unguarded(part: ast.stmt) -> list[ast.stmt]:
    """The statement without what only a main script runs: `if __name__ == "__main__"`, perhaps with more conditions."""
    import ast

    if not isinstance(part, ast.If):
        return [part]
    tests = part.test.values if isinstance(part.test, ast.BoolOp) else [part.test]
    return part.orelse if any(ast.unparse(each) in _GUARDS for each in tests) else [part]


# ---------------------------------------------------------------- definitions only

_loading: ContextVar[tuple[str | None, Callable[[], bool]] | None] = ContextVar("motet_loading", default=None)


class _Enough(BaseException):
    """What was wanted is defined: the rest of the file need not run."""


def definitions_only(called: Any) -> bool:
    """Whether things are only being defined just now: then a call of that function at the top of a file does nothing.
    So it is where `multiprocessing` loads the script in a process that it has spawned.
    """
    wanted = _loading.get()
    if wanted is None:
        processes = sys.modules.get("multiprocessing.process")
        return processes is not None and getattr(processes.current_process(), "_inheriting", False)
    name, is_there = wanted
    if name is None or (getattr(called, "__qualname__", None) == name and is_there()):
        raise _Enough
    return True


def is_defining() -> bool:
    """Whether things are only being defined just now."""
    return _loading.get() is not None


@contextmanager
def defining(wanted: str | None, is_there: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """While it lasts, things are defined only. A call of the one called `wanted` (None: of any) says that no more is
    needed, once it `is_there`.
    """
    token = _loading.set((wanted, is_there))
    try:
        yield
    except _Enough:
        pass
    finally:
        _loading.reset(token)


def of_this_process() -> tuple[str, str, str] | None:
    """The fields of what this process runs as `__main__`, for another to load; None where that is nobody's program."""
    module = sys.modules.get("__main__")
    file, spec = getattr(module, "__file__", None), getattr(module, "__spec__", None)
    name = spec.name if spec is not None else ""
    if not file or name.partition(".")[0] == "motet":
        return None
    return ("" if name == "__main__" else os.path.abspath(file)), name, sys.path[0] if name == "__main__" else ""


def define(main: Main) -> None:
    """Load the definitions of a program as `__main__`, as far as that goes: up to the first flow that it calls, without
    what it guards by `if __name__ == "__main__"`. Whatever it raises ends that, and nothing is said of it.
    """
    path = sys.path[:]
    try:
        module, source = module_of(main)
        code = compiled(source, module.__file__ or "", whole=False)
        with defining(None):
            exec(code, vars(module))
    except (Exception, SystemExit):  # noqa: BLE001 - boundary: a script may need what only its first process has
        pass
    finally:
        sys.path[:] = path


def read(path: str) -> bytes:
    """What is in the file. Raises TargetError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise TargetError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None


def guard(folder: str) -> None:
    """Have Motet find the standard library's modules, whatever files of these names the folder has."""
    if found := shadowing(folder):
        from motet import shadows

        shadows.guard(folder, found)


def put_first(folder: str) -> None:
    """Put the folder first on `sys.path`, as Python does with that of a script."""
    guard(folder)
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)


def shadowing(folder: str) -> set[str]:
    """The modules of the standard library that the folder has files or packages of the names of."""
    try:
        there = os.listdir(folder or ".")
    except OSError:
        return set()
    named = {each.removesuffix(".py"): each for each in there} if there else {}
    alike = named.keys() & sys.stdlib_module_names - _NOT_LOADED - set(sys.builtin_module_names)
    if not alike or os.path.samefile(folder or ".", os.path.dirname(os.__file__)):
        return set()
    from _imp import is_frozen

    return {
        name
        for name in alike
        if not is_frozen(name)
        and (named[name].endswith(".py") or os.path.isfile(os.path.join(folder, name, "__init__.py")))
    }
