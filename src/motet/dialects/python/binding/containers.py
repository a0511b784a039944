"""Where futures may stand in an argument: in lists, tuples, dicts, sets, dataclasses, pydantic models and their kin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes))
_LISTS = (list, tuple, set, frozenset)


def members(value: Any) -> Iterable[Any]:
    """What a container holds that may be or hold a future; nothing of what is no container."""
    kind = type(value)
    if isinstance(value, dict):
        return value.values() if PLAIN.issuperset(map(type, value)) else (*value, *value.values())
    if kind in _LISTS or _is_named(kind):
        return value if not PLAIN.issuperset(map(type, value)) else ()
    return _fields(value, kind).values()


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


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """The container anew, with `change` made to each member; the same object where that changes none."""
    kind = type(value)
    if isinstance(value, dict):
        return _dict(value, {change(name): change(each) for name, each in value.items()})
    if kind in _LISTS or _is_named(kind):
        return (kind if kind in _LISTS else kind._make)(change(each) for each in value)
    found = _fields(value, kind)
    new = {name: change(each) for name, each in found.items()}
    if all(new[name] is each for name, each in found.items()):
        return value
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import replace

        return replace(value, **new)
    return value.model_copy(update=new)


def _is_named(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _dict(value: Any, items: dict[Any, Any]) -> Any:
    """A dict of the same kind with these items."""
    if type(value) is dict:
        return items
    from copy import copy

    made = copy(value)
    made.clear()
    made.update(items)
    return made


def _fields(value: Any, kind: type) -> dict[str, Any]:
    """The fields of a dataclass or of a pydantic model, by name."""
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields

        return {each.name: getattr(value, each.name) for each in fields(value) if each.init}
    if hasattr(kind, "__pydantic_validator__") and hasattr(kind, "model_copy"):
        return {**value.__dict__, **(value.__pydantic_extra__ or {})}
    return {}
