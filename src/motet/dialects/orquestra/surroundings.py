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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from subprocess import run

from motet.dialects.orquestra import probe
from motet.dialects.orquestra.components import Component, Fetching
from motet.dialects.orquestra.spec import Step, Workflow
from motet.environments import requirements
from motet.environments.build import Environments
from motet.environments.spec import Environment
from motet.errors import EnvironmentFailed
from motet.kernel.events import Json

NONE = "none"
Has = Callable[[], Mapping[str, str]]
"""Gives the packages that the base has, by name, with their versions: it is looked at only if anything is asked for."""

Packages = Mapping[str, Mapping[str, str]]
"""Versions of packages by name, for each set of imports, as `packages_of` gives them."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Interpreter, folders that come first on its path, and a digest of what else its packages are.

    packages  versions of those that the components ask for, or of all, where they were installed for them
    """

    python: str
    paths: tuple[str, ...]
    digest: str
    packages: Mapping[str, str]

    def probed(self, own: Sequence[str], files: Iterable[str]) -> Mapping[str, Json]:
        """What this interpreter would find, by file, of all that these files of steps import: see `probe`.

        `own` are the folders of their components. Nothing of their code is run. Raises EnvironmentFailed.
        """
        asked = json.dumps({"paths": list(self.paths), "own": list(own), "files": list(files)})
        try:
            done = run([self.python, probe.__file__], input=asked, capture_output=True, text=True, check=False, cwd="/")
        except OSError as error:
            raise EnvironmentFailed(f"{self.python} does not run: {error.strerror}.", "Name another one.") from None
        told = [line for line in done.stdout.splitlines() if line.startswith(probe.TOLD)]
        if done.returncode or not told:
            last = done.stderr.strip().splitlines() or ["it said nothing"]
            raise EnvironmentFailed(
                f"{self.python} cannot tell what it can import (it ended with {done.returncode}): {last[-1]}",
                "Look at what its start-up files (sitecustomize, .pth) do.",
            )
        return json.loads(told[-1].removeprefix(probe.TOLD))  # type: ignore[no-any-return]


def surroundings(
    workflow: Workflow, components: Mapping[str, Component], folder: str, base: str, locked: Packages
) -> dict[str, Surroundings]:
    """The surroundings of each step. Environments are kept below `folder`; what takes time is told on stderr.

    Packages that are `locked` have that version. Raises EnvironmentFailed, with the installer's last words.
    """
    made: dict[tuple[str, ...], Surroundings] = {}
    found = {}
    has = cache(lambda: requirements.installed(base or sys.executable))
    if base not in ("", NONE):
        has()  # an interpreter that does not run is told at once
    for name, step in workflow.steps.items():
        key = tuple(step.imports)
        if key not in made:
            pins = [f"{package}=={version}" for package, version in locked.get(_key(step), {}).items()]
            used = [components[each] for each in key]
            try:
                made[key] = _as_it_is(used, workflow, base, pins, has) or _built(used, folder, base, pins, has)
            except EnvironmentFailed as error:
                where = workflow.document.where((*step.at, "config", "runtime", "imports"))
                cure = f"{_CURE} Or write the lock file anew: motet lock {workflow.file}" if pins else _CURE
                raise EnvironmentFailed(f"{where}: {error.what}", cure) from None
        found[name] = made[key]
    return found


_CURE = (
    "Correct the requirement that is named, or let it be had from here: an index, or wheels in a folder "
    "(UV_FIND_LINKS, PIP_FIND_LINKS)."
)


def packages_of(workflow: Workflow, around: Mapping[str, Surroundings]) -> dict[str, dict[str, str]]:
    """The packages of each set of imports, as runs and lock files keep them."""
    return {_key(step): dict(around[name].packages) for name, step in workflow.steps.items()}


def _key(step: Step) -> str:
    return ",".join(step.imports)


def _as_it_is(used: list[Component], workflow: Workflow, base: str, pins: list[str], has: Has) -> Surroundings | None:
    """The base, if it has all that these components ask for."""
    asked, clear = _asked(used)
    for old, new in requirements.dead(asked).items():
        told = f"{workflow.file}: no package is called {old} any more: {new} is taken, as it is called today."
        if told not in workflow.warnings:
            workflow.warnings.append(told)
    asked += pins
    if base == NONE or not clear or (asked and list(requirements.unmet(asked, has()))):
        return None
    python = base or sys.executable
    versions = {name: has()[name] for name in sorted(map(requirements.name_of, asked)) if name in has()}
    return Surroundings(python, _paths(used), _digest([_version(python), versions]), versions)


@cache
def _version(python: str) -> str:
    """Which Python an interpreter is, wherever it lies."""
    if python == sys.executable:
        return sys.version
    asked = [python, "-c", "import json, sys; print(); print(json.dumps(sys.version))"]
    told = run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    return str(json.loads(told[-1])) if told else python


def _built(used: list[Component], folder: str, base: str, pins: list[str], has: Has) -> Surroundings:
    """An environment with what these components ask for.

    Where that can be told from their files, they themselves need no installation: one environment serves all commits
    that ask for the same.
    """
    asked, clear = _asked(used)
    git = () if clear else tuple(each.git for each in used if each.given.kind == "git")
    if not clear:
        asked, _ = _asked([each for each in used if each.given.kind != "git"])
    asked += pins
    seen = {} if base == NONE else has()
    names = sorted({*map(requirements.name_of, asked)} & set(seen))
    built = Environments(folder, Fetching()).ready(
        Environment(
            git,
            tuple(dict.fromkeys(asked)),
            "" if base in ("", NONE) else base,
            base != NONE,
            tuple(f"{name}=={seen[name]}" for name in names),
        )
    )
    others = {"pip", "setuptools", *_names(used)}  # what makes environments, and what is pinned by its commit
    installed = requirements.own(built.python)
    _check_met(asked, {**seen, **installed})
    packages = {name: seen[name] for name in names}
    packages |= {name: version for name, version in installed.items() if name not in others}
    paths = tuple(dict.fromkeys((*_paths(used), *built.paths)))
    return Surroundings(built.python, paths, _digest([built.digest, packages]), packages)


def _check_met(asked: list[str], has: Mapping[str, str]) -> None:
    """Raise EnvironmentFailed if a version that was asked for is not the one that is there."""
    for line in requirements.unmet([each for each in asked if "@" not in each], has):
        name = requirements.name_of(line)
        if name in has:
            raise EnvironmentFailed(
                f"{line} is asked for, and the environment has {name} {has[name]}.", "Correct what asks for the other."
            )


def _paths(used: list[Component]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path for each in used for path in each.sources))


def _names(used: list[Component]) -> set[str]:
    """What the components are called as packages: none has to be installed for the others."""
    return {requirements.project_name(each.path) for each in used if each.path}


def _asked(used: list[Component]) -> tuple[list[str], bool]:
    """All requirements of the components, and whether these are all."""
    asked: list[str] = []
    clear = True
    names = _names(used)
    for each in used:
        declared = list(each.given.requirements) if not each.path else requirements.declared(each.path)
        clear &= declared is not None
        asked += [line for line in declared or () if line.strip() and requirements.name_of(line) not in names]
    return asked, clear


def _digest(parts: object) -> str:
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def environments_folder(home: str) -> str:
    """Where components and environments are kept below the home, for all voices."""
    return os.path.join(home, "shared")
