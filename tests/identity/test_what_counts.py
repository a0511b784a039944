# ruff: noqa: E501 - programs as texts, one in a line
"""The table in docs/explanation/identity.md, row by row: what makes a step another one, what does not."""

from __future__ import annotations

import contextvars
import enum
import functools
import logging
import re
import sqlite3
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import numpy
import pandas
import pytest

from motet import Container, Content, Environment, File, command, flow, means, task
from motet.dialects.python import arguments
from motet.dialects.python.scope import Lineage
from motet.ports import StepSpec
from motet.values.identity import modules

TABLE = Path(__file__).parents[2] / "docs/explanation/identity.md"

Alike = list[tuple[Any, Any]]
"""Pairs of steps that are to count as the same, or as different ones."""


def spec(fn: Callable[..., Any], *args: Any, of: Any = arguments.NOT_BOUND) -> StepSpec:
    """What a call of the task `fn` asks for."""
    called = task(fn)
    code = called.code.spec(None, lambda caller, name: name)
    return StepSpec(**arguments.asked(code, called.shape, (args, {}), Lineage(), of, None)[0])


def identity(fn: Callable[..., Any], *args: Any, of: Any = arguments.NOT_BOUND) -> str:
    return spec(fn, *args, of=of).identity


_made = iter(range(10**6))


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Writes modules, loads them, and gives the identity of the function `work` of the last one, called with 1."""
    before = set(sys.modules)

    def write(**texts: str) -> str:
        folder = tmp_path / str(next(_made))
        folder.mkdir()
        for name, text in texts.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(text))
        for name in texts:
            sys.modules.pop(name, None)
        modules.forget()
        sys.path.insert(0, str(folder))
        try:
            module = __import__([*texts][-1])
            return identity(module.work, 1)
        finally:
            sys.path.remove(str(folder))

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def module_of(text: str, name: str = "made") -> ModuleType:
    module = ModuleType(name)
    exec(textwrap.dedent(text), vars(module))
    return module


def work(text: str) -> Any:
    return module_of(text).work


def given(value: Any) -> str:
    return identity(taking, value)


def identity_of(called: Any, *args: Any) -> str:
    code = called.code.spec(None, lambda caller, name: name)
    return StepSpec(**arguments.asked(code, called.shape, (args, {}), Lineage(), arguments.NOT_BOUND, None)[0]).identity


def optioned(**options: Any) -> str:
    return identity_of(task(**options)(taking), 1)


def _ordered(**options: Any) -> str:
    return identity_of(command("echo {x}", **options), 1)


_ORDERED: dict[str, Any] = {
    "script": "x", "place": Container("img"), "environment": Environment(requirements=["a"]), "env": {"A": "1"},
    "outputs": ["a"], "accept": (0, 1), "mounts": {"a": "/b"},
}  # fmt: skip


def reading(x: Annotated[Path, Content]) -> Any:
    return x


def _holding(path: str, text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, path)
        file.parent.mkdir()
        file.write_text(text)
        return identity(reading, file)


def taking(x: Any) -> Any:
    return x


class Plain:
    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    @property
    def never(self) -> Any:
        raise AssertionError("a property was asked")


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x


@dataclass
class Config:
    lr: float = 0.1
    names: list[str] = field(default_factory=list)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Cached:
    def __init__(self, x: int) -> None:
        self.x = x

    @functools.cached_property
    def squared(self) -> int:
        return self.x**2


class Client:
    def __init__(self, url: str) -> None:
        self.url = url
        self.socket = (each for each in url)


class Counted:
    __content__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name
        self.stream = iter(lambda: 1, 2)


class Summed:
    def __init__(self, values: list[int]) -> None:
        self.stream = (each for each in values)
        self.values = values

    def __content__(self) -> Any:
        return sorted(self.values)


def ring(value: int) -> Plain:
    made = Plain(value=value)
    made.me = made  # type: ignore[attr-defined]
    return made


def closing(over: Any) -> Callable[[int], Any]:
    def inner(x: int) -> Any:
        return x, over

    return inner


def rows(written: Callable[..., str]) -> dict[str, tuple[Alike, Alike]]:
    """For each row of the table: pairs that count as the same, pairs that do not."""
    one, again, other = (File("text", digest, 3) for digest in ("d1", "d1", "d2"))
    return {
        "the task": (
            [(written(tools="def work(x): return x"), written(tools="def work(x): return x"))],
            [
                (written(tools="def work(x): return x"), written(things="def work(x): return x")),
                (identity(work("def work(x): return x")), identity(work("def a(x): return x\nwork = a"))),
                (given(1), identity(lambda x: x, 1)),
            ],
        ),
        "code of your own": (
            [
                (written(a="def work(x): return x + 1"), written(a='def work(x: int) -> int:\n    "says"\n    return (x\n + 1)')),
                (written(a="def work(x):\n    if x: return 1\n    return 2"), written(a="def work(x):\n    if x:\n        # why\n        return 1\n    return 2")),
                (written(a="def work(x): return {x} == {1, 'a', 'b'}"), written(a="def work(x): return {x} == {'b', 1, 'a'}")),
                (written(a="def f(x): return x\ndef work(x): return f(x)"), written(a="def work(x): return f(x)\nimport json\ndef f(x): return x")),
            ],
            [
                (written(a="def work(x): return x + 1"), written(a="def work(x): return x + 1.0")),
                (written(a="def work(x): return x in (1, True)"), written(a="def work(x): return x in (True, 1)")),
                (written(a="def work(x): return -x"), written(a="def work(x): return +x")),
                (written(a="def work(x):\n def f(y=1): return y\n return f()"), written(a="def work(x):\n def f(y=2): return y\n return f()")),
                (written(a="def work(x): return [i for i in x if i]"), written(a="def work(x): return [i for i in x]")),
                (written(a="def work(x):\n try: return x\n except KeyError: return 1"), written(a="def work(x):\n try: return x\n except ValueError: return 1")),
            ],
        ),
        "docstrings and annotations of what the code reaches": (
            [(written(a='def f(x): "one"\ndef work(x): return f(x)'), written(a='def f(x: int): "two"\ndef work(x): return f(x)')),
             (written(a='def f(x): "one"\ndef work(x): return f.__doc__'), written(a='def f(x): "one"  # so\ndef work(x): return f.__doc__'))],
            [
                (written(a='def f(x): "one"\ndef work(x): return f.__doc__'), written(a='def f(x): "two"\ndef work(x): return f.__doc__')),
                (written(a='class K: "one"\ndef d(k): return k.__doc__\ndef work(x): return d(K)'),
                 written(a='class K: "two"\ndef d(k): return k.__doc__\ndef work(x): return d(K)')),
                (written(a="from typing import get_type_hints\ndef f(x: int): pass\ndef work(x): return get_type_hints(f)"),
                 written(a="from typing import get_type_hints\ndef f(x: str): pass\ndef work(x): return get_type_hints(f)")),
                (written(a=_FIELDS.format("int")), written(a=_FIELDS.format("str"))),
                (written(a="from typing import TypedDict\nclass K(TypedDict):\n    a: int\ndef work(x): return [*K.__annotations__]"),
                 written(a="from typing import TypedDict\nclass K(TypedDict):\n    b: int\ndef work(x): return [*K.__annotations__]")),
                (written(a="import inspect\ndef f(x: int): pass\ndef work(x): return str(inspect.signature(f))"),
                 written(a="import inspect\ndef f(x: str): pass\ndef work(x): return str(inspect.signature(f))")),
            ],
        ),
        "helpers, in any module of your own": (
            [(written(h="def f(x): return x", a="import h\ndef work(x): return h.f(x)"),
              written(h="# h\ndef g(): pass\ndef f(x): return x", a="import h\ndef work(x): return h.f(x)"))],
            [
                (written(h="def f(x): return x", a="import h\ndef work(x): return h.f(x)"),
                 written(h="def f(x): return x + 1", a="import h\ndef work(x): return h.f(x)")),
                (written(h="def f(x): return g(x)\ndef g(x): return 1", a="from h import f\ndef work(x): return f(x)"),
                 written(h="def f(x): return g(x)\ndef g(x): return 2", a="from h import f\ndef work(x): return f(x)")),
                (written(k="def f(x): return 1", h="import k", a="import h\ndef work(x): return h.k.f(x)"),
                 written(k="def f(x): return 2", h="import k", a="import h\ndef work(x): return h.k.f(x)")),
                (written(h="def f(x): return 1", a="import h\ndef work(x): return getattr(h, 'f')(x)"),
                 written(h="def f(x): return 2", a="import h\ndef work(x): return getattr(h, 'f')(x)")),
            ],
        ),
        "a function under a decorator, or in `lru_cache`": (
            [(written(a=_DECORATED.format(1, 2)), written(a="# again\n" + _DECORATED.format(1, 2)))],
            [
                (written(a=_DECORATED.format(1, 2)), written(a=_DECORATED.format(2, 2))),
                (written(a=_DECORATED.format(1, 2)), written(a=_DECORATED.format(1, 3))),
                (written(a=_CACHED.format("lru_cache", 1)), written(a=_CACHED.format("lru_cache", 2))),
                (written(a=_CACHED.format("cache", 1)), written(a=_CACHED.format("cache", 2))),
                (written(a=_MANAGED.format(1)), written(a=_MANAGED.format(2))),
                (written(a=_DISPATCHED.format(1)), written(a=_DISPATCHED.format(2))),
            ],
        ),
        "a class that is used": (
            [(written(a=_CLASS.format(1, 2, 3)), written(a=_CLASS.format(1, 2, 3).replace("class K(B):", "class K(B):\n    'doc'")))],
            [(written(a=_CLASS.format(1, 2, 3)), written(a=_CLASS.format(*each))) for each in ((9, 2, 3), (1, 9, 3), (1, 2, 9))],
        ),
        "a partial, a callable object": (
            [(identity(functools.partial(taking, 1)), identity(functools.partial(taking, 1)))],
            [
                (identity(functools.partial(taking, 1)), identity(functools.partial(taking, 2))),
                (identity(functools.partial(taking, 1)), identity(functools.partial(given, 1))),
                (identity(functools.partial(taking, x=1)), identity(functools.partial(taking, x=[1]))),
                (identity(Caller(1), 1), identity(Caller(2), 1)),
                (identity(work("class C:\n def __call__(self, x): return 1\nwork = C()"), 1),
                 identity(work("class C:\n def __call__(self, x): return 2\nwork = C()"), 1)),
            ],
        ),
        "a lambda, a function given as an argument": (
            [(given(work("def work(x): return x + 1")), given(work("# same\ndef work(x):\n    return x + 1")))],
            [
                (given(lambda x: x + 1), given(lambda x: x + 2)),
                (given(work("def work(x): return x + 1")), given(work("def work(x): return x + 2"))),
                (given(closing(1)), given(closing(2))),
                (given([taking, len]), given([taking, max])),
                (given(Plain(f=closing([1])).f), given(Plain(f=closing([2])).f)),
            ],
        ),
        "defaults of parameters": (
            [(identity(work("def work(x, y=[1]): return y")), identity(work("def work(x, y=[1]): return y")))],
            [
                (identity(work("def work(x, y=[1]): return y")), identity(work("def work(x, y=[2]): return y"))),
                (identity(work("def work(x, *, y=1): return y")), identity(work("def work(x, *, y=2): return y"))),
                (identity(work("def work(x, y=lambda: 1): return y")), identity(work("def work(x, y=lambda: 2): return y"))),
            ],
        ),
        "values closed over": (
            [(identity(closing({"a": 1, "b": 2}), 1), identity(closing({"b": 2, "a": 1}), 1)),
             (identity(closing(Config()), 1), identity(closing(Config()), 1))],
            [
                (identity(closing(1), 1), identity(closing(1.0), 1)),
                (identity(closing(Config(0.1)), 1), identity(closing(Config(0.2)), 1)),
                (identity(closing(numpy.zeros(3)), 1), identity(closing(numpy.ones(3)), 1)),
                (identity(closing(closing(1)), 1), identity(closing(closing(2)), 1)),
            ],
        ),
        "globals, and attributes of modules of your own": (
            [(_with_global("1"), _with_global("1")), (_with_global("{'b', 'a'}"), _with_global("{'a', 'b'}"))],
            [
                (_with_global("1"), _with_global("2")),
                (_with_global("[1, [2]]"), _with_global("[1, [3]]")),
                (_set_later("G"), _set_later("G.update(k=2) or G")),
                (written(c="LR = 1", a="import c\ndef work(x): return c.LR"), written(c="LR = 2", a="import c\ndef work(x): return c.LR")),
                (written(c="class S: lr = 1\ns = S()", a="import c\ndef work(x): return c.s.lr"),
                 written(c="class S: lr = 2\ns = S()", a="import c\ndef work(x): return c.s.lr")),
            ],
        ),
        "a module that the function imports itself": (
            [(written(late="def f(x): return x", a=_LATE), written(late="def f(x):\n    return x  # x", a=_LATE))],
            [(written(late="def f(x): return x", a=_LATE), written(late="def f(x): return x + 1", a=_LATE))],
        ),
        "`import_module(\"name\")`": (
            [(written(late="def f(x): return 1", a=by), written(late="# late\ndef f(x): return 1", a=by)) for by in _IMPORTED],
            [(written(late="def f(x): return 1", a=by), written(late="def f(x): return 2", a=by)) for by in _IMPORTED],
        ),
        "packages": (
            [(_needs("numpy"), _needs("numpy"))],
            [(_needs("numpy"), {"numpy": "0.1"}), (_needs("pandas"), {}), (_needs("sklearn.linear_model"), {})],
        ),
        "arguments": (
            [(given([1, {"a": {2}}]), given([1, {"a": {2}}]))],
            [(given(1), given(True)), (given([1]), given((1,))), (given("1"), given(1)), (given(float("nan")), given(None))],
        ),
        "the object that a method is called on": (
            [(identity(taking, 1, of=Plain(a=1)), identity(taking, 1, of=Plain(a=1)))],
            [(identity(taking, 1, of=Plain(a=1)), identity(taking, 1, of=Plain(a=2))),
             (identity(taking, 1, of=Plain), identity(taking, 1, of=Config)),
             (identity(taking, 1, of=Config(1)), identity(taking, 1, of=Config(2)))],
        ),
        "objects": (
            [(given(Plain(a=1, b=[2])), given(Plain(b=[2], a=1))), (given(ring(1)), given(ring(1))), (given(Slotted(1)), given(Slotted(1))),
             (given(Cached(2)), given(_asked(Cached(2)))), (given(Counted("a")), given(Counted("a"))), (given(Summed([1, 2])), given(Summed([2, 1])))],
            [
                (given(Plain(a=1)), given(Plain(a=2))), (given(ring(1)), given(ring(2))), (given(Slotted(1)), given(Slotted(2))),
                (given(Plain(a=Plain(b=1))), given(Plain(a=Plain(b=2)))), (given(Config(1)), given(Config(2))),
                (given(Counted("a")), given(Counted("b"))), (given(Summed([1, 2])), given(Summed([2, 2]))),
                (given(work("class C:\n def f(self): return 1\nwork = C()")), given(work("class C:\n def f(self): return 2\nwork = C()"))),
            ],
        ),
        "enumerations": ([(given(Colour.RED), given(Colour(1)))], [(given(Colour.RED), given(Colour.BLUE)), (given(Colour.RED), given(1))]),
        "arrays, tables": (
            [(given(numpy.arange(3)), given(numpy.arange(6)[:3])), (given(pandas.DataFrame({"a": [1]})), given(pandas.DataFrame({"a": [1]})))],
            [(given(numpy.arange(3)), given(numpy.arange(3.0))), (given(numpy.zeros((2, 3))), given(numpy.zeros((3, 2)))),
             (given(pandas.DataFrame({"a": [1]})), given(pandas.DataFrame({"b": [1]}))), (given(pandas.Series(["a"])), given(pandas.Series(["b"])))],
        ),
        "paths": ([(given(Path("a")), given(Path("a")))], [(given(Path("a")), given(Path("b"))), (given(Path("a")), given("a"))]),
        "a command": (
            [(_ordered(), _ordered(retries=2, timeout_seconds=9, tags=["a"], name="n", resources={"cpu": 1}))],
            [(_ordered(), _ordered(**{name: value})) for name, value in _ORDERED.items()],
        ),
        "retries, time limits, resources, tags, names of runs, executors": (
            [(identity(taking, 1), optioned(retries=3, timeout_seconds=9, tags=["a"], resources={"cpu": 1}, task_run_name="x", executor="threads"))],
            [(optioned(), given(2))],
        ),
        "arguments annotated `Annotated[Path, motet.Content]`": (
            [(_holding("a/t", "1"), _holding("b/t", "1"))], [(_holding("a/t", "1"), _holding("a/t", "2")), (_holding("a/t", "1"), _holding("a/u", "1"))]
        ),
        "files (`motet.File`)": ([(given(one), given(again))], [(given(one), given(other))]),
        "results of steps": ([_of_steps("a", "a")], [_of_steps("a", "b")]),
        "parameters and names of the run, from `motet.runtime`": (
            [(_asks("flow_run.parameters"), {"flow_run.parameters"}), (_asks("flow_run.name"), {"flow_run.name"}), (_asks("task_run.name"), set())],
            [(_asks("flow_run.id"), set())],
        ),
        "loggers, context variables": (
            [(given(logging.getLogger("a")), given(logging.getLogger("a"))), (identity(closing(contextvars.ContextVar("a")), 1), identity(closing(contextvars.ContextVar("a")), 1))],
            [(given(logging.getLogger("a")), given(logging.getLogger("b")))],
        ),
        "locks, pools, threads that code or an object holds": (
            [(identity(closing(each()), 1), identity(closing(each()), 1)) for each in _MEANS]
            + [(given(Plain(lock=each(), a=1)), given(Plain(lock=each(), a=1))) for each in _MEANS],
            [(given(Plain(lock=threading.Lock(), a=1)), given(Plain(lock=threading.Lock(), a=2)))],
        ),
        "what was declared with `motet.means`": (
            [(given(means(Declared)("a")), given(Declared("b"))), (given([Below("a")]), given([Below("b")]))],
            [(given(Declared("a")), given(None))],
        ),
    }  # fmt: skip


class Caller:
    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, x: int) -> int:
        return x + self.by


class Declared(Client):
    pass


class Below(Declared):
    pass


_MEANS = [threading.Lock, threading.RLock, threading.Event, threading.Semaphore, threading.local, ThreadPoolExecutor]
_DECORATED = "import functools\ndef d(f):\n    @functools.wraps(f)\n    def w(*a): return f(*a) + {}\n    return w\n@d\ndef work(x): return x * {}\n"
_CACHED = "import functools\n@functools.{}\ndef f(x): return x + {}\ndef work(x): return f(x)\n"
_MANAGED = (
    "import contextlib\n@contextlib.contextmanager\ndef c():\n    yield {}\ndef work(x):\n    with c() as y: return y\n"
)
_DISPATCHED = "import functools\n@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return {}\ndef work(x): return f(x)\n"
_CLASS = "class B:\n    def m(self): return {}\nclass K(B):\n    k = {}\n    @property\n    def p(self): return {}\ndef work(x): return K().m() + K.k + K().p\n"
_IMPORTED = (
    "import importlib\ndef work(x): return importlib.import_module('late').f(x)",
    "from importlib import import_module\ndef work(x): return import_module('late').f(x)",
    "def work(x):\n    import importlib as i\n    return i.import_module('late').f(x)",
    "def work(x): return __import__('late').f(x)",
)
_FIELDS = "import dataclasses\n@dataclasses.dataclass\nclass K:\n    a: {}\ndef work(x): return [each.type for each in dataclasses.fields(K)]"
_LATE = "def work(x):\n    from late import f\n    return f(x)\n"


def _with_global(value: str) -> str:
    return identity(work(f"G = {value}\ndef work(x): return G"), 1)


def _set_later(value: str) -> str:
    module = module_of("G = {'k': 1}\ndef work(x): return G")
    identity(module.work, 1)
    module.G = eval(value, vars(module))  # type: ignore[attr-defined]
    return identity(module.work, 1)


def _needs(package: str) -> dict[str, str]:
    return dict(spec(work(f"import {package} as p\ndef work(x): return p.thing(x)"), 1).environment)


def _asked(value: Cached) -> Cached:
    assert value.squared == value.x**2
    return value


def _of_steps(*keys: str) -> tuple[str, ...]:
    def told(key: str) -> str:
        lineage, value = Lineage(), [1]
        lineage.add(value, key)
        called = task(taking)
        return repr(arguments.asked({}, called.shape, ((value,), {}), lineage, arguments.NOT_BOUND, None))

    return tuple(told(key) for key in keys)


def _asks(what: str) -> set[str]:
    of, _, name = what.partition(".")
    return set(spec(work(f"from motet.runtime import {of}\ndef work(x): return {of}.{name}"), 1).outside)


def test_every_row_of_the_table_is_so(written: Callable[..., str]) -> None:
    table = re.findall(r"(?m)^\| (?!what \|)([^|]+?) \| ", TABLE.read_text())
    checked = rows(written)
    cannot = [
        "a lock, a generator, a connection as an argument",
        "`globals()`, `eval`, `exec`, `__subclasses__()` in code of your own",
    ]
    assert [*checked, *cannot] == table
    for row, (same, different) in checked.items():
        for place, (one, other) in enumerate(same):
            assert one == other, f"{row}: pair {place} is to count as the same"
        for place, (one, other) in enumerate(different):
            assert one != other, f"{row}: pair {place} is to count as different"


@pytest.mark.parametrize(
    "text",
    [
        "def f(): return 1\ndef work(x): return globals()['f']()",
        "def f(): return 1\ndef work(x): return eval('f()')",
        "def f(): return 1\ndef g(): exec('f()')\ndef work(x): return [g() for _ in x]",
        "import importlib\ndef work(x): return importlib.import_module(x)",
        "def work(x): return __import__(f'lib_{x}')",
        "class B: pass\nclass C(B): v = 1\ndef work(x): return [each.v for each in B.__subclasses__()]",
        "def work(x):\n    from importlib import import_module as load\n    import importlib as i\n    return i.import_module('.' + x)",
    ],
)
def test_code_that_makes_names_up_is_equal_to_nothing(text: str) -> None:
    told = spec(work(text), 1)
    assert [why.startswith("looks up names that are made up") for why in told.unknown.values()] == [True]
    with pytest.raises(ValueError, match="cannot be told"):
        _ = told.identity


def test_names_of_the_users_own_that_are_called_like_builtins_are_followed() -> None:
    text = "def exec(x): return {}\ndef work(x): return exec(x)"
    assert spec(work(text.format(1)), 1).unknown == {}
    assert identity(work(text.format(1)), 1) != identity(work(text.format(2)), 1)


@pytest.mark.parametrize(
    "value",
    [
        threading.Lock(),
        (each for each in "a"),
        sqlite3.connect(":memory:"),
        [Client("a")],
        {"c": Plain(of=Client("a"))},
    ],
    ids=["lock", "generator", "connection", "client in a list", "client in an object"],
)
def test_what_cannot_be_told_is_equal_to_nothing(value: Any) -> None:
    told = spec(taking, value)
    assert list(told.unknown) == ["argument x"]
    with pytest.raises(ValueError, match="cannot be told: argument x"):
        _ = told.identity


def test_a_helper_that_is_replaced_while_the_process_lives_counts_as_it_is_then() -> None:
    module = module_of("def f(x): return 1\ndef work(x): return f(x)")
    before = identity(module.work, 1)
    module.f = lambda x: 2  # type: ignore[attr-defined]
    assert identity(module.work, 1) != before


def test_attributes_of_a_class_count_as_they_are_at_the_call() -> None:
    module = module_of("class C:\n    lr = 1\ndef work(x): return C.lr")
    before = identity(module.work, 1)
    module.C.lr = 2
    assert identity(module.work, 1) != before


def test_equal_constants_of_other_types_are_told_apart_wherever_a_function_ends() -> None:
    text = "def work(x):\n    if x: return {}\n    return {}"
    found = [
        identity(work(text.format(*each)), 1) for each in (("1", "True"), ("True", "1"), ("1.0", "1"), ("-0.0", "0.0"))
    ]
    assert len(set(found)) == len(found)


def test_a_list_that_is_only_added_to_is_not_read() -> None:
    noted: list[int] = []
    seen: list[int] = []

    def noting(x: int) -> int:
        noted.append(x)
        return x

    def counting(x: int) -> int:
        seen.append(x)
        return len(seen)

    before = identity(noting, 1), identity(counting, 1)
    noting(1), counting(1)
    assert identity(noting, 1) == before[0]
    assert identity(counting, 1) != before[1]


def test_recursion_and_tasks_that_call_tasks_are_followed() -> None:
    text = "from motet import task\n@task\ndef inner(x): return x + {0}\ndef work(x): return inner(x) if x else work(x - 1)"
    assert identity(work(text.format(1)), 1) == identity(work(text.format(1)), 1)
    assert identity(work(text.format(1)), 1) != identity(work(text.format(2)), 1)


def test_a_step_that_cannot_be_told_is_said_once_and_not_cached(caplog: pytest.LogCaptureFixture) -> None:
    from motet import INPUTS

    @task(cache_policy=INPUTS)
    def use(client: Any, x: int) -> int:
        return x

    @flow
    def twice() -> list[Any]:
        client = Client("a")
        return [use(client, 1, return_state=True).name, use(client, 1, return_state=True).name]

    assert twice() == ["Completed", "Completed"]
    said = [each.message for each in caplog.records if "is not cached" in each.message]
    assert len(said) == 1
    assert "argument client" in said[0]
    assert "generator" in said[0]
    assert "motet.means" in said[0]


class _Unnamed(type):
    """A metaclass as those of types made in C: what its `__module__` is, is no text."""

    __module__ = property(lambda cls: None)  # type: ignore[assignment]


class _OfNoModule(metaclass=_Unnamed):
    def value(self) -> int:
        return 1


def test_types_that_say_no_module_are_told() -> None:
    """So are generators of random numbers of NumPy, which are made in C: by their state."""
    random, generator = numpy.random.RandomState(3), numpy.random.default_rng(3)

    def draws(it: Any) -> Any:
        return random.rand(), generator.random(), _OfNoModule().value()

    first = spec(draws, _OfNoModule(), of=random)
    assert first.unknown == {}
    assert spec(draws, _OfNoModule(), of=random) == first
    random.rand()
    assert spec(draws, _OfNoModule()).outside != first.outside


CLASSES = """
from dataclasses import dataclass, field
from pydantic import BaseModel
@dataclass(frozen=True, order=True)
class Data:
    one: int = field(default=1, metadata={"scale": 4})
    two: int = field(default=2, repr=False)
class Model(BaseModel):
    three: int = 3
    four: int = 4
    _five: int = 5
def work(x):
    return Data(), Model()
"""


@pytest.mark.parametrize(("old", "new"), [
    (", order=True", ""), ("frozen=True", "frozen=False"), ('"scale": 4', '"scale": 5'), ("repr=False", "repr=True"),
    ("_five: int = 5", "_five: int = 6"), ("three: int = 3\n    four: int = 4", "four: int = 4\n    three: int = 3"),
])  # fmt: skip
def test_what_classes_are_made_with_counts(written: Callable[..., str], old: str, new: str) -> None:
    assert CLASSES.count(old) == 1
    first = written(m=CLASSES)
    assert written(m=CLASSES) == first
    assert written(m=CLASSES.replace(old, new)) != first


def _swapped(value: Any, new: Any) -> None:
    value[next(iter(value)) if isinstance(value, dict) else 0] = new


@pytest.mark.parametrize("make", [
    lambda: [1] * 100, lambda: {f"k{at}": 1 for at in range(100)}, lambda: dict.fromkeys(range(100), 1),
])  # fmt: skip
def test_containers_that_are_read_again_and_again_are_told_by_what_is_in_them_now(make: Callable[[], Any]) -> None:
    held: Any = make()

    def reads() -> Any:
        return held

    code = task(reads)

    def now() -> Any:
        return code.code.spec(None, lambda caller, name: name)["outside"]["held"]

    first = now()
    assert now() == first
    told = [first]
    for new in (True, 1.0, 2, "x", [1], [2]):
        _swapped(held, new)
        told.append(now())
    held[next(iter(held)) if isinstance(held, dict) else 0].append(3)
    told.append(now())
    assert len(set(told)) == len(told), told
    held = make()
    assert now() == first, "another object, with the same in it"


def test_what_is_registered_with_an_abstract_class_counts(written: Callable[..., str]) -> None:
    text = "import abc\nclass Kind(abc.ABC): pass\nclass Own: pass\n{}\ndef work(x): return isinstance(Own(), Kind)\n"
    plain = written(flows=text.format(""))
    assert written(flows=text.format("Kind.register(Own)")) != plain
    assert written(flows=text.format("")) == plain
