"""Whose code a module holds, what it is called in every process, and which version a package has.

The user's own code counts by what it does. It is what lies neither in a folder of installed packages nor in Python's
own: scripts, the working folder, packages that are installed as editable. All other code counts by the version of its
package.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from types import CodeType

from motet.typed import Any
from motet.values.identity.bytecode import CodeForm, form_of

_OWN: dict[tuple[str, str | None], bool] = {}
_FOLDERS: dict[tuple[str, str], str] = {}
_VERSIONS: dict[str, str] = {}
_INSTALLED = ("site-packages", "dist-packages")
_PYTHON = os.path.dirname(os.__file__) + os.sep
_known_as: list[str] = []


def known_as(name: str) -> None:
    """From now on the main script counts under this name: that of the file that a run was begun with."""
    _known_as[:] = [name]


def module_name(module: str) -> str:
    """The name of a module, the same however its process was started: a script is called as its file."""
    if module != "__main__":
        return module
    if _known_as:
        return _known_as[0]
    main = sys.modules.get("__main__")
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None and spec.name.partition(".")[0] in sys.stdlib_module_names:
        spec, file = None, sys.argv[0]  # a profiler is not the program: what it was told to run is
    if spec is not None:
        return str(spec.name)
    return os.path.splitext(os.path.basename(file))[0] if file else module


def module_of(value: Any) -> str:
    """The module that a function or class says it is of; builtins for types that say none, as some made in C."""
    module = getattr(value, "__module__", None)
    return module if isinstance(module, str) else "builtins"


def target_of(function: Any) -> str:
    """Module and qualified name of a function, class, or callable object."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{module_name(module_of(named))}:{named.__qualname__}"


def is_own(module: str, file: str | None) -> bool:
    """Whether a module is of the user's own code."""
    found = _OWN.get((module, file))
    if found is None:
        found = _OWN[module, file] = _look(module, file)
    return found


def _look(module: str, file: str | None) -> bool:
    top = module.partition(".")[0]
    if top == "motet":
        return False
    if file is None or file.startswith("<"):
        return top not in sys.stdlib_module_names
    file = os.path.abspath(file)
    return not (file.startswith(_PYTHON) or any(each in file.split(os.sep) for each in _INSTALLED))


def folder_of(module: str) -> str:
    """The folder that a module of the user's own was found in: what tells two projects apart, on this machine."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if not file or not is_own(module, file):
        return ""
    found = _FOLDERS.get((module, file))
    if found is None:
        found = _FOLDERS[module, file] = _top_folder(module, os.path.abspath(file))
    return found


def _top_folder(module: str, file: str) -> str:
    """The folder that the top package of a module in that file was found in."""
    levels = 0 if module == "__main__" else module.count(".") + (os.path.basename(file) == "__init__.py")
    folder = os.path.dirname(file)
    for _ in range(levels):
        folder = os.path.dirname(folder)
    return folder


def version_of(module: str) -> str:
    """The version of the package that an installed module belongs to; "" for Python's own, and where nothing tells."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "motet":
        return ""
    if top not in _VERSIONS:
        folders = [each for each in sys.path if each.rstrip(os.sep).endswith(_INSTALLED)]
        _VERSIONS[top] = next((found for folder in folders if (found := _version_in(folder, top))), "")
    return _VERSIONS[top]


def _version_in(folder: str, top: str) -> str:
    """What pip wrote there of the package that has the module: mostly it has its name."""
    try:
        kept = [each for each in os.listdir(folder) if each.endswith(".dist-info")]
    except OSError:
        return ""
    for each in sorted(kept, key=lambda name: not name.lower().startswith(top.lower() + "-")):
        name, _, version = each.removesuffix(".dist-info").rpartition("-")
        if name.lower() == top.lower() or top in _modules_of(os.path.join(folder, each)):
            return version
    return ""


def _modules_of(folder: str) -> set[str]:
    """The modules at the top of an installed package, as pip lists its files."""
    try:
        with open(os.path.join(folder, "RECORD"), encoding="utf-8", errors="replace") as file:
            return {line.split(",")[0].split("/")[0].removesuffix(".py") for line in file}
    except OSError:
        return set()


# ---------------------------------------------------------------- modules that functions import themselves

_CODES: dict[str, CodeType | None] = {}


def lazily_imported(form: CodeForm, space: Mapping[str, Any]) -> Iterator[tuple[str, CodeType | None]]:
    """The modules that code imports, and that these import: the user's own with their code, others with None."""
    seen: set[str] = set()
    waiting = list(_named(form, str(space.get("__package__") or "")))
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        code = code_in_file(name)
        if code is not None:
            yield name, code
            waiting += _named(form_of(code), name.rpartition(".")[0])
        elif name.partition(".")[0] in sys.stdlib_module_names or _top_is_installed(name):
            yield name, None


def _named(form: CodeForm, package: str) -> Iterator[str]:
    for level, name, taken in form.imports:
        base = package.rsplit(".", level - 1)[0] if level > 1 else package
        whole = ".".join(each for each in (base if level else "", name) if each)
        yield whole
        for each in taken:
            if code_in_file(f"{whole}.{each}") is not None:
                yield f"{whole}.{each}"


def code_in_file(name: str) -> CodeType | None:
    """The code of a module of the user's own, as its file has it; None for others, and where there is none."""
    if name not in _CODES:
        _CODES[name] = _read(name)
    return _CODES[name]


def _read(name: str) -> CodeType | None:
    spec = _found(name)
    if spec is None or not is_own(name, spec.origin) or not hasattr(spec.loader, "get_code"):
        return None
    try:
        code: CodeType | None = spec.loader.get_code(name)
    except (ImportError, SyntaxError):
        return None
    return code


def _found(name: str) -> Any:
    """Where the module would be loaded from. Nothing is loaded for that, not even the packages around it."""
    from importlib.machinery import PathFinder

    path: Any = None
    found: Any = None
    whole = ""
    for part in name.split("."):
        whole = f"{whole}.{part}" if whole else part
        found = PathFinder.find_spec(whole, path)
        if found is None:
            return None
        path = found.submodule_search_locations or []
    return found


def _top_is_installed(name: str) -> bool:
    return _found(name.partition(".")[0]) is not None


def forget() -> None:
    """Look at files anew."""
    _CODES.clear()
