"""What a function or class is: its code, all of the user's own code that this reaches, and the values that it reads.

A `Plan` is made once for each function or class, and again when a name that it followed stands for something else. Code
is in its digest. Values are not: they are looked up at each call, since they may be others by then.
"""

from __future__ import annotations

import abc
import sys
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, ModuleType
from weakref import WeakKeyDictionary

from motet.records import Record
from motet.typed import Any
from motet.values.hashing import blake2b
from motet.values.identity.bytecode import MADE_UP_IMPORT, CodeForm, form_of, stored_constants
from motet.values.identity.modules import is_own, lazily_imported, module_name, module_of
from motet.values.identity.wrappers import is_data, members_of, parts_of

ABSENT: Any = type("Absent", (), {"__reduce__": lambda self: "ABSENT"})()
"""Stands where a name has no value."""


class Read(Record, frozen=True):
    """A value that code looks up outside of itself: what it is called, and where it stands.

    usual  what it is where nobody changed it, for names of modules that may not be loaded yet
    """

    name: str
    holder: Any
    key: Any
    usual: Any = ABSENT

    def value(self) -> Any:
        """The value as it is now."""
        return look_up(self.holder, self.key)


class Plan(Record, frozen=True):
    """What a function or class is.

    code      the digest of all the code
    reads     the values that it reads
    followed  the names that led to code, with what they stood for
    packages  modules of installed packages that it reaches
    runtime   what it asks about its own run, as flow_run.name; "*" for anything
    made_up   functions that look up names which are made up while they run: by `globals`, `eval`, `exec`, imports, or
              that ask a class which others are derived from it
    """

    code: bytes
    reads: tuple[Read, ...]
    followed: tuple[tuple[Any, Any, Any], ...]
    packages: tuple[str, ...]
    runtime: tuple[str, ...]
    made_up: tuple[str, ...] = ()

    def holds(self) -> bool:
        """Whether all names that were followed still stand for what they stood for."""
        return not self.followed or all(look_up(holder, key) is value for holder, key, value in self.followed)


def look_up(holder: Any, key: Any) -> Any:
    """What stands in a dict, cell, class, module (by its name), or tuple of one; ABSENT where nothing does."""
    kind = type(holder)
    if kind is dict:
        return holder.get(key, ABSENT)
    if kind is tuple:
        return holder[0]
    if kind is CellType:
        try:
            return holder.cell_contents
        except ValueError:
            return ABSENT
    if kind is str:
        return vars(sys.modules[holder]).get(key, ABSENT) if holder in sys.modules else ABSENT
    return vars(holder).get(key, ABSENT)


_PLANS: WeakKeyDictionary[Any, Plan] = WeakKeyDictionary()


def plan_of(root: Any) -> Plan:
    """The plan of a function, class or other callable."""
    try:
        found = _PLANS.get(root)
    except TypeError:
        return _Reach(root).plan()
    if found is None or not found.holds():
        found = _PLANS[root] = _Reach(root).plan()
    return found


class _Reach:
    """The walk over all the code that `root` reaches. What it meets is numbered in the order in which it does."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.home = getattr(root, "__module__", "")
        self.numbers: dict[int, int] = {}
        self.met: list[Any] = []
        self.reads: dict[str, Read] = {}
        self.followed: dict[tuple[int, Any], tuple[Any, Any, Any]] = {}
        self.packages: dict[str, None] = {}
        self.runtime: dict[str, None] = {}
        self.made_up: dict[str, None] = {}
        self.told_about = False

    def plan(self) -> Plan:
        told: list[Any] = [self.part("itself", self.root)]
        done = 0
        while done < len(self.met):
            told.append(self.told(self.met[done]))
            done += 1
        if self.told_about:
            told.append([_described(each) for each in self.met])
        digest = blake2b(repr(told).encode(), digest_size=16).digest()
        return Plan(
            digest, tuple(self.reads.values()), tuple(self.followed.values()), tuple(sorted(self.packages)),
            tuple(sorted(self.runtime)), tuple(sorted(self.made_up)),
        )  # fmt: skip

    # ------------------------------------------------------------ what things are

    def told(self, thing: Any) -> Any:
        """What something that was met is: its name, its code, and where its names lead, as texts and numbers."""
        if isinstance(thing, FunctionType):
            return self.function(thing) if is_own(*_where(thing)) else self.wrapping(thing)
        if isinstance(thing, type):
            return self.cls(thing)
        if isinstance(thing, ModuleType):
            named = sorted(name for name in vars(thing) if not name.startswith("__"))
            return "module", module_name(thing.__name__), [(each, self.name(vars(thing), (each,))) for each in named]
        kind, parts = parts_of(thing)
        return kind, [(name, self.part(f"{self.label(thing)}.{name}", part)) for name, part in parts]

    def function(self, function: FunctionType) -> Any:
        code, space = function.__code__, function.__globals__
        form, label = form_of(code), self.label(function)
        names = _attributes(code)
        self.told_about = self.told_about or not _TELLING.isdisjoint(names)
        if "__subclasses__" in names or any(path[0] in _MAKING_UP and path[0] not in space for path in form.globals):
            self.made_up[label] = None
        edges: list[Any] = [(path, self.name(space, path)) for path in form.globals]
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            called = name if function is self.root else f"{label}.{name}"
            paths = [path for path in form.free if path[0] == name] or [(name,)]
            edges += [(path, self.binding(cell, "", path[1:], called)) for path in paths]
        for place, value in enumerate(reversed(function.__defaults__ or ()), 1):
            name = code.co_varnames[code.co_argcount - place]
            edges.append((name, self.part(f"{label}({name})", value)))
        for name, value in sorted((function.__kwdefaults__ or {}).items()):
            edges.append((name, self.part(f"{label}({name})", value)))
        edges += self.imported(form, code, space)
        return "function", module_name(space.get("__name__", "")), code.co_qualname, form.digest.hex(), edges

    def wrapping(self, function: FunctionType) -> Any:
        """A function of a package, by name; with what of the user's own it is made around."""
        kind, parts = parts_of(function) if "registry" in vars(function) else ("", [])
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            value = look_up(cell, "")
            if type(value) in _PLAIN or not is_data(value):
                parts.append((name, value))
        edges = [(name, self.part(f"{self.label(function)}.{name}", value)) for name, value in parts]
        return kind, self.package(_where(function)[0], (function.__code__.co_qualname,)), edges

    def cls(self, cls: type) -> Any:
        name = cls.__qualname__
        bases = [self.part(f"{name} base", each) for each in cls.__bases__]
        kind = self.part(f"{name} metaclass", type(cls))
        edges = []
        for each, value in members_of(cls):
            if is_data(value):
                place: tuple[Any, Any] = (cls, each) if vars(cls).get(each, ABSENT) is value else ((value,), "")
                edges.append((each, self.read(f"{name}.{each}", *place)))
            else:
                self.follow(cls, each, value)
                edges.append((each, self.part(f"{name}.{each}", value)))
        return "class", module_name(module_of(cls)), name, bases, kind, edges + _registered(cls)

    def imported(self, form: CodeForm, code: CodeType, space: Mapping[str, Any]) -> Iterator[Any]:
        """What the function imports itself: modules of the user's own count by their files."""
        for module, held in lazily_imported(form, space):
            if held is None:
                self.package(module, _attributes(code))
                continue
            usual = stored_constants(held)
            for name in sorted(_attributes(code) & usual.keys()):
                self.note(Read(f"{module}.{name}", module, name, usual[name]))
            yield module, form_of(held).digest.hex()

    # ------------------------------------------------------------ where names lead

    def name(self, space: dict[str, Any], path: tuple[str, ...]) -> Any:
        """Where a global name, with attributes that are read of it, leads."""
        first = path[0]
        if first not in space:
            if not hasattr(_BUILTINS, first):
                self.follow(space, first, ABSENT)
            return "builtin"
        module = space.get("__name__", "")
        label = first if module == self.home else f"{module_name(module)}.{first}"
        return self.binding(space, first, path[1:], label)

    def binding(self, holder: Any, key: Any, rest: tuple[str, ...], label: str) -> Any:
        value = look_up(holder, key)
        while isinstance(value, ModuleType) and is_own(value.__name__, getattr(value, "__file__", None)) and rest:
            self.follow(holder, key, value)
            holder, key, rest = vars(value), rest[0], rest[1:]
            label = f"{module_name(value.__name__)}.{key}"
            value = look_up(holder, key)
            if value is ABSENT and "__getattr__" in holder:
                return self.part(f"{label} by __getattr__", holder["__getattr__"])
        if isinstance(value, ModuleType) and not is_own(value.__name__, getattr(value, "__file__", None)):
            self.follow(holder, key, value)
            return self.package(value.__name__, rest, value)
        if is_data(value):
            if rest and rest[0] in _ADDING and type(value) in (list, set, dict):
                return "added to"
            return self.read(label, holder, key)
        self.follow(holder, key, value)
        return self.part(label, value)

    def part(self, label: str, value: Any) -> Any:
        """What a value is that does not change: the number of a piece of code, its name, or that it is read."""
        if isinstance(value, FunctionType | type) and not is_own(*_where(value)) and not _is_around(value):
            return self.package(_where(value)[0], (value.__qualname__,))
        if isinstance(value, BuiltinFunctionType) and isinstance(value.__self__, ModuleType | None):
            return self.package(module_of(value), (value.__qualname__,))
        if isinstance(value, ModuleType) and not is_own(value.__name__, getattr(value, "__file__", None)):
            return self.package(value.__name__, (), value)
        if is_data(value):
            return ("constant", value) if type(value) in _PLAIN else self.read(label, (value,), "")
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.met)
            self.met.append(value)
        return self.numbers[id(value)]

    def package(self, module: str, path: Any, value: ModuleType | None = None) -> Any:
        """Something of an installed package, by name; what Motet itself tells of the run is noted."""
        if module.partition(".")[0] != "motet":
            self.packages[module.partition(".")[0]] = None
            return "package", module, "" if isinstance(path, set) else ".".join(path)
        asked = _asked_of_the_run(module, path, value)
        self.runtime |= dict.fromkeys(asked)
        return "motet"

    def read(self, label: str, holder: Any, key: Any) -> Any:
        self.note(Read(label, holder, key))
        return "value", label

    def note(self, read: Read) -> None:
        """Keep a read under its name; another of the same name gets a number."""
        name, count = read.name, 1
        while name in self.reads and (self.reads[name].holder is not read.holder or self.reads[name].key != read.key):
            count += 1
            name = f"{read.name} {count}"
        self.reads[name] = Read(name, read.holder, read.key, read.usual)

    def follow(self, holder: Any, key: Any, value: Any) -> None:
        if type(holder) is not tuple:
            self.followed[id(holder), key] = (holder, key, value)

    def label(self, thing: Any) -> str:
        name = getattr(thing, "__qualname__", "") or type(thing).__qualname__
        return str(name).replace("<locals>.", "")


_ADDING = frozenset(("append", "extend", "add", "update", "insert", "clear"))
"""Methods of lists, sets and dicts that tell nothing of what is in these: who only calls them reads no value."""

_MAKING_UP = frozenset(("globals", "eval", "exec", *MADE_UP_IMPORT))
"""Builtins by which code looks up names that do not stand in it."""

_TELLING = frozenset((
    "__doc__", "__annotations__", "get_type_hints", "get_annotations", "getdoc", "signature", "getfullargspec",
    "fields",
))  # fmt: skip
"""Names by which code reads docstrings or annotations: where it reads any, those of all that it reaches count."""

_BUILTINS = sys.modules["builtins"]
_PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes))


def _described(thing: Any) -> tuple[str, str]:
    """The docstring and the annotations of a function or class, as they stand there."""
    if not isinstance(thing, FunctionType | type):
        return "", ""
    named = thing.__annotations__ if isinstance(thing, FunctionType) else vars(thing).get("__annotations__", {})
    told = [(name, each if isinstance(each, str) else _without_address(repr(each))) for name, each in named.items()]
    return str(thing.__doc__), repr(told)


def _without_address(text: str) -> str:
    import re

    return re.sub(r" at 0x[0-9a-f]+", "", text)


def _registered(cls: type) -> list[Any]:
    """The classes that count as subclasses of an abstract one because its `register` was called with them, by name."""
    if "_abc_impl" not in vars(cls):
        return []
    classes = (each() for each in abc._get_dump(cls)[0])  # type: ignore[attr-defined]
    return sorted((module_name(module_of(each)), each.__qualname__) for each in classes if each is not None)


def _is_around(value: Any) -> bool:
    """Whether a function may be made around others: it has a closure, or a registry."""
    return isinstance(value, FunctionType) and bool(value.__closure__ or "registry" in vars(value))


def _where(value: Any) -> tuple[str, str | None]:
    """The module, and the file, that a function or class was written in."""
    if isinstance(value, FunctionType):
        return value.__globals__.get("__name__", ""), value.__globals__.get("__file__") or value.__code__.co_filename
    return module_of(value), getattr(sys.modules.get(module_of(value)), "__file__", None)


def _attributes(code: CodeType) -> set[str]:
    """All names that the code, or what is nested in it, reads of anything."""
    found = set(code.co_names)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found |= _attributes(each)
    return found


_OF_THE_RUN = {
    "flow_run": frozenset((
        "id", "name", "flow_name", "flow_version", "parameters", "tags", "parent_flow_run_id", "root_flow_run_id",
        "scheduled_start_time",
    )),
    "task_run": frozenset(("id",)),
}  # fmt: skip
"""What of `motet.runtime` may differ between a run and one that takes over its steps."""


def _asked_of_the_run(module: str, path: Any, value: ModuleType | None) -> list[str]:
    """What code asks about its own run by reading `path` (or any of a set of names) of a module of Motet's."""
    names = path if isinstance(path, set) else set()
    rest = list(path) if not isinstance(path, set) else []
    while value is not None and rest and isinstance(vars(value).get(rest[0]), ModuleType):
        value = vars(value)[rest.pop(0)]
        module = value.__name__
    if "get_run_context" in (*rest, *names):
        return ["*"]
    if not module.startswith("motet.runtime"):
        return []
    if module == "motet.runtime":
        return [f"{of}.{each}" for of in _OF_THE_RUN if of in names for each in _OF_THE_RUN[of] & names] or ["*"]
    of = module.rpartition(".")[2]
    if rest or names:
        return [f"{of}.{each}" for each in sorted(_OF_THE_RUN.get(of, frozenset()) & ({*rest[:1]} | names))]
    return ["*"]
