"""Parameters checked against a JSON schema: as far as the schemas go that voices make of their workflows.

What a schema asks that is not known here is not looked at: the run sees for itself when it begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from math import isclose, isfinite
from typing import Any
from uuid import UUID

from motet.errors import ParameterError, did_you_mean
from motet.kernel.events import Json
from motet.ports.voice import Written

_KINDS: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),), "boolean": (bool,), "integer": (int,), "number": (int, float), "string": (str,),
    "array": (list,), "object": (dict,),
}  # fmt: skip
_TOLD = {
    "null": "null", "boolean": "true or false", "integer": "a whole number", "number": "a number", "string": "a text",
    "array": "a list", "object": "an object",
}  # fmt: skip
_WORDS = {"yes": True, "on": True, "true": True, "y": True, "no": False, "off": False, "false": False, "n": False}
_FORMATS: Mapping[str, Callable[[str], object]] = {
    "date": date.fromisoformat, "date-time": datetime.fromisoformat, "time": time.fromisoformat, "uuid": UUID,
}  # fmt: skip
_DEEPEST = 50


class _Misfit(Exception):
    """A value does not fit; says where in it, and why."""

    def __init__(self, told: str, place: str = "") -> None:
        super().__init__(told)
        self.told, self.place = told, place


def fitted(schema: Json, given: Mapping[str, Any], there: Mapping[str, Json], what: str) -> dict[str, Json]:
    """The parameters `given` to `what` as JSON, each as its schema asks; what was typed (`Written`) becomes that.

    `there` are those that need not be given. Raises ParameterError, naming the parameter, what was found and what is
    asked for.
    """
    properties: dict[str, Json] = schema.get("properties", {})
    check_names(schema, given, what)
    missing = [name for name in schema.get("required", ()) if name not in given and name not in there]
    if missing:
        raise ParameterError(
            f"{what[:1].upper()}{what[1:]} needs {', '.join(missing)}.",
            " ".join(f"Give -p {name}=VALUE." for name in missing),
        )
    more = schema.get("additionalProperties", {})
    shared = schema.get("$defs", {})
    found = {}
    for name, value in given.items():
        asked = properties.get(name, more if isinstance(more, dict) else {})
        try:
            found[name] = _one(asked, value, shared)
        except _Misfit as misfit:
            raise ParameterError(
                f"Parameter {name}{misfit.place} of {what}: {misfit.told}.", f"Asked for is {told(asked)}."
            ) from None
    return found


def check_names(schema: Json, names: Iterable[str], what: str) -> None:
    """Raise ParameterError for a name that no parameter of `what` has."""
    properties: dict[str, Json] = schema.get("properties", {})
    for name in names:
        if name not in properties and schema.get("additionalProperties", True) is False:
            cure = did_you_mean(name, properties, f"It takes {', '.join(properties) or 'no parameters'}.")
            raise ParameterError(f"{what[:1].upper()}{what[1:]} has no parameter {name!r}.", cure)


def told(schema: Json) -> str:
    """What the schema asks for, in a few words."""
    if not isinstance(schema, dict):
        return "anything" if schema else "nothing"
    if "enum" in schema:
        return f"one of {', '.join(map(_short, schema['enum']))}"
    if "const" in schema:
        return _short(schema["const"])
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return " or ".join(dict.fromkeys(map(told, schema[name])))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kinds = schema.get("type", ())
    words = " or ".join(_TOLD[each] for each in ([kinds] if isinstance(kinds, str) else kinds)) or "anything"
    return f"{words} ({schema['format']})" if "format" in schema else words


def kind_of(value: Json) -> dict[str, Json]:
    """The schema of values like this one; it is the default. That of anything for None."""
    if value is None:
        return {}
    kind = next(
        name
        for name in ("boolean", "integer", "number", "string", "array", "object")
        if isinstance(value, _KINDS[name])
    )
    return {"type": "number" if kind == "integer" else kind, "default": value}


def _one(schema: Json, value: Any, shared: Mapping[str, Json]) -> Json:
    if not isinstance(value, Written):
        return _fit(schema, _plain(value), shared, 0)
    misfit = None
    for candidate in _readings(value):
        try:
            return _fit(schema, candidate, shared, 0, typed=True)
        except _Misfit as error:
            misfit = misfit or error
    assert misfit is not None
    raise misfit


def _readings(written: Written) -> Iterator[Any]:
    """What was typed may mean: JSON, the text as it stands, a word for true or false."""
    yield written.read()
    yield written.text
    if written.text.lower() in _WORDS:
        yield _WORDS[written.text.lower()]


def _plain(value: Any) -> Json:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise _Misfit(f"{_short(value)} is no JSON") from None


def _fit(schema: Json, value: Json, shared: Mapping[str, Json], depth: int, typed: bool = False) -> Json:
    """The value, checked. A number that is to be a text becomes one, but for what was typed: that is text already."""
    if schema is True or not schema or depth > _DEEPEST:
        return value
    if schema is False:
        raise _Misfit("nothing may stand there")
    if "$ref" in schema:
        return _fit(shared.get(str(schema["$ref"]).rpartition("/")[2], {}), value, shared, depth + 1, typed)
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return _any_of(schema[name], value, shared, depth, typed)
    for each in schema.get("allOf", ()):
        value = _fit(each, value, shared, depth + 1, typed)
    if "const" in schema and not _same(value, schema["const"]):
        raise _Misfit(f"{_short(value)} is not {_short(schema['const'])}")
    if "enum" in schema and not any(_same(value, each) for each in schema["enum"]):
        raise _Misfit(f"{_short(value)} is none of {', '.join(map(_short, schema['enum']))}")
    value = _of_kind(schema, value, typed)
    _check_bounds(schema, value)
    if isinstance(value, list):
        return _fit_list(schema, value, shared, depth)
    return _fit_object(schema, value, shared, depth) if isinstance(value, dict) else value


def _any_of(choices: list[Json], value: Json, shared: Mapping[str, Json], depth: int, typed: bool) -> Json:
    first: _Misfit | None = None
    for each in choices:
        try:
            return _fit(each, value, shared, depth + 1, typed)
        except _Misfit as misfit:
            first = first or misfit
    raise first if first is not None and len(choices) == 1 else _Misfit(f"{_short(value)} does not fit")


def _of_kind(schema: Json, value: Json, typed: bool) -> Json:
    kinds = schema.get("type")
    if kinds is None:
        return value
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool)):
            return value
        if kind == "integer" and isinstance(value, float) and isfinite(value) and value == int(value):
            return int(value)
        if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool) and not typed:
            return str(value)
    raise _Misfit(f"{_short(value)} is not {told({'type': kinds})}")


def _check_bounds(schema: Json, value: Json) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        tests: list[tuple[str, Callable[[Any], bool]]] = [
            ("minimum", lambda bound: value >= bound), ("maximum", lambda bound: value <= bound),
            ("exclusiveMinimum", lambda bound: value > bound), ("exclusiveMaximum", lambda bound: value < bound),
            ("multipleOf", lambda bound: _is_multiple(value, bound)),
        ]  # fmt: skip
    elif isinstance(value, str):
        tests = [
            ("minLength", lambda bound: len(value) >= bound), ("maxLength", lambda bound: len(value) <= bound),
            ("pattern", lambda bound: _matches(bound, value)), ("format", lambda name: _has(name, value)),
        ]  # fmt: skip
    elif isinstance(value, list):
        tests = [("minItems", lambda bound: len(value) >= bound), ("maxItems", lambda bound: len(value) <= bound)]
    else:
        return
    for name, is_met in tests:
        if name in schema and not is_met(schema[name]):
            raise _Misfit(f"{_short(value)} does not fit: {name} is {schema[name]}")


def _is_multiple(value: float, bound: float) -> bool:
    """Among floats as near as can be: 0.3 is three times 0.1."""
    try:
        if isinstance(value, int) and isinstance(bound, int):
            return value % bound == 0
        return isclose(value, round(value / bound) * bound)
    except (ZeroDivisionError, OverflowError):
        return True


def _matches(pattern: str, text: str) -> bool:
    r"""Whether the pattern is found there; so it is taken if `re` cannot read it: pydantic knows more, as \p{L}."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


def _has(form: str, text: str) -> bool:
    try:
        _FORMATS.get(form, str)(text)
    except ValueError:
        return False
    return True


def _fit_list(schema: Json, value: list[Json], shared: Mapping[str, Json], depth: int) -> Json:
    first: list[Json] = schema.get("prefixItems", [])
    rest = schema.get("items", {})
    return [
        _within(f"[{at}]", first[at] if at < len(first) else rest, each, shared, depth) for at, each in enumerate(value)
    ]


def _fit_object(schema: Json, value: dict[str, Json], shared: Mapping[str, Json], depth: int) -> Json:
    properties: dict[str, Json] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            raise _Misfit(f"{name} is missing")
    more = schema.get("additionalProperties", {})
    return {name: _within(f".{name}", properties.get(name, more), each, shared, depth) for name, each in value.items()}


def _within(place: str, schema: Json, value: Json, shared: Mapping[str, Json], depth: int) -> Json:
    try:
        return _fit(schema, value, shared, depth + 1)
    except _Misfit as misfit:
        raise _Misfit(misfit.told, place + misfit.place) from None


def _same(value: Json, other: Json) -> bool:
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _short(value: object) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
