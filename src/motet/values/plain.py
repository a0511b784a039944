"""Plain values read from their records without pickle, for whoever shows what others have computed.

Scalars, text, bytes, lists, tuples, dicts and sets need few of the instructions of a pickle. These are carried out
here, and there are no others: no name can be looked up, so no code of anybody's is imported or run, whatever the bytes
are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

from motet.kernel.events import Json


def peek(record: Json) -> Any:
    """The value of a record (see `values.records`) in which it stands itself, if it is made of plain parts.

    Raises ValueError for all others, and for damaged ones.
    """
    if type(record) is not dict:
        return record
    if "json" in record:
        return record["json"]
    if "pickle" not in record:
        raise ValueError("the value is not in its record")
    from binascii import a2b_base64

    try:
        return Reading(a2b_base64(record["pickle"])).value()
    except Exception as error:  # boundary: whatever damaged bytes lead to
        raise ValueError("no plain value") from error


_CONSTANTS: Mapping[bytes, Any] = {b"N": None, b"\x88": True, b"\x89": False}
_EMPTY: Mapping[bytes, Callable[[], Any]] = {b"]": list, b"}": dict, b")": tuple, b"\x8f": set}
_NUMBERS = {b"K": Struct("<B"), b"M": Struct("<H"), b"J": Struct("<i"), b"G": Struct(">d")}
_TUPLES = {b"\x85": 1, b"\x86": 2, b"\x87": 3}
_SIZES = {1: Struct("<B"), 4: Struct("<I"), 8: Struct("<Q")}
_FRAME, _PROTOCOL, _STOP = b"\x95", b"\x80", b"."


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogatepass")


def _whole(content: bytes) -> int:
    return int.from_bytes(content, "little", signed=True)


_SIZED: Mapping[bytes, tuple[int, Callable[[bytes], Any]]] = {
    b"\x8c": (1, _text), b"X": (4, _text), b"\x8d": (8, _text),
    b"C": (1, bytes), b"B": (4, bytes), b"\x8e": (8, bytes), b"\x96": (8, bytearray),
    b"\x8a": (1, _whole), b"\x8b": (4, _whole),
}  # fmt: skip
"""What is followed by the size of its content, in so many bytes, and by the content."""


class Reading:
    """The stack machine that a pickle is written for, as far as plain values go."""

    others: Mapping[bytes, Callable[[Any], object]]

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._known: list[Any] = []

    def value(self) -> Any:
        """What is left on the stack when the pickle ends."""
        while (code := self._take(1)) != _STOP:
            if code in _CONSTANTS:
                self._stack.append(_CONSTANTS[code])
            elif code in _EMPTY:
                self._stack.append(_EMPTY[code]())
            elif code in _NUMBERS:
                self._stack.append(self._number(_NUMBERS[code]))
            elif code in _SIZED:
                size, made = _SIZED[code]
                self._stack.append(made(self._take(self._number(_SIZES[size]))))
            elif code in _TUPLES:
                self._stack[-_TUPLES[code] :] = [tuple(self._stack[-_TUPLES[code] :])]
            else:
                self.others[code](self)
        return self._stack.pop()

    def _take(self, size: int) -> bytes:
        found = self._content[self._at : self._at + size]
        if len(found) != size:
            raise ValueError("the bytes end too early")
        self._at += size
        return found

    def _number(self, form: Struct) -> Any:
        return form.unpack(self._take(form.size))[0]

    def _marked(self) -> list[Any]:
        """What was put on the stack since the last mark."""
        found, self._stack = self._stack, self._below.pop()
        return found

    def mark(self) -> None:
        """Begin to collect."""
        self._below.append(self._stack)
        self._stack = []

    def many(self) -> None:
        """Items into the list or set below them."""
        items = self._marked()
        into = self._stack[-1]
        into.update(items) if type(into) is set else into.extend(items)

    def one(self) -> None:
        """An item into the list below it."""
        item = self._stack.pop()
        self._stack[-1].append(item)

    def pairs(self) -> None:
        """Keys and items into the dict below them."""
        items = self._marked()
        self._stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def pair(self) -> None:
        """A key and its item into the dict below them."""
        key, item = self._stack[-2:]
        del self._stack[-2:]
        self._stack[-1][key] = item

    def together(self, kind: Callable[[list[Any]], Any]) -> None:
        """What was collected, as one object."""
        items = self._marked()
        self._stack.append(kind(items))

    def again(self, size: int) -> None:
        """An object that was there before."""
        self._stack.append(self._known[self._number(_SIZES[size])])


OTHERS: Mapping[bytes, Callable[[Reading], object]] = {
    _PROTOCOL: lambda reading: reading._take(1),
    _FRAME: lambda reading: reading._take(8),
    b"(": Reading.mark,
    b"a": Reading.one,
    b"e": Reading.many,
    b"\x90": Reading.many,
    b"s": Reading.pair,
    b"u": Reading.pairs,
    b"t": lambda reading: reading.together(tuple),
    b"\x91": lambda reading: reading.together(frozenset),
    b"\x94": lambda reading: reading._known.append(reading._stack[-1]),
    b"h": lambda reading: reading.again(1),
    b"j": lambda reading: reading.again(4),
    b"0": lambda reading: reading._stack.pop(),
    b"1": lambda reading: reading._marked(),
}
"""A code that is in no table is no part of a plain value: looking it up raises KeyError."""

Reading.others = OTHERS
