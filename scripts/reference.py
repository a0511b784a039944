"""Writes docs/reference/api.md: signatures and first paragraphs of all public names, as the code has them.

python scripts/reference.py
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "api.md"

MODULES = (
    "motet", "motet.artifact", "motet.states", "motet.futures", "motet.task_runners", "motet.commands",
    "motet.cache_policies", "motet.tasks", "motet.flows", "motet.context", "motet.transactions", "motet.workflows",
    "motet.history", "motet.exceptions", "motet.training", "motet.training.lightning", "motet.training.transformers",
)  # fmt: skip
"""In this order. A name that two of them have is told with the first."""

SHOWN = {
    "Flow": ("with_options", "submit"),
    "Task": ("with_options", "submit", "map"),
    "Future": ("wait", "done", "state", "result", "cancel", "wait_async", "result_async", "add_done_callback"),
}
"""Classes that the engine calls as well: these of their methods are for users."""

HEAD = """# Python API

Made from the code by `scripts/reference.py`. What the options of tasks and flows mean, in tables: [Python](python.md).
"""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@cache
def definitions(module: ModuleType) -> dict[str, list[Definition]]:
    """All functions and classes of the module by qualified name; those of overloads one after the other."""
    found: dict[str, list[Definition]] = {}

    def look(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, Definition):
                found.setdefault(f"{prefix}{node.name}", []).append(node)
                if isinstance(node, ast.ClassDef):
                    look(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.If):
                look([*node.body, *node.orelse], prefix)

    look(ast.parse(inspect.getsource(module)).body, "")
    return found


def public_names(module: ModuleType) -> list[str]:
    """What the module offers, in its own order."""
    listed = getattr(module, "__all__", None)
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "").startswith("motet")]
    return [name for name in listed or own if not name.startswith("_")]


def nodes(value: Any) -> list[Definition]:
    """Where the function or class is defined; without the implementation where there are overloads."""
    module = inspect.getmodule(value)
    found = definitions(module).get(value.__qualname__, []) if module is not None else []
    overloads = [each for each in found if any(ast.unparse(by) == "overload" for by in each.decorator_list)]
    return overloads or found[-1:]


def signature(node: Definition, name: str) -> str:
    """The call as it is written in the code, without `self`."""
    if isinstance(node, ast.ClassDef):
        return name
    arguments = node.args
    first = [*arguments.posonlyargs, *arguments.args][:1]
    if first and first[0].arg in ("self", "cls"):
        (arguments.posonlyargs or arguments.args).pop(0)
    gives = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"{'async ' if isinstance(node, ast.AsyncFunctionDef) else ''}{name}({ast.unparse(arguments)}){gives}"


def paragraph(value: Any) -> str:
    """The first paragraph of its docstring, on one line."""
    return " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())


def fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Its public annotated attributes, each with the docstring below it."""
    for each, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id[0] != "_":
            told = after.value if isinstance(after, ast.Expr) else None
            text = told.value if isinstance(told, ast.Constant) and isinstance(told.value, str) else ""
            yield ast.unparse(each), " ".join(text.split())


def members(cls: type) -> Iterator[tuple[str, str]]:
    """Its attributes, then its public methods and properties, each with what it says of itself."""
    node = next((each for each in nodes(cls) if isinstance(each, ast.ClassDef)), None)
    if node is None:
        return
    if cls.__name__ not in SHOWN:
        yield from fields(node)
    methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    for name, method in methods.items():
        if name == "__init__" and cls.__name__ not in SHOWN:
            yield signature(method, cls.__name__).removesuffix(" -> None"), ""
        elif name in SHOWN.get(cls.__name__, (name,)) and not name.startswith("_"):
            plain = any(ast.unparse(by) in ("property", "cached_property") for by in method.decorator_list)
            gives = f": {ast.unparse(method.returns)}" if method.returns is not None else ""
            written = f".{name}{gives}" if plain else signature(method, f".{name}").removesuffix(" -> None")
            yield written, " ".join((ast.get_docstring(method) or "").split("\n\n")[0].split())


def entry(name: str, value: Any) -> Iterator[str]:
    """The parts of one name."""
    yield f"### `{name}`\n"
    if inspect.isfunction(value):
        yield "\\\n".join(f"`{signature(each, name)}`" for each in nodes(value)) + "\n"
    if text := paragraph(value):
        yield f"{text}\n"
    rows = members(value) if inspect.isclass(value) else ()
    if listed := "\n".join(f"- `{written}`{': ' if text else ''}{text}" for written, text in rows):
        yield f"{listed}\n"


def page() -> str:
    """The whole page."""
    seen: list[Any] = []
    parts = [HEAD]
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        parts.append(f"## {module_name}\n\n{paragraph(module)}\n")
        made: dict[str, list[str]] = {}
        for name in public_names(module):
            value = getattr(module, name)
            if not any(value is each for each in seen) and not inspect.ismodule(value) and not isinstance(value, str):
                seen.append(value)
                if inspect.isclass(value) or inspect.isfunction(value):
                    parts += entry(name, value)
                else:
                    made.setdefault(type(value).__name__, []).append(name)
        for cls, names in made.items():
            parts.append(f"`{cls}`: {', '.join(f'`{name}`' for name in names)}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
