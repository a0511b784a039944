"""What an object is made of, for fingerprints: the parts that tell it from others of its type.

Code (functions, classes, partials, ...) is not looked at here: see `code`. Libraries are recognised only where they are
loaded: an object of theirs cannot exist before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, TypeAlias

from motet.values.hashing import blake2b
from motet.values.identity.means import told_as_means as told_as_means
from motet.values.identity.modules import module_of

Parts: TypeAlias = tuple[str, bool, tuple[object, ...]]
"""A name for the kind, whether the parts tell all, and the parts: values to be looked into in turn."""


def parts(value: Any) -> Parts | None:
    """The parts of `value`, or None for an object that is opaque."""
    cls = type(value)
    for read in _READERS:
        found = read(value, cls)
        if found is not None:
            return found
    return None


def _name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _typing(value: Any, cls: type) -> Parts | None:
    """Types with arguments, and builtin methods of an object."""
    if cls.__module__ in ("typing", "types") and hasattr(value, "__origin__"):
        return "generic", True, (value.__origin__, value.__args__, getattr(value, "__metadata__", None))
    if cls.__module__ == "types" and cls.__name__ == "UnionType":
        return "union", True, value.__args__
    if cls.__module__ == "typing" and cls.__name__ in ("TypeVar", "_SpecialForm", "_AnyMeta", "ParamSpec"):
        return "typing", True, (repr(value),)
    if cls.__name__ == "builtin_function_or_method":
        return "method", True, (value.__name__, value.__self__)
    if cls.__name__ == "mappingproxy":
        return "mappingproxy", True, (dict(value),)
    return None


_TEXTS: dict[str, Callable[[Any], object]] = {
    "decimal:Decimal": str,
    "fractions:Fraction": str,
    "uuid:UUID": lambda value: value.hex,
    "datetime:date": lambda value: value.isoformat(),
    "datetime:timedelta": repr,
    "datetime:timezone": repr,
    "zoneinfo:ZoneInfo": lambda value: value.key,
    "builtins:range": repr,
    "builtins:ellipsis": repr,
    "builtins:NotImplementedType": repr,
    "builtins:bytearray": bytes,
    "ipaddress:IPv4Address": str,
    "ipaddress:IPv6Address": str,
}


def _scalar(value: Any, cls: type) -> Parts | None:
    name = _name(cls)
    text = _TEXTS.get(name)
    if text is not None:
        return name, True, (text(value),)
    if name in ("datetime:datetime", "datetime:time"):
        zone = value.tzinfo
        return name, True, (value.isoformat(), value.fold, getattr(zone, "key", None) or type(zone))
    if name == "builtins:slice":
        return name, True, (value.start, value.stop, value.step)
    if name == "re:Pattern":
        return name, True, (value.pattern, value.flags)
    if cls is memoryview:
        return name, True, (value.format, value.shape, value.tobytes())
    return None


def _said(value: Any, cls: type) -> Parts | None:
    """An object whose class says what its content is: by the names of attributes, or by a method."""
    content = getattr(cls, "__content__", None)
    if content is None:
        return None
    if callable(content):
        return "content", True, (cls, content(value))
    return "content", True, (cls, *((name, getattr(value, name, None)) for name in content))


def _stdlib_object(value: Any, cls: type) -> Parts | None:
    if isinstance(value, Enum):
        return "enum", True, (cls, value.name or value.value)  # the values of names are the class's
    pathlib = sys.modules.get("pathlib")
    if pathlib is not None and isinstance(value, pathlib.PurePath):
        return "path", True, (str(value),)
    if hasattr(cls, "__dataclass_fields__"):
        names = list(getattr(cls, "__record__", None) or cls.__dataclass_fields__)
        members = [(name, getattr(value, name, None)) for name in names]
        return "dataclass", True, (cls, *members, *_beside(value, names))
    if hasattr(cls, "__attrs_attrs__"):
        return "attrs", True, (cls, *((a.name, getattr(value, a.name)) for a in cls.__attrs_attrs__))
    return None


def _model(value: Any, cls: type) -> Parts | None:
    if hasattr(cls, "__pydantic_validator__") and hasattr(value, "__dict__"):
        extra, private = (getattr(value, f"__pydantic_{each}__", None) for each in ("extra", "private"))
        return "model", True, (cls, _attributes(value, cls), extra, private)
    return None


def _beside(value: Any, names: Iterable[str]) -> tuple[object, ...]:
    """What an object has beside its fields, if anything."""
    more = _attributes(value, type(value)).keys() - set(names)
    return (sorted((name, vars(value)[name]) for name in more),) if more else ()


def _attributes(value: Any, cls: type) -> dict[str, Any]:
    """The attributes of an object, but for values that it only keeps because they were asked for once."""
    return {name: each for name, each in getattr(value, "__dict__", {}).items() if not _is_kept(cls, name)}


def _is_kept(cls: type, name: str) -> bool:
    found = next((vars(each)[name] for each in cls.__mro__ if name in vars(each)), None)
    return type(found).__name__ == "cached_property"


def _object(value: Any, cls: type) -> Parts | None:
    """Any other object, as it would be copied: by its class and attributes, or as it says itself. None for one that
    holds what cannot be copied: a file, a connection, a generator.
    """
    try:
        reduced = value.__reduce_ex__(4)
    except TypeError:
        return None
    if isinstance(reduced, str):
        return "global", True, (cls, reduced)
    made, given, state, items, pairs = (*reduced, None, None, None)[:5]
    if isinstance(state, dict):
        state = {name: each for name, each in state.items() if not (isinstance(name, str) and _is_kept(cls, name))}
    given = tuple(each for each in given if each is not cls)
    return "object", True, (cls, made, given, state, items and list(items), pairs and list(pairs))


_BUILTINS: dict[type, Callable[[Any], object]] = {
    # The builtins' own conversions: a subclass may show itself differently.
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    bytes: bytes.__bytes__,
    **{builtin: builtin for builtin in (tuple, list, dict, set, frozenset)},
}


def _subclass(value: Any, cls: type) -> Parts | None:
    """Instances of subclasses of builtin types: the builtin value, the class, and what else they carry."""
    for builtin, convert in _BUILTINS.items():
        if isinstance(value, builtin) and not _is_library(cls):
            content: object = convert(value)
            if isinstance(value, dict) and cls.__name__ == "OrderedDict":
                content = list(value.items())
            extra = (_attributes(value, cls) or None, getattr(value, "default_factory", None))
            return "subclass", True, (cls, content, *extra)
    return None


def _is_library(cls: type) -> bool:
    return module_of(cls).partition(".")[0] in ("numpy", "pandas", "pyarrow")


# ---------------------------------------------------------------- arrays and tables


def _numpy(value: Any, cls: type) -> Parts | None:
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "ndarray"):
        return None
    if isinstance(value, numpy.ndarray):
        if cls is numpy.ndarray or cls is numpy.memmap:
            return "ndarray", True, _array(numpy, value)
        mask = getattr(value, "mask", None)
        return "array of a subclass", mask is not None, (_name(cls), mask, *_array(numpy, value))
    if isinstance(value, numpy.generic):
        if value.dtype.hasobject:
            return None
        return "numpy scalar", True, (repr(value.dtype.descr), value.tobytes())
    if isinstance(value, numpy.dtype):
        return "dtype", True, (repr(value.descr) if value.names else value.str,)
    return None


def _array(numpy: Any, value: Any) -> tuple[object, ...]:
    array = numpy.asarray(value)
    if array.dtype.hasobject:
        return repr(array.dtype), array.shape, array.tolist()
    flat = numpy.ascontiguousarray(array).reshape(-1)
    content = flat.view("u1").data if flat.size and flat.itemsize else b""
    return repr(array.dtype.descr), array.shape, blake2b(content, digest_size=16).digest()


def _pandas(value: Any, cls: type) -> Parts | None:
    pandas = sys.modules.get("pandas")
    if pandas is None or not hasattr(pandas, "DataFrame"):
        return None
    if isinstance(value, pandas.DataFrame):
        columns = tuple(_column(pandas, value.iloc[:, at]) for at in range(value.shape[1]))
        return _name(cls), True, (value.columns, value.index, columns)
    if isinstance(value, pandas.Series):
        return _name(cls), True, (value.name, value.index, _column(pandas, value))
    if isinstance(value, pandas.RangeIndex):
        return _name(cls), True, (value.start, value.stop, value.step, value.name)
    if isinstance(value, pandas.Index):
        return _name(cls), True, (list(value.names), _column(pandas, value))
    if isinstance(value, (pandas.Timestamp, pandas.Timedelta)):
        return _name(cls), True, (value.isoformat(), str(getattr(value, "tz", "")), value.unit)
    if value is pandas.NA or value is pandas.NaT:
        return "pandas missing", True, (repr(value),)
    return None


def _column(pandas: Any, values: Any) -> tuple[object, ...]:
    """The type and content of a series or index. Only object columns are looked into one value at a time."""
    dtype = getattr(values, "dtype", None)
    if str(dtype) == "object":
        return "object", list(values)
    if getattr(dtype, "kind", "O") in "biufcmM" and type(dtype).__module__.startswith("numpy"):
        return "numpy", values.to_numpy()
    hashes = pandas.util.hash_pandas_object(values, index=False)
    return repr(dtype), hashes.to_numpy()


def _pyarrow(value: Any, cls: type) -> Parts | None:
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is None or not hasattr(pyarrow, "Table") or not module_of(cls).startswith("pyarrow"):
        return None
    if isinstance(value, pyarrow.Table):
        return "arrow table", True, (_arrow_content(pyarrow, value),)
    if isinstance(value, pyarrow.RecordBatch):
        return "arrow batch", True, (_arrow_content(pyarrow, pyarrow.Table.from_batches([value])),)
    if isinstance(value, (pyarrow.Array, pyarrow.ChunkedArray)):
        return "arrow array", True, (_arrow_content(pyarrow, pyarrow.table({"": value})),)
    if isinstance(value, pyarrow.Scalar):
        return "arrow scalar", True, (str(value.type), value.as_py())
    if isinstance(value, (pyarrow.Schema, pyarrow.DataType, pyarrow.Field)):
        return "arrow type", True, (str(value),)
    return None


def _arrow_content(pyarrow: Any, table: Any) -> bytes:
    """A digest of the table that does not depend on how it is cut into chunks."""
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return blake2b(sink.getvalue(), digest_size=16).digest()


_READERS: tuple[Callable[[Any, type], Parts | None], ...] = (
    _said, _typing, _scalar, _stdlib_object, _numpy, _pandas, _pyarrow, _model, _subclass, _object,
)  # fmt: skip
