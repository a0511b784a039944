"""What a step may import, call and be given is what Python takes: sixty-odd small components, each tried both ways."""

from __future__ import annotations

import json
import py_compile
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from motet.dialects.orquestra.voice import Asked, prepare
from motet.errors import SpecError

OK = "def f(**given): pass\n"
HI = "def hi(): pass\n"


class Variant(NamedTuple):
    """Components as {path: text} (one whose path begins with "other/" is of the second import), and a call."""

    files: Mapping[str, str]
    given: Mapping[str, Any] = {}
    function: str = "f"
    file: str = "step.py"


def code(first: str, rest: str = OK, **more: str) -> Variant:
    """A step's file that begins so; with more files, whose names have / for two underscores."""
    files = {"step.py": f"{first}\n{rest}"}
    return Variant(files | {f"{name.replace('__', '/')}.py": text for name, text in more.items()})


def call(definition: str, function: str = "f", /, **given: Any) -> Variant:
    return Variant({"step.py": f"{definition}\n"}, given, function)


INIT = "/__init__.py"
SETUP = """\
from setuptools import setup, find_namespace_packages
setup(name="x", packages=find_namespace_packages("{0}"), package_dir={{"": "{0}"}})
"""

TAKEN: dict[str, Variant] = {
    "namespace with a package": Variant({"step.py": f"from acme.tools import hi\n{OK}", f"src/acme/tools{INIT}": HI}),
    "namespace with a module": code("from acme.tools import hi", src__acme__tools=HI),
    "namespace in the root": code("import acme.tools", acme__tools=HI),
    "namespace beside a module": code(
        "from acme.deep.tools import hi\nimport acme.x", acme__deep__tools=HI, acme__x=HI),
    "four levels of namespaces": code("import a.b.c.d.e\nfrom a.b.c.d import e", src__python__a__b__c__d__e=HI),
    "a namespace alone": code("import acme", acme__x=HI),
    "a module from a namespace": code("from acme import x", src__acme__x=HI),
    "a namespace in two imports": code("import acme.x, acme.y", acme__x=HI, other__acme__y=HI),
    "a namespace's package in the other import": Variant(
        {"step.py": f"from acme.y import hi\n{OK}", "acme/x.py": HI, f"other/src/acme/y{INIT}": HI}),
    "a package in the root": Variant({"step.py": f"from own import hi\n{OK}", f"own{INIT}": HI}),
    "a package in src": Variant({"step.py": f"from own.a import hi\n{OK}", f"src/own{INIT}": "", "src/own/a.py": HI}),
    "a package in src/python": Variant({"step.py": f"import own\n{OK}", f"src/python/own{INIT}": HI}),
    "a single module": code("from own import hi", own=HI),
    "setup.py with package_dir": Variant(
        {"step.py": f"import own.a\n{OK}", "lib/own/a.py": HI, "setup.py": SETUP.format("lib")}),
    "setup.cfg with package_dir": Variant(
        {"step.py": f"import own.a\n{OK}", "lib/own/a.py": HI, "setup.cfg": "[options]\npackage_dir =\n    = lib\n"}),
    "setup.cfg with where": Variant(
        {"step.py": f"import own.a\n{OK}", "lib/own/a.py": HI, "setup.cfg": "[options.packages.find]\nwhere = lib\n"}),
    "pyproject with where": Variant({
        "step.py": f"import own.a\n{OK}", "lib/own/a.py": HI,
        "pyproject.toml": "[project]\nname = 'x'\n[tool.setuptools.packages.find]\nwhere = ['lib']\n"}),
    "poetry with from": Variant({
        "step.py": f"import own.a\n{OK}", "lib/own/a.py": HI,
        "pyproject.toml": "[tool.poetry]\nname = 'x'\npackages = [{include = 'own', from = 'lib'}]\n"}),
    "vendored": code("import own.a, more", vendor__own__a=HI, vendor__sub__more=HI),
    "only compiled": code("import own", own=HI),
    "an extension": code("from fast import _heapq"),
    "relative imports within a package": Variant({
        "step.py": f"from own.a import hi\n{OK}", f"own{INIT}": "from . import b\nfrom .b import there\n",
        "own/a.py": "from .b import there\nfrom .sub import c\n" + HI, "own/b.py": "there = 1\n",
        "own/sub/c.py": "from ..b import there\n"}),
    "a module that its package does not name": Variant(
        {"step.py": f"from own import a\n{OK}", f"own{INIT}": "", "own/a.py": HI}),
    "a name that hides a broken module": Variant(
        {"step.py": f"from own import a\n{OK}", f"own{INIT}": "a = 1\n", "own/a.py": "import nowhere_at_all\n"}),
    "a package with __getattr__": Variant(
        {"step.py": f"from own import anything\n{OK}", f"own{INIT}": "def __getattr__(name): return 1\n"}),
    "a package that makes its modules": Variant({
        "step.py": f"import own.made\n{OK}",
        f"own{INIT}": "import sys, types\nsys.modules['own.made'] = types.ModuleType('own.made')\n"}),
    "a package that lengthens its path": Variant({
        "step.py": f"import own.x\n{OK}",
        f"own{INIT}": "import os\n__path__.append(os.path.join(os.path.dirname(__path__[0]), 'apart'))\n",
        "apart/x.py": HI}),
    "sys.path changed by the step": code(
        "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'deep/er'))\n"
        "import hidden", deep__er__hidden=HI),
    "import in try": code("try:\n    import nowhere_at_all\nexcept ImportError:\n    pass"),
    "import for types": code("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nowhere_at_all"),
    "import in a function that is not called": code("def g():\n    import nowhere_at_all"),
    "parts of the standard library": code(
        "import os.path, xml.etree.ElementTree as et\nfrom concurrent import futures"),
    "a requirement that is here": code("import yaml, packaging.version\nfrom pydantic import BaseModel"),
    "one that makes its modules": code("import pytest, _pytest.mark\nfrom hypothesis import strategies"),
    "all names of a module": code("from own.names import *", "", own__names=OK),
    "a function by import": code("from own.names import f", "", own__names=OK),
    "a function by a condition": call("if True:\n    def f(a): pass\nelse:\n    def f(): pass", a=1),
    "a function defined twice": call("def f(): pass\ndef f(a): pass", a=1),
    "a function replaced": call("def f(): pass\nf = lambda **given: 0", a=1),
    "a function by match": call("import sys\nmatch sys.byteorder:\n    case _:\n        def f(a): pass", a=1),
    "a function by globals()": call("globals()['f'] = lambda a: a", a=1),
    "a function by global": call("def make():\n    global f\n    def f(a): pass\nmake()", a=1),
    "a class": call("class f:\n    def __init__(self, a): pass", a=1),
    "a partial": call("from functools import partial\nf = partial(print, end='')", sep=""),
    "a method": call("class T:\n    @staticmethod\n    def go(a): pass", "T.go", a=1),
    "an object's method": call("class T:\n    def go(self, a): pass\nt = T()", "t.go", a=1),
    "a decorator that takes all": call("def any_(g):\n    return lambda **k: g()\n@any_\ndef f(): pass", **{"a-b": 1}),
    "a decorator called task": call("def task(g):\n    return lambda **k: g()\n@task\ndef f(): pass", a=1),
    "functools.lru_cache": call("import functools\n@functools.lru_cache(maxsize=None)\ndef f(a): pass", a=1),
    "arguments with dashes": call(OK, **{"constant-0": 1, "artifact-3-add": 2}),
    "names of an exporter": call(
        "def f(*a, __sdk_fn, __sdk_more=None, **k): pass", **{"__sdk_fn": {"a": [1]}, "x-1": 2}),
    "odd arguments": call(OK, **{"two words": 1, "a.b": 2, "c/d": 3, "": 4, "0": 5, "class": 6, "../up": 7}),
    "other alphabets": call("def f(größe, 数): pass", größe=1, 数=2),
    "by keyword only": call("def f(*, a, b=2): pass", a=1),
    "by position only, with a default": call("def f(p=1, /, *, a): pass", a=1),
    "a name twice": call("def f(a=1, /, **more): pass", a=2),
    "defaults left out": call("def f(a, b=1, *c, d=2): pass", a=1),
    "self": call("def f(self): pass", self=1),
    "no arguments": call("def f(): pass"),
}  # fmt: skip

REFUSED: dict[str, Variant] = {
    "no such module": code("import nowhere_at_all"),
    "a typing error": code("import jsn"),
    "no such module in a namespace": code("import acme.y", acme__x=HI),
    "no such name in a namespace": code("from acme import y", acme__x=HI),
    "no such package in a deep namespace": code("from a.b.x import hi", a__b__c=HI),
    "no such module in a package": Variant(
        {"step.py": f"from own.fils import hi\n{OK}", f"own{INIT}": "", "own/files.py": HI}),
    "a module taken for a package": code("import own.files", own=HI),
    "a package that hides a namespace": Variant(
        {"step.py": f"import acme.y\n{OK}", f"acme{INIT}": "", "other/acme/y.py": HI}),
    "missing in a module that is reached": code("from own.a import hi", own__a="import nowhere_at_all\n" + HI),
    "missing behind a relative import": Variant(
        {"step.py": f"import own\n{OK}", f"own{INIT}": "from .a import hi\n",
         "own/a.py": "import nowhere_at_all\n" + HI}),
    "a relative import of a step": code("from . import own", own=HI),
    "a relative import that leads out": code("import own.a", own__a="from .. import b\n"),
    "no Python": code("def g(:"),
    "no Python in what is reached": code("import own", own="def g(:\n"),
    "no such function": call("def g(): pass"),
    "no such function among all names": code("from own.names import *", "", own__names="def g(): pass\n"),
    "no such argument": call("def f(count): pass", cont=1),
    "a dash for an underscore": call("def f(how_many): pass", **{"how-many": 1}),
    "dashes and no **": call("def f(*a, b=1): pass", **{"x-1": 1}),
    "an argument too few": call("def f(a, b): pass", a=1),
    "a keyword-only argument too few": call("def f(a, *, b): pass", a=1),
    "by position only": call("def f(a, /): pass", a=1),
    "by position only, beside **": call("def f(a, /, **more): pass", a=1),
    "by position only, not given": call("def f(a, /, b): pass", b=1),
    "arguments for none": call("def f(): pass", a=1),
}  # fmt: skip


def laid_out(folder: Path, variant: Variant) -> tuple[Path, list[str]]:
    """The components and the workflow's file; and the folders that the step has on its path."""
    roots = [folder / "comp", folder / "other"]
    for root in roots:
        root.mkdir()
    for name, text in variant.files.items():
        path = folder / name if name.startswith("other/") else roots[0] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    workflow = {
        "apiVersion": "io.orquestra.workflow/1.0.0", "name": "variant", "types": [],
        "imports": [{"name": each.name, "type": "local", "parameters": {"path": each.name}} for each in roots],
        "steps": [{
            "name": "a", "inputs": [{name: value, "type": "json"} for name, value in variant.given.items()],
            "config": {"runtime": {"language": "python3", "imports": ["comp", "other"],
                                   "parameters": {"file": f"comp/{variant.file}", "function": variant.function}}},
        }],
    }  # fmt: skip
    file = folder / "w.yaml"
    file.write_text(json.dumps(workflow))
    below = ("", "src", "src/python", "vendor", "lib", "vendor/sub")
    return file, [str(root / each) for root in roots for each in below if (root / each).is_dir()]


def special(folder: Path, name: str) -> None:
    """What is no text: a module of which only the compiled form is there, an extension."""
    if name == "only compiled":
        py_compile.compile(str(folder / "comp/own.py"), str(folder / "comp/own.pyc"))
        (folder / "comp/own.py").unlink()
    if name == "an extension":
        import _heapq

        found = getattr(_heapq, "__file__", None)
        if found is None:
            pytest.skip("this Python has its extensions built in")
        (folder / "comp/fast").mkdir()
        shutil.copy(found, folder / f"comp/fast/_heapq{EXTENSION_SUFFIXES[0]}")


PLAIN = """\
import importlib.util, json, sys
paths, file, function, given = json.loads(sys.argv[1])
sys.path[:1] = paths
spec = importlib.util.spec_from_file_location("step", file)
found = importlib.util.module_from_spec(spec)
spec.loader.exec_module(found)
for part in function.split("."):
    found = getattr(found, part)
found(**given)
"""


def python_takes(folder: Path, paths: list[str], variant: Variant) -> str:
    """What a plain Python says of the call: nothing, if it takes it."""
    told = json.dumps([paths, str(folder / "comp" / variant.file), variant.function, dict(variant.given)])
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, told], cwd=folder / "other", capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode else ""


def motet_takes(file: Path, home: Path) -> str:
    """What the checks before a run say: nothing, if they take it."""
    try:
        prepare(str(file), str(home), {}, Asked())
    except SpecError as error:
        return f"{error.what}\n{error.cure}"
    return ""


@pytest.mark.parametrize("name", [*TAKEN, *REFUSED])
def test_what_python_takes_is_taken_and_nothing_else(name: str, tmp_path: Path, motet_home: Path) -> None:
    variant = {**TAKEN, **REFUSED}[name]
    file, paths = laid_out(tmp_path, variant)
    special(tmp_path, name)
    python, motet = python_takes(tmp_path, paths, variant), motet_takes(file, motet_home)
    assert bool(python) == (name in REFUSED), python
    assert bool(motet) == bool(python), f"Python: {python or 'takes it'}\nMotet: {motet or 'takes it'}"
    assert not motet or f"{file}:1:" in motet, "each fault has its place"


FINDER = """\
import sys
import zipfile
from importlib.machinery import PathFinder


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [{apart!r}]) if name == "hooked" else None


sys.meta_path.append(Finder)
"""


def test_what_another_python_has_in_its_own_ways_is_found_there(tmp_path: Path, motet_home: Path) -> None:
    base = tmp_path / "base"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(base)], check=True)
    (site,) = base.glob("lib/python*/site-packages")
    apart = tmp_path / "apart"
    for name in ("acme/linked.py", "hooked.py"):
        (apart / name).parent.mkdir(parents=True, exist_ok=True)
        (apart / name).write_text(HI)
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as file:
        file.writestr("zipped/__init__.py", "")
        file.writestr("zipped/deep.py", HI)
    (site / "more.pth").write_text(f"{tmp_path / 'more.zip'}\n{apart / 'acme'}\nimport own_finder\n")
    (site / "own_finder.py").write_text(FINDER.format(apart=str(apart)))
    (site / "sitecustomize.py").write_text("print('start-up files may print')\n")
    python = str(base / "bin" / "python")
    variant = code("import linked, hooked, zipped.deep, mine", mine="match 1:\n    case _:\n        import linked\n")
    file, _ = laid_out(tmp_path, variant)
    prepare(str(file), str(motet_home), {}, Asked(base=python))
    told = motet_takes(file, motet_home)
    for name in ("linked", "hooked", "zipped"):
        assert f"imports {name!r}, which no import" in told, "this Python does not have them"
    (tmp_path / "comp/step.py").write_text("import yaml, linked\n" + OK)
    with pytest.raises(SpecError, match="imports 'yaml'"):
        prepare(str(file), str(motet_home), {}, Asked(base=python))
