"""Python values to bytes and back: the only module that knows pickle and cloudpickle.

A value becomes a list of parts, whose concatenation is its form at rest and on the wire. Large buffers
(arrays, tables) are parts of their own: views of the value's memory, never copies. A value without any is a
bare pickle. Else the parts make a frame:

    4 bytes  magic (no pickle begins so)
    4 bytes  n, the number of buffers
    8 bytes  size of the pickle
    n times 8 bytes: size of the buffer, times two, plus one if it is read-only
    the pickle, then the buffers, each at a multiple of 64 bytes from the start of the frame

All numbers are unsigned and little-endian.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from io import BytesIO
from struct import pack, unpack_from
from types import FunctionType
from typing import Any, TypeAlias

from motet.values.exceptions import reduced
from motet.values.versions import versions

Part: TypeAlias = bytes | memoryview
Buffer: TypeAlias = bytes | bytearray | memoryview
InBand: TypeAlias = Callable[[Any], bool]
Reducer: TypeAlias = Callable[[BaseException], Any]
"""How an exception is pickled: what `__reduce__` might give."""

_MAGIC = b"\x93M5\n"
_ALIGN = 64
_OWN_PART_BYTES = 4096
"""Buffers smaller than this stay inside the pickle: a part of its own would cost more than the copy."""
_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")


def dumps(
    value: object, *, portable: bool = False, by_value: str = "", exceptions: Reducer | None = None
) -> list[Part]:
    """The parts of `value`. Large buffers are not copied: do not change them before the parts are written.

    What pickle cannot do is tried with cloudpickle. `portable` is for processes with another main script:
    what is defined in `__main__` goes by value then, as does what the module named by `by_value` defines.
    Exceptions go as `exceptions` says, which is `values.exceptions.reduced` unless it is given.
    Raises whatever the value's own pickling raises; `unpicklable.reason` tells a user about it.
    """
    stream, views, _ = _pickled(value, exceptions, portable, by_value)
    return [stream] if not views else _frame(stream, views)


def kept(value: object) -> tuple[list[Part], Mapping[str, str]]:
    """The parts of a value that is to be loaded again some day, and the versions of the libraries that this takes.

    What takes code that is not known to load what it pickles is loaded once, to see whether that can be done. What is
    made of scalars, containers, the standard library's types and those of `_TRUSTED` is not.
    Raises what pickling raises; Unloadable, with the cause, where the value cannot be loaded.
    """
    stream, views, seen = _pickled(value, None, False, "")
    parts: list[Part] = [stream] if not views else _frame(stream, views)
    if seen is None:
        return parts, {}
    if not _are_trusted(seen.held()):
        _load_once(stream, views)
    return parts, versions(seen.modules())


class Seen:
    """What was seen while a value was pickled: the classes of what it holds, of its exceptions, and those it names.

    `by_value` says that it holds code, which cloudpickle has taken apart: nothing is known of that.
    """

    __slots__ = ("by_value", "kinds", "named", "raised")

    def __init__(self, *, by_value: bool = False) -> None:
        self.by_value = by_value
        self.kinds: set[type] = set()
        self.raised: set[type] = set()
        self.named: set[type] = set()

    def held(self) -> frozenset[str]:
        """The modules whose code loads it."""
        return frozenset([each.__module__ for each in (*self.kinds, *self.raised)]) | (
            {"cloudpickle"} if self.by_value else set()
        )

    def modules(self) -> frozenset[str]:
        """The modules that it takes to load it."""
        return self.held().union([each.__module__ for each in self.named])


class Unloadable(Exception):
    """The value can be pickled, and its pickle cannot be loaded; the cause says why."""


_TRUSTED = frozenset(("numpy", "pandas", "polars", "pyarrow", "scipy", "torch"))
"""Libraries whose types load what they pickle, and that hold much: loading it would take time."""


def _pickled(
    value: object, exceptions: Reducer | None, portable: bool, by_value: str
) -> tuple[bytes, list[memoryview], Seen | None]:
    """The pickle, the buffers beside it, and what was seen; None: it is plain."""
    views: list[memoryview] = []

    def in_band(buffer: Any) -> bool:
        try:
            view: memoryview = buffer.raw()
        except BufferError:
            return True
        if view.nbytes < _OWN_PART_BYTES:
            return True
        views.append(view)
        return False

    found = None if by_value else _by_reference(value, views, in_band, exceptions)
    if found is not None and not (portable and b"__main__" in found[0]):
        return found[0], views, found[1]
    views.clear()
    return _by_value(value, in_band, exceptions, by_value, portable), views, Seen(by_value=True)


def _by_reference(
    value: object, views: list[memoryview], in_band: InBand, exceptions: Reducer | None
) -> tuple[bytes, Seen | None] | None:
    """The pickle with what was seen; None if pickle does not know how."""
    import pickle

    try:
        if type(value) in _PLAIN and not _begins_with_objects(value):
            stream = pickle.dumps(value, 5, buffer_callback=in_band)
            if _STACK_GLOBAL not in stream or type(value) in _FLAT:
                return stream, None
            views.clear()
        return _noting(value, in_band, exceptions)
    except RecursionError:
        raise
    except Exception:  # noqa: BLE001 - boundary: runs the value's own code; cloudpickle may know what to do
        return None


def _begins_with_objects(value: Any) -> bool:
    """Whether it is no use to hope that the container is plain."""
    if not value or type(value) in _FLAT:
        return False
    first = next(iter(value.values() if type(value) is dict else value))
    return type(first) not in _PLAIN


_FLAT = frozenset((type(None), bool, int, float, complex, str, bytes))
_PLAIN = _FLAT | {list, tuple, dict, set, frozenset}
_STACK_GLOBAL = b"\x93"
"""What stands in every pickle that names a class or function."""


def _noting(value: object, in_band: InBand, exceptions: Reducer | None) -> tuple[bytes, Seen]:
    """The pickle, made so that each object that is no plain container is seen."""
    file, seen = BytesIO(), Seen()
    _noting_pickler()(file, in_band, exceptions or reduced, seen).dump(value)
    return file.getvalue(), seen


@cache
def _noting_pickler() -> Any:
    """The class of picklers that tell what they see."""
    import pickle

    class Noting(pickle.Pickler):
        def __init__(self, file: Any, in_band: InBand, exceptions: Reducer, seen: Seen) -> None:
            super().__init__(file, 5, buffer_callback=in_band)
            self._exceptions = exceptions
            self._seen = seen
            self._kinds = seen.kinds

        def reducer_override(self, obj: Any) -> Any:
            kind = type(obj)
            if kind in self._kinds:  # called for each object: this is the way of all but the first of a kind
                return NotImplemented
            if isinstance(obj, BaseException):
                self._seen.raised.add(kind)
                return self._exceptions(obj)
            if isinstance(obj, type):
                self._seen.named.add(obj)
            else:
                self._kinds.add(kind)
            return NotImplemented

    return Noting


def _by_value(
    value: object, in_band: InBand, exceptions: Reducer | None, module_name: str, portable: bool
) -> bytes:  # fmt: skip
    import cloudpickle  # type: ignore[import-untyped, unused-ignore]

    module = sys.modules.get(module_name)
    if module is not None:
        cloudpickle.register_pickle_by_value(module)
    try:
        file = BytesIO()
        _code_pickler()(file, in_band, exceptions or reduced, portable).dump(value)
    finally:
        if module is not None:
            cloudpickle.unregister_pickle_by_value(module)
    return file.getvalue()


@cache
def _code_pickler() -> Any:
    """The class of picklers that takes code apart; made once, as making a class takes time."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc, unused-ignore]
        def __init__(self, file: Any, in_band: InBand, exceptions: Reducer, portable: bool) -> None:
            super().__init__(file, 5, buffer_callback=in_band)
            self._exceptions = exceptions
            self._main = vars(sys.modules["__main__"]) if portable else None
            if self._main is not None:  # what functions read of the script, they find in the other process's `__main__`
                self.globals_ref[id(self._main)] = _MainGlobals(__name__="__main__")

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, BaseException):
                return self._exceptions(obj)
            if type(obj) is _MainGlobals:
                return _globals_of_main, ()
            found = super().reducer_override(obj)
            if self._main is not None and type(obj) is FunctionType and self._main.get(obj.__qualname__) is obj:
                return (*found[:5], partial(_put_into_main, found[5])) if type(found) is tuple else found
            return found

    return Pickler


class _MainGlobals(dict[str, Any]):
    """Stands for the names of the main script while its functions are pickled by value."""


def _globals_of_main() -> dict[str, Any]:
    return vars(sys.modules["__main__"])


def _put_into_main(fill: Callable[[Any, Any], object], function: Any, state: Any) -> None:
    """Fill a function of another process's main script, and put it in its place, so that it is found by its name."""
    fill(function, state)
    _globals_of_main()[function.__qualname__] = function


def _load_once(stream: bytes, views: Sequence[memoryview]) -> None:
    """Raise Unloadable unless the value can be loaded. It never gets at the memory of the original to change it."""
    import pickle

    try:
        pickle.loads(stream, buffers=[view.toreadonly() for view in views])
    except Exception:  # noqa: BLE001 - boundary: as below; it may only want to write to what it holds
        try:
            pickle.loads(stream, buffers=[bytearray(view) for view in views])
        except Exception as error:  # boundary: loading runs the value's own code
            raise Unloadable("it cannot be loaded") from error


@lru_cache(maxsize=4096)
def _are_trusted(modules: frozenset[str]) -> bool:
    return all(map(_is_trusted, modules))


def _is_trusted(module_name: str) -> bool:
    """Whether the types of the module load what they pickle: those of the standard library, and of a few others."""
    root = module_name.partition(".")[0]
    if root in _TRUSTED or root.startswith("_cython_"):
        return True  # Cython says that its functions are of a module of its own
    file = getattr(sys.modules.get(root), "__file__", None)  # a script may be called like one of them
    own = file is None or (file.startswith(_LIBRARY) and "site-packages" not in file)
    return root in sys.stdlib_module_names and own and root != "__main__"


def _frame(stream: bytes, views: Sequence[memoryview]) -> list[Part]:
    sizes = [view.nbytes * 2 + view.readonly for view in views]
    header = _MAGIC + pack(f"<IQ{len(views)}Q", len(views), len(stream), *sizes)
    parts: list[Part] = [header, stream]
    at = len(header) + len(stream)
    for view in views:
        if at % _ALIGN:
            parts.append(bytes(-at % _ALIGN))
            at += -at % _ALIGN
        parts.append(view)
        at += view.nbytes
    return parts


def loads(data: Buffer) -> Any:
    """The value whose parts, joined, are `data`.

    Arrays are writable if they were. From writable `data` they are views, so it must not be used further;
    from read-only `data` (bytes, a read-only mapping) only buffers that were read-only are views.
    Raises whatever loading raises: a module that is gone, a class that has changed, damaged bytes.
    """
    import pickle

    if data[:4] != _MAGIC:
        return pickle.loads(data)
    view = memoryview(data)
    count, size = unpack_from("<IQ", view, 4)
    at = 16 + 8 * count
    sizes = unpack_from(f"<{count}Q", view, 16)
    stream = view[at : at + size]
    at += size
    buffers: list[Buffer] = []
    for each in sizes:
        at += -at % _ALIGN
        buffer = view[at : at + each // 2]
        at += each // 2
        buffers.append(bytearray(buffer) if view.readonly and not each % 2 else buffer)
    return pickle.loads(stream, buffers=buffers)


def size_bytes(parts: Sequence[Part]) -> int:
    """The size of the parts, joined."""
    return sum(part.nbytes if isinstance(part, memoryview) else len(part) for part in parts)


def adopt_main() -> None:
    """Put the classes of another process's main script, loaded here by value, into this one's `__main__`.

    Their instances then go back by reference, and are of the original class there.
    """
    cloudpickle = sys.modules.get("cloudpickle.cloudpickle")
    known = getattr(cloudpickle, "_DYNAMIC_CLASS_TRACKER_BY_CLASS", ())
    main = sys.modules["__main__"]
    for cls in list(known):
        if cls.__module__ == "__main__" and "." not in cls.__qualname__:
            setattr(main, cls.__qualname__, cls)
