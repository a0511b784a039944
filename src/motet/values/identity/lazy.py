"""Modules that a function imports itself: they are not loaded to be looked at, and count by the code in their files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

from motet.values.identity.bytecode import CodeForm, form_of
from motet.values.identity.modules import is_own

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
