"""Values within values: in lists, tuples, dicts, sets, deques, and objects with fields; and containers made anew with
others in their places.

Objects with fields are dataclasses, attrs classes and pydantic models. Subclasses count as well: named tuples, ordered
and default dicts, lists of a user's own. They are made anew as copies that keep all else that they hold; no `__init__`
is called. A container that leads to nothing that is replaced is given as it is, and one that stands in several places,
or in itself, does so afterwards.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from math import isfinite

from motet.errors import UsageError
from motet.typed import TYPE_CHECKING, Any
from motet.values.secrets import hide

if TYPE_CHECKING:
    from motet.kernel.events import Json

PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes))
_CONTAINERS = (list, tuple, set, frozenset, deque)
_EXACT = frozenset(_CONTAINERS)


def members(value: Any) -> Iterable[Any]:
    """What a container holds that may be, or hold, what is looked for; nothing of what is no container."""
    kind = type(value)
    own = _fields(value).values() if kind not in _EXACT and kind is not dict else ()
    if isinstance(value, dict):
        held: Any = value.values() if PLAIN.issuperset(map(type, value)) else (*value, *value.values())
    elif isinstance(value, _CONTAINERS):
        held = value if not PLAIN.issuperset(map(type, value)) else ()
    else:
        return own
    return (*held, *own) if own else held


def holds(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether the value is one of these kinds, or holds such a value, however deep."""
    seen, stack = set(), [value]
    while stack:
        each = stack.pop()
        if isinstance(each, kinds):
            return True
        if type(each) not in PLAIN and id(each) not in seen:  # a container may hold itself
            seen.add(id(each))
            stack.extend(members(each))
    return False


def replaced(value: Any, kinds: tuple[type, ...], change: Callable[[Any], Any]) -> Any:
    """The value with all of these kinds in it replaced by what `change` makes of them."""
    leading = _leading(value, kinds)
    return _Replacing(kinds, change, leading).of(value) if leading or isinstance(value, kinds) else value


def _leading(value: Any, kinds: tuple[type, ...]) -> set[int]:
    """The ids of the containers that hold a value of these kinds, however deep."""
    holders: dict[int, list[int]] = {}
    found: list[int] = []
    stack = [value]
    while stack:
        container = stack.pop()
        for each in members(container):
            if isinstance(each, kinds):
                found.append(id(container))
            elif type(each) not in PLAIN:
                if id(each) not in holders:
                    holders[id(each)] = []
                    stack.append(each)
                holders[id(each)].append(id(container))
    leading: set[int] = set()
    while found:
        place = found.pop()
        if place not in leading:
            leading.add(place)
            found += holders.get(place, ())
    return leading


class _Replacing:
    """One pass over a value."""

    def __init__(self, kinds: tuple[type, ...], change: Callable[[Any], Any], leading: set[int]) -> None:
        self._kinds = kinds
        self._change = change
        self._leading = leading
        self._made: dict[int, Any] = {}

    def of(self, value: Any) -> Any:
        """What stands for it afterwards."""
        if isinstance(value, self._kinds):
            return self._change(value)
        if id(value) not in self._leading:
            return value
        if id(value) not in self._made:
            self._fill(value, self._shell(value))
        return self._made[id(value)]

    def _shell(self, value: Any) -> Any:
        """What it becomes, known before it is filled: so that what it holds may hold it."""
        if isinstance(value, tuple | frozenset):
            kind = type(value)
            base: Any = tuple if isinstance(value, tuple) else frozenset
            made = base.__new__(kind, [self.of(each) for each in value])
            if hasattr(value, "__dict__"):
                vars(made).update(vars(value))
            return self._made.setdefault(id(value), made)
        made = self._made[id(value)] = _copied(value)
        return made

    def _fill(self, value: Any, made: Any) -> None:
        if isinstance(value, dict):
            base = OrderedDict if isinstance(value, OrderedDict) else dict
            items = [(self.of(name), self.of(each)) for name, each in value.items()]
            base.clear(made)
            for name, each in items:
                base.__setitem__(made, name, each)
        elif isinstance(value, list):
            list.__setitem__(made, slice(None), [self.of(each) for each in value])
        elif isinstance(value, set | deque):
            held = [self.of(each) for each in value]
            kept: Any = set if isinstance(value, set) else deque
            kept.clear(made)
            (kept.update if kept is set else kept.extend)(made, held)
        for name, each in _fields(value).items():
            new = self.of(each)
            if new is not each:
                _set_field(made, name, new)


def _copied(value: Any) -> Any:
    """A shallow copy. Raises UsageError where its class allows none."""
    from copy import copy

    try:
        return copy(value)
    except Exception as error:  # boundary: the class's own way of being copied
        base = next((each for each in (list, dict, set) if isinstance(value, each)), None)
        if base is None or not hasattr(value, "__dict__"):
            raise UsageError(
                f"A {type(value).__qualname__} that holds a future cannot be copied, and so not be given what the "
                f"future stands for ({type(error).__name__}: {error}).",
                "Give it the value: .result().",
            ) from error
    made: Any = base.__new__(type(value))  # its own way of being filled asks for attributes
    vars(made).update(vars(value))
    return made


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, an attrs class or a pydantic model that have a value, by name."""
    kind = type(value)
    names: Iterable[str]
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields

        names = [each.name for each in fields(value)]
    elif hasattr(kind, "__attrs_attrs__"):
        names = [each.name for each in kind.__attrs_attrs__]
    elif hasattr(kind, "__pydantic_validator__") and hasattr(kind, "model_copy"):
        return {**value.__dict__, **(value.__pydantic_extra__ or {})}
    else:
        return {}
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _set_field(made: Any, name: str, value: Any) -> None:
    """Set a field of a copy, whatever its class says of setting it."""
    extra = getattr(made, "__pydantic_extra__", None)
    if extra is not None and name in extra:
        extra[name] = value
    else:
        object.__setattr__(made, name, value)


# ---------------------------------------------------------------- for people


_CHARS = 80
_ITEMS = 20
_DEPTH = 3
_MOST_CHARS = 1000
_ELEMENTS = 500
_NUMBERS = (bool, int, float)


def seen(spec: dict[str, Json], values: Mapping[str, Any]) -> dict[str, Json]:
    """The spec of a call with what its arguments are, where it has mere digests: for people, and no part of it."""
    inputs = spec.get("inputs")
    if not inputs or PLAIN.issuperset(map(type, values.values())):
        return spec
    shown = given(inputs, values)
    return {**spec, "shown": shown} if shown else spec


def given(inputs: Mapping[str, Json], values: Mapping[str, Any]) -> dict[str, Json]:
    """Of the arguments whose forms are mere digests, what they are; of those of a map's elements, one for each."""
    found: dict[str, Json] = {}
    for name, value in values.items():
        form = inputs.get(name)
        if isinstance(form, list):
            if len(form) <= _ELEMENTS and any(map(_is_digest, form)):
                each = [glimpse(one) if _is_digest(told) else None for one, told in zip(value, form, strict=False)]
                found[name] = each if any(one is not None for one in each) else None
        elif _is_digest(form):
            found[name] = glimpse(value)
    return {name: told for name, told in found.items() if told is not None}


def _is_digest(form: Json) -> bool:
    return isinstance(form, str) and form[:1] == "#"


def glimpse(value: Any) -> Json:
    """The value, cut short; None for what can only be told by its class, or not in a few words."""
    try:
        told = _cut(value, _DEPTH)
        return told if len(str(told)) <= _MOST_CHARS else None
    except Exception:  # noqa: BLE001 - boundary: the value's own attributes
        return None


def _cut(value: Any, depth: int) -> Json:
    kind = type(value)
    if value is None or kind in _NUMBERS:
        return value if kind is not float or isfinite(value) else str(value)
    if kind is str:
        shown = hide(value[: 4 * _CHARS])
        return shown if len(shown) <= _CHARS else f"{shown[: _CHARS - 1]}…"
    if kind is dict and depth:
        told = {str(name): _cut(each, depth - 1) for name, each in islice(value.items(), _ITEMS)}
        return told if len(value) <= _ITEMS else {**told, "…": f"{len(value) - _ITEMS} more"}
    if kind in (list, tuple, set, frozenset) and depth:
        found = [_cut(each, depth - 1) for each in islice(value, _ITEMS)]
        return found if len(value) <= _ITEMS else [*found, f"… {len(value) - _ITEMS} more"]
    shape = getattr(value, "shape", None)
    return f"<{kind.__name__}{f' {tuple(shape)}' if shape else ''}>"
