"""Exceptions as they are pickled for the journal: small, without secrets, and as much of them as can be kept."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from functools import partial
from typing import Any

from motet.values import pickle
from motet.values.exceptions import DROPPED, reduced
from motet.values.secrets import hide

_PICKLE_BYTES = 16 * 1024
_SHORT = 1024
_MEMBERS = 8
"""What is longer than so many characters or bytes is shortened, and what has more members left out, in exceptions that
are too large otherwise.
"""


def pickled(exception: BaseException, note: str) -> str:
    """The exception's pickle in base64, without what it was raised from if it is large with that, and with long texts
    shortened and other large values left out if it still is; nothing if it does not come back as what it was. A note of
    its that begins with `note` is left out, *** stands for secrets.
    """
    whole = _whole(exception, _Editor(note), linked=True) or _whole(exception, _Editor(note), linked=False)
    return whole or _whole(exception, _Editor(note, short=True), linked=False, own_way=False)


def unpickled(text: str) -> object:
    """What the pickle makes; None if it makes nothing any more."""
    try:
        return pickle.loads(a2b_base64(text))
    except Exception:  # noqa: BLE001 - boundary: loading runs the exception's own code
        return None


def _whole(exception: BaseException, edit: _Editor, *, linked: bool, own_way: bool = True) -> str:
    try:
        way = partial(reduced, edit=edit, linked=linked, own_way=own_way)
        data = b"".join(pickle.dumps(exception, exceptions=way))
        if len(data) > _PICKLE_BYTES or type(pickle.loads(data)) is not type(exception) or _tells(data):
            return ""
        return b2a_base64(data, newline=False).decode("ascii")
    except Exception:  # noqa: BLE001 - boundary: pickling and loading run the exception's own code
        return ""


class _Editor:
    """What is kept of what an exception holds: *** for secrets, nothing that cannot be pickled, no `note`; and nothing
    that is long, if it is to be `short`.
    """

    def __init__(self, note: str, *, short: bool = False) -> None:
        self._note = note
        self._short = short
        self._looking_at: set[int] = set()

    def __call__(self, name: str, value: Any) -> Any:
        if name == "__notes__":  # `decode_error` adds ours again, from the record
            value = [each for each in value if not (isinstance(each, str) and each.startswith(self._note))]
        value = _covered(value)
        if self._short:
            value = self._shortened(value, is_argument=not name)
        return value if self._can_be_kept(value) else DROPPED

    def _shortened(self, value: Any, *, is_argument: bool) -> Any:
        if isinstance(value, str | bytes):
            return _cut(value)
        if isinstance(value, BaseException) or not self._can_be_kept(value):
            return value
        if sum(map(len, pickle.dumps(value, exceptions=partial(reduced, edit=self)))) <= _SHORT:
            return value
        if type(value) in (tuple, list) and len(value) <= _MEMBERS:
            return type(value)([self._shortened(each, is_argument=True) for each in value])
        return _cut(repr(value)) if is_argument else DROPPED

    def _can_be_kept(self, value: Any) -> bool:
        if isinstance(value, str | bytes | BaseException | None) or id(value) in self._looking_at:
            return True  # an exception is edited itself, and may lead back to here
        self._looking_at.add(id(value))
        try:
            return bool(pickle.dumps(value, exceptions=partial(reduced, edit=self)))
        except Exception:  # noqa: BLE001 - boundary: pickling runs the value's own code
            return False
        finally:
            self._looking_at.discard(id(value))


def _cut(text: Any) -> Any:
    """A text, or bytes, without its middle if that is long."""
    if len(text) <= _SHORT:
        return text
    half = _SHORT // 2
    gone = f" ... ({len(text) - 2 * half} left out) ... "
    return text[:half] + (gone if isinstance(text, str) else gone.encode()) + text[-half:]


def _tells(data: bytes) -> bool:
    """Whether there is a secret in it."""
    text = data.decode("utf-8", "replace")
    return hide(text) != text


def _covered(value: Any) -> Any:
    """The value with *** for secrets in its texts, as far as it is made of plain containers."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, bytes):
        return hide(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    if type(value) in (tuple, list):
        return type(value)(map(_covered, value))
    if type(value) is dict:
        return {name: _covered(each) for name, each in value.items()}
    return value
