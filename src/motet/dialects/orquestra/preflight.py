"""What can be known to fail before any step runs: files and functions that are not there, arguments that do not fit,
modules that cannot be imported. And what may not go well: resources that this machine does not have.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from motet.dialects.orquestra.components import Component
from motet.dialects.orquestra.places import Problems
from motet.dialects.orquestra.source import Library, Source, arguments_of, is_standard, misfit, packages_in
from motet.dialects.orquestra.spec import Step, Workflow, nearest

Importable = Callable[[Step, Iterable[str]], set[str]]
"""Which of these top-level modules the environment of a step has."""


class Code:
    """The code of all steps of a workflow, each file read once."""

    def __init__(self, workflow: Workflow, components: Mapping[str, Component]) -> None:
        self._steps = workflow.steps.values()
        self._components = components
        self._libraries: dict[tuple[str, ...], Library] = {}

    def check(self, problems: Problems) -> None:
        """Tell of every step whose file, function or arguments cannot be right."""
        for step in self._steps:
            source = _source(step, self._components[step.module], self._library(step), problems)
            if source is not None:
                _check_function(step, source, problems)

    def check_imports(self, importable: Importable, problems: Problems) -> None:
        """Tell of every step that imports what it cannot have. Nothing else must be wrong with them."""
        missing: dict[tuple[str, ...], dict[str, tuple[str, int]]] = {}
        for step in self._steps:
            library = self._library(step)
            path = self._path(step)
            key = (path, *step.imports)
            if key not in missing:
                wanted = _imported(library.source(path))
                there = importable(step, wanted) if wanted else set()
                missing[key] = {name: place for name, place in wanted.items() if name not in there}
            _tell_missing(step, missing[key], [self._components[each] for each in step.imports], problems)

    def tasks(self) -> dict[str, dict[str, Any]]:
        """The steps whose function is a `motet.task`, each with the options that its decorator has as literals."""
        found = {}
        for step in self._steps:
            with suppress(OSError, SyntaxError, ValueError):
                options = self._library(step).source(self._path(step)).task_options(step.function)
                if options is not None:
                    found[step.name] = options
        return found

    def _path(self, step: Step) -> str:
        return os.path.join(self._components[step.module].path, step.file)

    def _library(self, step: Step) -> Library:
        key = tuple(step.imports)
        if key not in self._libraries:
            self._libraries[key] = Library([folder for name in key for folder in self._components[name].sources])
        return self._libraries[key]


def _at(step: Step, *path: str) -> tuple[str | int, ...]:
    return (*step.at, "config", "runtime", *path)


def _source(step: Step, component: Component, library: Library, problems: Problems) -> Source | None:
    """The step's file, read."""
    at = _at(step, "parameters", "file")
    path = os.path.join(component.path, step.file)
    if component.given.kind == "python-requirements":
        problems.error(at, f"{step.module!r} is a list of requirements: it has no files.", "Name a git import.")
    elif not os.path.isfile(path):
        there = sorted(_python_files(component.path))
        near = nearest(step.file, there)
        every = "" if near.startswith("There") else f" There is: {', '.join(there[:12])}."
        problems.error(
            at, f"import {component.given.name!r}{_version(component)} has no file {step.file!r}.", f"{near}{every}"
        )
    else:
        try:
            return library.source(path)
        except (SyntaxError, ValueError) as error:
            line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
            problems.error(
                at, f"{step.file}{line} of import {component.given.name!r} is not Python: {error}.", "Correct it there."
            )
    return None


def _version(component: Component) -> str:
    return f" (commit {component.version[:8]})" if component.given.kind == "git" else ""


def _python_files(folder: str) -> Iterable[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        yield from (os.path.relpath(os.path.join(place, each), folder) for each in names if each.endswith(".py"))


def _check_function(step: Step, source: Source, problems: Problems) -> None:
    """Tell of a function that is not there, or does not take the arguments it is given."""
    at = _at(step, "parameters", "function")
    if source.has(step.function) is False:
        problems.error(
            at, f"{step.file} of import {step.module!r} has no function {step.function!r}.",
            nearest(step.function, source.functions or sorted(source.names)),
        )  # fmt: skip
        return
    function = source.function(step.function)
    given = [each.name for each in step.inputs]
    wrong = misfit(function, given) if function is not None else None
    if wrong is None or function is None:
        return
    why, names = wrong
    if why == "unknown":
        where = next(each.at for each in step.inputs if each.name == names[0])
        takes = arguments_of(function)
        problems.error(
            where, f"{step.function}() in {step.file} takes no argument {names[0]!r}.",
            nearest(names[0], takes) if takes else "It takes no arguments.", key=True,
        )  # fmt: skip
    else:
        told = f"argument{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
        problems.error(
            (*step.at, "inputs"),
            f"step {step.origin!r} does not give {step.function}() in {step.file} its {told}.",
            "Add it to the step's inputs.",
        )  # fmt: skip


def _imported(source: Source) -> dict[str, tuple[str, int]]:
    """The modules that the code imports for sure and its library does not have, each with file and line."""
    own = set(packages_in(source.library.folders))
    wanted: dict[str, tuple[str, int]] = {}
    seen: set[str] = set()
    todo = [source]
    while todo:
        each = todo.pop()
        if each.path in seen:
            continue
        seen.add(each.path)
        for name, line in each.imported():
            if not is_standard(name) and name not in own:
                wanted.setdefault(name, (each.path, line))
        todo += each.reached
    return wanted


def _tell_missing(
    step: Step, missing: Mapping[str, tuple[str, int]], used: list[Component], problems: Problems
) -> None:
    """Tell of modules that neither the step's components nor its environment have."""
    own = set(packages_in([folder for each in used for folder in each.sources])) if missing else set()
    for name, (path, line) in sorted(missing.items()):
        shown = next((path[len(each.path) + 1 :] for each in used if each.path and path.startswith(each.path)), path)
        problems.error(
            _at(step, "parameters", "file"),
            f"{shown}:{line} imports {name!r}, which no import of step {step.origin!r} has and no requirement brings: "
            "an undeclared dependency, or a wrong name.",
            _offer(name, own),
        )


def _offer(name: str, own: set[str]) -> str:
    declare = (
        f"Declare it: add {name} to the component's requirements.txt, or to an import of type python-requirements."
    )
    return f"From the step's imports can be imported: {', '.join(sorted(own))}. {declare}" if own else declare


def check_resources(workflow: Workflow, has: Mapping[str, float], disk_bytes: float, problems: Problems) -> None:
    """Warn of requests that this machine cannot meet: they are taken as what it has."""
    units = {"cpu": ("cores", 1.0), "memory": ("GiB of memory", 2.0**30), "disk": ("GiB of disk", 2.0**30),
             "gpu": ("gpu", 1.0)}  # fmt: skip
    for step in workflow.steps.values():
        for name, wanted in step.resources.items():
            there = disk_bytes if name == "disk" else has.get(name)
            if there is not None and wanted > there:
                unit, size = units[name]
                problems.warn(
                    (*step.at, "config", "resources", name),
                    f"step {step.origin!r} asks for {wanted / size:g} {unit}, and this machine has "
                    f"{there / size:.3g}: it runs all the same.",
                )  # fmt: skip
