"""What is code in other clothes: partials, wrapped and cached functions, properties, tasks; the members of classes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

from motet.typed import Any

_PARTS: dict[str, tuple[str, ...]] = {
    "functools:partial": ("func", "args", "keywords"),
    "functools:partialmethod": ("func", "args", "keywords"),
    "functools:_lru_cache_wrapper": ("__wrapped__",),
    "functools:cached_property": ("func",),
    "functools:singledispatchmethod": ("func", "dispatcher"),
    "builtins:property": ("fget", "fset", "fdel"),
    "builtins:staticmethod": ("__func__",),
    "builtins:classmethod": ("__func__",),
    "builtins:method": ("__func__", "__self__"),
    "pydantic._internal._decorators:PydanticDescriptorProxy": ("wrapped",),
}
"""By type: the attributes that say what it does."""


def parts_of(value: Any) -> tuple[str, list[tuple[str, Any]]]:
    """What a wrapper is called, and what it is made of, by name."""
    if isinstance(value, FunctionType):  # of functools.singledispatch
        registry = value.registry  # type: ignore[attr-defined]
        return "dispatch", sorted(((f"{cls.__module__}:{cls.__qualname__}", each) for cls, each in registry.items()))
    if "fn" in getattr(value, "__dict__", ()):
        return "task", [("fn", value.fn)]
    name = _name(type(value))
    names = _PARTS.get(name) or ("__wrapped__",)
    return name, [(each, getattr(value, each)) for each in names]


def is_wrapper(value: Any) -> bool:
    """Whether `parts_of` tells what the value is."""
    cls = type(value)
    if _name(cls) in _PARTS:
        return True
    try:
        held = getattr(value, "__dict__", None)
    except Exception:  # noqa: BLE001 - boundary: the value's own way of finding attributes
        return False
    if not isinstance(held, dict):
        return False
    return "__wrapped__" in held and ("fn" in held if cls.__module__.startswith("motet.") else not _is_plain(cls))


def is_data(value: Any) -> bool:
    """Whether a value is one to be looked into, rather than code to be followed."""
    if isinstance(value, FunctionType | type | ModuleType | MethodType):
        return False
    if isinstance(value, BuiltinFunctionType):
        return not isinstance(value.__self__, ModuleType | None)
    return not is_wrapper(value)


def members_of(cls: type) -> Iterator[tuple[str, Any]]:
    """What a class says, by name, in an order of its own: what Python or a decorator made of it is left out."""
    generated = _is_generated(cls)
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(cls, enum.EnumMeta):
        yield "members", [(name, each._value_) for name, each in cls._member_map_.items()]
        generated = True
    elif "__dataclass_fields__" in vars(cls):
        names = ("name", "default", "default_factory", "init", "repr", "hash", "compare", "kw_only", "metadata")
        fields = cls.__dataclass_fields__.values()  # type: ignore[attr-defined]
        said = cls.__dataclass_params__  # type: ignore[attr-defined]
        yield "options", [getattr(said, name, None) for name in _OPTIONS]
        yield "fields", [[_unless_missing(getattr(each, name)) for name in names] for each in fields]
    elif "__pydantic_fields__" in vars(cls) or "model_fields" in vars(cls):
        fields = cls.__dict__.get("__pydantic_fields__") or cls.model_fields  # type: ignore[attr-defined]
        yield "fields", [*fields.items(), *getattr(cls, "__private_attributes__", {}).items()]
    for name in sorted(vars(cls)):
        value = vars(cls)[name]
        if _is_said(cls, name, value, generated):
            yield name, value


_OPTIONS = ("init", "repr", "eq", "order", "unsafe_hash", "frozen", "match_args", "slots")
"""Of a dataclass."""


def _unless_missing(value: Any) -> Any:
    return None if type(value).__name__ == "_MISSING_TYPE" else value


def _is_generated(cls: type) -> bool:
    """Whether something made methods for the class: a dataclass, attrs, a named tuple."""
    return any(hasattr(cls, name) for name in ("__dataclass_fields__", "__attrs_attrs__", "_field_defaults"))


_DERIVED = frozenset(("_abc_impl", "_fields_defaults", "__parameters__", "model_fields", "model_computed_fields"))
_TELLING = frozenset(("__slots__", "__content__"))


def _is_said(cls: type, name: str, value: Any, generated: bool) -> bool:
    """Whether the member is one that somebody wrote."""
    kind = type(value).__name__
    if (
        name in _DERIVED
        or name.startswith("__pydantic")
        or kind in ("member_descriptor", "getset_descriptor", "wrapper_descriptor", "_tuplegetter")
    ):
        return False
    if isinstance(value, FunctionType):
        return not (generated and value.__code__.co_filename.startswith("<"))
    if name.startswith("__") and name.endswith("__"):
        return name in _TELLING or is_wrapper(value)
    enum = sys.modules.get("enum")
    return is_wrapper(value) or not (enum is not None and isinstance(cls, enum.EnumMeta))


def _is_plain(cls: type) -> bool:
    """Whether instances are told by their attributes, wrapped function included: they hold nothing that is hidden."""
    return bool(cls.__flags__ & (1 << 9)) and "__init__" in dir(cls)


def _name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"
