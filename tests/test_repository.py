"""The limits that keep the code readable, checked over the whole source tree."""

from __future__ import annotations

import ast
import io
import json
import re
import shutil
import subprocess
import sys
import tokenize
import tomllib
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.source import MODULES, ROOT, SOURCE, Definition, Import, Module, circles, home_of, import_graph

FUNCTION_LINES = 60
MODULE_LINES = 400
SMALL_MODULE_LINES = 40
CLASS_LINES = 250
LOCK_OWNER_LINES = 400
PARAMETERS = 6
CORE_LINES = 3_600
VOICE_LINES = 3_000

RATCHETS = ROOT / "tests" / "ratchets.json"
"""What is over a limit today, by rule. Each number may be lowered, never raised."""

PUBLIC_DECORATORS = {"flow", "task", "with_options"}
"""What users write options in: the only functions that may take more parameters than the limit."""

FORBIDDEN_WORDS = {"manager", "handler", "helper", "util", "utils", "common", "service", "base", "my"}
FORBIDDEN_STARTS = ("data_", "info_", "do_")
FORBIDDEN_NAMES = {"data", "info", "do"}

VOICE_WORDS = re.compile(r"(.*_)?stages?(_.*)?|passed|(.*_)?machine_types?(_.*)?")
"""Orquestra's `passed` is a field: only the whole name counts ("time passed" is English)."""

BELOW_DIALECTS = ("kernel", "engine", "values", "stores", "executors", "artifacts", "reuse", "errors.py", "ports")

GIVEN_SIGNATURES = {
    "dialects/aiflow/operators/flink.py": "AIFlow's scripts make a FlinkOperator of these arguments",
    "spell/client/__init__.py": "Spell's scripts make a SpellClient of these arguments",
    "dialects/aiflow/operators/spark.py": "AIFlow's scripts make a SparkSubmitOperator of these arguments",
}
"""Modules with a class whose users have settled what it is made of, and which that is."""

MAY_BE_SMALL = {
    "dialects/aiflow/places.py": "a name that AIFlow's users import",
    "dialects/spell/api/protocol.py": "what an entry point names",
    "dialects/aiflow/plugin.py": "a voice is asked about files before it is wanted",
    "dialects/spell/plugin.py": "a voice is asked about files before it is wanted",
    "dialects/spell/words.py": "a table",
    "events.py": "a name that Prefect's users import",
    "cache_policies.py": "a name that Prefect's users import",
    "context.py": "a name that Prefect's users import",
    "exceptions.py": "a name that Prefect's users import",
    "flows.py": "a name that Prefect's users import",
    "futures.py": "a name that Prefect's users import",
    "logging.py": "a name that Prefect's users import",
    "orion/task_runners.py": "a name that the beta's users import",
    "runtime/flow_run.py": "a name that Prefect's users import",
    "runtime/task_run.py": "a name that Prefect's users import",
    "states.py": "a name that Prefect's users import",
    "task_runners.py": "a name that Prefect's users import",
    "tasks.py": "a name that Prefect's users import",
    "transactions.py": "a name that Prefect's users import",
    "dialects/spell/served/spell.py": "a name that Spell's users import",
    "spell/cli/commands/ps.py": "a name that Spell's users import",
    "spell/client/model.py": "a name that Spell's users import",
    "spell/metrics.py": "a name that Spell's users import",
    "spell/api/exceptions.py": "a name that Spell's users import",
    "spell/client/resources.py": "a name that Spell's users import",
    "dialects/spell/fetching.py": "client and command both need it, and neither is part of the other",
    "dialects/python/describing.py": "loads pydantic, which running a flow must not",
    "training/lightning.py": "one trainer's call-back: whoever uses it has nothing of the others",
    "training/transformers.py": "one trainer's call-back: whoever uses it has nothing of the others",
    "dialects/python/orion/served.py": "a table",
    "dialects/python/prefect/artifacts.py": "names that Prefect's users import",
    "dialects/python/prefect/exceptions.py": "names that Prefect's users import",
    "values/hashing.py": "the one place that may name the hash, which every layer may import",
}
"""Modules with a reason to be smaller than the rule says. `__init__.py` and `__main__.py` need none."""

LATE_BORDERS = {
    "__init__.py": "a public name is imported when it is first asked for",
    "app.py": "an adapter is imported when a setting asks for it",
    "cli/": "a command imports what it alone needs",
    "client/": "programs alone need its library: commands ask a server without it",
    "runtime/": "what runs is asked of the voice that runs it",
    "executors/machine.py": "most runs ask for nothing that a machine counts",
    "executors/commands/launching.py": "a place brings what it alone needs",
    "dialects/declared/plugin.py": "a voice is asked about files before it is wanted",
    "dialects/orquestra/plugin.py": "a voice is asked about files before it is wanted",
    "dialects/aiflow/plugin.py": "a voice is asked about files before it is wanted",
    "dialects/python/plugin.py": "a voice is asked about files before it is wanted",
    "dialects/spell/plugin.py": "a voice is asked about files before it is wanted",
    "dialects/yadage/plugin.py": "a voice is asked about files before it is wanted",
    "workflows.py": "a workflow file is called without any flow, too",
}
"""Places whose functions may import modules of Motet, and why."""

HEAVY = {
    "_hashlib", "argparse", "ast", "asyncio", "bisect", "cloudpickle", "concurrent", "copy", "csv", "ctypes",
    "dataclasses", "datetime", "difflib", "dis", "gettext", "glob", "grp", "hashlib", "heapq", "importlib", "inspect",
    "jinja2", "jq", "json", "jsonpath_ng", "linecache", "logging", "matplotlib", "mimetypes", "mmap", "multiprocessing",
    "http", "httpx2", "optuna", "packaging", "pandas", "pathlib",
    "pickle", "PIL", "pwd", "pyarrow", "pydantic", "random", "re", "shlex", "shutil", "signal", "socket", "sqlite3",
    "subprocess", "tarfile", "tempfile", "tokenize", "tomllib", "traceback", "typing", "urllib", "uuid", "warnings",
    "yaml", "zipfile", "zlib",
}  # fmt: skip
"""Libraries that a plain run must not load, so that what needs them imports them where it is used."""


def length(node: Definition) -> int:
    """Lines from the first decorator to the last statement."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return (node.end_lineno or first) - first + 1


def refuse(found: list[str]) -> None:
    """Fail, naming every place at once."""
    if found:
        pytest.fail("\n".join(found), pytrace=False)


# ---------------------------------------------------------------- ratchets


def kept(rule: str) -> dict[str, int]:
    """The numbers of the rule that are over its limit."""
    return cast(dict[str, int], json.loads(RATCHETS.read_text()).get(rule, {}))


def ratchet(rule: str, counted: dict[str, int], cure: str) -> None:
    """Fail where a number is above the one in the file of ratchets; say so where that one could be lowered."""
    most = kept(rule)
    over = [
        f"{rule}: {name} has {n}, not more than {most.get(name, 0)}"
        for name, n in counted.items()
        if n > most.get(name, 0)
    ]
    if over:
        pytest.fail("\n".join([*over, cure]), pytrace=False)
    for name, number in most.items():
        if counted.get(name, 0) < number:
            warnings.warn(
                f"{RATCHETS.name}: {rule}: {name} can be lowered from {number} to {counted.get(name, 0)}", stacklevel=2
            )


def test_ratchets_only_fall() -> None:
    """Nor does the sum of a rule's numbers rise, so that what moves may take its number along."""
    place = str(RATCHETS.relative_to(ROOT))
    found = []
    for commit in git("rev-list", "HEAD", "--", place).split():
        for rule, before in json.loads(git("show", f"{commit}:{place}")).items():
            pairs = [(name, before[name], number) for name, number in kept(rule).items() if name in before]
            pairs.append(("their sum", sum(before.values()), sum(kept(rule).values())))
            found += [f"{place}: {rule}: {name} is {now}, was {then}" for name, then, now in pairs if now > then]
    refuse(found)


# ---------------------------------------------------------------- sizes


def owns_a_lock(node: Definition) -> bool:
    """Whether it makes, or is given, the lock that its methods take: what shares one lock reads best in one place."""
    made = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
    return any(re.search(r"(Lock|Condition|allocate_lock|\.lock)$", ast.unparse(each)) for each in made)


def limit_of(node: Definition) -> int:
    if not isinstance(node, ast.ClassDef):
        return FUNCTION_LINES
    return LOCK_OWNER_LINES if owns_a_lock(node) else CLASS_LINES


def test_functions_and_classes_are_short() -> None:
    refuse(
        [
            f"{module.where(node)}: {node.name} has {length(node)} lines, the limit is {limit}"
            for module in MODULES
            for node in module.definitions()
            if length(node) > (limit := limit_of(node))
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


def test_modules_are_not_too_short() -> None:
    small = [
        module
        for module in MODULES
        if 0 < module.code_lines < SMALL_MODULE_LINES
        and module.path.name not in ("__init__.py", "__main__.py")
        and module.within not in MAY_BE_SMALL
    ]
    ratchet(
        "modules of less than 40 lines of code",
        {"all": len(small)},
        "Put what it holds where it is used, or beside what it belongs to; a module with a reason of its own stands "
        "with that reason in MAY_BE_SMALL. They are:\n"
        + "\n".join(f"  {module.place} {module.code_lines}" for module in small),
    )


def test_functions_take_few_parameters() -> None:
    found = []
    for module in MODULES:
        for node in module.definitions():
            is_given = node.name == "__init__" and module.within in GIVEN_SIGNATURES
            if isinstance(node, ast.ClassDef) or node.name in PUBLIC_DECORATORS or is_given:
                continue
            names = [each.arg for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
            count = len([name for name in names if name not in ("self", "cls")])
            if count > PARAMETERS:
                found.append(f"{module.where(node)}: {node.name} takes {count} parameters, not {PARAMETERS}")
    refuse(found)


def test_the_core_is_small() -> None:
    lines = sum(module.code_lines for module in MODULES if module.part in ("kernel", "engine"))
    assert lines <= CORE_LINES, f"kernel and engine have {lines} lines of code together, the limit is {CORE_LINES}"


FACES = {"aiflow/port", "python/orion", "python/prefect", "spell/api"}
"""Folders of a voice that stand in for another system: each is counted by itself, under the limit of a voice."""


CLIENTS = {"spell"}
"""Folders at the top that are the whole client of another system, by its own modules: counted by themselves, too."""


def voice_of(module: Module) -> str | None:
    """The voice that the module is part of, also where it lies in a folder of its name at the top; or the face."""
    parts = module.path.relative_to(SOURCE).parts
    if parts[0] != "dialects" and (SOURCE / "dialects" / parts[0]).is_dir():
        return f"{parts[0]}/client" if parts[0] in CLIENTS else parts[0]
    if parts[0] != "dialects" or len(parts) < 3:
        return None
    return "/".join(parts[1:3]) if "/".join(parts[1:3]) in FACES else parts[1]


def test_each_voice_is_small() -> None:
    """All of its folders, its options and its commands together."""
    sizes = Counter[str]()
    for module in MODULES:
        if voice := voice_of(module):
            sizes[voice] += module.code_lines
    ratchet(
        "lines of code of each voice",
        {
            voice: lines
            for voice, lines in sizes.items()
            if lines > VOICE_LINES or voice in kept("lines of code of each voice")
        },
        f"The limit is {VOICE_LINES}, over all folders of the voice. Delete what exists twice, or move what another "
        "voice could use to the layer below.",
    )


# ---------------------------------------------------------------- imports


def test_modules_import_one_another_in_no_circles() -> None:
    """Imports for type checkers and imports within functions count: a circle is one knot to read, however it loads."""
    graph = import_graph()
    groups = circles(graph)
    sizes = Counter[str]()
    for group in groups:
        sizes[home_of(group)] += len(group)
    ratchet(
        "modules that import one another in circles",
        dict(sizes),
        "Move what both ends of a circle need into a module below them, or hand it in as an argument. "
        "The circles, and which imports would have to go:\n"
        + "\n".join(f"  {', '.join(sorted(group))}" for group in groups)
        + "\n\n`python -m tests.source` prints the single imports whose removal shrinks each most.",
    )


def is_at_a_border(module: Module, node: Import) -> bool:
    """Whether the import within a function is of a heavy library, or stands at one of the named borders."""
    named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
    if all(not name.startswith("motet") for name in named):
        return all({name, name.partition(".")[0]} & HEAVY for name in named)
    return any(
        module.within == border or (border.endswith("/") and module.within.startswith(border))
        for border in LATE_BORDERS
    )


def test_functions_import_at_borders_only() -> None:
    late = [
        module.where(node) for module in MODULES for node in module.late_imports() if not is_at_a_border(module, node)
    ]
    ratchet(
        "imports within functions, other than at the borders",
        {"all": len(late)},
        "Import at the top of the module. A library that a plain run must not load stands in HEAVY, a place whose "
        "functions may import in LATE_BORDERS. They are in:\n"
        + "\n".join(f"  {place} ({n})" for place, n in Counter(late).items()),
    )


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
    users_own |= {"timeout_minutes"}  # and from Spell
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


def git(*arguments: str) -> str:
    """What git says about this checkout."""
    command = ["git", "-c", "safe.directory=*", *arguments]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no git, or no git checkout")


def tracked_files() -> list[Path]:
    """What git would publish."""
    return [ROOT / name for name in git("ls-files", "-z").split("\0") if name]


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


def locked(name: str) -> dict[str, list[str]]:
    """The versions of each package in the lock file, which has nothing but names, versions, markers and hashes."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    found: dict[str, list[str]] = {}
    for entry in re.sub(r" \\\n +", " ", text).splitlines():
        pinned = re.fullmatch(r"([\w.-]+)==(\S+)(?: ; [^\\]+?)?((?: --hash=sha256:[0-9a-f]{64})+)", entry)
        assert pinned, f"requirements/{name}.txt: {entry[:80]}"
        found.setdefault(pinned[1], []).append(pinned[2])
    return found


def test_the_locks_have_what_the_project_asks_for_and_no_host() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {"build": project["build-system"]["requires"]}
    for extra, requirements in project["project"]["optional-dependencies"].items():
        wanted[extra] = [*project["project"]["dependencies"], *requirements]
    wanted |= project["dependency-groups"]
    assert {path.stem for path in (ROOT / "requirements").iterdir()} == set(wanted)
    seen: dict[str, list[str]] = {}
    for name, requirements in wanted.items():
        have = locked(name)
        for requirement in map(Requirement, requirements):
            versions = have[canonicalize_name(requirement.name)]
            assert all(map(requirement.specifier.contains, versions)), f"{name}: {requirement}: run scripts/lock"
        for package, versions in have.items():
            assert seen.setdefault(package, versions) == versions, f"{name}: {package} differs: run scripts/lock"
    assert "torch" not in seen


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


@pytest.mark.skipif(not (ROOT / "ui" / "node_modules" / ".ready").exists(), reason="the page is not built here")
def test_a_wheel_of_a_clean_clone_holds_the_page_and_one_without_node_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "clone"
    places = ("src", "ui", "scripts", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE")
    listed = subprocess.run(["git", "ls-files", *places], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    (clone / "ui" / "node_modules").symlink_to(ROOT / "ui" / "node_modules")

    with monkeypatch.context() as without_node:
        tools = tmp_path / "tools"
        tools.mkdir()
        for each in ("sh", "dirname", "find", "sort", "tr", "xargs", "cksum", "cat"):
            (tools / each).symlink_to(str(shutil.which(each)))
        without_node.setenv("PATH", str(tools))
        with pytest.raises(RuntimeError, match=r"Install Node 20\.19 or later, or run scripts/setup"):
            next(WheelBuilder(str(clone)).build(directory=str(tmp_path)))

    (wheel,) = WheelBuilder(str(clone)).build(directory=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.namelist()
        index = archive.read("motet/server/built/index.html").decode()
    scripts = re.findall(r'"/(assets/[^"]+)"', index)
    assert scripts
    assert all(f"motet/server/built/{each}" in packed for each in scripts)
    assert not [name for name in packed if "node_modules" in name]


# ---------------------------------------------------------------- start-up


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after the statement, apart from what it had before."""
    code = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "loaded = sorted(set(sys.modules) - before); import json; print(json.dumps(loaded))"
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
    voices = {"motet.dialects.declared", "motet.dialects.orquestra", "motet.dialects.python.orion", "motet.workflows"}
    rare = {
        "motet.dialects.python.bodies.coroutines", "motet.dialects.python.running.hooks", "motet.environments",
        "motet.executors.commands", "motet.executors.processes", "motet.executors.threads", "motet.kernel.checkpoint",
        "motet.shadows", "motet.values.identity.content", "motet.values.pickle",
    }  # fmt: skip
    assert "motet.dialects.python.flows" in loaded
    assert loaded & (HEAVY | voices | rare) == set()
    ratchet(
        "modules of Motet that a plain flow loads",
        {"all": sum(each.partition(".")[0] == "motet" for each in loaded)},
        "Each takes 0.2 ms of every start: put what a plain flow does not use where it is imported later.",
    )
