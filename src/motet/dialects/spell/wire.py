"""Calls of the house over HTTP: one object a line, streams as they come."""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from motet import errors
from motet.dialects.spell.requests import RunRequest
from motet.dialects.spell.shown import KINDS
from motet.errors import MotetError, StoreUnavailable
from motet.records import Record

_KINDS: dict[str, type[Record]] = {**KINDS, "RunRequest": RunRequest}


def plain(value: Any) -> Any:
    """The value as JSON: records, bytes and tuples as what `made` makes them of again."""
    if isinstance(value, Record):
        fields = {name: plain(getattr(value, name)) for name in type(value).__match_args__}
        return {"$": type(value).__name__, "fields": fields}
    if isinstance(value, bytes | memoryview):
        return {"$": "bytes", "text": b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def made(told: Any) -> Any:
    """The value that `plain` has written so."""
    if isinstance(told, list):
        return [made(each) for each in told]
    if not isinstance(told, dict):
        return told
    if "$" not in told:
        return {name: made(each) for name, each in told.items()}
    if told["$"] == "bytes":
        return b64decode(told["text"])
    kind: Any = _KINDS[told["$"]]
    return kind(**made(told["fields"]))


def lines_of(call: Callable[[], Any]) -> Iterator[bytes]:
    """The answer to a call: a value, or the items of a stream one by one; or what it has raised."""
    try:
        value = call()
        if isinstance(value, Iterator):
            yield b'{"stream": true}\n'
            for each in value:
                yield _line({"item": plain(each)})
            yield _line({"end": True})
        else:
            yield _line({"value": plain(value)})
    except MotetError as error:
        yield _line({"error": {"type": type(error).__name__, "what": error.what, "cure": error.cure}})
    except Exception as error:  # noqa: BLE001 - boundary: whoever called is told, whatever it was
        what = f"The engine of this run could not do that: {type(error).__name__}: {error}."
        yield _line({"error": {"type": MotetError.__name__, "what": what, "cure": "Check what it was given."}})


def _line(told: Any) -> bytes:
    return json.dumps(told).encode() + b"\n"


def asked(address: str, method: str, args: Any, kwargs: Any) -> Any:
    """What the house of the run that this process is part of answers. Raises what it raises; StoreUnavailable."""
    from http.client import HTTPConnection, HTTPException

    body = json.dumps({"method": method, "args": plain(list(args)), "kwargs": plain(kwargs)})
    connection = HTTPConnection(address)
    headers = {
        "Authorization": f"Bearer {os.environ.get('MOTET_RUN_TOKEN', '')}", "Run": os.environ["MOTET_RUN"],
        "Attempt": os.environ.get("MOTET_ATTEMPT", "1"),
    }  # fmt: skip
    try:
        connection.request("POST", "/call", body, headers)
        answer = connection.getresponse()
        first = _told(answer.readline())
    except (OSError, HTTPException, ValueError) as error:
        raise StoreUnavailable(f"The engine of this run does not answer: {error}.", "Is it still there?") from None
    if "stream" in first:
        return _stream(answer)
    answer.close()
    return made(first["value"])


def _stream(answer: Any) -> Iterator[Any]:
    with answer:
        for line in answer:
            told = _told(line)
            if "end" in told:
                return
            yield made(told["item"])
    raise StoreUnavailable("The engine of this run has ended.", "`motet resume` takes the run up again.")


def _told(line: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line)
    if "error" in told:
        kind = getattr(errors, told["error"]["type"], errors.UsageError)
        raise kind(told["error"]["what"], told["error"]["cure"])
    if "refused" in told:
        raise errors.UsageError("This call is not the run's to make.", "Ask for runs, logs, files and metrics.")
    return told
