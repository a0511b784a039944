"""What the arguments of a `.map` call give to each element."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from motet.dialects.python.annotations import Annotation, allow_failure, bare, quote, unmapped
from motet.dialects.python.futures import Future, FutureList
from motet.dialects.python.states import State
from motet.errors import UsageError
from motet.records import Record, field
from motet.values.iterators import refuse_shared


class Split(Record):
    """`spread`: sequences, one value for each element; `shared`: values for all.

    each    keys of the maps that are followed element by element
    loose   values whose steps must have ended before any element starts
    """

    spread: dict[str, Sequence[Any]] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    each: list[str] = field(default_factory=list)
    loose: list[Any] = field(default_factory=list)

    def content(self) -> dict[str, Any]:
        """The arguments by name, as an earlier version told this call from others."""
        lists = {name: values for name, values in self.spread.items() if not isinstance(values, FutureList)}
        return {**{name: _bare(values) for name, values in lists.items()}, **self.shared}


def split(task: str, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> Split:
    """Sort the arguments; defaults are for all elements.

    Raises UsageError where nothing can be mapped over, or lengths differ.
    """
    parts = Split(shared=dict(defaults))
    for name, value in arguments.items():
        if isinstance(value, Future | State):
            value = value.result()  # how many elements there are cannot be known before
        if isinstance(value, allow_failure | quote) and (each := _each(value)) is not None:
            parts.spread[name] = each
            parts.loose.append(each)
        elif isinstance(value, Annotation):
            parts.shared[name] = value
            parts.loose.append(value.value if isinstance(value, unmapped) else value)
        elif isinstance(value, FutureList):
            parts.spread[name] = value
            parts.each.append(value.key)
        elif _is_many(value):
            parts.spread[name] = values = value if isinstance(value, Sequence) else list(value)
            parts.loose.append(values)
        else:
            parts.shared[name] = value
            parts.loose.append(value)
    _check(task, parts, arguments)
    return parts


def _bare(values: Sequence[Any]) -> Sequence[Any]:
    return [bare(each) for each in values] if values and isinstance(values[0], Annotation) else values


def _is_many(value: Any) -> bool:
    return isinstance(value, Iterable) and not _whole(value)


def _whole(value: Any) -> str:
    """Why the value is one value though it can be iterated, and how to spread it; empty if nothing speaks for that."""
    kind = type(value)
    if isinstance(value, str | bytes | bytearray | memoryview):
        return "a text: to spread its characters, give list(...)"
    if isinstance(value, Mapping):
        return "a mapping: to spread it, give its .keys(), .values() or .items()"
    if _has(value, "readline"):
        return "an open file: to spread its lines, give .readlines()"
    if hasattr(kind, "columns") or hasattr(kind, "column_names"):
        return "a table: to spread its rows, give a list of them, such as .to_dict('records') or .to_pylist()"
    if _has(value, "shape") and value.shape == ():
        return "an array of no dimension"
    records = ("__pydantic_validator__", "__dataclass_fields__", "__attrs_attrs__")
    if not isinstance(value, Sequence) and any(hasattr(kind, each) for each in records):
        return "a model: to spread what it holds, give a list of that"
    if hasattr(kind, "named_parameters") and hasattr(kind, "forward"):
        return "a neural network: to spread its layers, give list(...)"
    return ""


def _has(value: Any, name: str) -> bool:
    try:
        return hasattr(value, name)
    except Exception:  # noqa: BLE001 - boundary: the value's own way of finding attributes
        return False


def _each(value: Annotation[Any]) -> list[Annotation[Any]] | None:
    """The annotation around each element of the sequence that it stands around; None if it is around something else."""
    inner = value.value
    if isinstance(value, allow_failure) and isinstance(inner, Future | State):
        inner = inner.result(raise_on_failure=False)
    return [type(value)(each) for each in inner] if _is_many(inner) else None


def _check(task: str, parts: Split, given: Mapping[str, Any]) -> None:
    if not parts.spread:
        wholes = {name: _whole(parts.shared[name]) for name in given if name in parts.shared}
        told = "".join(f" {name} is {why}." for name, why in wholes.items() if why)
        raise UsageError(
            f"{task}.map() was given nothing to map over.{told}",
            "Give a list (or another sequence) for at least one parameter.",
        )
    sizes = {name: len(values) for name, values in parts.spread.items()}
    if max(sizes.values()) > 1:
        refuse_shared(task, ((name, bare(value)) for name, value in parts.shared.items()))
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise UsageError(
            f"{task}.map() was given sequences of different lengths: {told}.",
            "Make them equally long, or wrap what is meant for every element in unmapped().",
        )
