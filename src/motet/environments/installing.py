"""What an installer is told to install for an environment, and which installer it is."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence

from motet.environments.spec import Environment, Git

_BELOW = ("", "src", "src/python")
"""Where importable packages lie in a component, whether or not an installation finds them."""

_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")

DEAD_NAMES: Mapping[str, str] = {
    "bs4": "beautifulsoup4", "crypto": "pycryptodome", "cv2": "opencv-python", "dateutil": "python-dateutil",
    "opencv": "opencv-python", "pil": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn",
    "tensorflow-gpu": "tensorflow", "torch-gpu": "torch", "yaml": "pyyaml",
}  # fmt: skip
"""Names under which a package once was, or is often asked for, and cannot be installed."""

_EMPTY = ("sklearn",)
"""Of these there once was an empty package: its versions are not those of the real one."""

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*)", re.DOTALL)
_STRING = re.compile(r"""["']([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:[<>=!~].*?)?["']""")
_OTHER_FILE = re.compile(r"\s*(-r|-c|-e|--requirement|--constraint|--editable)[ =]?\s*([^\s#]+)")

Say = Callable[[str], None]


def below(component: Git) -> Sequence[str]:
    """The folders of a component in which there may be something to import or install."""
    return (component.folder, *_BELOW) if component.folder else _BELOW


def wanted(environment: Environment, checkouts: Mapping[str, str], folder: str, say: Say) -> list[str]:
    """What the installer is told to install: all in one call, so that it fits together.

    Requirements files that have to be changed are copied to `folder`; what is changed is said.
    """
    found = [_living(each, say) for each in environment.requirements]
    for each in environment.components:
        places = [os.path.normpath(os.path.join(checkouts[each.name], path)) for path in below(each)]
        listed = next((path for place in places if os.path.isfile(path := os.path.join(place, "requirements.txt"))), "")
        project = next((place for place in places if _declarations(place)), "")
        for path in _declarations(project) if project else ():
            found += _beside(path, say)
        if project:
            found += ["--editable", project]
        if listed:
            found += ["--requirement", _without_dead(listed, os.path.join(folder, f"{each.name}.txt"), say)]
    return found


def _declarations(project: str) -> list[str]:
    return [path for name in _PROJECT if os.path.isfile(path := os.path.join(project, name))]


def _without_dead(path: str, copy: str, say: Say) -> str:
    """The requirements file; a copy of it where it names dead packages."""
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    if not any(_dead(line) for line in lines):
        return path
    with open(copy, "w", encoding="utf-8") as file:
        for line in lines:
            other = _OTHER_FILE.match(line)
            if other and "://" not in other[2]:
                line = f"{other[1]} {os.path.join(os.path.dirname(path), other[2])}"
            file.write(f"{_living(line, say)}\n")
    return copy


def _living(requirement: str, say: Say) -> str:
    """The requirement, under the name that its package has today."""
    new = _dead(requirement)
    found = _NAME.match(requirement)
    if not new or found is None:
        return requirement
    say(f"(motet: warning: there is no package {found[1]}; taking {new}, which it is called today)")
    _, semicolon, marker = found[2].partition(";")
    return f"{new}{semicolon}{marker}" if found[1].lower() in _EMPTY else f"{new}{found[2]}"


def _beside(path: str, say: Say) -> list[str]:
    """What has to be installed beside what a component's own files ask for, which cannot be changed."""
    with open(path, encoding="utf-8", errors="replace") as file:
        named = sorted({name for name in _STRING.findall(file.read()) if name.lower() in DEAD_NAMES})
    for name in named:
        say(f"(motet: warning: {path} asks for {name}, which is called {DEAD_NAMES[name.lower()]} today)")
    return [DEAD_NAMES[name.lower()] for name in named if name.lower() in _EMPTY]


def _dead(requirement: str) -> str:
    found = _NAME.match(requirement)
    return DEAD_NAMES.get(found[1].lower(), "") if found else ""


# ---------------------------------------------------------------- the installer

_SOURCES = ("INDEX_URL", "EXTRA_INDEX_URL", "NO_INDEX", "FIND_LINKS")
_CONFIGURED = re.compile(r"^\s*(extra-)?index-url\s*[=:]|^\s*(no-index|find-links)\s*[=:]", re.MULTILINE)


def uv() -> str:
    """The path of uv. Empty where pip has to do it: uv knows nothing of where pip's configuration has packages from."""
    own = any(name.startswith("UV_") and ("INDEX" in name or name == "UV_FIND_LINKS") for name in os.environ)
    if not own and (any(os.environ.get(f"PIP_{name}") for name in _SOURCES) or _pip_is_configured()):
        return ""
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    return beside if os.access(beside, os.X_OK) else shutil.which("uv") or ""


def sources_for_pip() -> dict[str, str]:
    """What pip is told of where packages are, where only uv was: environment variables."""
    told = {}
    for name, theirs in _SOURCES_OF_UV.items():
        found = next((os.environ[each] for each in theirs if os.environ.get(each)), "")
        if found and not os.environ.get(f"PIP_{name}"):
            places = found.split(",") if name == "FIND_LINKS" else found.split()
            told[f"PIP_{name}"] = " ".join(re.sub(r"^[\w.-]+=", "", each.strip()) for each in places)
    return told


_SOURCES_OF_UV = {
    "INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), "EXTRA_INDEX_URL": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "NO_INDEX": ("UV_NO_INDEX",), "FIND_LINKS": ("UV_FIND_LINKS",),
}  # fmt: skip
"""By pip's name, what uv calls each; an index may have a name of its own there, before a "="."""


def _pip_is_configured() -> bool:
    named = os.environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:  # which tells pip to read no file at all
        return False
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    places = [named, "/etc/pip.conf", "/etc/xdg/pip/pip.conf", os.path.expanduser("~/.pip/pip.conf")]
    for path in (*places, os.path.join(config, "pip", "pip.conf"), os.path.join(sys.prefix, "pip.conf")):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                if _CONFIGURED.search(file.read()):
                    return True
        except OSError:
            continue
    return False
