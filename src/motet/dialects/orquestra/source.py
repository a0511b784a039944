"""Python files of components as they stand, read and never run: what they define, and what a function takes."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_HARMLESS = {"functools": {"cache", "lru_cache"}, "motet": {"task", "flow"}, "": {"staticmethod"}}
"""Decorators that leave what a function takes as it is, by the module that they come from; "" for built in."""


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
        """What it defines at its top: functions, classes, variables, imported names; and what any code calls global."""
        found = {name for each in ast.walk(self.tree) if isinstance(each, ast.Global) for name in each.names}
        for each in _top(self.tree.body):
            if isinstance(each, Function | ast.ClassDef):
                found.add(each.name)
            elif isinstance(each, ast.Import | ast.ImportFrom):
                found |= {(name.asname or name.name).partition(".")[0] for name in each.names if name.name != "*"}
            else:
                found |= _stored(each)
        return found

    @cached_property
    def is_plain(self) -> bool:
        """Whether its names are those that stand in it: nothing in it could make others."""
        return not any(
            (isinstance(each, ast.Name) and each.id in _MAKERS)
            or (isinstance(each, ast.Attribute) and ast.unparse(each) == "sys.modules")
            for each in ast.walk(self.tree)
        )

    @property
    def functions(self) -> list[str]:
        """The functions that it defines at its top."""
        return [each.name for each in _top(self.tree.body) if isinstance(each, Function)]

    def function(self, name: str) -> Function | None:
        """The definition of the function, the last if there are several; None if its own top has none, or if which
        one it is depends on what happens when the file is run.
        """
        found = [each for each in _top(self.tree.body) if isinstance(each, Function) and each.name == name]
        sure = [each for each in self.tree.body if each in found]
        others = any(name in _stored(each) for each in _top(self.tree.body) if not isinstance(each, Function))
        return found[-1] if found and found[-1] in sure and not others else None

    def task_options(self, name: str) -> dict[str, Any] | None:
        """The options that are plain numbers, if the function is made a `motet.task`; None if it is none."""
        found = self.function(name)
        decorators = [
            each for each in (found.decorator_list if found else ()) if self._origin(each) == ("motet", "task")
        ]
        if not decorators:
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
        name = name.partition(".")[0]
        if name in self.names or "__getattr__" in self.names:
            return True
        if not self.is_plain:
            return None
        if depth > 20:
            return None
        answers = [each.has(name, depth + 1) if each is not None else None for each in self.starred()]
        return True if True in answers else None if None in answers else False

    def is_harmless(self, decorator: ast.expr) -> bool:
        """Whether the decorator leaves what a function takes as it is."""
        module, name = self._origin(decorator)
        return name in _HARMLESS.get(module, ())

    def _origin(self, decorator: ast.expr) -> tuple[str, str]:
        """The top-level module and the name that a decorator comes from: ("motet", "task") for @motet.task()."""
        if isinstance(decorator, ast.Call):
            decorator = decorator.func
        dotted = ast.unparse(decorator)
        first, _, rest = dotted.partition(".")
        for each in _top(self.tree.body):
            if isinstance(each, ast.Import):
                for name in each.names:
                    if (name.asname or name.name.partition(".")[0]) == first:
                        return name.name.partition(".")[0], rest.rpartition(".")[2]
            elif isinstance(each, ast.ImportFrom) and not each.level:
                for name in each.names:
                    if (name.asname or name.name) == first:
                        return (each.module or "").partition(".")[0], (rest or name.name).rpartition(".")[2]
        return "", dotted

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
        if isinstance(each, ast.If | ast.Try | ast.TryStar | ast.With | ast.For | ast.While | ast.Match):
            inner = [*getattr(each, "body", ()), *getattr(each, "orelse", ()), *getattr(each, "finalbody", ())]
            for clause in (*getattr(each, "handlers", ()), *getattr(each, "cases", ())):
                inner += clause.body
            yield from _top(inner)


def _stored(statement: ast.stmt) -> set[str]:
    """The names that running it may bind, those within blocks included."""
    found = set()
    for each in ast.walk(statement):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
        elif isinstance(each, ast.MatchAs | ast.MatchStar | ast.ExceptHandler) and each.name:
            found.add(each.name)
    return found


_MAKERS = ("globals", "exec", "setattr", "vars", "locals")
"""Names of what makes names that stand nowhere."""


def misfit(source: Source, function: Function, given: Sequence[str]) -> tuple[str, list[str]] | None:
    """Why Python cannot call the function with these keyword arguments: "unknown", "positional" or "missing", with the
    names; None if it can. Of a function whose decorators may change what it takes, nothing is said.
    """
    if not all(source.is_harmless(each) for each in function.decorator_list):
        return None
    takes = function.args
    named = [each.arg for each in [*takes.args, *takes.kwonlyargs]]
    first = [each.arg for each in takes.posonlyargs]
    unknown = [each for each in given if each not in named]
    if unknown and takes.kwarg is None:
        return ("positional", unknown[:1]) if unknown[0] in first else ("unknown", unknown)
    in_order = [each.arg for each in [*takes.posonlyargs, *takes.args]]
    optional = set(in_order[len(in_order) - len(takes.defaults) :])
    optional |= {
        each.arg for each, default in zip(takes.kwonlyargs, takes.kw_defaults, strict=True) if default is not None
    }
    missing = [each for each in first if each not in optional]
    if missing:
        return "positional", missing
    missing = [each for each in named if each not in given and each not in optional]
    return ("missing", missing) if missing else None


def signature(function: Function) -> str:
    """What the function takes, as its definition has it."""
    return f"{function.name}({ast.unparse(function.args)})"


def arguments_of(function: Function) -> list[str]:
    """The names of the arguments that may be given by keyword."""
    return [each.arg for each in [*function.args.args, *function.args.kwonlyargs]]


def packages_in(folders: Sequence[str]) -> list[str]:
    """The modules and packages that these folders show, for messages; setup files and such are none."""
    found = set()
    for folder in folders:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.endswith(".py") and name not in ("setup.py", "conftest.py"):
                found.add(name[:-3])
            elif path not in folders and name.isidentifier() and os.path.isdir(path) and _has_python(path):
                found.add(name)
    return sorted(found)


def _has_python(folder: str) -> bool:
    return any(name.endswith(".py") for _, _, names in os.walk(folder) for name in names)
