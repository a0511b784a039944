"""Values that are not plain as people read them: from their records, without importing or running anybody's code.

Dates, paths, numbers and containers of the standard library are made again; an object of any other class is told by
the class's name and what it holds, as `Point(x=1, y=2)`.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from importlib import import_module
from posixpath import join
from struct import unpack
from typing import Any

from motet.kernel.events import Json
from motet.values.plain import OTHERS, Reading


def legible(record: Json) -> Any:
    """The value of a record in which it stands itself, with `Told` in the place of what is of no known class.

    Raises ValueError for a value that is elsewhere or cannot be told, and for damaged ones.
    """
    if type(record) is not dict:
        return record
    if "json" in record:
        return record["json"]
    if "pickle" not in record:
        raise ValueError("the value is not in its record")
    try:
        return _Telling(a2b_base64(record["pickle"])).value()
    except Exception as error:  # boundary: whatever damaged bytes lead to
        raise ValueError("no value that can be told") from error


class Told:
    """An object of a class that is not looked up: its name, what it was made with, and its attributes."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.given: tuple[Any, ...] = ()
        self.named: dict[Any, Any] = {}

    def __repr__(self) -> str:
        parts = [*map(repr, self.given), *(f"{name}={value!r}" for name, value in self.named.items())]
        return f"{self.kind}({', '.join(parts)})"


class _Class:
    """A class or function, by name."""

    def __init__(self, module: str, name: str) -> None:
        self.place = f"{module}.{name}"
        self.name = name.rpartition(".")[2]

    def __repr__(self) -> str:
        return self.name

    def called(self, given: tuple[Any, ...]) -> Any:
        """What a call of it gives."""
        if self.place in _KNOWN:
            return _KNOWN[self.place]()(*given)
        if self.place == "builtins.getattr" and isinstance(given[0], _Class):
            return _Class(*f"{given[0].place}.{given[1]}".split(".", 1))
        if not self.name[:1].isupper() and self.place != "numpy.dtype":
            raise ValueError(f"{self.place} may be any function")
        found = Told(self.name)
        found.given = given
        return found


def _standard(module: str, name: str) -> Callable[[], Callable[..., Any]]:
    def find() -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(import_module(module), name)
        return found

    return find


def _plain(kind: Callable[..., Any]) -> Callable[[], Callable[..., Any]]:
    return lambda: kind


_TIMES = ("date", "datetime", "time", "timedelta", "timezone")
_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
_KNOWN: Mapping[str, Callable[[], Callable[..., Any]]] = {
    **{f"datetime.{each}": _standard("datetime", each) for each in _TIMES},
    "zoneinfo.ZoneInfo._unpickle": lambda: lambda key, _: _standard("zoneinfo", "ZoneInfo")()(key),
    "decimal.Decimal": _standard("decimal", "Decimal"),
    "fractions.Fraction": _standard("fractions", "Fraction"),
    **{f"{module}.{each}": lambda: _Path for module in ("pathlib", "pathlib._local") for each in _PATHS},
    **{f"builtins.{each.__name__}": _plain(each) for each in (complex, range, slice, set, frozenset)},
    **{f"collections.{each.__name__}": _plain(each) for each in (OrderedDict, Counter, deque)},
    "collections.defaultdict": lambda: lambda *_: {},
    "numpy._core.multiarray.scalar": lambda: _scalar,
    "numpy.core.multiarray.scalar": lambda: _scalar,
}
"""What is made again: classes of the standard library whose making runs nobody else's code."""


_FORMATS = {
    "f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "u2": "H",
    "u1": "B", "b1": "?",
}  # fmt: skip


def _scalar(kind: Told, content: bytes) -> Any:
    """A number of NumPy's, as it is stored on all common machines."""
    return unpack(f"<{_FORMATS[kind.given[0]]}", content)[0]


class _Path:
    """A path, as it is written."""

    def __init__(self, *parts: str) -> None:
        self._text = join("", *parts) or "."

    def __repr__(self) -> str:
        return self._text

    __str__ = __repr__


class _Telling(Reading):
    """Reads objects, too: by the names of their classes."""

    def named(self) -> None:
        """A class or function."""
        module, name = self._stack[-2:]
        self._stack[-2:] = [_Class(module, name)]

    def call(self) -> None:
        """A class or function with what it is called with."""
        of, given = self._stack[-2:]
        self._stack[-2:] = [of.called(given)]

    def call_with_names(self) -> None:
        """The same, with keywords."""
        of, given, named = self._stack[-3:]
        made = of.called(given)
        made.named = named
        self._stack[-3:] = [made]

    def state(self) -> None:
        """The attributes of the object below."""
        state = self._stack.pop()
        into = self._stack[-1]
        if not isinstance(into, Told):
            return
        if isinstance(state, tuple) and len(state) == 2:  # of a class with slots
            state = {**(state[0] or {}), **(state[1] or {})}
        if into.kind == "UUID":
            made = _standard("uuid", "UUID")()(int=state["int"])
            self._stack[-1] = made
            self._known = [made if each is into else each for each in self._known]
        elif into.kind != "dtype":
            into.named = dict(state["__dict__"] if "__pydantic_fields_set__" in state else state)


_Telling.others = {
    **OTHERS, b"\x93": _Telling.named, b"R": _Telling.call, b"\x81": _Telling.call, b"\x92": _Telling.call_with_names,
    b"b": _Telling.state,
}  # fmt: skip
