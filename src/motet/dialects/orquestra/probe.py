"""Run by the interpreter that a step will run in: what of all that the step's file imports for sure would be found.

The standard library only, Python 3.6 or later. Nothing of the user's code is run: files are parsed, and modules are
looked for by the finders of this interpreter (so namespace packages, editable installs, extensions and archives are
found just where an import finds them). What no import at the top of a file decides is not told: where code changes
`sys.path` or makes modules itself, the answer is "unsure".

On standard input, as JSON: {"paths": folders that come first on sys.path, "own": folders of the step's components,
"files": the files of steps}. On standard output: one line, {file: {"missing": [[module, file, line, what there is]],
"wrong": [[file, line, why]], "unsure": bool}}.
"""

import ast
import json
import os
import sys
import types
import warnings
from typing import Any

TOLD = "motet-probe:"
"""With this the line of the answer begins: start-up files of the interpreter may print too."""

_TOUCHES = {"path", "modules", "meta_path", "path_hooks", "path_importer_cache"}
"""What of `sys` decides what can be imported."""

_UNPLAIN = (
    "__path__",
    "sys.modules",
    "meta_path",
    "__getattr__",
    "exec",
    "importlib",
    "pkgutil",
    "pkg_resources",
    "lazy",
)
"""What stands in packages that may have submodules which no folder shows."""


class _Walk:
    """All that one file imports for sure, file by file."""

    def __init__(self, own: Any) -> None:
        self.own = tuple(os.path.join(os.path.realpath(each), "") for each in own)
        self.missing = []  # type: Any
        self.wrong = []  # type: Any
        self.unsure = False
        self._seen = set()  # type: Any

    def file(self, path: Any, package: Any) -> None:
        """Look at a file; `package` is where its relative imports start, "" for a step's file."""
        if path in self._seen:
            return
        self._seen.add(path)
        tree = self._parsed(path)
        if tree is None:
            return
        self.unsure = self.unsure or _touches(tree)
        for each in tree.body:
            if isinstance(each, ast.Import):
                for name in each.names:
                    self._module(name.name, path, each.lineno)
            elif isinstance(each, ast.ImportFrom):
                self._from(each, path, package)

    def _parsed(self, path: Any) -> Any:
        try:
            with open(path, "rb") as file:
                return ast.parse(file.read(), path)
        except (SyntaxError, ValueError) as error:
            self.wrong.append([path, getattr(error, "lineno", None) or 1, str(getattr(error, "msg", error))])
        except (OSError, RecursionError, MemoryError):
            self.unsure = True
        return None

    def _from(self, each: Any, path: Any, package: Any) -> None:
        name = each.module or ""
        if each.level:
            parts = package.split(".") if package else []
            if each.level > len(parts):
                self.wrong.append([path, each.lineno, "a relative import leads out of what is a package"])
                return
            name = ".".join(parts[: len(parts) - each.level + 1] + ([name] if name else []))
        spec = self._module(name, path, each.lineno)
        if spec is None or spec.submodule_search_locations is None:
            return
        defined = None if spec.origin in (None, "namespace") else self._names(spec.origin)
        for alias in each.names:
            if alias.name == "*":
                continue
            if spec.origin in (None, "namespace"):
                self._module(name + "." + alias.name, path, each.lineno)
            elif defined is not None and alias.name not in defined:
                found = _find(name + "." + alias.name, list(spec.submodule_search_locations))
                if found is not None:
                    self._reached(found, name + "." + alias.name)

    def _names(self, path: Any) -> Any:
        """The names that a package of the components may define itself; None where that cannot be told."""
        if not self._is_own(path) or not _plain(path):
            return None
        try:
            with open(path, "rb") as file:
                tree = ast.parse(file.read())
        except (OSError, SyntaxError, ValueError):
            return None
        found = set()
        for each in ast.walk(tree):
            if isinstance(each, ast.alias):
                if each.name == "*":
                    return None
                found.add((each.asname or each.name).split(".")[0])
            elif isinstance(each, ast.Name):
                found.add(each.id)
            elif hasattr(each, "name"):
                found.add(each.name)
        return found

    def _module(self, name: Any, path: Any, line: Any) -> Any:
        """The spec of the module; None if it is missing, which is noted, or cannot be told."""
        parts = name.split(".")
        spec = None  # type: Any
        for depth in range(1, len(parts) + 1):
            part = ".".join(parts[:depth])
            places = None if spec is None else _locations(spec)
            try:
                found = _find(part, places)
            except Exception:  # noqa: BLE001 - boundary: finders that others have installed
                return None
            if found is None:
                if spec is None or self._complete(spec):
                    self._note(part, path, line, _inside(places or ()))
                return None
            spec = found
            self._reached(spec, part)
            if spec.submodule_search_locations is None and depth < len(parts):
                if self._is_own(spec.origin) and _plain(spec.origin):
                    self._note(".".join(parts[: depth + 1]), path, line, [])
                return None
        return spec

    def _note(self, name: Any, path: Any, line: Any, there: Any) -> None:
        if name not in [each[0] for each in self.missing]:
            self.missing.append([name, path, line, there])

    def _reached(self, spec: Any, name: Any) -> None:
        """Importing it runs it: look at it too, if it is the components' own."""
        if spec.submodule_search_locations is not None and name not in sys.modules:
            stand_in = types.ModuleType(name)  # type: Any # namespaces ask their parent, which nobody has imported
            stand_in.__path__ = list(spec.submodule_search_locations)
            stand_in.__spec__ = spec
            sys.modules[name] = stand_in
        if self._is_own(spec.origin) and spec.origin.endswith(".py"):
            package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
            self.file(spec.origin, package)

    def _is_own(self, origin: Any) -> Any:
        return bool(origin) and os.path.realpath(origin).startswith(self.own)

    def _complete(self, spec: Any) -> Any:
        """Whether the package has what its folders show, and nothing else."""
        if spec.origin in (None, "namespace"):
            return True
        return self._is_own(spec.origin) and _plain(spec.origin)


def _find(name: Any, places: Any) -> Any:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = None if find is None else find(name, places)
        if spec is not None:
            return spec
    module = sys.modules.get(name)  # made by one that the interpreter has imported itself, as os.path is
    return getattr(module, "__spec__", None)


def _locations(spec: Any) -> Any:
    return None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)


def _inside(places: Any) -> Any:
    """What can be imported from these folders."""
    found = set()
    for place in places:
        for entry in os.listdir(place) if os.path.isdir(place) else ():
            name = entry.split(".")[0]
            if name.isidentifier() and name != "__pycache__" and (entry.endswith((".py", ".so")) or name == entry):
                found.add(name)
    return sorted(found - {"__init__"})


def _plain(path: Any) -> Any:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return False
    return path.endswith(".py") and not any(each in text for each in _UNPLAIN)


def _touches(tree: Any) -> Any:
    """Whether the code may change what can be imported."""
    for each in ast.walk(tree):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            if each.attr == "addsitedir" or (each.value.id in ("sys", "_sys") and each.attr in _TOUCHES):
                return True
        elif (
            isinstance(each, ast.ImportFrom) and each.module == "sys" and _TOUCHES & {name.name for name in each.names}
        ):
            return True
    return False


def main() -> None:
    """Answer what is asked on standard input."""
    warnings.simplefilter("ignore")
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != here]
    asked = json.loads(sys.stdin.read())
    for each in reversed(asked["paths"]):
        if each not in sys.path:
            sys.path.insert(0, each)
    answers = {}
    for path in asked["files"]:
        walk = _Walk(asked["own"])
        walk.file(path, "")
        answers[path] = {"missing": walk.missing, "wrong": walk.wrong, "unsure": walk.unsure}
    sys.stdout.write("\n" + TOLD + json.dumps(answers) + "\n")


if __name__ == "__main__":
    main()
