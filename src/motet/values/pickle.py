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

import sys
from collections.abc import Callable, Iterator, Sequence
from struct import pack, unpack_from
from typing import Any, TypeAlias

Part: TypeAlias = bytes | memoryview
Buffer: TypeAlias = bytes | bytearray | memoryview

_MAGIC = b"\x93M5\n"
_ALIGN = 64
_OWN_PART_BYTES = 4096
"""Buffers smaller than this stay inside the pickle: a part of its own would cost more than the copy."""


def dumps(value: object, *, portable: bool = False, by_value: str = "") -> list[Part]:
    """The parts of `value`. Large buffers are not copied: do not change them before the parts are written.

    What pickle cannot do is tried with cloudpickle. `portable` is for processes with another main script:
    what is defined in `__main__` goes by value then, as does what the module named by `by_value` defines.
    Raises whatever the value's own pickling raises; `reason` tells a user about it.
    """
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

    stream = None if by_value else _by_reference(value, in_band)
    if stream is None or (portable and b"__main__" in stream):
        views.clear()
        stream = _by_value(value, in_band, by_value)
    return [stream] if not views else _frame(stream, views)


def _by_reference(value: object, in_band: Callable[[Any], bool]) -> bytes | None:
    import pickle

    try:
        return pickle.dumps(value, 5, buffer_callback=in_band)
    except RecursionError:
        raise
    except Exception:  # noqa: BLE001 - boundary: runs the value's own code; cloudpickle may know what to do
        return None


def _by_value(value: object, in_band: Callable[[Any], bool], module_name: str) -> bytes:
    import cloudpickle  # type: ignore[import-untyped, unused-ignore]

    module = sys.modules.get(module_name)
    if module is not None:
        cloudpickle.register_pickle_by_value(module)
    try:
        stream: bytes = cloudpickle.dumps(value, 5, buffer_callback=in_band)
    finally:
        if module is not None:
            cloudpickle.unregister_pickle_by_value(module)
    return stream


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


def loads_plain(data: Buffer) -> Any:
    """The value, if it is made of scalars, text, bytes, lists, tuples, dicts and sets only: nothing is imported or run.

    Raises ValueError for any other, and for damaged bytes.
    """
    import io
    import pickle

    class Plain(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            raise pickle.UnpicklingError(f"{module}.{name} is not plain")

    try:
        return Plain(io.BytesIO(data)).load()
    except Exception as error:  # boundary: whatever damaged bytes lead to
        raise ValueError("no plain value") from error


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


# ---------------------------------------------------------------- why a value cannot be pickled

_LOOKS = 2000
"""How many members are tried in search of the one at fault."""


def reason(value: object, error: BaseException) -> str:
    """One line on why `value` cannot be pickled: its type, and the member at fault if it can be found."""
    said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    what = _type_name(value)
    looks = [_LOOKS]
    path, found = "", value
    while (inner := _bad_member(found, looks)) is not None:
        path, found = path + inner[0], inner[1]
        if path.count(".") + path.count("[") >= 20:
            break
    if found is value:
        return f"{what} cannot be pickled ({said})"
    return f"{what} cannot be pickled: value{path} is of type {_type_name(found)} ({said})"


def _bad_member(value: object, looks: list[int]) -> tuple[str, object] | None:
    for path, member in _members(value):
        looks[0] -= 1
        if looks[0] < 0:
            return None
        try:
            dumps(member)
        except Exception:  # noqa: BLE001 - boundary: pickling runs the member's own code
            return path, member
    return None


def _members(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, member in list(value.items()):
            yield f"[{_short(key)}]", member
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(value):
            yield f"[{index}]", member
    elif isinstance(value, (set, frozenset)):
        for member in value:
            yield "{...}", member
    elif not isinstance(value, type):
        for name, member in list(getattr(value, "__dict__", {}).items()):
            yield f".{name}", member
        yield from _closed_over(value)


def _closed_over(value: object) -> Iterator[tuple[str, object]]:
    code = getattr(value, "__code__", None)
    cells = getattr(value, "__closure__", None) or ()
    for name, cell in zip(getattr(code, "co_freevars", ()), cells, strict=False):
        try:
            yield f".{name} (closed over)", cell.cell_contents
        except ValueError:
            continue
    outer = getattr(value, "__globals__", {})
    for name in getattr(code, "co_names", ()):
        if name in outer and not isinstance(outer[name], type(sys)):
            yield f".{name} (global)", outer[name]


def _short(key: object) -> str:
    try:
        return repr(key)[:40]
    except Exception:  # noqa: BLE001 - boundary: a key's own __repr__
        return "..."


def _type_name(value: object) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
