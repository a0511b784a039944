"""Registered workflows as documents: kept by name and version, found, removed. Nothing of their code is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from typing import Any

from motet.errors import Conflict, NotFound, UsageError, did_you_mean
from motet.kernel.events import Json
from motet.ports import Document, Store
from motet.ports.definition import Definition, to_json
from motet.values.naming import checked

_VOICE, _HEAD, _VERSION = "motet", "workflow", "workflow.version"

_COUNTS_NOT = ("name", "number", "digest", "created_at")
"""What of a definition makes it no other version."""


def keep(store: Store, definition: Definition, now: float) -> Definition:
    """Keep it as the newest version of its name; gives it with its number. What is there already is that version.

    Raises UsageError for a name that cannot be.
    """
    if not definition.name or "@" in definition.name:
        raise UsageError(f"{definition.name!r} cannot be the name of a workflow.", "Leave out the @: --name NAME.")
    checked(definition.name, "The name of the workflow")
    definition.digest = _digest(definition)
    while True:
        head = store.document(_VOICE, _HEAD, definition.name)
        body: dict[str, Any] = dict(head.body) if head is not None else {"latest": 0, "versions": {}}
        known = next((int(number) for number, digest in body["versions"].items() if digest == definition.digest), 0)
        number = known or max([0, *map(int, body["versions"])]) + 1
        definition.number, definition.created_at = number, now
        if not known:
            _put_version(store, definition)
        body["latest"], body["versions"] = number, {**body["versions"], str(number): definition.digest}
        try:
            store.put_document(Document(_VOICE, _HEAD, definition.name, body, head.version if head is not None else 0))
        except Conflict:  # another registers under the name just now
            continue
        return find(store, definition.version)


def find(store: Store, text: str) -> Definition:
    """The version that NAME@NUMBER or NAME@DIGEST names; for NAME the one that was registered last. Raises NotFound."""
    name, _, version = text.partition("@")
    head = _head(store, name)
    versions: dict[str, str] = head.body["versions"]
    number = version.removeprefix("v") or str(head.body["latest"])
    if number not in versions:
        number = next(
            (each for each, digest in versions.items() if len(version) > 5 and digest.startswith(version)), ""
        )
    if not number:
        raise NotFound(f"{name} has no version {version!r}.", f"Its versions: {', '.join(versions)}.")
    found = store.document(_VOICE, _VERSION, f"{name}@{number}")
    if found is None:  # removed at this moment
        raise NotFound(f"{name}@{number} has just been removed.", "`motet register --list` lists what there is.")
    return Definition(**{each: value for each, value in found.body.items() if each in Definition.__record__})


def is_registered(store: Store, text: str) -> bool:
    """Whether something is registered under that name, or the name before the @."""
    return store.document(_VOICE, _HEAD, text.partition("@")[0]) is not None


def every(store: Store) -> Iterator[Definition]:
    """The newest version of each name, by name."""
    for head in store.documents(_VOICE, _HEAD):
        with suppress(NotFound):  # removed at this moment
            yield find(store, f"{head.key}@{head.body['latest']}")


def versions(store: Store, text: str) -> list[Definition]:
    """All versions of what NAME, or NAME@VERSION, is one of, oldest first. Raises NotFound."""
    name = find(store, text).name
    return [find(store, f"{name}@{number}") for number in sorted(map(int, _head(store, name).body["versions"]))]


def meant(store: Store, text: str) -> list[Definition]:
    """The version that NAME@VERSION names; for NAME all versions, oldest first. Raises NotFound."""
    return [find(store, text)] if "@" in text else versions(store, text)


def remove(store: Store, text: str) -> list[str]:
    """Remove NAME@VERSION, or all versions of NAME; gives those that were. Runs that there are keep their code.

    Raises NotFound.
    """
    while True:
        wanted = meant(store, text)
        head = _head(store, wanted[0].name)
        gone = {str(each.number) for each in wanted}
        left = {number: digest for number, digest in head.body["versions"].items() if number not in gone}
        try:
            if left:
                latest = head.body["latest"] if str(head.body["latest"]) in left else max(map(int, left))
                body = {"latest": latest, "versions": left}
                store.put_document(Document(_VOICE, _HEAD, head.key, body, head.version))
            else:
                store.delete_document(head)
        except Conflict:  # another registers or removes under the name just now
            continue
        break
    for each in wanted:
        document = store.document(_VOICE, _VERSION, each.version)
        if document is not None:
            store.delete_document(document)
    return [each.version for each in wanted]


def _head(store: Store, name: str) -> Document:
    """The document of what is registered under the name. Raises NotFound."""
    found = store.document(_VOICE, _HEAD, name)
    if found is None:
        names = [each.key for each in store.documents(_VOICE, _HEAD)]
        raise NotFound(
            f"No workflow is registered as {name!r}.",
            did_you_mean(name, names, "`motet register --list` lists them; `motet register TARGET` adds one."),
        )
    return found


def _put_version(store: Store, definition: Definition) -> None:
    """Write the version, in the place of one that a process has left which died before it was named."""
    there = store.document(_VOICE, _VERSION, definition.version)
    body = to_json(definition)
    store.put_document(Document(_VOICE, _VERSION, definition.version, body, there.version if there is not None else 0))


def _digest(definition: Definition) -> str:
    body: dict[str, Json] = {name: value for name, value in to_json(definition).items() if name not in _COUNTS_NOT}
    body["program"] = {name: value for name, value in definition.program.items() if name != "made_with"}
    return blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()
