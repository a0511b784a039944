"""What a request asks for, checked against what its route takes; and the same as JSON schemas. By pydantic."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import IO, Any, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import is_typeddict

from motet.errors import UsageError, did_you_mean
from motet.kernel.events import Json
from motet.server.table import JSON, Content, Route, Stream

_CONFIG = ConfigDict(allow_inf_nan=False)
_MOST_FIELDS = 100
QUERY = "query"
"""The parameter of a route whose fields are what the query says."""

REQUIRED = object()
"""In place of a default."""

_REF = "#/components/schemas/{model}"


class Malformed(UsageError):
    """What was asked for does not fit what the route takes."""


class Reader:
    """Reads what requests of one route ask for."""

    def __init__(self, route: Route) -> None:
        self.route = route
        hints = get_type_hints(route.answer, include_extras=True)
        self.gives = hints["return"]
        self.takes = asked_for(route)
        self._hints = {name: hints[name] for name in route.takes if name != QUERY}
        self._where = hints.get(QUERY)
        self._hints |= get_type_hints(self._where, include_extras=True) if self._where is not None else {}
        if "body" in self._hints and route.consumes != JSON:
            self._hints["body"] = bytes  # as it came, whatever it is given as
        own = {name: _adapter(hint) for name, hint in self._hints.items()}
        self._path = {name: own[name] for name in route.named}
        self.takes_body = "body" in own
        self._body = own.get("body")
        self._query = {name: each for name, each in own.items() if name not in self._path and name != "body"}
        self._fields = () if self._where is None else [each.name for each in fields(self._where)]
        self._many = {name for name in self._query if _is_list(self._hints[name])}
        self._required = {name for name in self._query if self.takes[name] is REQUIRED}

    def read(self, named: Mapping[str, str], query: bytes, body: bytes | IO[bytes]) -> dict[str, Any]:
        """The arguments of the route's function. Raises Malformed."""
        found: dict[str, Any] = {name: _read(name, named[name], each) for name, each in self._path.items()}
        for name, texts in self._asked(query).items():
            found[name] = _read(name, texts if name in self._many else texts[0], self._query[name])
        if missing := self._required - found.keys():
            raise Malformed(
                f"{', '.join(sorted(missing))} is missing.", f"Ask for {self.route.path}?{min(missing)}=..."
            )
        if self._body is not None and isinstance(body, bytes) and self.route.consumes == JSON:
            found["body"] = _document(body, self._body)
        elif self._body is not None:
            found["body"] = body
        if self._where is not None:
            found[QUERY] = self._where(**{name: found.pop(name) for name in self._fields if name in found})
        return found

    def _asked(self, query: bytes) -> dict[str, list[str]]:
        try:
            pairs = parse_qsl(
                query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), errors="strict",
                max_num_fields=_MOST_FIELDS,
            )  # fmt: skip
        except ValueError as error:
            raise Malformed(f"The query cannot be read: {error}.", "Write name=value, joined by &.") from None
        found: dict[str, list[str]] = {}
        for name, text in pairs:
            if name not in self._query:
                cure = did_you_mean(name, self._query, f"There are {', '.join(self._query) or 'none'}.")
                raise Malformed(f"There is no parameter {name[:80]!r}.", cure)
            found.setdefault(name, []).append(text)
            if len(found[name]) > 1 and name not in self._many:
                raise Malformed(f"{name} is given twice.", "Leave out one of them.")
        return found


def asked_for(route: Route) -> dict[str, Any]:
    """What requests name of what the route takes, each with its default, or REQUIRED."""
    found: dict[str, Any] = {}
    for name, each in route.takes.items():
        if name == QUERY:
            where = get_type_hints(route.answer)[QUERY]
            found |= {it.name: REQUIRED if it.default is MISSING else it.default for it in fields(where)}
        else:
            found[name] = REQUIRED if each.default is inspect.Parameter.empty else each.default
    return found


def _is_list(hint: Any) -> bool:
    return get_origin(hint) is list or any(_is_list(each) for each in get_args(hint) if not isinstance(each, str))


def _adapter(hint: Any) -> TypeAdapter[Any]:
    has_own = isinstance(hint, type) and (is_dataclass(hint) or is_typeddict(hint))
    return TypeAdapter(hint) if has_own else TypeAdapter(hint, config=_CONFIG)


def _read(name: str, given: str | list[str], adapter: TypeAdapter[Any]) -> Any:
    """A value that is written as text: as it stands where text is wanted, else as JSON is read."""
    try:
        return adapter.validate_python(given, strict=True)
    except ValidationError as error:
        first = error
    try:
        return adapter.validate_json(str(given), strict=True)
    except ValidationError:
        raise Malformed(f"{name}: {_told(first)}.", "See the API's description: /api/v1/openapi.json") from None


def _document(body: bytes, adapter: TypeAdapter[Any]) -> Any:
    try:
        if b"NaN" in body or b"Infinity" in body:  # which pydantic takes, where anything may stand
            json.loads(body, parse_constant=_refused)
        return adapter.validate_json(body, strict=True)
    except (ValidationError, ValueError, RecursionError) as error:
        told = _told(error) if isinstance(error, ValidationError) else str(error)
        raise Malformed(f"The body does not fit: {told}.", "See /api/v1/openapi.json") from None


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _told(error: ValidationError) -> str:
    """The first thing that is wrong, and how many more there are."""
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    place = ".".join(str(each) for each in wrong[0]["loc"])
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"{place + ': ' if place else ''}{wrong[0]['msg']}{more}"


# ---------------------------------------------------------------- schemas


def schemas(readers: Sequence[Reader]) -> tuple[dict[tuple[str, str], Json], Json]:
    """The schema of each route's parameters and answer, by the route's name and that of the parameter ("": the answer);
    and the definitions that they refer to.
    """
    inputs: list[tuple[tuple[str, str], Any, TypeAdapter[Any]]] = []
    for each in readers:
        name = each.route.name
        inputs += [((name, param), "validation", _adapter(hint)) for param, hint in each._hints.items()]
        if not _is_raw(each.gives):
            inputs.append(((name, ""), "serialization", TypeAdapter(each.gives)))
    found, defined = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    return {key: json.loads(json.dumps(each)) for (key, _), each in found.items()}, defined.get("$defs", {})


def _is_raw(hint: Any) -> bool:
    return hint in (Content, Stream, bytes)
