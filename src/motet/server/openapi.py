"""The API's own description, OpenAPI 3.1, made of the table."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from motet.kernel.events import Json
from motet.server.reading import REQUIRED, Reader, schemas
from motet.server.table import JSON, PUBLIC, Route

_ERROR = {
    "type": "object", "required": ["error", "cure", "type"],
    "properties": {"error": {"type": "string"}, "cure": {"type": "string"}, "type": {"type": "string"}},
}  # fmt: skip
_REFUSED = {
    "400": "What was asked for cannot be done as asked", "401": "No token, or none that is known",
    "403": "The token may not do that", "404": "There is no such thing", "409": "Somebody else was first",
    "413": "The request is too large", "415": "The body is of another kind", "421": "The request is for another host",
    "422": "What was asked for does not fit", "429": "Too many wrong tokens", "503": "The store cannot be read now",
    "507": "The disk is full",
}  # fmt: skip
_LOCKED: Json = [{"token": []}, {"cookie": []}]


def described(readers: Sequence[Reader], version: str, cookie: str) -> Json:
    """The description of all routes; `cookie` is what that of a browser is called."""
    found, defined = schemas(readers)
    paths: dict[str, dict[str, Json]] = {}
    for each in readers:
        path = each.route.path.replace(":path}", "}")
        paths.setdefault(path, {})[each.route.method.lower()] = _operation(each, found)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Motet",
            "version": version,
            "description": "Runs, their steps, and what may be asked of them.",
        },
        "paths": paths,
        "components": {
            "schemas": {**defined, "Error": _ERROR},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
            },
        },
    }


def _operation(reader: Reader, found: Json) -> Json:
    route = reader.route
    told = (inspect.getdoc(route.answer) or "").partition("\n\n")
    operation: dict[str, Json] = {
        "operationId": route.name,
        "summary": " ".join(told[0].split()),
        "description": told[2],
        "tags": [route.path.split("/")[3] if route.path.startswith("/api/") else "pages"],
        "parameters": [_parameter(reader, name, found) for name in reader.takes if name != "body"],
        "responses": _answers(route, found),
        "x-permission": route.permission.value,
        "x-by-run": route.by_run,
        "security": [] if route.permission is PUBLIC else _LOCKED,
    }
    if reader.takes_body:
        schema = found[route.name, "body"] if route.consumes == JSON else {}
        operation["requestBody"] = {"required": True, "content": {route.consumes: {"schema": schema}}}
    return operation


def _parameter(reader: Reader, name: str, found: Json) -> Json:
    route, default = reader.route, reader.takes[name]
    schema = dict(found[route.name, name])
    if default is not None and default is not REQUIRED:
        schema["default"] = default
    required = name in route.named or default is REQUIRED
    return {"name": name, "in": "path" if name in route.named else "query", "required": required, "schema": schema}


def _answers(route: Route, found: Json) -> dict[str, Json]:
    given = found.get((route.name, ""))
    kind = route.produces if given is None else JSON
    content = {kind: {"schema": given}} if given is not None else {kind: {}}
    answers: dict[str, Json] = {str(route.status): {"description": "Well", "content": content}}
    for status, told in _REFUSED.items():
        schema = {"$ref": "#/components/schemas/Error"}
        answers[status] = {"description": told, "content": {JSON: {"schema": schema}}}
    return answers
