"""A digest of values that is the same in every process: what decides whether a step may be reused.

A value is brought into a canonical form made of marshal's own types, and that is hashed. Scalars and flat
lists and tuples of them are canonical as they are. A larger container inside another is replaced by its
digest, so that an object which is met often is hashed once, and cannot blow the form up. Functions and classes count
by their code (see `code`). What has no canonical form is opaque: only its type counts, and the digest is not exact.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from marshal import dumps as marshal_dumps
from math import isfinite
from operator import is_
from types import BuiltinFunctionType, FunctionType, ModuleType

from motet.kernel.events import Json
from motet.ports.spec import with_code
from motet.typed import TYPE_CHECKING, Any
from motet.values.hashing import blake2b
from motet.values.identity.code import ABSENT, Plan, Read, look_up, plan_of
from motet.values.identity.modules import is_own, module_name, module_of, target_of, version_of
from motet.values.identity.wrappers import is_data, parts_of
from motet.values.secrets import hide

if TYPE_CHECKING:
    from typing import TypeAlias

Substitute: TypeAlias = Callable[[object], "str | None"]

CURE = "Make it a dataclass, let its class say its __content__, declare it by motet.means, or give a cache_key_fn."
"""What helps where something cannot be told."""

MADE_UP = "looks up names that are made up while it runs (globals, eval, exec, import_module, __subclasses__)"

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
    walk = Walk(substitute)
    return walk.digest(*values), not walk.unknown


def _digest(form: Any) -> bytes:
    return blake2b(marshal_dumps(form, _VERSION), digest_size=16).digest()


def type_name(cls: type) -> str:
    """`module:qualname`."""
    return f"{cls.__module__}:{cls.__qualname__}"


class Walk:
    """One walk over values. `...` marks every form that is not the value itself: no value's form holds it.

    unknown   the types of what cannot be told
    code      whether code was met: its digest may change with the version of Motet
    by_name   whether code counts by its name and what it closes over, and not by what it does
    size      about how many bytes were looked at
    held      whether what is looked at belongs to code or an object, and was not given as it is
    """

    def __init__(self, substitute: Substitute | None = None, *, held: bool = False, by_name: bool = False) -> None:
        self.substitute = substitute
        self.unknown: dict[str, None] = {}
        self.code = False
        self.by_name = by_name
        self.size = 0
        self.held = held
        self.depth = 0
        self.memo: dict[int, tuple[object, object, bool]] = {}

    def digest(self, *values: Any) -> str:
        """32 hex digits that tell these values."""
        return _digest(tuple([self.form(value) for value in values])).hex()

    def told(self, value: Any) -> Json:
        """The value as it is told in the record of a step."""
        found = scalar_form(value)
        return digest_form(marshal_dumps(self.form(value), _VERSION)) if found is ... else found

    def given(self, value: Any) -> Json:
        """As `told`, for an argument: where it holds code, what it is but for what that does comes first, apart."""
        whole = self.told(value)
        if not self.code:
            return whole
        self.by_name = True
        self.memo = {key: known for key, known in self.memo.items() if not known[2]}
        return with_code(self.told(value), whole)

    @property
    def cannot(self) -> str:
        """In words, what of the values cannot be told; empty if nothing."""
        return f"holds {', '.join(self.unknown)}" if self.unknown else ""

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
            self.code = self.code or known[2]
            return known[1]
        # Until the form is known, meeting the object again means a cycle. The object is kept, so that no
        # other one gets its id while the walk lasts.
        self.memo[id(value)] = (value, (..., "cycle", kind.__name__), False)
        if self.depth >= 200:
            return self._opaque(kind)
        before, self.code = self.code, False
        self.depth += 1
        written = marshal_dumps(self._look_into(value, kind), _VERSION)  # type: ignore[arg-type]
        self.size += len(written) + (value.nbytes if kind.__module__ == "numpy" else 0)
        form = (..., blake2b(written, digest_size=16).digest())
        self.depth -= 1
        self.memo[id(value)] = (value, form, self.code)
        self.code = self.code or before
        return form

    def _look_into(self, value: Any, kind: type) -> object:
        if kind is list or kind is tuple:
            if _SCALARS.issuperset(map(type, value)):
                return value
            return kind([self.form(each) for each in value])
        if kind is dict:
            return self._mapping("dict", value)
        if kind is set or kind is frozenset:
            return (..., kind.__name__, self._unordered(value))
        return self._known(value, kind)

    def _mapping(self, name: str, value: dict[Any, Any]) -> object:
        if set(map(type, value)) <= {str}:
            if _SCALARS.issuperset(map(type, value.values())):
                return (..., name, "str", [(key, value[key]) for key in sorted(value)])
            return (..., name, "str", [(key, self.form(value[key])) for key in sorted(value)])
        pairs = [(marshal_dumps(self.form(key), _VERSION), self.form(each)) for key, each in value.items()]
        return (..., name, "any", sorted(pairs, key=lambda pair: pair[0]))

    def _unordered(self, values: Iterable[object]) -> list[bytes]:
        return sorted(marshal_dumps(self.form(each), _VERSION) for each in values)

    def _named(self, name: str, *members: object) -> object:
        return (..., name, [self.form(member) for member in members])

    def _opaque(self, kind: type) -> object:
        self.unknown[f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")] = None
        return (..., "opaque", type_name(kind))

    def _known(self, value: Any, kind: type) -> object:
        if not is_data(value):
            return self._planned(value, kind)
        from motet.values.identity import content

        means = content.told_as_means(value, kind, held=self.held)
        if means is not None:
            return (..., "means", *means)
        try:
            found = content.parts(value)
        except Exception:  # noqa: BLE001 - boundary: looking into an object runs its own code
            found = None
        if found is None:
            return self._opaque(kind)
        name, exact, members = found
        if not exact:
            self._opaque(kind)
        held, self.held = self.held, self.held or name in _HOLDING
        form = self._named(name, *members)
        self.held = held
        return form

    def _planned(self, value: Any, kind: type) -> object:
        """The form of code: all that it reaches, and the values that it reads."""
        self.code = True
        if self.by_name:
            return self._called(value)
        if isinstance(value, type) and not is_own(module_of(value), _file_of(value)):
            return (..., "type", type_name(value), version_of(module_of(value)))
        plan = plan_of(value)
        held, self.held = self.held, True
        reads = [(read.name, self.form(read.value())) for read in plan.reads if not is_usual(read)]
        self.held = held
        for asked in plan.runtime:
            self.unknown[f"code that reads {asked}"] = None
        for name in plan.made_up:
            self.unknown[f"{name}, which {MADE_UP}"] = None
        return (..., "code", plan.code, sorted(reads), [(name, version_of(name)) for name in plan.packages])

    def _called(self, value: Any) -> object:
        """The form of code by its name, with the values that it was made around."""
        if isinstance(value, ModuleType):
            return (..., "module", module_name(value.__name__))
        held, self.held = self.held, True
        if isinstance(value, FunctionType):
            form = self._named("code", target_of(value), *(look_up(cell, "") for cell in value.__closure__ or ()))
        elif isinstance(value, type | BuiltinFunctionType):
            form = self._named("code", target_of(value))
        else:
            name, parts = parts_of(value)
            form = self._named(name, *(part for _, part in parts))
        self.held = held
        return form


_HOLDING = frozenset(("object", "dataclass", "attrs", "model", "content"))
"""Kinds of objects that hold means of their own: an object's lock is its own affair."""


def _file_of(cls: type) -> str | None:
    return getattr(sys.modules.get(module_of(cls)), "__file__", None)


def is_usual(read: Read) -> bool:
    """Whether the name of a module that may not be loaded yet is what its file says."""
    if read.usual is ABSENT:
        return False
    value = read.value()
    return value is ABSENT or (type(value) is type(read.usual) and value == read.usual) or type(value) not in _SCALARS


# ---------------------------------------------------------------- forms

_SHORT = 40
_INT = 2**53
"""JSON is read by others than Python, too: they keep integers up to here."""


def scalar_form(value: Any) -> Json:
    """The form of None, a bool, a number, a text or bytes; `...` for any other value."""
    kind = type(value)
    if kind is bool or value is None:
        return value
    if kind is int:
        return value if -_INT < value < _INT else digest_form(b"i%d" % value)
    if kind is float:
        return value if isfinite(value) else digest_form(b"f" + repr(value).encode())
    if kind is str:
        if len(value) > _SHORT or value[:1] in ("#", "@") or _is_secret(value):
            return digest_form(b"s" + value.encode("utf-8", "surrogatepass"))
        return value
    if kind is bytes:
        return digest_form(b"b" + value)
    return digest_form(b"c" + repr(value).encode()) if kind is complex else ...


def scalar_forms(values: Sequence[Any]) -> list[Json]:
    """The forms of scalars."""
    return [scalar_form(value) for value in values]


def value_form(value: Any) -> Json:
    """The form of any value."""
    return Walk(held=True).told(value)


def digest_form(content: bytes) -> str:
    """The form of a value that is told by this content alone."""
    return f"#{blake2b(content, digest_size=10).hexdigest()}"


def step_form(key: str) -> str:
    """The form of the result of a step."""
    return f"@{key}"


def _is_secret(text: str) -> bool:
    return hide(text) != text


# ---------------------------------------------------------------- what code reads


def outside_of(plan: Plan) -> tuple[dict[str, Json], dict[str, str]]:
    """The values that code reads beside its arguments, as they are now: their forms by name; and by name what of them
    cannot be told.
    """
    forms: dict[str, Json] = {}
    unknown: dict[str, str] = {}
    for read in plan.reads:
        value = read.value()
        form = scalar_form(value)
        if form is ...:
            if is_usual(read):
                continue
            form, cannot = _looked_at(value)
            if cannot:
                unknown[read.name] = cannot
        elif read.usual is not ABSENT and is_usual(read):
            continue
        forms[read.name] = form
    return forms, unknown | dict.fromkeys(plan.made_up, MADE_UP)


_LARGE_BYTES = 64 * 1024
_MOST_BYTES = 256 * 1024 * 1024
_spent = [0]

_MOST_KEPT, _LONGEST_KEPT = 64, 20_000
_kept: dict[int, tuple[Any, tuple[Any, ...], Json]] = {}
"""By id: containers of scalars that code reads, with what was in them when they were looked at, and their form."""


def _looked_at(value: Any) -> tuple[Json, str]:
    """The form of a value that code reads, and what of it cannot be told. Any such value may have been changed in place
    since, so it is looked at each time; a process does that with so many bytes of large ones, and then no more. What
    holds the very scalars that it held is unchanged.
    """
    members = _members(value)
    known = _kept.get(id(value))
    if known is not None and members is not None and _are_the_very(known[1], members):
        return known[2], ""
    if _spent[0] > _MOST_BYTES and getattr(value, "nbytes", 0) > _LARGE_BYTES:
        return digest_form(b"large"), "is large and may be changed in place: pass it as an argument"
    before = tuple(members or ())
    walk = Walk(held=True)
    form = walk.told(value)
    if walk.size > _LARGE_BYTES:
        _spent[0] += walk.size
    if before and _SCALARS.issuperset(map(type, before)):
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[id(value)] = (value, before, form)
    return form, walk.cannot


def _are_the_very(ones: Sequence[Any], others: Sequence[Any]) -> bool:
    return len(ones) == len(others) and all(map(is_, ones, others))


def _members(value: Any) -> Sequence[Any] | None:
    """What stands in a list, tuple or dict that is neither small nor large; None for other values."""
    kind = type(value)
    if (kind is not list and kind is not tuple and kind is not dict) or not _SMALL < len(value) <= _LONGEST_KEPT:
        return None
    return [*value, *value.values()] if kind is dict else value
