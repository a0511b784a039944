"""Reading a script that imports Prefect, and its own modules, for signs of whose manner it is written in."""

from __future__ import annotations

import ast
import os
from collections.abc import Sequence

from motet.dialects.python.prefect.expressions import Expressions
from motet.dialects.python.prefect.signs import (
    CALL,
    CALLS,
    CLASS,
    FLOW,
    FLOW_MAKER,
    MAKERS,
    OLD_FLOW,
    PREFECT,
    TASK,
    TASK_MAKER,
    Names,
    Signs,
    kind_of,
    of_import,
    parameters,
)

_MOST_FILES = 300
_MOST_BYTES = 2_000_000


def read(files: Sequence[str], search: Sequence[str] = ()) -> Signs:
    """The signs in the files, and in their own modules: beside them, in the packages around them, or in `search`."""
    found, places = Signs(), [os.path.abspath(each) for each in files]
    project = _Project([*map(os.path.dirname, places), *search], found)
    for each in places:
        project.module(each)
    return found


def find(module: str, search: Sequence[str]) -> str:
    """The file of the module of that name in one of these folders; "" if there is none."""
    return _Project(search, Signs()).find(module, "")


class _Project:
    """The files of one script, each read once. What a name of theirs stands for is one of the constants above."""

    def __init__(self, search: Sequence[str], signs: Signs) -> None:
        self.search = list(dict.fromkeys(os.path.abspath(each) for each in search))
        self.signs = signs
        self.methods: Names = {}
        self._read: dict[str, Names] = {}

    def module(self, file: str) -> Names:
        """What the names of the module in that file stand for. A file that is no Python has none."""
        if file not in self._read:
            self._read[file] = {}
            if len(self._read) > _MOST_FILES:
                return {}
            try:
                with open(file, "rb") as opened:
                    tree = ast.parse(opened.read(_MOST_BYTES))
            except (OSError, SyntaxError, ValueError, RecursionError):
                return {}
            _Reader(self, file, self._read[file]).read(tree)
        return self._read[file]

    def find(self, name: str, around: str, level: int = 0) -> str:
        """The file of the module of that name, imported from the file `around`; "" if it is not the script's own."""
        places = self.search
        if level:
            folder = around
            for _ in range(level):
                folder = os.path.dirname(folder)
            places = [folder]
        for place in places:
            whole = os.path.join(place, *name.split(".")) if name else place
            inside = (os.path.join(whole, "__main__.py"), os.path.join(whole, "__init__.py"))
            for each in (f"{whole}.py", *(inside if name and not around else inside[1:])):
                if os.path.isfile(each):
                    return str(each)
        return ""


class _Reader(Expressions):
    """Reads one file, statement by statement in the order in which they would run; bodies of functions come last."""

    def __init__(self, project: _Project, file: str, names: Names) -> None:
        super().__init__(file, project.signs, project.methods, project.module)
        self._project = project
        self._names = names
        self._imported: set[str] = set()

    def read(self, tree: ast.Module) -> None:
        """Note what names stand for, and the signs."""
        self._block(tree.body, self._names)
        while self._later:
            function, around = self._later.pop(0)
            own = {**around, **dict.fromkeys(parameters(function.args), "")}
            if isinstance(function, ast.Lambda):
                self._value(function.body, own)
            else:
                self._block(function.body, own)
        if self._imported:
            self._signs.files.append(self._file)
        if "Flow" in self._imported and not self._imported & {"flow", "serve", "deploy"}:
            self._note("first", 1, "Flow is imported, and flow is not")

    def _block(self, body: Sequence[ast.stmt], names: Names) -> None:
        for each in body:
            self._statement(each, names)

    def _statement(self, node: ast.stmt, names: Names) -> None:
        match node:
            case ast.Import() | ast.ImportFrom():
                self._import(node, names)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, names)
            case ast.ClassDef():
                self._class(node, names)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value, names)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._bind(target, value, names)
            case ast.AugAssign(target=target, value=value):
                self._uses(target, names)
                self._uses(value, names)
            case ast.If():
                self._branches(node, names)
            case ast.For() | ast.AsyncFor():
                self._loop(node.target, node.iter, names)
                self._block([*node.body, *node.orelse], names)
            case ast.While():
                self._uses(node.test, names)
                self._block([*node.body, *node.orelse], names)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._with(item, names)
                self._block(node.body, names)
            case ast.Try() | ast.TryStar():
                handlers = [each for handler in node.handlers for each in handler.body]
                self._block([*node.body, *handlers, *node.orelse, *node.finalbody], names)
            case ast.Match():
                self._uses(node.subject, names)
                for case in node.cases:
                    self._block(case.body, names)
            case _:
                for each in ast.iter_child_nodes(node):
                    if isinstance(each, ast.expr):
                        self._value(each, names)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, names: Names) -> None:
        made = [self._value(each, names) for each in node.decorator_list]
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self._value(default, names)
        names[node.name] = TASK if TASK_MAKER in made else FLOW if FLOW_MAKER in made else ""
        self._later.append((node, names))

    def _class(self, node: ast.ClassDef, names: Names) -> None:
        own = dict(names)
        self._block(node.body, own)
        methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        found = {name: own[name] for name in methods if own[name] in (TASK, FLOW)}
        self._methods.update(found)
        names[node.name] = CLASS if found else ""

    def _branches(self, node: ast.If, names: Names) -> None:
        """A name that is bound otherwise in each branch may be either: nothing follows from it."""
        self._uses(node.test, names)
        one, other = dict(names), dict(names)
        self._block(node.body, one)
        self._block(node.orelse, other)
        for name in {*one, *other}:
            kinds = {one.get(name), other.get(name)} - {None}
            names[name] = kinds.pop() or "" if len(kinds) == 1 else ""

    def _with(self, item: ast.withitem, names: Names) -> None:
        if isinstance(item.context_expr, ast.Call) and self._value(item.context_expr.func, names) == OLD_FLOW:
            self._note("first", item.context_expr, "with Flow(...)")
        self._value(item.context_expr, names)
        if item.optional_vars is not None:
            self._unbind(item.optional_vars, names)

    def _bind(self, target: ast.expr, value: ast.expr, names: Names) -> None:
        both = isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List)
        if both and len(target.elts) == len(value.elts):  # type: ignore[attr-defined]
            for one, other in zip(target.elts, value.elts, strict=True):  # type: ignore[attr-defined]
                self._bind(one, other, names)
            return
        kind = self._value(value, names)
        if isinstance(target, ast.Name):
            names[target.id] = kind
            return
        if isinstance(target, ast.Tuple | ast.List) and kind == CALL:
            self._note("today", value)
        self._unbind(target, names)
        if isinstance(target, ast.Tuple | ast.List) and kind == CALLS:
            names.update((each.id, CALL) for each in target.elts if isinstance(each, ast.Name))

    # ------------------------------------------------------------ imports

    def _import(self, node: ast.Import | ast.ImportFrom, names: Names) -> None:
        if isinstance(node, ast.ImportFrom):
            self._import_from(node, names)
            return
        for each in node.names:
            self._of_prefect(each.name, (), node)
            bound = each.asname or each.name.partition(".")[0]
            if each.name.partition(".")[0] == "prefect":
                names[bound] = PREFECT
            else:
                file = self._project.find(each.name, self._file)
                names[bound] = f"module {file}" if file and (each.asname or "." not in each.name) else ""

    def _import_from(self, node: ast.ImportFrom, names: Names) -> None:
        module = node.module or ""
        given = [each.name for each in node.names]
        if not node.level and module.partition(".")[0] == "prefect":
            self._of_prefect(module, given, node)
            for each in node.names:
                names.update(MAKERS if each.name == "*" else {each.asname or each.name: kind_of(module, each.name)})
            return
        file = self._project.find(module, self._file, node.level)
        theirs = self._project.module(file) if file else {}
        for each in node.names:
            if each.name == "*":
                names.update(theirs)
                continue
            inner = f"{module}.{each.name}" if module else each.name
            own = self._project.find(inner, self._file, node.level) if each.name not in theirs else ""
            if own:
                self._project.module(own)
            names[each.asname or each.name] = f"module {own}" if own else theirs.get(each.name, "")

    def _of_prefect(self, module: str, given: Sequence[str], node: ast.stmt) -> None:
        if module.partition(".")[0] == "prefect":
            self._imported.update(given or ("prefect",))
            for sign in of_import(module, given):
                self._note(sign, node)
