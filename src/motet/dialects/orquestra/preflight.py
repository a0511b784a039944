"""What can be known to fail before any step runs: files and functions that are not there, arguments that do not fit,
modules that cannot be imported. And what may not go well: resources that this machine does not have.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from motet.dialects.orquestra.components import Component
from motet.dialects.orquestra.places import Problems
from motet.dialects.orquestra.source import Library, Source, arguments_of, misfit, packages_in, signature
from motet.dialects.orquestra.spec import Step, Workflow, nearest
from motet.dialects.orquestra.surroundings import Surroundings
from motet.kernel.events import Json


class Code:
    """The code of all steps of a workflow, each file read once."""

    def __init__(self, workflow: Workflow, components: Mapping[str, Component]) -> None:
        self._steps = workflow.steps.values()
        self._components = components
        self._libraries: dict[tuple[str, ...], Library] = {}

    def check(self, problems: Problems, *, foreign: bool = False) -> None:
        """Tell of every step whose file, function or arguments cannot be right, of those whose components are there.

        With `foreign` the steps run in another Python, which has its own idea of what is Python: `check_imports` asks.
        """
        for step in self._steps:
            if all(name in self._components for name in step.imports):
                source = _source(step, self._components[step.module], self._library(step), problems, foreign=foreign)
                if source is not None:
                    _check_function(step, source, problems)

    def check_imports(self, around: Mapping[str, Surroundings], problems: Problems) -> None:
        """Tell of each step that imports what it cannot have, as its interpreter says. Nothing else must be wrong."""
        asked: dict[tuple[str, ...], list[Step]] = {}
        for step in self._steps:
            asked.setdefault((around[step.name].python, *around[step.name].paths, *step.imports), []).append(step)
        for steps in asked.values():
            used = [self._components[name] for name in steps[0].imports]
            found = around[steps[0].name].probed(
                [each.path for each in used if each.path], dict.fromkeys(self._path(each) for each in steps)
            )
            for step in steps:
                _tell_found(step, found.get(self._path(step), {}), used, problems)

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


def _source(
    step: Step, component: Component, library: Library, problems: Problems, *, foreign: bool
) -> Source | None:  # fmt: skip
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
            what = f"{step.file}{line} of import {component.given.name!r} is not Python: {error}."
            if not foreign:
                problems.error(at, what, "Correct it there.")
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
    wrong = misfit(source, function, [each.name for each in step.inputs]) if function is not None else None
    if wrong is None or function is None:
        return
    why, names = wrong
    takes = f"It is {signature(function)}."
    where = next((each.at for each in step.inputs if each.name == names[0]), (*step.at, "inputs"))
    if why == "unknown":
        known = arguments_of(function)
        near = nearest(names[0], known) if known else "It takes no arguments."
        problems.error(
            where, f"{step.function}() in {step.file} takes no argument {names[0]!r}.", f"{near} {takes}", key=True
        )
    elif why == "positional":
        problems.error(
            where, f"{step.function}() in {step.file} takes {names[0]!r} by its position only, and steps are called by "
            "the names of their arguments.", f"Take the / out of its definition. {takes}", key=True,
        )  # fmt: skip
    else:
        told = f"argument{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
        problems.error(
            (*step.at, "inputs"),
            f"step {step.origin!r} does not give {step.function}() in {step.file} its {told}.",
            f"Add it to the step's inputs. {takes}",
        )  # fmt: skip


def _tell_found(step: Step, found: Mapping[str, Json], used: list[Component], problems: Problems) -> None:
    """Tell of what the interpreter of the step did not find, or cannot read."""
    at = _at(step, "parameters", "file")
    for path, line, why in found.get("wrong", ()):
        problems.error(
            at, f"{_shown(path, used)}:{line} is no Python that this step can run: {why}.", "Correct it there."
        )
    sources = [folder for each in used for folder in each.sources]
    for name, path, line, there in found.get("missing", ()):
        outer = name.rpartition(".")[0]
        what = f"{_shown(path, used)}:{line} imports {name!r}, which no import of step {step.origin!r} has"
        if found.get("unsure"):
            problems.warn(at, f"{what}: unless its code, which changes sys.path, leads to it, the step will fail.")
        elif outer:
            has = f"{outer} has: {', '.join(there)}." if there else f"{outer} is no package, or has nothing in it."
            problems.error(at, f"{what}.", f"{has} A wrong name, or an import that the step does not list?")
        else:
            problems.error(
                at, f"{what} and no requirement brings: an undeclared dependency, or a wrong name.",
                _offer(name, set(packages_in(sources))),
            )  # fmt: skip


def _shown(path: str, used: list[Component]) -> str:
    """A file as its component has it."""
    real = os.path.realpath(path)
    roots = [os.path.join(os.path.realpath(each.path), "") for each in used if each.path]
    return next((real[len(root) :] for root in roots if real.startswith(root)), path)


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
