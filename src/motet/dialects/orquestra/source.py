"""Python files of components as they stand, read and never run: what they define, import, and what a function takes."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_HARMLESS = {"task", "flow", "cache", "lru_cache", "wraps", "staticmethod"}
"""Decorators that leave what a function takes as it is."""


class Library:
    """The files that can be imported from some folders, each read once."""

    def __init__(self, folders: Sequence[str]) -> None:
        self.folders = folders
        self._read: dict[str, Source] = {}

    def source(self, path: str) -> Source:
        """One file. Raises OSError, SyntaxError, ValueError."""
        if path not in self._read:
            self._read[path] = Source(path, self)
        return self._read[path]


class Source:
    """One file of a library."""

    def __init__(self, path: str, library: Library) -> None:
        self.path = path
        self.library = library
        with open(path, "rb") as file:
            self.tree = ast.parse(file.read(), path)

    @cached_property
    def names(self) -> set[str]:
        """What it defines at its top: functions, classes, variables, imported names."""
        found: set[str] = set()
        for each in _top(self.tree.body):
            if isinstance(each, Function | ast.ClassDef):
                found.add(each.name)
            elif isinstance(each, ast.Import | ast.ImportFrom):
                found |= {(name.asname or name.name).partition(".")[0] for name in each.names if name.name != "*"}
            else:
                found |= {
                    part.id for part in ast.walk(each) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
                }
        return found

    @property
    def functions(self) -> list[str]:
        """The functions that it defines at its top."""
        return [each.name for each in _top(self.tree.body) if isinstance(each, Function)]

    def function(self, name: str) -> Function | None:
        """The definition of the function, the last if there are several; None if its own top has none."""
        found = [each for each in _top(self.tree.body) if isinstance(each, Function) and each.name == name]
        return found[-1] if found else None

    def task_options(self, name: str) -> dict[str, Any] | None:
        """The options that are plain numbers, if the function is made a `motet.task`; None if it is none."""
        found = self.function(name)
        decorators = [each for each in (found.decorator_list if found else ()) if _name_of(each) == "task"]
        if not decorators or all(module != "motet" for module, _ in self.imported()):
            return None
        given = decorators[0].keywords if isinstance(decorators[0], ast.Call) else []
        values = {each.arg: each.value.value for each in given if each.arg and isinstance(each.value, ast.Constant)}
        return {name: value for name, value in values.items() if isinstance(value, int | float)}

    def starred(self) -> Iterator[Source | None]:
        """The modules of which it imports all; None for one that is not in its component."""
        for each in _top(self.tree.body):
            if isinstance(each, ast.ImportFrom) and any(name.name == "*" for name in each.names):
                yield self._module(each.module or "", each.level)

    def has(self, name: str, depth: int = 0) -> bool | None:
        """Whether it defines the name, by itself or by `import *`; None if that cannot be seen from here."""
        if name in self.names or "__getattr__" in self.names:
            return True
        if depth > 20:
            return None
        answers = [each.has(name, depth + 1) if each is not None else None for each in self.starred()]
        return True if True in answers else None if None in answers else False

    def imported(self) -> Iterator[tuple[str, int]]:
        """The top-level modules that running it imports for sure, each with its line."""
        for each in self.tree.body:
            if isinstance(each, ast.Import):
                yield from ((name.name.partition(".")[0], each.lineno) for name in each.names)
            elif isinstance(each, ast.ImportFrom) and not each.level and each.module:
                yield each.module.partition(".")[0], each.lineno

    @cached_property
    def reached(self) -> list[Source]:
        """The modules of its library that running it imports for sure."""
        found = []
        for each in self.tree.body:
            names = []
            if isinstance(each, ast.Import):
                names = [(name.name, 0) for name in each.names]
            elif isinstance(each, ast.ImportFrom):
                names = [(each.module or "", each.level)]
            for name, level in names:
                module = self._module(name, level)
                if module is not None:
                    found.append(module)
        return found

    def _module(self, name: str, level: int) -> Source | None:
        folders = self.library.folders
        if level:
            folder = os.path.dirname(self.path)
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            folders = [folder]
        for folder in folders:
            stem = os.path.join(folder, *name.split(".")) if name else folder
            for path in (f"{stem}.py", os.path.join(stem, "__init__.py")):
                if os.path.isfile(path):
                    try:
                        return self.library.source(path)
                    except (OSError, SyntaxError, ValueError):
                        return None
        return None


def _top(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements at the top, those in conditions and tries included."""
    for each in body:
        yield each
        if isinstance(each, ast.If | ast.Try | ast.With | ast.For | ast.While):
            inner = [*each.body, *getattr(each, "orelse", ()), *getattr(each, "finalbody", ())]
            for clause in getattr(each, "handlers", ()):
                inner += clause.body
            yield from _top(inner)


def misfit(function: Function, given: Sequence[str]) -> tuple[str, list[str]] | None:
    """Why the function cannot be called with these keyword arguments: "unknown" or "missing", with the names; or None.

    Of a function whose decorators may change what it takes, nothing is said.
    """
    if any(_name_of(each) not in _HARMLESS for each in function.decorator_list):
        return None
    takes = function.args
    named = [each.arg for each in [*takes.args, *takes.kwonlyargs]]
    unknown = [each for each in given if each not in named]
    if unknown and takes.kwarg is None:
        return "unknown", unknown
    optional = {each.arg for each in takes.args[len(takes.args) - len(takes.defaults) :]} if takes.defaults else set()
    optional |= {
        each.arg for each, default in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if default is not None
    }
    missing = [each for each in named if each not in given and each not in optional]
    return ("missing", missing) if missing else None


def arguments_of(function: Function) -> list[str]:
    """The names of the arguments that may be given by keyword."""
    return [each.arg for each in [*function.args.args, *function.args.kwonlyargs]]


def _name_of(decorator: ast.expr) -> str:
    """The last name of a decorator: "task" for @motet.task(retries=1)."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    return decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")


def is_standard(module: str) -> bool:
    """Whether the module comes with Python."""
    return module in sys.stdlib_module_names or module == "__future__"


def packages_in(folders: Sequence[str]) -> list[str]:
    """The modules and packages that can be imported from these folders; setup files and such are none."""
    found = set()
    for folder in folders:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.endswith(".py") and name not in ("setup.py", "conftest.py"):
                found.add(name[:-3])
            elif (
                name != "src"
                and name.isidentifier()
                and os.path.isdir(path)
                and any(each.endswith(".py") for each in os.listdir(path))
            ):
                found.add(name)
    return sorted(found)
