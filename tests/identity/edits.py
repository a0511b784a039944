"""Edits to the project: those that cannot change what its task gives, and those that can."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.identity.project import FILES

UNREACHED = {"UNUSED", "unused", "OTHER", "nobody_calls_me", "NOT_READ", "Unrelated"}
"""What the task does not reach, at the top of its modules."""


LAZY = {"pack/lazy.py", "pack/lower.py"}
"""Modules that the task's function imports itself count by all that is in them."""


class Edit(NamedTuple):
    """The project after an edit: `same` says that the task must count as unchanged, else it must not."""

    name: str
    files: dict[str, str]
    same: bool


def all_edits() -> list[Edit]:
    """Every edit there is."""
    return [*harmless(), *harmful()]


def _with(name: str, path: str, text: str, *, same: bool) -> Edit:
    compile(text, path, "exec")
    return Edit(f"{path}: {name}", {**FILES, path: text}, same)


# ---------------------------------------------------------------- what changes nothing


def harmless() -> Iterator[Edit]:
    """Comments, layout, docstrings, annotations, the order of definitions, what is not used."""
    for path, text in FILES.items():
        if not text.strip():
            continue
        yield _with("other layout", path, ast.unparse(ast.parse(text)), same=True)
        yield _with("a comment and blank lines on top", path, f"# a comment\n\n\n{text}", same=True)
        yield _with("comments everywhere", path, re.sub(r"(?m)(?<=[^\s:])$", "  # said", text), same=True)
        yield _with("blank lines everywhere", path, text.replace("\n", "\n\n"), same=True)
        yield _with("docstrings", path, _changed(text, _document), same=True)
        yield _with("no docstrings", path, _changed(text, _undocument), same=True)
        yield _with("annotations", path, _changed(text, _annotate), same=True)
        yield _with("no annotations", path, _changed(text, _bare), same=True)
        if path not in LAZY:
            unused = f"{text}\nimport statistics\n\nNEW = 1\n\ndef new():\n    return NEW\n"
            yield _with("something unused", path, unused, same=True)
            yield _with("postponed annotations", path, f"from __future__ import annotations\n{text}", same=True)
        yield _with("lines broken in brackets", path, _broken(text), same=True)
        yield _with("order of definitions", path, _reordered(text), same=True)
        for name, other in _unreached(text):
            yield _with(f"{name}, which is not reached", path, other, same=True)


def _changed(text: str, change: Callable[[ast.AST], None]) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        change(node)
    return ast.unparse(ast.fix_missing_locations(tree))


Defined = ast.FunctionDef | ast.ClassDef


def _document(node: ast.AST) -> None:
    if isinstance(node, Defined) and ast.get_docstring(node) is None:
        node.body.insert(0, ast.Expr(ast.Constant("Says what it is.")))


def _undocument(node: ast.AST) -> None:
    if isinstance(node, Defined) and ast.get_docstring(node) is not None:
        node.body.pop(0)


def _annotate(node: ast.AST) -> None:
    if isinstance(node, ast.FunctionDef) and not node.decorator_list:
        node.returns = node.returns or ast.parse("list[int] | None", mode="eval").body
        for each in node.args.args:
            each.annotation = each.annotation or ast.Name("int")


def _bare(node: ast.AST) -> None:
    if isinstance(node, ast.FunctionDef) and not node.decorator_list:
        node.returns = None
        for each in node.args.args:
            each.annotation = None


def _broken(text: str) -> str:
    return re.sub(r"(?m)^(    +return )([^{}\"'\n]+)$", r"\1(\n            \2\n        )", text)


def _reordered(text: str) -> str:
    """The plain functions of the module turned round, where they stand one after the other."""
    tree = ast.parse(text)
    body: list[ast.stmt] = []
    for node in tree.body:
        at = len(body)
        while isinstance(node, ast.FunctionDef) and not node.decorator_list and at and _is_plain(body[at - 1]):
            at -= 1
        body.insert(at, node)
    tree.body = body
    return ast.unparse(tree)


def _is_plain(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and not node.decorator_list and not node.args.defaults


def _unreached(text: str) -> Iterator[tuple[str, str]]:
    for place, node in enumerate(ast.parse(text).body):
        name = node.targets[0].id if isinstance(node, ast.Assign) else getattr(node, "name", "")  # type: ignore[attr-defined]
        if name in UNREACHED:
            tree = ast.parse(text)
            for each in ast.walk(tree.body[place]):
                if isinstance(each, ast.Constant) and isinstance(each.value, int):
                    each.value += 1
            yield f"another {name}", ast.unparse(tree)
            del tree.body[place]
            yield f"no {name}", ast.unparse(tree)


# ---------------------------------------------------------------- what may change everything


def harmful() -> Iterator[Edit]:
    """Constants, operators, statements, names, bases and defaults of what the task reaches; a module that is moved."""
    for path, text in FILES.items():
        for number, (name, other) in enumerate(_mutated(text)):
            yield _with(f"{number} {name}", path, other, same=False)
    for old, new in _RENAMED:
        files = {path: re.sub(rf"\b{old}\b", new, text) for path, text in FILES.items()}
        yield Edit(f"{old} is called {new}", files, same=False)
    yield Edit("helpers is called tools", _moved("helpers", "tools"), same=False)
    yield Edit("models is called nets", _moved("models", "nets"), same=False)


_RENAMED = [
    ("scaled", "sized"), ("_by", "_times"), ("Linear", "Line"), ("predict", "guess"), ("weight", "mass"),
    ("RATE", "SPEED"), ("lr", "rate_of"), ("work", "labour"), ("inner", "within"), ("last", "final"),
]  # fmt: skip


def _moved(old: str, new: str) -> dict[str, str]:
    files = {path: re.sub(rf"\b{old}\b", new, text) for path, text in FILES.items()}
    files[f"{new}.py"] = files.pop(f"{old}.py")
    return files


_OTHER = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Gt: ast.GtE, ast.LtE: ast.Lt, ast.NotEq: ast.Eq}


def _mutated(text: str) -> Iterator[tuple[str, str]]:
    """The text with one thing in it changed, for each thing in what is reached."""
    size = len(list(ast.walk(ast.parse(text))))
    for place in range(size):
        tree = ast.parse(text)
        docstrings = {
            id(node.body[0]) for node in ast.walk(tree) if isinstance(node, Defined) and ast.get_docstring(node)
        }
        skipped = {id(each) for node in tree.body if _top_name(node) in UNREACHED for each in ast.walk(node)}
        skipped |= {id(each) for node in ast.walk(tree) if id(node) in docstrings for each in ast.walk(node)}
        node = list(ast.walk(tree))[place]
        if id(node) not in skipped and (told := _mutate(node)):
            yield told, ast.unparse(ast.fix_missing_locations(tree))


def _top_name(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return str(getattr(node, "name", ""))


def _mutate(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        node.value += 1
        return f"the number {node.value} is one more"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        node.value += "x"
        return f"the text {node.value} has one letter more"
    if isinstance(node, ast.BinOp) and type(node.op) in _OTHER:
        node.op = _OTHER[type(node.op)]()
        return f"{type(node.op).__name__} in place of another operator"
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _OTHER:
        node.ops[0] = _OTHER[type(node.ops[0])]()
        return f"{type(node.ops[0]).__name__} in place of another comparison"
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        node.op = ast.Sub()
        return "it is taken away, not added"
    if (
        isinstance(node, ast.FunctionDef)
        and len(node.body) > 1
        and isinstance(node.body[1], ast.For | ast.If | ast.Try)
    ):
        del node.body[1]
        return f"a statement less in {node.name}"
    if isinstance(node, ast.FunctionDef) and node.decorator_list and node.name != "work" and node.name != "_":
        dropped = ast.unparse(node.decorator_list.pop())
        return f"{node.name} without {dropped}"
    return ""
