"""What lasts of listeners that have a name: how far they are, and events that they could not deal with (dead letters).

A listener's document says what it listens for, how far it is, and which process is it; a dead letter's holds the event
whole, since the journal may be pruned meanwhile, with what was raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from motet.errors import Conflict, NotFound
from motet.kernel.events import Json
from motet.listening import Event
from motet.owners import is_dead, this_process, written
from motet.ports import Document, Owner, Store
from motet.records import Record
from motet.rules import OnEvent, from_json
from motet.values.naming import asked

AGAIN = "listener.again"
"""The key of the events, in Motet's own namespace, that tell a listener to deal with dead letters once more."""

LEASE_S = 60.0
"""How long a listener on another host counts as alive that says nothing."""

KEEP_S = 30 * 86400.0
"""How long no event is pruned that a listener has yet to hear, though nobody has been it since."""

_VOICE, _LISTENER, _LETTER = "motet", "listener", "dead-letter"
_MOST = 10_000


class Mark:
    """How far a listener is, as it is kept; this process is it."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @property
    def position(self) -> int:
        """The offset up to which it has dealt with all."""
        return int(self._document.body["position"])

    def keep(self, store: Store, position: int, now: float) -> None:
        """Keep that it is so far, and alive. Raises Conflict if another process is the listener by now."""
        body = self._document.body
        if position != body["position"] or now - body["heard_at"] >= LEASE_S / 4:
            self._put(store, {**body, "position": position, "heard_at": now})
            store.keep_from(_promise(self._document.key), position, KEEP_S)

    def let_go(self, store: Store, position: int, now: float) -> None:
        """From now on another process may be the listener."""
        with suppress(Conflict):
            self._put(store, {**self._document.body, "position": position, "heard_at": now, "owner": None})
            store.keep_from(_promise(self._document.key), position, KEEP_S)

    def _put(self, store: Store, body: Json) -> None:
        was = self._document
        self._document = store.put_document(Document(was.voice, was.kind, was.key, body, was.version))


def claimed(store: Store, name: str, position: int, now: float, rules: Iterable[OnEvent]) -> Mark:
    """Be the listener of that name, which begins at that position if it is new. Raises Conflict while another is it."""
    while True:
        found = store.document(_VOICE, _LISTENER, name)
        body: Json = found.body if found is not None else {"position": position, "owner": None}
        owner = None if body["owner"] is None else Owner(**body["owner"])
        if owner is not None and _lives(owner, body["heard_at"], now):
            raise Conflict(
                f"Listener {name!r} is process {owner.pid} on {owner.host} already.",
                "Close that one first, or choose another name.",
            )
        told = [each.to_json() for each in rules]
        body = {"rules": told, "position": body["position"], "owner": written(this_process()), "heard_at": now}
        with suppress(Conflict):
            document = Document(_VOICE, _LISTENER, name, body, found.version if found is not None else 0)
            mark = Mark(store.put_document(document))
            store.keep_from(_promise(name), mark.position, KEEP_S)
            return mark


def _lives(owner: Owner, heard_at: float, now: float) -> bool:
    return not is_dead(owner) and (owner.host == this_process().host or now - heard_at < LEASE_S)


def _promise(name: str) -> str:
    return f"listener {name}"


class Kept(Record):
    """A listener as it is kept. `lag` counts the events that it has yet to hear; `owner` is None if nobody is it."""

    name: str
    rules: list[Json]
    position: int
    heard_at: float
    owner: Json
    lag: int
    dead_letters: int

    @property
    def json(self) -> dict[str, Json]:
        """All of it as a document."""
        return {name: getattr(self, name) for name in type(self).__match_args__}


def every(store: Store, now: float) -> list[Kept]:
    """All listeners that have a name, by that."""
    letters = [each.key.rpartition("/")[0] for each in store.documents(_VOICE, _LETTER)]
    found = []
    for each in store.documents(_VOICE, _LISTENER):
        body = each.body
        alive = body["owner"] is not None and _lives(Owner(**body["owner"]), body["heard_at"], now)
        found.append(
            Kept(
                each.key, body["rules"], body["position"], body["heard_at"], body["owner"] if alive else None,
                _lag(store, body), letters.count(each.key),
            )
        )  # fmt: skip
    return found


def _lag(store: Store, body: Json) -> int:
    """How many events it has yet to hear; no more than ten thousand are looked at."""
    rules = [from_json(each) for each in body["rules"]]
    received = [each.received_by("") for each in store.read(body["position"], limit=_MOST, published=True)]
    return sum(any(isinstance(rule, OnEvent) and rule.meets(each) for rule in rules) for each in received)


def forget(store: Store, name: str, now: float) -> None:
    """Remove a listener that nobody is, with its dead letters. Raises NotFound, Conflict."""
    found = store.document(_VOICE, _LISTENER, name)
    if found is None:
        raise NotFound(f"There is no listener {name!r}.", "`motet listener` lists them.")
    owner = found.body["owner"]
    if owner is not None and _lives(Owner(**owner), found.body["heard_at"], now):
        raise Conflict(f"Listener {name!r} is process {owner['pid']} on {owner['host']}.", "Close that one first.")
    store.delete_document(found)
    store.keep_from(_promise(name), store.head(), 0.0)
    for letter in dead(store, name):
        settle(store, letter, "")


# ---------------------------------------------------------------- dead letters


class Letter(Record):
    """An event that a listener could not deal with: what was raised, and whether it is to be dealt with once more."""

    listener: str
    event: Event
    error: str
    again: bool
    version: int

    @property
    def json(self) -> dict[str, Json]:
        """All of it as a document."""
        event = {name: getattr(self.event, name) for name in Event.__match_args__}
        return {"listener": self.listener, "event": event, "error": self.error, "again": self.again}


def bury(store: Store, name: str, event: Event, error: str) -> None:
    """Keep the event, which the listener could not deal with."""
    while True:
        letter = Letter(name, event, error, False, 0)
        found = store.document(_VOICE, _LETTER, _key(letter))
        letter.version = found.version if found is not None else 0
        with suppress(Conflict):
            _put(store, letter)
            return


def dead(store: Store, name: str = "") -> list[Letter]:
    """What that listener could not deal with, in order; what all could not."""
    found = [_letter(each) for each in store.documents(_VOICE, _LETTER)]
    return [each for each in found if not name or each.listener == name]


def marked(store: Store, name: str) -> list[Letter]:
    """Those to be dealt with once more."""
    return [each for each in dead(store, name) if each.again]


def replay(store: Store, name: str, now: float, offsets: Iterable[int] = ()) -> list[Letter]:
    """Have the listener deal once more with these dead letters, or with all of its own: at once if it is alive, else
    when it next is. Gives them. Raises NotFound if there are none.
    """
    wanted, letters = set(offsets), dead(store, name)
    if unknown := wanted - {each.event.offset for each in letters}:
        raise NotFound(f"Listener {name!r} has no dead letter at {min(unknown)}.", "`motet listener dead` lists them.")
    letters = [each for each in letters if not wanted or each.event.offset in wanted]
    if not letters:
        raise NotFound(f"Listener {name!r} has no dead letters.", "`motet listener dead` lists them.")
    for each in letters:
        each.again = True
        _put(store, each)
    store.publish([asked(AGAIN, name, at=now, sender="motet events", run="")])
    return letters


def settle(store: Store, letter: Letter, error: str) -> None:
    """It was dealt with, and is gone; or not, for that reason."""
    with suppress(Conflict):
        if error:
            letter.error, letter.again = error, False
            _put(store, letter)
        else:
            store.delete_document(Document(_VOICE, _LETTER, _key(letter), {}, letter.version))


def _key(letter: Letter) -> str:
    return f"{letter.listener}/{letter.event.offset:016d}"


def _put(store: Store, letter: Letter) -> None:
    store.put_document(Document(_VOICE, _LETTER, _key(letter), letter.json, letter.version))


def _letter(document: Document) -> Letter:
    body = document.body
    return Letter(body["listener"], Event(**body["event"]), body["error"], body["again"], document.version)
