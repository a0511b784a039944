"""Variables: JSON values by name, shared by all runs of a home."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from motet.dialects.python.hosting import host
from motet.dialects.python.prefect.either import awaited, either
from motet.dialects.python.scope import current
from motet.errors import Conflict, UsageError
from motet.ports import Document, Store

_VOICE, _KIND = "python", "variable"


def store_here() -> Store:
    """The store of the home that the calling code is in."""
    scope = current.get()
    return scope.driver.host.store if scope is not None else host().store


class Variable:
    """A value by name: `Variable.set("name", value)`, `Variable.get("name", default)`."""

    def __init__(self, name: str, value: Any, tags: Iterable[str] | None = None) -> None:
        self.name = name
        self.value = value
        self.tags = list(tags or ())

    @staticmethod
    def _set(name: str, value: Any, tags: Iterable[str] | None = None, overwrite: bool = False) -> Variable:
        import json

        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise UsageError(f"The variable {name!r} cannot be set: {error}.", "Give what JSON can hold.") from None
        store = store_here()
        found = store.document(_VOICE, _KIND, name)
        if found is not None and not overwrite:
            raise ValueError(f"Variable {name!r} already exists. Use `overwrite=True` to update it.")
        body = {"value": value, "tags": list(tags or ())}
        store.put_document(Document(_VOICE, _KIND, name, body, found.version if found is not None else 0))
        return Variable(name, value, tags)

    @staticmethod
    def _get(name: str, default: Any = None) -> Any:
        found = store_here().document(_VOICE, _KIND, name)
        return default if found is None else found.body["value"]

    @staticmethod
    def _unset(name: str) -> bool:
        store = store_here()
        found = store.document(_VOICE, _KIND, name)
        if found is None:
            return False
        try:
            store.delete_document(found)
        except Conflict:
            return Variable._unset(name)
        return True

    set, aset = staticmethod(either(_set)), staticmethod(awaited(_set))
    get, aget = staticmethod(either(_get)), staticmethod(awaited(_get))
    unset, aunset = staticmethod(either(_unset)), staticmethod(awaited(_unset))


get, aget = Variable.get, Variable.aget
