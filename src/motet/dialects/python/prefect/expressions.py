"""What expressions of a script stand for, and which of them are signs of whose manner it is written in."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable

from motet.dialects.python.prefect.signs import (
    ATTRIBUTES,
    CALL,
    CALLS,
    CLASS,
    EMPTY,
    FLOW,
    FLOW_CALL,
    FLOW_MAKER,
    INSTANCE,
    OF_FUTURES,
    PREFECT,
    TASK,
    TASK_MAKER,
    TODAYS_OPTIONS,
    WANT_VALUES,
    Names,
    Signs,
    kind_of,
)


class Expressions:
    """Reads the expressions of one file. Bodies of lambdas are left for later, in the names around them.

    signs    where the first sign of each kind is noted
    methods  what the methods of the script's classes are, by name
    module   what the names in a file of the script stand for
    """

    def __init__(self, file: str, signs: Signs, methods: Names, module: Callable[[str], Names]) -> None:
        self._file = file
        self._signs = signs
        self._methods = methods
        self._module = module
        self._later: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, Names]] = []

    def _note(self, sign: str, at: ast.AST | int, said: str = "") -> None:
        if not getattr(self._signs, sign):
            line = at if isinstance(at, int) else getattr(at, "lineno", 1)
            said = said or ast.unparse(at if isinstance(at, ast.AST) else ast.Pass()).split("\n")[0]
            name = os.path.basename(self._file)
            setattr(self._signs, sign, f"{name}:{line}: {said if len(said) < 60 else said[:57] + '...'}")

    def _uses(self, node: ast.expr, names: Names) -> str:
        """What the expression stands for, where it is used as a value."""
        kind = self._value(node, names)
        if kind == CALL:
            self._note("today", node)
        return kind

    def _value(self, node: ast.expr, names: Names) -> str:
        match node:
            case ast.Name(id=name):
                return names.get(name, "")
            case ast.Attribute():
                return self._attribute(node, names)
            case ast.Call():
                return self._call(node, names)
            case ast.Await() | ast.Starred():
                return self._value(node.value, names)
            case ast.NamedExpr():
                return self._bound(node, names)
            case ast.Subscript(value=value):
                self._value(node.slice, names)
                return CALL if self._uses(value, names) == CALLS else ""
            case ast.List() | ast.Tuple() | ast.Set():
                kinds = {self._value(each, names) for each in node.elts}
                return EMPTY if not kinds else CALLS if kinds == {CALL} else ""
            case ast.Dict():
                kinds = {self._value(each, names) for each in node.values}
                return EMPTY if not kinds else CALLS if kinds == {CALL} else ""
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, names)
            case ast.Lambda():
                self._later.append((node, names))
                return ""
            case ast.BinOp(left=left, right=right):
                self._uses(left, names)
                self._uses(right, names)
            case ast.Compare(left=left, comparators=others):
                for each in (left, *others):
                    self._uses(each, names)
            case ast.BoolOp(values=values):
                for each in values:
                    self._uses(each, names)
            case ast.UnaryOp(operand=operand):
                self._uses(operand, names)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._uses(test, names)
                kinds = {self._value(body, names), self._value(orelse, names)}
                return kinds.pop() if len(kinds) == 1 else ""
            case _:
                for inner in ast.iter_child_nodes(node):
                    if isinstance(inner, ast.expr):
                        self._value(inner, names)
        return ""

    def _bound(self, node: ast.NamedExpr, names: Names) -> str:
        kind = names[node.target.id] = self._value(node.value, names)
        return kind

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, names: Names) -> str:
        own = dict(names)
        for each in node.generators:
            self._loop(each.target, each.iter, own)
            for test in each.ifs:
                self._uses(test, own)
        return CALLS if self._value(node.value if isinstance(node, ast.DictComp) else node.elt, own) == CALL else ""

    def _attribute(self, node: ast.Attribute, names: Names) -> str:
        kind, name = self._value(node.value, names), node.attr
        if kind == PREFECT:
            return kind_of("prefect", name) or PREFECT
        if kind.startswith("module "):
            found = self._module(kind.removeprefix("module "))
            return found.get(name, "")
        is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        if kind in (CLASS, INSTANCE) or is_own:
            return self._methods.get(name, "")
        if kind == CALL and name not in ATTRIBUTES:
            self._note("today", node)
        return ""

    def _call(self, node: ast.Call, names: Names) -> str:
        for each in node.args:
            self._value(each, names)
        for keyword in node.keywords:
            self._value(keyword.value, names)
            if keyword.arg == "return_state":
                self._note("today", node)
        if isinstance(node.func, ast.Attribute):
            found = self._method(node, node.func, names)
            if found is not None:
                return found
        kind = self._value(node.func, names)
        if kind in (TASK_MAKER, FLOW_MAKER):
            options = {keyword.arg for keyword in node.keywords}
            if options & TODAYS_OPTIONS:
                self._note("certain", node)
            made = TASK if kind == TASK_MAKER else FLOW
            return made if node.args else kind
        if any(keyword.arg == "return_state" for keyword in node.keywords):
            return ""
        if isinstance(node.func, ast.Name) and node.func.id in WANT_VALUES and node.func.id not in names:
            for each in node.args:
                self._uses(each, names)
        if isinstance(node.func, ast.Name) and node.func.id == "partial" and node.args:
            inner = self._value(node.args[0], names)
            return inner if inner in (TASK_MAKER, FLOW_MAKER) else ""
        return {TASK: CALL, FLOW: FLOW_CALL, CLASS: INSTANCE}.get(kind, "")

    def _method(self, node: ast.Call, func: ast.Attribute, names: Names) -> str | None:
        """What the call of a method stands for; None where it is not told by the name of the method."""
        if func.attr == "get" and ast.unparse(func.value) == "prefect.context":
            self._note("first", node, "prefect.context.get(...)")
        kind = self._value(func.value, names)
        if kind in (CALL, FLOW_CALL) and func.attr in OF_FUTURES:
            self._note("beta", node)
            return ""
        if kind == TASK and func.attr in ("submit", "map"):
            self._note("today", node)
            return ""
        if kind in (TASK, FLOW) and func.attr == "with_options":
            return kind
        if func.attr == "append" and kind in (EMPTY, CALLS) and isinstance(func.value, ast.Name) and node.args:
            names[func.value.id] = CALLS if self._value(node.args[0], names) == CALL else ""
            return ""
        return kind if kind == CALLS and func.attr == "values" else None

    def _loop(self, target: ast.expr, over: ast.expr, names: Names) -> None:
        kind = self._value(over, names)
        if kind == CALL:
            self._note("today", over)
        self._unbind(target, names)
        if kind == CALLS and isinstance(target, ast.Name):
            names[target.id] = CALL

    def _unbind(self, target: ast.expr, names: Names) -> None:
        for each in ast.walk(target):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                names[each.id] = ""
