"""The source tree, parsed and measured: what `tests/test_repository.py` holds to limits.

`python -m tests.source` prints the measures, and which imports would have to go for a circle to shrink.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "motet"

LAYOUT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Import = ast.Import | ast.ImportFrom
Graph = Mapping[str, Set[str]]


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

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def name(self) -> str:
        """As it is imported."""
        return ".".join(self.path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @cached_property
    def code_lines(self) -> int:
        """Lines with code: no blanks, comments or docstrings, which are contracts and may be long."""
        prose = {
            line
            for node in self.nodes
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        code: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in LAYOUT:
                code.update(range(token.start[0], token.end[0] + 1))
        return len(code - prose)

    @property
    def place(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def within(self) -> str:
        """Its place in the package: `kernel/state.py`."""
        return str(self.path.relative_to(SOURCE))

    @property
    def part(self) -> str:
        """The folder (or file) of the package that it belongs to."""
        return self.path.relative_to(SOURCE).parts[0]

    def where(self, node: ast.AST) -> str:
        return f"{self.place}:{getattr(node, 'lineno', 1)}"

    def definitions(self) -> Iterator[Definition]:
        for node in self.nodes:
            if isinstance(node, Definition):
                yield node

    def imports(self) -> Iterator[Import]:
        """All of them: at the top, for type checkers only, and within functions."""
        for node in self.nodes:
            if isinstance(node, Import):
                yield node

    def late_imports(self) -> list[Import]:
        """Those within functions, each once however deep the function lies."""
        found = {
            id(node): node
            for function in self.definitions()
            if not isinstance(function, ast.ClassDef)
            for node in ast.walk(function)
            if isinstance(node, Import)
        }
        return list(found.values())


MODULES = [Module(path) for path in sorted(SOURCE.rglob("*.py"))]


def imported(node: Import, names: Set[str]) -> set[str]:
    """The modules that the statement names; `from a import b` means `a.b` where `names` has such a module."""
    if isinstance(node, ast.Import):
        return {each.name for each in node.names}
    inner = [f"{node.module}.{each.name}" for each in node.names]
    return {name if name in names else node.module or "" for name in inner}


def import_graph() -> dict[str, set[str]]:
    """Which module imports which, by whatever import: a circle that is hidden in a function is a circle."""
    names = {module.name for module in MODULES}
    return {
        module.name: set().union(*(imported(node, names) for node in module.imports())) & names - {module.name}
        for module in MODULES
    }


def circles(graph: Graph) -> list[set[str]]:
    """The groups in which each module imports each other, by way of others (Tarjan's components), largest first."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 20 * len(graph)))
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[set[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        path.append(module)
        for other in sorted(graph[module]):
            if other not in order:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in path:
                low[module] = min(low[module], order[other])
        if low[module] == order[module]:
            start = path.index(module)
            found.append(set(path[start:]))
            del path[start:]

    try:
        for module in sorted(graph):
            if module not in order:
                visit(module)
    finally:
        sys.setrecursionlimit(before)  # who recurses for ever later in this process would overflow its stack, and die
    return sorted((group for group in found if len(group) > 1), key=len, reverse=True)


def home_of(group: Set[str]) -> str:
    """The package that most of the group's modules lie in, at most two folders deep: `dialects/python`."""
    homes = Counter("/".join(module.split(".")[1:-1][:2]) for module in sorted(group))
    return homes.most_common(1)[0][0] or "."


def ways_out(graph: Graph, group: Set[str]) -> list[str]:
    """The single imports whose removal would shrink the group most, best first."""
    within = {module: graph[module] & group for module in group}
    found = []
    for module in sorted(group):
        for other in sorted(within[module]):
            rest = circles({**within, module: within[module] - {other}})
            left = max(map(len, rest), default=0)
            if left < len(group):
                found.append((left, f"{module} -> {other} (leaves {left})"))
    return [line for _, line in sorted(found)[:6]]


def measures() -> Iterator[str]:
    """The size of the house, in lines of text."""
    core = sum(module.code_lines for module in MODULES if module.part in ("kernel", "engine"))
    small = [module for module in MODULES if 0 < module.code_lines < 40]
    yield f"{sum(module.code_lines for module in MODULES)} lines of code in {len(MODULES)} modules"
    yield f"{len(small)} modules under 40 lines; kernel and engine {core} lines"
    yield f"{sum(len(module.late_imports()) for module in MODULES)} imports within functions"
    graph = import_graph()
    for group in circles(graph):
        yield f"{len(group)} modules of {home_of(group)} import one another: {', '.join(sorted(group))}"
        yield from (f"    {line}" for line in ways_out(graph, group))


if __name__ == "__main__":
    print("\n".join(measures()))
