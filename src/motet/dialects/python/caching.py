"""Results kept across runs: looked up when an attempt is due, written when it has succeeded.

An entry is a document of this voice, so it lives in the store beside the runs. Writing it comes before the
outcome's commit and needs no order with it: the value is right, whether or not the outcome gets recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from motet.engine.calls import Settled
from motet.errors import Conflict, NotFound
from motet.kernel.events import Json
from motet.ports import Document
from motet.values.records import artifact_digests

if TYPE_CHECKING:
    from motet.dialects.python.cache_policies import CachePolicy, Parts
    from motet.dialects.python.tasks import Task
    from motet.engine.driver import Driver

_KIND = "cache"


class Slot:
    """Where the result of one attempt would be kept: the key with its parts, and what was found there."""

    __slots__ = ("found", "key", "parts", "record")

    def __init__(self, key: str, parts: Parts) -> None:
        self.key = key
        self.parts = parts
        self.record: Json = None
        self.found: Json = None

    @property
    def note(self) -> Json:
        """What `motet why` tells: the parts of the key and, for a hit, which run and step they came from."""
        note: dict[str, Json] = {"parts": self.parts}
        if self.found is not None:
            note["from"] = [self.found["run"], self.found["step"]]
        return {"cache": note}


class Hit:
    """Stands for the value of an attempt that did not have to run."""

    __slots__ = ("slot",)

    def __init__(self, slot: Slot) -> None:
        self.slot = slot

    def settled(self) -> Settled:
        """The kept outcome, as it is recorded."""
        return Settled(True, self.slot.record, cached=True, note=self.slot.note)


def policy_of(options: Mapping[str, Any]) -> CachePolicy | None:
    """The policy that the options of a task ask for, None for no caching."""
    function = options.get("cache_key_fn")
    policy: CachePolicy | None = options.get("cache_policy")
    if function is None and policy is None:
        return None  # and nothing of all this is imported
    from motet.dialects.python.cache_policies import KeyFunction, NoCache

    if function is not None:
        return KeyFunction(function)
    return None if isinstance(policy, NoCache) else policy


def slot_of(task: Task[..., Any], driver: Driver, key: str, inputs: Mapping[str, Any]) -> Slot | None:
    """Where the result belongs, with what stands there; None if it is not to be cached. What hinders is said once."""
    policy = task.cache_policy
    if policy is None:
        return None
    from motet.dialects.python.cache_policies import Context, Uncacheable

    try:
        parts = policy.parts(Context(task, inputs, driver.run.id, driver.run.params or {}))
    except Uncacheable as error:
        _say(driver, f"Task {task.name} is not cached: {error}.")
        return None
    if parts is None:
        return None
    text = "\0".join(f"{name}={parts[name]}" for name in sorted(parts))
    slot = Slot(blake2b(f"{task.name}\0{text}".encode(), digest_size=16).hexdigest(), parts)
    if not task.options.get("refresh_cache"):
        _look_up(driver, slot)
    return slot


def _look_up(driver: Driver, slot: Slot) -> None:
    kept = driver.host.store.document("python", _KIND, slot.key)
    if kept is None:
        return
    expires_at = kept.body.get("expires_at")
    if expires_at is not None and expires_at <= driver.host.clock.now():
        return
    try:
        for digest in artifact_digests(kept.body["record"]):
            driver.host.artifacts.path(digest)
    except NotFound:
        return  # it was pruned: as good as never kept
    slot.found, slot.record = kept.body, kept.body["record"]


def keep(task: Task[..., Any], driver: Driver, key: str, slot: Slot, record: Json) -> None:
    """Keep the result for later calls; the last writer wins."""
    if isinstance(record, dict) and "lost" in record:
        return
    now = driver.host.clock.now()
    expiration = task.options.get("cache_expiration")
    body = {"record": record, "run": driver.run.id, "step": key, "at": now}
    if expiration is not None:
        body["expires_at"] = now + expiration.total_seconds()
    store = driver.host.store
    old = store.document("python", _KIND, slot.key)
    with suppress(Conflict):  # another has just kept the same
        store.put_document(Document("python", _KIND, slot.key, body, old.version if old is not None else 0))


def _say(driver: Driver, text: str) -> None:
    if text not in driver.said:
        import logging

        driver.said.add(text)
        logging.getLogger("motet").warning(text)
