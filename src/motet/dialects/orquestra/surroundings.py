"""The Python that each step runs in: one for each set of imports, so that two components never get in each other's way.

The base is an interpreter with what is installed for it, as the original's image was: by default the one that runs
Motet. Where it has all that the components of a set ask for, it is used as it is. Where not, an environment is built
for the set, once for all runs, which sees the base behind its own packages. With the base "none" an environment is
always built, and sees nothing else.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from motet.dialects.orquestra.components import Component, Fetching
from motet.dialects.orquestra.spec import Workflow
from motet.environments import requirements
from motet.environments.build import Environments
from motet.environments.spec import Environment
from motet.errors import EnvironmentFailed

NONE = "none"
Has = Callable[[], Mapping[str, str]]
"""Gives the packages that the base has, by name, with their versions: it is looked at only if anything is asked for."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Interpreter, folders that come first on its path, and a digest of what else its packages are.

    packages  versions of those that the components ask for, or of all, where they were installed for them
    """

    python: str
    paths: tuple[str, ...]
    digest: str
    packages: Mapping[str, str]

    def importable(self, names: Iterable[str]) -> set[str]:
        """Which of these top-level modules can be imported, without importing them."""
        if self.python == sys.executable:
            from importlib.util import find_spec

            return {each for each in names if each in sys.modules or find_spec(each) is not None}
        from subprocess import run

        code = "import importlib.util as u, sys; print(*(n for n in sys.argv[1:] if u.find_spec(n)))"
        done = run([self.python, "-c", code, *names], capture_output=True, text=True, check=True, cwd="/")
        return set(done.stdout.split())


def surroundings(
    workflow: Workflow, components: Mapping[str, Component], folder: str, base: str
) -> dict[str, Surroundings]:
    """The surroundings of each step. Environments are kept below `folder`; what takes time is told on stderr.

    Raises EnvironmentFailed, with the installer's last words.
    """
    made: dict[tuple[str, ...], Surroundings] = {}
    found = {}
    has = cache(lambda: requirements.installed(base or sys.executable))
    if base not in ("", NONE):
        has()  # an interpreter that does not run is told at once
    for name, step in workflow.steps.items():
        key = tuple(step.imports)
        if key not in made:
            try:
                made[key] = _made([components[each] for each in key], workflow, folder, base, has)
            except EnvironmentFailed as error:
                where = workflow.document.where((*step.at, "config", "runtime", "imports"))
                raise EnvironmentFailed(f"{where}: {error.what}", error.cure) from None
        found[name] = made[key]
    return found


def packages_of(workflow: Workflow, around: Mapping[str, Surroundings]) -> dict[str, dict[str, str]]:
    """The packages of each set of imports, as runs and lock files keep them."""
    return {",".join(step.imports): dict(around[name].packages) for name, step in workflow.steps.items()}


def _made(used: list[Component], workflow: Workflow, folder: str, base: str, has: Has) -> Surroundings:
    asked, clear = _asked(used)
    own = {requirements.project_name(each.path) for each in used if each.path}
    for old, new in requirements.dead(asked).items():
        told = f"{workflow.file}: no package is called {old} any more: {new} is taken, as it is called today."
        if told not in workflow.warnings:
            workflow.warnings.append(told)
    paths = tuple(dict.fromkeys(path for each in used for path in each.sources))
    asked = [each for each in asked if requirements.name_of(each) not in own]
    if base != NONE and clear and not (asked and list(requirements.unmet(asked, has()))):
        python = base or sys.executable
        versions = {name: has()[name] for name in sorted(map(requirements.name_of, asked)) if name in has()}
        return Surroundings(python, paths, _digest([sys.version, python, versions]), versions)
    loose = [line for each in used if each.given.kind != "git" for line in _declared(each)]
    environment = Environment(
        tuple(each.git for each in used if each.given.kind == "git"), tuple(loose),
        "" if base in ("", NONE) else base, base != NONE,
    )  # fmt: skip
    built = Environments(folder, Fetching()).ready(environment)
    packages = requirements.installed(built.python)
    return Surroundings(built.python, tuple(dict.fromkeys((*paths, *built.paths))), built.digest, packages)


def _asked(used: list[Component]) -> tuple[list[str], bool]:
    """All requirements of the components, and whether these are all."""
    asked: list[str] = []
    clear = True
    for each in used:
        declared = list(each.given.requirements) if not each.path else requirements.declared(each.path)
        clear &= declared is not None
        asked += [line for line in declared or () if line.strip()]
    return asked, clear


def _declared(component: Component) -> list[str]:
    if not component.path:
        return list(component.given.requirements)
    return [line for line in requirements.declared(component.path) or () if line.strip()]


def _digest(parts: object) -> str:
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def environments_folder(home: str) -> str:
    """Where components and environments are kept below the home, for all voices."""
    return os.path.join(home, "shared")
