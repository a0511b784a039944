"""Results kept across runs, each under a digest of what was asked for, for all voices.

An entry is a document of its voice, so it lives in the store beside the runs. Writing it comes before the outcome's
commit and needs no order with it: the value is right, whether or not the outcome gets recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from motet.errors import Conflict
from motet.kernel.events import Json
from motet.ports import Document
from motet.typed import TYPE_CHECKING
from motet.values.records import is_whole

if TYPE_CHECKING:
    from motet.ports.voice import Host

KIND = "cache"
"""What the documents of kept results are."""


class Slot:
    """Where the result of one attempt would be kept: the key with its parts, and what was found there.

    missed  why what stood there was of no use, or why nothing can be kept; empty where there was nothing
    found   {"record", "run", "step", ...} of the step that it is from
    """

    __slots__ = ("found", "key", "missed", "parts")

    def __init__(self, key: str, parts: Mapping[str, str], missed: str = "", found: Json = None) -> None:
        self.key = key
        self.parts = parts
        self.missed = missed
        self.found = found

    @property
    def note(self) -> Json:
        """What `motet why` tells: the parts of the key; for a hit, which run and step it came from."""
        note: dict[str, Json] = {"parts": self.parts}
        if self.found is not None:
            note["from"] = [self.found["run"], self.found["step"]]
        elif self.missed:
            note["missed"] = self.missed
        return {"cache": note}


def find(host: Host, voice: str, key: str, parts: Mapping[str, str]) -> Slot:
    """What the voice has kept under the key."""
    kept = host.store.document(voice, KIND, key)
    if kept is None:
        return Slot(key, parts)
    expires_at = kept.body.get("expires_at")
    if expires_at is not None and expires_at <= host.clock.now():
        return Slot(key, parts, "the result that was kept has expired")
    if not is_whole(kept.body["record"], host.artifacts):
        return Slot(key, parts, "the result that was kept is gone or damaged")
    return Slot(key, parts, found=kept.body)


def keep(host: Host, voice: str, slot: Slot, body: Json, for_s: float | None = None) -> None:
    """Keep {"record", "run", "step", "task"} there for later calls, for so long; the last writer wins."""
    now = host.clock.now()
    whole = {**body, "parts": slot.parts, "at": now}
    if for_s is not None:
        whole["expires_at"] = now + for_s
    old = host.store.document(voice, KIND, slot.key)
    with suppress(Conflict):  # another has just kept the same
        host.store.put_document(Document(voice, KIND, slot.key, whole, old.version if old is not None else 0))
