"""The limits that keep the code readable, checked over the whole source tree."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "motet"

FUNCTION_LINES = 60
MODULE_LINES = 400
CLASS_LINES = 250
PARAMETERS = 6
CORE_LINES = 3_000
DIALECT_LINES = 2_000

PUBLIC_DECORATORS = {"flow", "task", "with_options"}
"""What users write options in: the only functions that may take more parameters than the limit."""

FORBIDDEN_WORDS = {"manager", "handler", "helper", "util", "utils", "common", "service", "base", "my"}
FORBIDDEN_STARTS = ("data_", "info_", "do_")
FORBIDDEN_NAMES = {"data", "info", "do"}

VOICE_WORDS = re.compile(r"(.*_)?stages?(_.*)?|passed|(.*_)?machine_types?(_.*)?")
"""Orquestra's `passed` is a field: only the whole name counts ("time passed" is English)."""

BELOW_DIALECTS = ("kernel", "engine", "values", "stores", "executors", "artifacts", "errors.py", "ports")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass
class Module:
    """One source file, parsed."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def code_lines(self) -> int:
        """Lines that are neither blank, nor comments, nor docstrings: these are contracts, and may be long."""
        prose = {
            line
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        lines = enumerate(self.text.splitlines(), 1)
        return sum(bool(line.strip()) and not line.lstrip().startswith("#") for n, line in lines if n not in prose)

    @property
    def place(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def part(self) -> str:
        """The folder (or file) of the package that it belongs to."""
        return self.path.relative_to(SOURCE).parts[0]

    def where(self, node: ast.AST) -> str:
        return f"{self.place}:{getattr(node, 'lineno', 1)}"

    def definitions(self) -> Iterator[Definition]:
        for node in ast.walk(self.tree):
            if isinstance(node, Definition):
                yield node


MODULES = [Module(path) for path in sorted(SOURCE.rglob("*.py"))]


def length(node: Definition) -> int:
    """Lines from the first decorator to the last statement."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return (node.end_lineno or first) - first + 1


def refuse(found: list[str]) -> None:
    """Fail, naming every place at once."""
    if found:
        pytest.fail("\n".join(found), pytrace=False)


# ---------------------------------------------------------------- sizes


def test_functions_and_classes_are_short() -> None:
    refuse(
        [
            f"{module.where(node)}: {node.name} has {length(node)} lines, the limit is {limit}"
            for module in MODULES
            for node in module.definitions()
            if length(node) > (limit := CLASS_LINES if isinstance(node, ast.ClassDef) else FUNCTION_LINES)
        ]
    )


def test_modules_are_short() -> None:
    refuse(
        [
            f"{module.place} has {module.lines} lines, the limit is {MODULE_LINES}"
            for module in MODULES
            if module.lines > MODULE_LINES
        ]
    )


def test_functions_take_few_parameters() -> None:
    found = []
    for module in MODULES:
        for node in module.definitions():
            if isinstance(node, ast.ClassDef) or node.name in PUBLIC_DECORATORS:
                continue
            names = [each.arg for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
            count = len([name for name in names if name not in ("self", "cls")])
            if count > PARAMETERS:
                found.append(f"{module.where(node)}: {node.name} takes {count} parameters, not {PARAMETERS}")
    refuse(found)


def test_the_core_is_small() -> None:
    lines = sum(module.code_lines for module in MODULES if module.part in ("kernel", "engine"))
    assert lines <= CORE_LINES, f"kernel and engine have {lines} lines of code together"


def test_each_dialect_is_small() -> None:
    sizes: dict[str, int] = {}
    for module in MODULES:
        if module.part == "dialects":
            dialect = str(module.path.parent.relative_to(SOURCE / "dialects"))  # a door is a package of its own
            sizes[dialect] = sizes.get(dialect, 0) + module.code_lines
    refuse([f"{name} has {lines} lines" for name, lines in sizes.items() if lines > DIALECT_LINES])


# ---------------------------------------------------------------- names


def names_in(module: Module) -> Iterator[tuple[str, str]]:
    """Names that the module gives: its own, its classes', its functions', their parameters' and fields'."""
    yield module.place, module.path.stem
    for node in ast.walk(module.tree):
        if isinstance(node, Definition):
            yield module.where(node), node.name
        elif isinstance(node, ast.arg):
            yield module.where(node), node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield module.where(node), node.target.id


def words(name: str) -> list[str]:
    """`HTTPServer` and `http_server` are both http, server."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return [word for word in spaced.lower().split("_") if word]


def test_names_say_what_things_are() -> None:
    found = []
    for module in MODULES:
        given = [(module.place, module.path.stem)]
        given += [(module.where(node), node.name) for node in module.definitions()]
        for place, name in given:
            bare = name.strip("_").lower()
            if FORBIDDEN_WORDS & set(words(name)) or bare.startswith(FORBIDDEN_STARTS) or bare in FORBIDDEN_NAMES:
                found.append(f"{place}: {name} says too little")
    refuse(found)


def test_a_voices_words_stay_in_its_dialect() -> None:
    refuse(
        [
            f"{place}: {name} is a word of one voice"
            for module in MODULES
            if module.part in BELOW_DIALECTS
            for place, name in names_in(module)
            if VOICE_WORDS.fullmatch("_".join(words(name)))
        ]
    )


def test_units_are_in_names() -> None:
    """Times end in `_at`, durations in `_s`, sizes in `_bytes`: no other unit's ending is used."""
    endings = re.compile(r"_(ms|sec|secs|seconds|minutes|hours|timestamp|kb|mb|gb)$")
    users_own = {"retry_delay_seconds", "timeout_seconds", "grace_seconds"}  # as users know them from Prefect
    refuse(
        [
            f"{place}: {name} should end in _at, _s or _bytes"
            for module in MODULES
            for place, name in names_in(module)
            if endings.search(name) and not any(name.endswith(own) for own in users_own)
        ]
    )


# ---------------------------------------------------------------- comments


def comments(module: Module) -> dict[int, str]:
    """The text of the comment on each line that has one."""
    tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def is_broad(node: ast.ExceptHandler) -> bool:
    """Whether it catches everything, or everything but exits."""
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(
        each is None or (isinstance(each, ast.Name) and each.id in ("Exception", "BaseException")) for each in caught
    )


def reraises(node: ast.ExceptHandler) -> bool:
    """Whether it ends by raising again, so that nothing is swallowed."""
    return isinstance(node.body[-1], ast.Raise)


def test_a_broad_except_names_its_boundary() -> None:
    """It stands on the line, or on the one above it, as a comment with the word "boundary"."""
    found = []
    for module in MODULES:
        said = comments(module)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and is_broad(node) and not reraises(node):
                near = " ".join(said.get(node.lineno + by, "") for by in (-1, 0, 1))
                if "boundary" not in near:
                    found.append(f"{module.where(node)}: a broad except without a comment `boundary: ...`")
    refuse(found)


CLASSES: dict[str, list[ast.ClassDef]] = {}
for _module in MODULES:
    for _node in _module.definitions():
        if isinstance(_node, ast.ClassDef):
            CLASSES.setdefault(_node.name, []).append(_node)


def documented(node: ast.AST) -> set[str]:
    """Methods of the class, or of those that it extends, that have a docstring."""
    if not isinstance(node, ast.ClassDef):
        return set()
    own = {each.name for each in node.body if isinstance(each, ast.FunctionDef) and ast.get_docstring(each)}
    bases = [each.id if isinstance(each, ast.Name) else getattr(each, "attr", "") for each in node.bases]
    return own.union(*(documented(each) for base in bases if base != node.name for each in CLASSES.get(base, ())))


def methods_of_ports() -> set[str]:
    """Methods whose contract is written in a port: an adapter need not repeat it."""
    ports = [module for module in MODULES if module.part == "ports"]
    return set().union(*(documented(node) for module in ports for node in module.definitions()))


def undocumented(module: Module, ports: set[str]) -> Iterator[str]:
    """Public names of the module, its classes and their methods that promise nothing."""
    if ast.get_docstring(module.tree) is None and module.tree.body:
        yield f"{module.place}: the module has no docstring"
    for node in module.tree.body:
        if not isinstance(node, Definition) or is_silent(node):
            continue
        if ast.get_docstring(node) is None:
            yield f"{module.where(node)}: {node.name} has no docstring"
        if isinstance(node, ast.ClassDef):
            known = ports | documented(node)
            for each in node.body:
                if (
                    isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
                    and ast.get_docstring(each) is None
                    and each.name not in known
                    and not is_silent(each)
                ):
                    yield f"{module.where(each)}: {node.name}.{each.name} has no docstring"


def is_silent(node: Definition) -> bool:
    """Whether it is private, a test (its name is the promise), or another of its name has the docstring."""
    endings = ("overload", "setter", "override")
    return node.name.startswith(("_", "test_")) or any(
        ast.unparse(each).endswith(endings) for each in node.decorator_list
    )


def test_public_names_are_documented() -> None:
    ports = methods_of_ports()
    refuse([line for module in MODULES for line in undocumented(module, ports)])


# ---------------------------------------------------------------- files


def tracked_files() -> list[Path]:
    """What git would publish."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no git, or no git checkout: the tracked files cannot be listed")
    return [ROOT / name for name in listing.decode().split("\0") if name]


def test_no_tracked_file_names_a_machine() -> None:
    """No path of somebody's machine and no index host but PyPI's."""
    private = re.compile(rb"/(?:root|work|opt|Users/\w+)/\w[\w./-]*")
    index = re.compile(rb"https?://([\w.-]+)/(?:\S*/)?simple\b")
    found = []
    for path in tracked_files():
        if not path.is_file() or path == Path(__file__).resolve():
            continue
        content = path.read_bytes()
        found += [f"{path.relative_to(ROOT)}: {hit.decode()}" for hit in private.findall(content)]
        found += [
            f"{path.relative_to(ROOT)}: index at {host.decode()}"
            for host in index.findall(content)
            if host != b"pypi.org"
        ]
    refuse(found)


def test_links_between_documents_lead_somewhere() -> None:
    link = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
    refuse(
        [
            f"{page.relative_to(ROOT)}: {target} does not exist"
            for page in tracked_files()
            if page.suffix == ".md" and page.is_file()
            for target in link.findall(page.read_text())
            if not (page.parent / target).exists()
        ]
    )


def test_the_lock_names_public_hosts_only() -> None:
    hosts = set(re.findall(r"(?:https?|file)://([^/\"]*)", (ROOT / "uv.lock").read_text()))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_the_wheel_holds_the_whole_package_and_nothing_else(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        str(path.relative_to(SOURCE.parent))
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == wanted
    assert "motet/py.typed" in packed
    assert any(name.startswith("motet/stores/sql/") and name.endswith(".sql") for name in packed)


# ---------------------------------------------------------------- start-up


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after the statement, apart from what it had before."""
    code = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "import json; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_import_motet_needs_the_standard_library_only() -> None:
    loaded = {name.partition(".")[0] for name in modules_after("import motet")}
    assert "motet" in loaded
    assert loaded - sys.stdlib_module_names - {"motet"} == set()


def test_a_plain_flow_loads_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    """What these would take is more than the whole run does."""
    hello = tmp_path / "hello.py"
    hello.write_text(
        "from motet import flow, task\n\n"
        "@task\ndef hello(name: str) -> str:\n    return f'Hello, {name}'\n\n"
        "@flow\ndef greet(name: str = 'world') -> str:\n    return hello(name)\n"
    )
    loaded = modules_after(f"from motet.cli.main import main; assert main(['run', {str(hello)!r}]) == 0")
    heavy = {
        "_hashlib", "ast", "asyncio", "bisect", "cloudpickle", "concurrent", "copy", "dataclasses", "dis", "hashlib",
        "importlib.metadata", "inspect", "linecache", "logging", "multiprocessing", "pathlib", "pickle", "pydantic",
        "random", "shutil", "socket", "subprocess", "tempfile", "tokenize", "traceback", "uuid", "yaml", "zlib",
    }  # fmt: skip
    voices = {"motet.dialects.declared", "motet.dialects.orquestra", "motet.dialects.python.orion", "motet.workflows"}
    rare = {
        "motet.dialects.python.bodies.coroutines", "motet.dialects.python.running.hooks", "motet.environments",
        "motet.executors.commands", "motet.executors.processes", "motet.executors.threads", "motet.kernel.checkpoint",
        "motet.values.canonical", "motet.values.pickle",
    }  # fmt: skip
    assert "motet.dialects.python.flows" in loaded
    assert loaded & (heavy | voices | rare) == set()
