"""What a workflow imports, fetched and pinned: each import a folder at one commit. And the file that keeps the pins."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from motet.dialects.orquestra.places import Problems
from motet.dialects.orquestra.spec import Import, Workflow
from motet.environments.plain import PlainRunner
from motet.environments.requirements import package_folders
from motet.environments.sources import Sources, Unreachable
from motet.environments.spec import Git
from motet.errors import EnvironmentFailed, UsageError
from motet.kernel.events import Json
from motet.private import replacing

_SOURCES = ("", "src", os.path.join("src", "python"), "vendor")
"""Where in a component its modules are looked for, installed or not."""


@dataclass
class Component:
    """One import at hand.

    given    the import as the workflow has it
    path     the folder with its content; "" for python-requirements
    version  the commit; a digest of the content of a local folder, or of the requirements
    url      its repository as git is to be told, "" for other kinds
    """

    given: Import
    path: str
    version: str
    url: str = ""

    @cached_property
    def sources(self) -> list[str]:
        """The folders that its modules are in."""
        found = [os.path.join(self.path, each) if each else self.path for each in _SOURCES] if self.path else []
        vendored = os.path.join(self.path, "vendor")
        if self.path:
            found += package_folders(self.path)
        if self.path and os.path.isdir(vendored):
            found += [os.path.join(vendored, each) for each in sorted(os.listdir(vendored))]
        return [each for each in dict.fromkeys(found) if os.path.isdir(each)]

    @property
    def git(self) -> Git:
        """The component as environments are made of it."""
        return Git(self.given.name, self.url, self.version)

    def pin(self) -> dict[str, Json]:
        """What identifies it, as lock files and runs keep it."""
        given = self.given
        if given.kind == "python-requirements":
            return {"type": given.kind, "requirements": list(given.requirements)}
        if given.kind == "local":
            return {"type": given.kind, "path": self.path, "digest": self.version}
        return {"type": given.kind, "repository": given.repository, "ref": [given.ref_kind, given.ref],
                "commit": self.version}  # fmt: skip


class Fetching(PlainRunner):
    """Runs git and pip plainly. That something is fetched, which is so each time, is told if it takes long."""

    _text = ""

    def say(self, text: str) -> None:
        if "fetching component" in text:
            self._text = text
        else:
            super().say(text)

    def run(self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str]:
        from threading import Timer

        text, self._text = self._text, ""
        timer = Timer(_LONG_S, super().say, (text,))
        timer.daemon = True
        if text:
            timer.start()
        try:
            return super().run(argv, cwd=cwd, env=env)
        finally:
            timer.cancel()


_LONG_S = 2.0


def fetch(
    workflow: Workflow, folder: str, environments: str, pins: Mapping[str, Json], problems: Problems
) -> dict[str, Component]:  # fmt: skip
    """What the steps of the workflow import, relative paths from `folder` on, at the commits in `pins` where there are.

    They are kept below the folder `environments`. What cannot be had is told to `problems`, with its URL and ref.
    """
    sources = Sources(environments, Fetching())
    used = {name for step in workflow.steps.values() for name in step.imports}
    found = {}
    for name, each in workflow.imports.items():
        component = _component(each, folder, sources, pins.get(name), problems) if name in used else None
        if component is not None:
            found[name] = component
    return found


def _component(given: Import, folder: str, sources: Sources, pin: Json, problems: Problems) -> Component | None:
    if given.kind == "python-requirements":
        return Component(given, "", sha256("\n".join(given.requirements).encode()).hexdigest())
    if given.kind == "local":
        path = os.path.normpath(os.path.join(folder, os.path.expanduser(given.repository)))
        if not os.path.isdir(path):
            problems.error(given.at, f"import {given.name!r} names the folder {path}, which is not there.", "Check it.")
            return None
        return Component(given, path, _content(path))
    found = Component(given, "", "", _url(given.repository, folder))
    try:
        found.version = pin["commit"] if pin else sources.commit(Git(given.name, found.url, _full(given)).checked())
        found.path = sources.checkout(found.git)
    except (EnvironmentFailed, UsageError) as error:
        what = (
            f"import {given.name!r} cannot be had from {given.repository}, {given.ref_kind} {given.ref!r}: {error.what}"
        )
        remote = isinstance(error, Unreachable) and found.url == given.repository
        problems.error(given.at, what, _elsewhere(given.repository) if remote else error.cure)
        return None
    return found


def _elsewhere(repository: str) -> str:
    return (
        f"Try `git ls-remote {repository}`. If a copy is elsewhere, tell git: "
        f'git config --global url."file:///path/to/copies/".insteadOf "{_prefix(repository)}"'
    )


def _full(given: Import) -> str:
    """The ref as git is to be asked for it: a branch and a tag may have one name."""
    return {"branch": "refs/heads/", "tag": "refs/tags/"}.get(given.ref_kind, "") + given.ref


def _url(repository: str, folder: str) -> str:
    """The repository as git is to be told: relative paths start in the workflow's folder."""
    path = os.path.join(folder, os.path.expanduser(repository))
    return os.path.abspath(path) if "://" not in repository and os.path.isdir(path) else repository


def _prefix(repository: str) -> str:
    """The part of a URL that `insteadOf` would replace."""
    head, colon, _ = repository.partition(":")
    return f"{head}:" if colon and "://" not in repository else "/".join(repository.split("/")[:3]) + "/"


def _content(folder: str) -> str:
    """A digest of the files below the folder, git's own and caches left out."""
    digest = sha256()
    for path in sorted(_files(folder)):
        with open(os.path.join(folder, path), "rb") as file:
            digest.update(f"{path}\0".encode() + sha256(file.read()).digest())
    return digest.hexdigest()


def _files(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each not in (".git", "__pycache__")]
        paths = [os.path.join(place, each) for each in names]
        yield from (os.path.relpath(each, folder) for each in paths if os.path.isfile(each))


# ---------------------------------------------------------------- the lock file


def lock_path(file: str) -> str:
    """Where the pins of the workflow in `file` are kept: beside it."""
    return f"{file}.lock"


def write_lock(file: str, components: Mapping[str, Component], packages: Json) -> str:
    """Keep the pins of these components, and the packages of each environment, for the workflow in `file`.

    Gives the path written.
    """
    pins = {name: each.pin() for name, each in components.items()}
    path = lock_path(file)
    with replacing(path) as part, open(part, "w", encoding="utf-8") as out:
        out.write(json.dumps({"imports": pins, "packages": packages}, indent=2) + "\n")
    return path


def read_lock(workflow: Workflow, file: str) -> tuple[dict[str, Json], dict[str, Json]]:
    """Pins and packages in the lock file beside `file`, if there is one. Raises UsageError if it does not fit."""
    path = lock_path(file)
    try:
        with open(path, encoding="utf-8") as lock:
            content = json.load(lock)
            pins: dict[str, Json] = content["imports"]
            packages = {key: {**versions} for key, versions in content.get("packages", {}).items()}
            if not all(_PACKAGE.fullmatch("==".join(each)) for found in packages.values() for each in found.items()):
                raise ValueError("its packages are no names and versions")
    except FileNotFoundError:
        return {}, {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} cannot be read as a lock file: {error}.", f"Write it anew: motet lock {file}"
        ) from None
    used = {name for step in workflow.steps.values() for name in step.imports}
    for name, given in workflow.imports.items():
        pin = pins.get(name)
        if given.kind == "git" and name in used and not (isinstance(pin, dict) and _fits(given, pin)):
            raise UsageError(
                f"{path} does not fit import {name!r} any more: {given.repository}, {given.ref_kind} {given.ref!r}.",
                f"Write it anew: motet lock {file}",
            )
    git = {name: pins[name] for name, given in workflow.imports.items() if given.kind == "git" and name in pins}
    return git, packages


def _fits(given: Import, pin: Mapping[str, Json]) -> bool:
    commit = pin.get("commit")
    same = pin.get("repository") == given.repository and pin.get("ref") == [given.ref_kind, given.ref]
    return same and isinstance(commit, str) and _COMMIT.fullmatch(commit) is not None


_COMMIT = re.compile("[0-9a-f]{40}")
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9._!+-]*")
