"""Limits by name that all runs and processes of one store share: so many slots at once, or so many in a time.

A limit is a document that is changed by compare-and-set: who holds slots of it, and who waits for them, in the order
in which they came. Slots of a dead process are free as soon as anyone looks: on the same host it is known by its pid
and start time, elsewhere by its lease, which the living renew. Nothing has to be started, and nothing is left behind.

Code that is part of what holds slots would wait for itself if it waited for more. So it uses these: it goes before all
who wait, and what is held around it counts as free for it. Its own slots count as used, so one at a time does so.

With `decay_per_s` a limit counts what was taken lately: so many slots of it become free each second. Whoever takes some
books them at once and waits until they are due; so the order is that of asking, and nobody polls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from motet.errors import Conflict, NotFound, UsageError
from motet.kernel.events import Json
from motet.owners import is_dead, this_process, written
from motet.ports import Document, Owner, Publication, Store
from motet.values.naming import checked

LEASE_S = 30.0
"""How long slots held on another host stay taken, unless they are renewed."""

FREED = "limit.freed"
"""The key of the events, in Motet's own namespace, that wake those who wait."""

_VOICE, _KIND = "motet", "limit"
_EPSILON = 1e-9
T = TypeVar("T")


@dataclass(frozen=True)
class Limit:
    """A limit as it stands: `holders` have slots, `line` waits for some, each with `slots`, `owner` and `by` whom."""

    name: str
    limit: float
    decay_per_s: float
    used: float
    holders: list[dict[str, Json]]
    line: list[dict[str, Json]]


def define(store: Store, name: str, limit: float, decay_per_s: float = 0.0) -> None:
    """Set a limit, or change it: who holds slots of it keeps them. 0 lets nobody in until it is raised."""
    if not name or not limit >= 0 or not decay_per_s >= 0 or limit == float("inf"):
        raise UsageError(f"{limit} is no limit for {name!r}.", "Give a name, slots, and a decay of 0 or more.")
    checked(name, "The limit's name")

    def change(body: dict[str, Json]) -> tuple[dict[str, Json], None]:
        return {**(body or _new()), "limit": limit, "decay_per_s": decay_per_s}, None

    _change(store, name, change)
    wake(store, name)


def remove(store: Store, name: str) -> None:
    """Remove a limit; who holds slots of it goes on, and so does who waits. Raises NotFound."""
    while True:
        found = store.document(_VOICE, _KIND, name)
        if found is None:
            raise NotFound(f"There is no limit {name!r}.", "`motet limit ls` lists them.")
        try:
            store.delete_document(found)
        except Conflict:
            continue
        wake(store, name)
        return


def every(store: Store, now: float) -> list[Limit]:
    """All limits, by name, without what the dead held."""
    found = []
    for each in store.documents(_VOICE, _KIND):
        body = _without_dead(each.body, now)
        used = _level(body, now) + _slots(body["holders"])
        found.append(Limit(each.key, body["limit"], body["decay_per_s"], used, body["holders"], body["line"]))
    return found


def exists(store: Store, name: str) -> bool:
    """Whether there is such a limit."""
    return store.document(_VOICE, _KIND, name) is not None


def ticket(
    number: str, slots: float, by: str, run: str = "", place: str = "", within: Iterable[str] = ()
) -> dict[str, Json]:  # fmt: skip
    """A request of this process for slots, on behalf of `by`.

    Where it is asked: in which run, at which place in it (the key of a step, or a path below it), and within which
    blocks, by their tickets, that hold slots outside of any run.
    """
    return {
        "ticket": number, "slots": slots, "owner": written(this_process()), "by": by, "until": 0.0,
        "run": run, "place": place, "within": list(within),
    }  # fmt: skip


def take(store: Store, name: str, asked: dict[str, Json], now: float) -> bool | None:
    """Take the slots, if they are free and nobody came earlier; else stand in line. None if there is no such limit.

    Raises UsageError for more slots than there will ever be.
    """

    def change(body: dict[str, Json]) -> tuple[dict[str, Json], bool | None]:
        if not body:
            return body, None
        _check(name, asked["slots"], body["limit"])
        if _may_take(body, asked):
            return _taken(body, asked, now), True
        alive = _without_dead(body, now)
        if _may_take(alive, asked):
            return _taken(alive, asked, now), True
        place = {**asked, "until": now + LEASE_S}
        known = [each for each in alive["line"] if each["ticket"] == asked["ticket"]]
        if not known:
            line = [place, *alive["line"]] if _held_around(alive, asked) else [*alive["line"], place]
            return {**alive, "line": line}, False
        if known[0]["until"] - now > LEASE_S / 2:
            return body, False
        return {**alive, "line": [place if each is known[0] else each for each in alive["line"]]}, False

    return _change(store, name, change)


def let_go(store: Store, name: str, number: str) -> None:
    """Give the slots back, or leave the line. Does nothing for what is held no more."""

    def change(body: dict[str, Json]) -> tuple[dict[str, Json], bool]:
        if not body:
            return body, False
        kept = {part: [each for each in body[part] if each["ticket"] != number] for part in ("holders", "line")}
        return (body if kept.items() <= body.items() else {**body, **kept}), bool(kept["line"])

    if _change(store, name, change):
        wake(store, name)


def renew(store: Store, name: str, number: str, now: float) -> bool:
    """Prolong the lease of slots or of a place in line; False if it is held no more."""

    def change(body: dict[str, Json]) -> tuple[dict[str, Json], bool]:
        held = [each for part in ("holders", "line") for each in body.get(part, ()) if each["ticket"] == number]
        for each in held:
            each["until"] = now + LEASE_S
        return (dict(body) if held else body), bool(held)

    return _change(store, name, change)


def book(store: Store, name: str, slots: float, now: float, most_s: float) -> float | None:
    """Book slots of a limit that decays; gives the seconds until they are due. None if there is no such limit.

    Raises UsageError for a limit that does not decay; TimeoutError, booking nothing, if they are due in more than
    `most_s`.
    """

    def change(body: dict[str, Json]) -> tuple[dict[str, Json], float | None]:
        if not body:
            return body, None
        rate, limit = body["decay_per_s"], body["limit"]
        if not rate:
            raise UsageError(
                f"Limit {name!r} has no decay, so it limits no rate.",
                f"Set one: motet limit set {name} {limit:g} --decay 1",
            )
        _check(name, slots, limit)
        level = _level(body, now) + slots
        wait_s = max(0.0, (level - limit) / rate) if limit else float("inf")
        if wait_s > most_s:
            raise TimeoutError(
                f"{slots:g} of limit {name!r} are due in {wait_s:.3g} s; the time for it is {most_s:g} s."
            )
        return {**body, "level": level, "at": now}, wait_s

    return _change(store, name, change)


def wake(store: Store, name: str) -> None:
    """Have all who wait for the limit look again."""
    store.publish([Publication(FREED, name, "motet")])


# ---------------------------------------------------------------- inside


def _new() -> dict[str, Json]:
    return {"limit": 0.0, "decay_per_s": 0.0, "holders": [], "line": [], "level": 0.0, "at": 0.0}


def _change(store: Store, name: str, change: Callable[[dict[str, Json]], tuple[dict[str, Json], T]]) -> T:
    """Replace the limit's body by what `change` makes of it ({} where there is none), as if nobody else was there."""
    while True:
        found = store.document(_VOICE, _KIND, name)
        before = found.body if found is not None else {}
        body, told = change(before)
        if body is before:
            return told
        try:
            store.put_document(Document(_VOICE, _KIND, name, body, found.version if found is not None else 0))
        except Conflict:
            continue
        return told


def _may_take(body: dict[str, Json], asked: dict[str, Json]) -> bool:
    line, around = body["line"], _held_around(body, asked)
    if line and line[0]["ticket"] != asked["ticket"] and not around:
        return False
    return bool(_slots(body["holders"]) + asked["slots"] <= body["limit"] + around + _EPSILON)


def _held_around(body: dict[str, Json], asked: dict[str, Json]) -> float:
    """The slots that are held by what the asking code is part of."""

    def is_around(held: dict[str, Json]) -> bool:
        if held["ticket"] in asked["within"]:
            return True
        place = held.get("place", "")  # holders of an earlier version have none
        return bool(place) and held["run"] == asked["run"] and f"{asked['place']}/".startswith(f"{place}/")

    return _slots(each for each in body["holders"] if is_around(each))


def _taken(body: dict[str, Json], asked: dict[str, Json], now: float) -> dict[str, Json]:
    holders = [*body["holders"], {**asked, "until": now + LEASE_S}]
    return {**body, "holders": holders, "line": [each for each in body["line"] if each["ticket"] != asked["ticket"]]}


def _without_dead(body: dict[str, Json], now: float) -> dict[str, Json]:
    dead: dict[tuple[Any, ...], bool] = {}

    def alive(held: dict[str, Json]) -> bool:
        owner = Owner(**held["owner"])
        place = (owner.host, owner.boot, owner.pid, owner.started)
        if place not in dead:
            dead[place] = is_dead(owner)
        return not dead[place] and (owner.host == this_process().host or held["until"] > now)

    return {**body, **{part: [each for each in body[part] if alive(each)] for part in ("holders", "line")}}


def _slots(held: Iterable[dict[str, Json]]) -> float:
    return float(sum(each["slots"] for each in held))


def _level(body: dict[str, Json], now: float) -> float:
    """What is left of the slots that were booked. A clock that was set back counts as no time."""
    return max(0.0, float(body["level"]) - max(0.0, now - float(body["at"])) * float(body["decay_per_s"]))


def _check(name: str, slots: float, limit: float) -> None:
    if limit and slots > limit:
        raise UsageError(f"{slots:g} slots of limit {name!r} were asked for, which has {limit:g}.", "Ask for fewer.")
