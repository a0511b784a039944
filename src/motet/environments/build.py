"""Building environments, once for each content, whoever asks first."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from motet.environments.locks import locked
from motet.environments.plain import PlainRunner
from motet.environments.sources import Sources
from motet.environments.spec import Built, Environment, Git, Runner
from motet.errors import EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

_READY = "ready.json"
_BELOW = ("", "src", "src/python")
"""Where importable packages lie in a component, whether or not an installation finds them."""

_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")

DEAD_NAMES: Mapping[str, str] = {
    "bs4": "beautifulsoup4", "crypto": "pycryptodome", "cv2": "opencv-python", "dateutil": "python-dateutil",
    "opencv": "opencv-python", "pil": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn",
    "tensorflow-gpu": "tensorflow", "torch-gpu": "torch", "yaml": "pyyaml",
}  # fmt: skip
"""Names under which a package once was, or is often asked for, and cannot be installed."""

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*)", re.DOTALL)
_STRING = re.compile(r"""["']([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:[<>=!~].*?)?["']""")


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

        What is there is found without network. Of two builders, of whatever process, one waits for the other.
        Raises UsageError for what makes no sense; EnvironmentFailed, with the tool's last words, for what cannot be
        had.
        """
        pinned = self.pinned(environment)
        python = pinned.python or sys.executable
        digest = _digest(pinned, self._version(python))
        place = os.path.join(self._folder, "environments", digest[:32])
        built = _read(place, digest)
        if built is None:
            with locked(f"{place}.lock", self._runner, "this environment"):
                built = _read(place, digest) or self._build(pinned, python, place, digest)
        return built

    # -- building

    def _build(self, environment: Environment, python: str, place: str, digest: str) -> Built:
        shutil.rmtree(place, ignore_errors=True)  # what a builder has left that was killed
        checkouts = {each.name: self._sources.checkout(each) for each in environment.components}
        self._runner.say(f"(motet: building an environment in {place})")
        tool = _tool()
        self._make(tool, python, place)
        wanted = self._wanted(environment, checkouts)
        if wanted:
            self._install(tool, place, wanted, environment)
        if environment.base:
            self._open_to(python, place)
        paths = [
            os.path.normpath(os.path.join(checkouts[each.name], below))
            for each in environment.components
            for below in _below(each)
        ]
        body = {
            "digest": digest, "python": _python(place), "paths": [each for each in paths if os.path.isdir(each)],
            "components": checkouts, "commits": {each.name: each.ref for each in environment.components},
        }  # fmt: skip
        part = os.path.join(place, f"{_READY}.part")
        with open(part, "w") as file:
            json.dump(body, file)
        os.rename(part, os.path.join(place, _READY))
        built = _read(place, digest)
        assert built is not None
        return built

    def _make(self, tool: str, python: str, place: str) -> None:
        if tool:
            argv: Sequence[str] = (
                tool,
                "venv",
                "--quiet",
                "--no-project",
                "--no-config",
                "--python",
                python,
                "--",
                place,
            )
        else:
            argv = (python, "-m", "venv", place)
        self._run(argv, f"No environment can be made with {python}", "Check the interpreter and that it has venv.")

    def _wanted(self, environment: Environment, checkouts: Mapping[str, str]) -> list[str]:
        """What the installer is told to install: all in one call, so that it fits together."""
        wanted = [self._living(each) for each in environment.requirements]
        for each in environment.components:
            checkout = checkouts[each.name]
            project = next((path for below in _below(each) if _is_project(path := os.path.join(checkout, below))), None)
            listed = [path for below in _below(each) if os.path.isfile(path := _listed(checkout, below))]
            for path in (*listed[:1], *(() if project is None else _declarations(project))):
                wanted += self._also(path)
            if project is not None:
                wanted += ["--editable", project]
            for path in listed[:1]:
                wanted += self._requirements(path)
        return wanted

    def _requirements(self, path: str) -> list[str]:
        """A requirements file; a copy of it where it names dead packages."""
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        if not any(_dead(line) for line in lines):
            return ["--requirement", path]
        return [self._living(line) for line in lines if line.strip() and not line.lstrip().startswith(("#", "-"))]

    def _living(self, requirement: str) -> str:
        """The requirement, under the name that its package has today."""
        new = _dead(requirement)
        found = _NAME.match(requirement)
        if not new or found is None:
            return requirement
        self._runner.say(f"(motet: warning: there is no package {found[1]}; taking {new}, which it is called today)")
        return f"{new}{found[2]}"

    def _also(self, path: str) -> list[str]:
        """What takes the place of dead packages that a component's own files ask for: these cannot be changed."""
        if path.endswith(".txt"):
            return []
        with open(path, encoding="utf-8", errors="replace") as file:
            named = {name for name in _STRING.findall(file.read()) if name.lower() in DEAD_NAMES}
        for name in named:
            self._runner.say(
                f"(motet: warning: {path} asks for {name}, which is called {DEAD_NAMES[name.lower()]} today)"
            )
        return sorted(DEAD_NAMES[name.lower()] for name in named if name == "sklearn")

    def _install(self, tool: str, place: str, wanted: Sequence[str], environment: Environment) -> None:
        python = _python(place)
        env = {"SKLEARN_ALLOW_DEPRECATED_SKLEARN_PACKAGE_INSTALL": "True", "VIRTUAL_ENV": place}
        if tool:
            argv = [tool, "pip", "install", "--quiet", "--no-config", "--python", python, *wanted]
        else:
            argv = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        names = ", ".join([*(each.name for each in environment.components), *environment.requirements])
        self._run(
            argv, f"The environment of {names} cannot be built",
            "Repair the requirement that is named (its version, or that it can be had from here), and resume the run.",
            env,
        )  # fmt: skip

    def _open_to(self, python: str, place: str) -> None:
        """Let it see what is installed for the interpreter that it was made with, in whichever way."""
        code = "import sys; print(*(each for each in sys.path if each.endswith('-packages')), sep=chr(10))"
        theirs = self._run((python, "-c", code), f"{python} does not run", _INTERPRETER).splitlines()
        own = self._run((_python(place), "-c", code), f"{place} does not run", _INTERPRETER).splitlines()[0]
        with open(os.path.join(own, "_motet_base.pth"), "w") as file:
            file.writelines(f"import site; site.addsitedir({each!r})\n" for each in theirs)

    def _version(self, python: str) -> str:
        if python == sys.executable:
            return f"{sys.version} {os.path.realpath(python)}"
        code = "import sys; print(sys.version.replace(chr(10), ' '))"
        said = self._run((python, "-c", code), f"{python} does not run", _INTERPRETER)
        return f"{said.strip()} {shutil.which(python)}"

    def _run(self, argv: Sequence[str], what: str, cure: str, env: Mapping[str, str] | None = None) -> str:
        try:
            status, said = self._runner.run(argv, env=env)
        except OSError as error:
            raise EnvironmentFailed(f"{what}: {error.strerror}: {argv[0]}.", cure) from None
        if status:
            last = "\n".join(said.strip().splitlines()[-_LAST_LINES:])
            raise EnvironmentFailed(
                f"{what} ({os.path.basename(argv[0])} ended with {status}). It wrote:\n{last}", cure
            )
        return said


_LAST_LINES = 12
_INTERPRETER = "Name an interpreter that is there, or leave it out for the one that runs Motet."


def _tool() -> str:
    """The path of uv. Empty where pip has to do it: uv knows nothing of an index that pip's configuration names."""
    named = [os.environ.get(each) for each in ("PIP_INDEX_URL", "PIP_NO_INDEX")]
    own = any(each.startswith("UV_") and "INDEX" in each for each in os.environ)
    if (any(named) or _pip_has_index()) and not own:
        return ""
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    return beside if os.access(beside, os.X_OK) else shutil.which("uv") or ""


def _pip_has_index() -> bool:
    places = [os.environ.get("PIP_CONFIG_FILE", ""), "/etc/pip.conf", os.path.expanduser("~/.pip/pip.conf")]
    places += [os.path.expanduser("~/.config/pip/pip.conf"), os.path.join(sys.prefix, "pip.conf")]
    for path in places:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                if re.search(r"^\s*(index-url|no-index)\s*[=:]", file.read(), re.MULTILINE):
                    return True
        except OSError:
            continue
    return False


def _digest(environment: Environment, version: str) -> str:
    parts = [[each.name, each.ref, each.folder] for each in environment.components]
    body = [parts, list(environment.requirements), environment.base, version]
    return sha256(json.dumps(body).encode()).hexdigest()


def _read(place: str, digest: str) -> Built | None:
    try:
        with open(os.path.join(place, _READY)) as file:
            body = json.load(file)
    except (FileNotFoundError, ValueError):
        return None
    if body["digest"] != digest or not os.path.exists(body["python"]):
        return None
    return Built(digest, body["python"], tuple(body["paths"]), body["components"], body["commits"])


def _python(place: str) -> str:
    return os.path.join(place, "bin", "python")


def _below(component: Git) -> Sequence[str]:
    return (component.folder, *_BELOW) if component.folder else _BELOW


def _is_project(folder: str) -> bool:
    return any(os.path.isfile(os.path.join(folder, name)) for name in _PROJECT)


def _declarations(project: str) -> list[str]:
    return [path for name in _PROJECT if os.path.isfile(path := os.path.join(project, name))]


def _listed(checkout: str, below: str) -> str:
    return os.path.join(checkout, below, "requirements.txt")


def _dead(requirement: str) -> str:
    found = _NAME.match(requirement)
    return DEAD_NAMES.get(found[1].lower(), "") if found else ""
