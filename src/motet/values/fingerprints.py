"""A digest of arguments that is the same in every process: what decides whether a step may be reused.

A value is brought into a canonical form made of marshal's own types, and that is hashed. Scalars and flat
lists and tuples of them are canonical as they are. A larger container inside another is replaced by its
digest, so that an object which is met often is hashed once, and cannot blow the form up. What has no
canonical form is opaque: only its type counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from marshal import dumps as marshal_dumps
from typing import Any, TypeAlias

from motet.values.hashing import blake2b

Substitute: TypeAlias = Callable[[object], "str | None"]

_SCALARS = frozenset((int, float, str, bool, type(None), bytes, complex))
_SMALL = 32
_VERSION = 2
"""Of marshal's format. Later ones tell interned strings from others, and shared objects from equal ones."""


def fingerprint(*values: Any, substitute: Substitute | None = None) -> tuple[str, bool]:
    """A digest of the values (32 hex digits) and whether it is exact.

    Equal digests mean equal values if exact; if not, some value is opaque, and only its type counts. Types
    are told apart (1, 1.0 and True; a tuple and a list), the order of dicts and sets is not. `substitute` is
    asked about each object that is no plain scalar: the text that it gives stands for the object, which is
    then not looked into.
    """
    if _SCALARS.issuperset(map(type, values)):
        return blake2b(marshal_dumps(values, _VERSION), digest_size=16).hexdigest(), True
    walk = _Walk(substitute)
    form = tuple([walk.form(value) for value in values])
    return _digest(form).hex(), walk.exact


def _digest(form: Any) -> bytes:
    return blake2b(marshal_dumps(form, _VERSION), digest_size=16).digest()


def type_name(cls: type) -> str:
    """`module:qualname`."""
    return f"{cls.__module__}:{cls.__qualname__}"


class _Walk:
    """One walk over values. `...` marks every form that is not the value itself: no value's form holds it."""

    def __init__(self, substitute: Substitute | None) -> None:
        self.substitute = substitute
        self.exact = True
        self.depth = 0
        self.memo: dict[int, tuple[object, object]] = {}

    def form(self, value: Any) -> Any:
        """The canonical form of `value`; short enough to stand inside another one."""
        kind = type(value)
        if kind in _SCALARS:
            return value
        if self.substitute is not None:
            text = self.substitute(value)
            if text is not None:
                return (..., "substitute", text)
        if (kind is list or kind is tuple) and len(value) <= _SMALL and _SCALARS.issuperset(map(type, value)):
            return value
        known = self.memo.get(id(value))
        if known is not None:
            return known[1]
        # Until the form is known, meeting the object again means a cycle. The object is kept, so that no
        # other one gets its id while the walk lasts.
        self.memo[id(value)] = (value, (..., "cycle", kind.__name__))
        if self.depth >= 200:
            return self.opaque(kind)
        self.depth += 1
        form = (..., _digest(self.look_into(value, kind)))
        self.depth -= 1
        self.memo[id(value)] = (value, form)
        return form

    def look_into(self, value: Any, kind: type) -> object:
        if kind is list or kind is tuple:
            if _SCALARS.issuperset(map(type, value)):
                return value
            return kind([self.form(each) for each in value])
        if kind is dict:
            return self.mapping("dict", value)
        if kind is set or kind is frozenset:
            return (..., kind.__name__, self.unordered(value))
        return self.known(value, kind)

    def mapping(self, name: str, value: dict[Any, Any]) -> object:
        if set(map(type, value)) <= {str}:
            return (..., name, "str", [(key, self.form(value[key])) for key in sorted(value)])
        pairs = [(marshal_dumps(self.form(key), _VERSION), self.form(each)) for key, each in value.items()]
        return (..., name, "any", sorted(pairs, key=lambda pair: pair[0]))

    def unordered(self, values: Iterable[object]) -> list[bytes]:
        return sorted(marshal_dumps(self.form(each), _VERSION) for each in values)

    def named(self, name: str, *members: object) -> object:
        return (..., name, [self.form(member) for member in members])

    def opaque(self, kind: type) -> object:
        self.exact = False
        return (..., "opaque", type_name(kind))

    def known(self, value: Any, kind: type) -> object:
        from motet.values import canonical

        try:
            parts = canonical.parts(value)
        except Exception:  # noqa: BLE001 - boundary: looking into an object runs its own code
            parts = None
        if parts is None:
            return self.opaque(kind)
        name, exact, members = parts
        self.exact = self.exact and exact
        return self.named(name, *members)
