"""The store and the logs as they are, for the command line of another place: what reads them there reads them here.

Programs are better served by the routes that tell of runs as documents.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

from annotated_types import Len, MaxLen
from typing_extensions import TypedDict

from motet import deaths
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.owners import engine_log, is_dead
from motet.ports import STEERING, Entry, Publication
from motet.questions import WAIT
from motet.server.api.documents import Run
from motet.server.api.steering import Event
from motet.server.table import JSON, OPERATE, PREFIX, READ, Call, Content, Text, asked, get, post, put
from motet.stores.codec import decode, encode
from motet.stores.wire import AT_ONCE, reading, to_json
from motet.values.naming import check_published, checked
from motet.values.secrets import hide
from motet.views import documents, lookup

_GIVEN_CHARS = 10_000
_VOICE = "motet"
_SHOWN = ("limit", "listener", "dead-letter", "parked")
_SHOWN_OF_RUNS = "checkpoints/"
_RECEIVED = "event.received"

Given = Annotated[str, MaxLen(_GIVEN_CHARS)]


class Offsets(TypedDict):
    """The places of events in the journal, in their order."""

    offsets: list[int]


class Death(TypedDict):
    """How the process died that drove a run, in words; empty while it lives."""

    how: str


@asked
class Events:
    """Events to be published at once, in that order."""

    events: Annotated[list[Event], Len(1, 500)]


@asked
class Labels:
    """What a run is to be called, and all the tags that it is to have."""

    name: Annotated[Text, Len(1)]
    tags: Annotated[list[Text], Len(0, 1000)]


def stored(call: Call, port: Text, read: Text, given: Given = "{}") -> Content:
    """What a call that reads the store, or the logs, gives; `given` are its arguments by name, as JSON.

    At most 1,000 rows, events or lines, where the call can go on from there. See `motet.stores.wire`.
    """
    asked_for = reading(port, read)
    try:
        arguments = asked_for.read(decode(given))
        _check(read, arguments)
        found: Any = getattr(getattr(call.site, port), read)(**arguments)
        told = to_json(_untold(list(islice(found, AT_ONCE)) if isinstance(found, Iterator) else found))
    except (ValueError, OverflowError, RecursionError) as error:  # no JSON, no cursor, no text, no number of a row
        raise UsageError(f"{read} cannot be asked for so: {error}.", "See `motet.stores.wire`.") from None
    return Content(hide(encode(told)).encode("ascii", "backslashreplace"), media_type=JSON)


def _check(read: str, arguments: dict[str, Any]) -> None:
    """Of documents, only what commands show is told: never who may come in."""
    kind = arguments.get("kind", WAIT)
    known = kind in _SHOWN or kind.startswith(_SHOWN_OF_RUNS)
    if read in ("document", "documents") and kind != WAIT and not (known and arguments["voice"] == _VOICE):
        raise UsageError(f"Documents of the kind {kind[:80]!r} are told to nobody.", "Ask for what commands show.")


def _untold(found: Any) -> Any:
    """The same without what only code of a run may know: the token in what it has asked for."""
    for each in found if isinstance(found, list) else ():
        if isinstance(each, Entry):
            each.value = _without_token(each.value, each.namespace if each.published else "")
    if isinstance(found, list) and found and isinstance(found[0], dict):
        return [_without_token(each, "") for each in found]
    return found


def _without_token(value: Json, namespace: str) -> Json:
    if not isinstance(value, dict):
        return value
    if namespace == STEERING:
        return {name: each for name, each in value.items() if name != "token"}
    if value.get("event") == _RECEIVED and value.get("namespace") == STEERING:
        return {**value, "value": _without_token(value.get("value"), STEERING)}
    return value


def publish_all(call: Call, body: Events) -> Offsets:
    """Publish events that all runs may hear, together: all of them or none."""
    for each in body.events:
        check_published(each.key, each.namespace, each.client_key, each.value)
    now, user = time.time(), call.caller.user
    told = [Publication(it.key, it.value, it.namespace, user, "", it.client_key, now) for it in body.events]
    return {"offsets": call.site.store.publish(told)}


def label(call: Call, run: Text, body: Labels) -> Run:
    """Call a run so, with these tags and no others."""
    row = lookup.find_run(call.site.store, run)
    tags = sorted({checked(each, "The tag") for each in body.tags})
    call.site.store.relabel(row.id, checked(body.name, "The name"), tags)
    found: Run = documents.run_json(lookup.find_run(call.site.store, row.id))
    return found


def death(call: Call, run: Text) -> Death:
    """How the process died that drove the run."""
    row = lookup.find_run(call.site.store, run)
    if row.owner is None or not is_dead(row.owner):
        return {"how": ""}
    return {"how": deaths.how(row.owner, engine_log(call.site.home, row.id))}


_RUN = f"{PREFIX}/runs/{{run}}"

ROUTES = (
    get(f"{PREFIX}/ports/{{port}}/{{read}}", READ, stored),
    post(f"{PREFIX}/events/batch", OPERATE, publish_all, status=201),
    put(f"{_RUN}/labels", OPERATE, label),
    get(f"{_RUN}/death", READ, death, by_run=True),
)
