"""Building environments, once for each content, whoever asks first."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256

from motet.environments.installing import below, sources_for_pip, uv, wanted
from motet.environments.locks import locked
from motet.environments.plain import PlainRunner
from motet.environments.sources import Sources
from motet.environments.spec import Built, Environment, Git, Runner
from motet.errors import EnvironmentFailed
from motet.private import replacing

READY = "ready.json"
"""Written last: what was built is used only where it is there."""

_FORMAT = 2


class Environments:
    """The environments below `folder`, shared by all runs that keep theirs there.

    `runner` runs git, uv and pip; by default plainly.
    """

    def __init__(self, folder: str, runner: Runner | None = None) -> None:
        self._folder = os.path.abspath(folder)
        self._runner = runner or PlainRunner()
        self._sources = Sources(self._folder, self._runner)

    def pinned(self, environment: Environment) -> Environment:
        """The same with every ref replaced by the commit that it means now. Raises UsageError, EnvironmentFailed."""
        environment.checked()
        return environment.with_commits({each.name: self._sources.commit(each) for each in environment.components})

    def ready(self, environment: Environment) -> Built:
        """The environment, built if it is not there. Refs that are no commits are pinned first.

        What is there is found without network. Of two builders, of whatever process, one waits for the other; of one
        that is killed nothing is used. The order of components and requirements makes no other environment, but
        components come on `sys.path` in the order in which they are asked for.
        Raises UsageError for what makes no sense; EnvironmentFailed, with the tool's last words, for what cannot be
        had.
        """
        pinned = self.pinned(environment)
        python = pinned.python or sys.executable
        place = os.path.join(self._folder, "environments", _digest(pinned, self._version(python))[:32])
        built = _read(place, pinned)
        if built is None:
            with locked(f"{place}.lock", self._runner, "this environment"):
                built = _read(place, pinned) or self._build(pinned, python, place)
        return built

    # -- building

    def _build(self, environment: Environment, python: str, place: str) -> Built:
        """Build it in a folder of its own: the tools of a builder that was killed may still be at work in another."""
        shutil.rmtree(place, ignore_errors=True)
        checkouts = {each.name: self._sources.checkout(each) for each in environment.components}
        why = f"{python} has not all of it" if environment.base else f"with {python}"
        named = ", ".join(_names(environment)) or "nothing"
        self._runner.say(f"(motet: building an environment in {place}, once for all runs, for {named}: {why})")
        folder = os.path.join(place, os.urandom(4).hex())
        os.makedirs(folder)
        installed = wanted(environment, checkouts, folder, self._runner.say)
        tool = uv()
        self._make(tool, python, folder, with_pip=bool(installed) and not environment.base)
        if environment.base:
            self._open_to(python, folder)
            tool = ""  # uv looks at what an environment has itself: it would bring what the base has in other versions
        if installed:
            self._install(tool, folder, installed, environment)
        paths = {each.name: _paths(each, checkouts[each.name]) for each in environment.components}
        commits = {each.name: each.ref for each in environment.components}
        body = {"python": _python(folder), "paths": paths, "components": checkouts, "commits": commits}
        with replacing(os.path.join(place, READY)) as part, open(part, "w") as file:
            json.dump(body, file)
        built = _read(place, environment)
        assert built is not None
        return built

    def _make(self, tool: str, python: str, place: str, *, with_pip: bool) -> None:
        argv: Sequence[str] = (python, "-m", "venv", *(() if with_pip else ("--without-pip",)), place)
        if tool:
            argv = (tool, "venv", "--quiet", "--no-project", "--allow-existing", "--python", python, "--", place)
        self._run(argv, f"No environment can be made with {python}", "Check the interpreter and that it has venv.")

    def _install(self, tool: str, place: str, named: Sequence[str], environment: Environment) -> None:
        python = _python(place)
        env = {"SKLEARN_ALLOW_DEPRECATED_SKLEARN_PACKAGE_INSTALL": "True", "VIRTUAL_ENV": place}
        if tool:
            argv = [tool, "pip", "install", "--quiet", "--python", python, *named]
        else:
            if environment.base and self._runner.run((python, "-c", "import pip"), env=_ALONE)[0]:
                self._run((python, "-m", "ensurepip"), f"{python} gets no pip", "Install pip for the interpreter.")
            env |= sources_for_pip()
            argv = [python, "-m", "pip", "install", "--progress-bar=off", "--disable-pip-version-check", *named]
        self._run(
            argv, f"The environment of {', '.join(_names(environment))} cannot be built",
            "Repair the requirement that is named (its version, or that it can be had from here), and resume the run.",
            env,
        )  # fmt: skip

    def _open_to(self, python: str, place: str) -> None:
        """Let it see what is installed for the interpreter that it was made with, in whichever way."""
        code = "import sys; print(*(each for each in sys.path if each.endswith('-packages')), sep=chr(10))"
        theirs = _folders(self._run((python, "-c", code), f"{python} does not run", _INTERPRETER))
        own = _folders(self._run((_python(place), "-c", code), f"{place} does not run", _INTERPRETER))[0]
        with open(os.path.join(own, "_motet_base.pth"), "w") as file:
            file.writelines(f"import site; site.addsitedir({each!r})\n" for each in theirs)

    def _version(self, python: str) -> str:
        if python == sys.executable:
            return f"{sys.version} {os.path.realpath(python)}"
        code = "import sys; print(sys.version.replace(chr(10), ' '))"
        said = self._run((python, "-c", code), f"{python} does not run", _INTERPRETER)
        return f"{said.strip().splitlines()[-1]} {shutil.which(python)}"

    def _run(self, argv: Sequence[str], what: str, cure: str, env: Mapping[str, str] | None = None) -> str:
        try:
            status, said = self._runner.run(argv, env={**_ALONE, **(env or {})})
        except OSError as error:
            raise EnvironmentFailed(f"{what}: {error.strerror}: {argv[0]}.", cure) from None
        if status:
            last = "\n".join(said.strip().splitlines()[-_LAST_LINES:])
            raise EnvironmentFailed(
                f"{what} ({os.path.basename(argv[0])} ended with {status}). It wrote:\n{last}", cure
            )
        return said


_LAST_LINES = 16
"""Enough for what pip says of versions that do not go together, and from which of them that comes."""

_INTERPRETER = "Name an interpreter that is there, or leave it out for the one that runs Motet."


_ALONE = {"PYTHONPATH": "", "PYTHONHOME": "", "PIP_USER": "0"}
"""What is found elsewhere must not count as installed here, nor be installed there."""


def _digest(environment: Environment, version: str) -> str:
    parts = sorted([each.name, each.ref, each.folder] for each in environment.components)
    seen = (environment.python or sys.executable) if environment.base else ""
    body = [_FORMAT + environment.base, parts, sorted(environment.requirements), seen, version]
    body += [sorted(environment.sees)] if environment.sees else []
    return sha256(json.dumps(body).encode()).hexdigest()


def _read(place: str, environment: Environment) -> Built | None:
    ready = os.path.join(place, READY)
    try:
        with open(ready) as file:
            body = json.load(file)
    except (FileNotFoundError, ValueError):
        return None
    with suppress(OSError):
        os.utime(ready)  # when it was last used
    if not os.path.exists(body["python"]):
        return None
    names = [each.name for each in environment.components]
    paths = tuple(path for name in names for path in body["paths"][name])
    digest = sha256(json.dumps([os.path.basename(place), names]).encode()).hexdigest()
    return Built(digest, body["python"], paths, body["components"], body["commits"])


def _folders(said: str) -> list[str]:
    """Those lines that are folders: start-up files of an interpreter may print others."""
    return [each for each in said.splitlines() if os.path.isdir(each)]


def _names(environment: Environment) -> list[str]:
    return [*(each.name for each in environment.components), *environment.requirements]


def _python(place: str) -> str:
    return os.path.join(place, "bin", "python")


def _paths(component: Git, checkout: str) -> list[str]:
    """What can be imported from, of those folders that are there."""
    found = (os.path.normpath(os.path.join(checkout, each)) for each in below(component))
    return [each for each in dict.fromkeys(found) if os.path.isdir(each)]
