"""What components ask for, and whether an interpreter has it already: then nothing has to be installed."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motet.environments.installing import DEAD_NAMES
from motet.errors import UsageError

if TYPE_CHECKING:
    from configparser import ConfigParser

_BELOW = ("", "src")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def declared(folder: str) -> list[str] | None:
    """The requirements of the component in the folder, from the files that its installation would read.

    None if they cannot be told without running its setup.py.
    """
    found: list[str] = []
    for below in _BELOW:
        place = os.path.join(folder, below) if below else folder
        listed = os.path.join(place, "requirements.txt")
        if os.path.isfile(listed):
            lines = [line.partition(" #")[0].strip() for line in _lines(listed)]
            if any(line.startswith("-") for line in lines):
                return None
            found += [line for line in lines if line and not line.startswith("#")]
        for read in (_from_setup, _from_cfg, _from_pyproject):
            more = read(place)
            if more is None:
                return None
            found += more
    return [each for each in found if each.strip()]


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def _from_setup(folder: str) -> list[str] | None:
    """The install_requires of a setup.py, if it is a literal; none where there is none."""
    if not os.path.isfile(os.path.join(folder, "setup.py")):
        return []
    given = _keywords(_setup(folder))
    folders = _literal(given.get("package_dir"), {})
    if not given or None in given or _BUILT & set(given) or not isinstance(folders, dict) or set(folders) - {""}:
        return None
    found = _literal(given.get("install_requires"), [])
    return [found] if isinstance(found, str) else list(found) if isinstance(found, list | tuple) else None


_BUILT = {"ext_modules", "cmdclass", "py_modules"}
"""Arguments of setup() because of which a path alone will not do."""


def _setup(folder: str) -> ast.AST:
    """The setup.py in the folder; an empty one if there is none that can be read."""
    try:
        return ast.parse("\n".join(_lines(os.path.join(folder, "setup.py"))))
    except (OSError, SyntaxError):
        return ast.Module([], [])


def _keywords(tree: ast.AST) -> dict[str | None, ast.expr]:
    """The keyword arguments of the call of setup()."""
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    setups = [each for each in calls if ast.unparse(each.func).rpartition(".")[2] == "setup"]
    return {keyword.arg: keyword.value for call in setups for keyword in call.keywords}


def _literal(value: ast.expr | None, default: object) -> object:
    """What is written, the default for nothing; None for what is no literal."""
    try:
        return default if value is None else ast.literal_eval(value)
    except ValueError:
        return None


def package_folders(folder: str) -> list[str]:
    """Where in the component its own files say that packages are, as paths."""
    found = []
    for below in _BELOW:
        place = os.path.join(folder, below) if below else folder
        for where in (_literal(_keywords(_setup(place)).get("package_dir"), {}), *_layouts(place)):
            roots = [where.get("", "")] if isinstance(where, dict) else where if isinstance(where, list) else []
            relative = [each for each in roots if isinstance(each, str) and each and not os.path.isabs(each)]
            found += [os.path.normpath(os.path.join(place, each)) for each in relative]
    return [each for each in dict.fromkeys(found) if os.path.isdir(each) and each.startswith(folder)]


def _layouts(folder: str) -> Iterator[object]:
    """What setup.cfg and pyproject.toml say of folders: {package: folder}, "" for all, or a list of folders."""
    config = _config(folder)
    pairs = [line.partition("=") for line in config.get("options", "package_dir", fallback="").splitlines() if line]
    yield {name.strip(): path.strip() for name, _, path in pairs}
    yield config.get("options.packages.find", "where", fallback="").split()
    tools = (_pyproject(folder) or {}).get("tool", {})
    yield tools.get("setuptools", {}).get("package-dir", {})
    packages = tools.get("setuptools", {}).get("packages", {})
    yield packages.get("find", {}).get("where", []) if isinstance(packages, dict) else []
    yield [each.get("from", "") for each in tools.get("poetry", {}).get("packages", ()) if isinstance(each, dict)]


def _config(folder: str) -> ConfigParser:
    """The setup.cfg in the folder; an empty one if there is none that can be read."""
    from configparser import ConfigParser, Error

    config = ConfigParser(interpolation=None)
    try:
        config.read(os.path.join(folder, "setup.cfg"), encoding="utf-8")
    except (Error, ValueError):
        return ConfigParser(interpolation=None)
    return config


def _pyproject(folder: str) -> Mapping[str, Any] | None:
    """The pyproject.toml in the folder; empty if there is none, None if it cannot be read."""
    import tomllib

    try:
        with open(os.path.join(folder, "pyproject.toml"), "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (ValueError, OSError):
        return None


def _from_cfg(folder: str) -> list[str]:
    return _config(folder).get("options", "install_requires", fallback="").split("\n")


_PLAIN_BACKENDS = ("setuptools", "hatchling", "flit", "poetry", "pdm")
"""What makes packages of Python files alone, if it is told nothing else: then a path will do."""


def _from_pyproject(folder: str) -> list[str] | None:
    found = _pyproject(folder)
    if found is None:
        return None
    project, tools = found.get("project", {}), found.get("tool", {})
    backend = found.get("build-system", {}).get("build-backend", "setuptools")
    moved = any(isinstance(each, dict) and set(each) - {""} for each in _layouts(folder))
    if not backend.startswith(_PLAIN_BACKENDS) or moved or "build" in tools.get("hatch", {}):
        return None
    if "dependencies" in tools.get("poetry", {}) and "dependencies" not in project:
        return None
    return None if "dependencies" in project.get("dynamic", ()) else list(project.get("dependencies", ()))


def project_name(folder: str) -> str:
    """The normal name that the component's own files give it, "" if that cannot be seen."""
    for below in _BELOW:
        place = os.path.join(folder, below) if below else folder
        found = _literal(_keywords(_setup(place)).get("name"), "")
        if isinstance(found, str) and found:
            return _normal(found)
        for file in ("setup.cfg", "pyproject.toml"):
            path = os.path.join(place, file)
            if os.path.isfile(path):
                match = re.search(r"""^\s*name\s*=\s*["']?([A-Za-z0-9._-]+)""", "\n".join(_lines(path)), re.M)
                if match:
                    return _normal(match[1])
    return ""


def installed(python: str) -> dict[str, str]:
    """The packages of the interpreter, by normal name, with their versions. Raises UsageError if it does not run."""
    import sys

    if python == sys.executable:
        return _listed(sys.path)
    import json
    from subprocess import CalledProcessError, run

    try:
        done = run(
            [python, "-c", "import json, sys; print(); print(json.dumps(sys.path))"], capture_output=True, check=True
        )
    except (OSError, CalledProcessError) as error:
        raise UsageError(f"{python} does not run as a Python interpreter: {error}.", "Name another one.") from None
    return _listed(json.loads(done.stdout.splitlines()[-1]))  # start-up files may print, too


def own(python: str) -> dict[str, str]:
    """The packages in the environment of the interpreter, without what it sees of others."""
    from glob import glob

    return _listed(glob(os.path.join(os.path.dirname(os.path.dirname(python)), "lib*", "python*", "site-packages")))


def _listed(path: Sequence[str]) -> dict[str, str]:
    from importlib.metadata import distributions

    found = [(each.metadata["Name"], each.version) for each in distributions(path=list(path))]
    return {_normal(name): version for name, version in reversed(found) if name}


def unmet(requirements: Sequence[str], has: Mapping[str, str]) -> Iterator[str]:
    """Those of the requirements that these packages do not meet; dead names stand for what they became."""
    from packaging.requirements import InvalidRequirement, Requirement

    for line in requirements:
        if not line.strip():
            continue
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            yield line
            continue
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        new = DEAD_NAMES.get(wanted.name.lower())
        version = has.get(_normal(new or wanted.name))
        if version is None or (not new and not wanted.specifier.contains(version, prereleases=True)) or wanted.url:
            yield line


def fault(requirement: str) -> str:
    """Why this is no requirement, to be said after it; "" if it is one, or is a path or URL."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(requirement)
    except InvalidRequirement as error:
        why = str(error).partition("\n")[0]
        return "" if "/" in requirement else f"is no requirement: {why}"
    return ""


def dead(requirements: Sequence[str]) -> dict[str, str]:
    """Names among the requirements that no package has any more, with what it is called today."""
    names = [match[0] for each in requirements if (match := _NAME.match(each.strip()))]
    return {name: DEAD_NAMES[name.lower()] for name in names if name.lower() in DEAD_NAMES}


def name_of(requirement: str) -> str:
    """The normal name of the package that is required, as it is called today."""
    match = _NAME.match(requirement.strip())
    name = match[0] if match else requirement
    return _normal(DEAD_NAMES.get(name.lower(), name))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
