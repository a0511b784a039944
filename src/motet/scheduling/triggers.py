"""Triggers: an event that fits begins a run of a registered workflow, once, also if it came while no scheduler lived.

All triggers share one place in the journal, in a document: up to there events have been judged, and what follows from
them is written down in the same step, before it is begun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motet.errors import Conflict, NotFound
from motet.kernel.events import Json
from motet.ports import STEERING, Document, Entry, Publication, Store
from motet.records import Record, field
from motet.registry import definitions, schemas
from motet.scheduling import conditions
from motet.scheduling.beginning import NOT_YET, Beginner
from motet.scheduling.kept import Kept

__all__ = ["Trigger", "add", "every", "find", "pause", "remove", "resume"]

_VOICE, _PLACE, _KEY = "motet", "triggers", "judged"
_LISTENER = "motet.triggers"
_KEEP_S = 30 * 86400.0
_AT_ONCE = 500
_AGAIN_S = 5.0
_RUNS = 20


class Trigger(Record):
    """Which events begin a run of a registered workflow.

    target     NAME of the workflow, or NAME@VERSION
    key        a pattern of keys: "data/*"; `namespace` and `sender` alike (None: any but Motet's own; any)
    where      comparisons, all of which hold: "value.score>=0.9"
    params     what each run is given; `take` what of it comes from the event: {"path": "value.path"}
    after      events beyond this offset count
    state      {"started": so many, "runs": the last, "told": what could not be begun}
    """

    name: str
    target: str
    key: str = "*"
    namespace: str | None = None
    sender: str | None = None
    where: Sequence[str] = ()
    params: Mapping[str, Json] = field(default_factory=dict)
    take: Mapping[str, str] = field(default_factory=dict)
    paused: bool = False
    after: int = 0
    number: int = 0
    created_at: float = 0.0
    state: dict[str, Json] = field(default_factory=dict)


KEPT = Kept("trigger", Trigger)
find, every = KEPT.find, KEPT.every


def add(store: Store, trigger: Trigger, now: float) -> Trigger:
    """Keep the trigger: events from now on count. Its workflow must be registered, and take its parameters.

    Raises UsageError, ParameterError, NotFound; Conflict for a name that is taken.
    """
    for each in trigger.where:
        conditions.parsed(each)
    for path in trigger.take.values():
        conditions.check_path(path)
    definition = definitions.find(store, trigger.target)
    there = {**definition.given, **dict.fromkeys(trigger.take)}
    trigger.params = schemas.fitted(definition.schema, trigger.params, there, f"workflow {definition.version}")
    schemas.check_names(definition.schema, trigger.take, f"workflow {definition.version}")
    trigger.after = store.head()
    store.keep_from(_LISTENER, _judged(store, [trigger]).body["offset"], _KEEP_S)
    return KEPT.add(store, trigger, now)


def pause(store: Store, name: str, now: float) -> Trigger:
    """Begin nothing from now on, whatever comes. Raises NotFound."""

    def change(trigger: Trigger) -> bool:
        trigger.paused = True
        return True

    return KEPT.change_and_tell(store, name, change, now)


def resume(store: Store, name: str, now: float) -> Trigger:
    """Let events count again, from now on. Raises NotFound."""

    def change(trigger: Trigger) -> bool:
        trigger.paused, trigger.after = False, store.head()
        return True

    return KEPT.change_and_tell(store, name, change, now)


def remove(store: Store, name: str, now: float) -> Trigger:
    """Remove it; runs that it has begun go on. Raises NotFound."""
    return KEPT.remove(store, name, now)


# ---------------------------------------------------------------- what a scheduler does


def look(beginner: Beginner) -> float | None:
    """Judge what was published since, and begin what follows; gives when to look again at the latest, None if not."""
    store = beginner.store
    while True:
        there = every(store)
        document = _judged(store, there)
        if document.body["starting"]:
            document, left = _begin_all(beginner, document)
            if left:
                return beginner.now() + _AGAIN_S
        entries = store.read(document.body["offset"], limit=_AT_ONCE, published=True) if there else []
        if not entries:
            return None
        starting = [_firing(each, entry) for entry in entries for each in there if _fires(each, entry)]
        body = {"offset": entries[-1].offset, "starting": starting}
        try:
            store.put_document(Document(_VOICE, _PLACE, _KEY, body, document.version))
        except Conflict:  # another scheduler judges them
            continue
        store.keep_from(_LISTENER, entries[-1].offset, _KEEP_S)


def _judged(store: Store, triggers: Sequence[Trigger]) -> Document:
    """Up to where events have been judged; of what no trigger there is was made for nothing need be."""
    earliest = min((each.after for each in triggers), default=0)
    found = store.document(_VOICE, _PLACE, _KEY)
    if found is None:
        return Document(_VOICE, _PLACE, _KEY, {"offset": earliest, "starting": []}, 0)
    return Document(
        _VOICE, _PLACE, _KEY, {**found.body, "offset": max(found.body["offset"], earliest)}, found.version
    )  # fmt: skip


def _fires(trigger: Trigger, event: Entry) -> bool:
    is_meant = not trigger.paused and event.offset > trigger.after
    return is_meant and conditions.fits(event, trigger.key, trigger.namespace, trigger.sender, trigger.where)


def _firing(trigger: Trigger, event: Entry) -> Json:
    taken = {name: conditions.part(event, path) for name, path in trigger.take.items()}
    return {
        "trigger": trigger.name, "number": trigger.number, "target": trigger.target, "offset": event.offset,
        "params": {**trigger.params, **taken},
    }  # fmt: skip


def _begin_all(beginner: Beginner, document: Document) -> tuple[Document, bool]:
    """Begin what was written down; gives the document without it, and whether anything is left."""
    left = []
    for each in document.body["starting"]:
        run = f"t{each['number']}-{each['offset']}"
        cause = {"by": "trigger", "trigger": each["trigger"], "offset": each["offset"]}
        name = f"{each['trigger']}-{each['offset']}"
        why = beginner.begin(each["target"], each["params"], run, name, cause)
        if why == NOT_YET:
            left.append(each)
        else:
            _note(beginner, each, run, why)
    body = {**document.body, "starting": left}
    try:
        return beginner.store.put_document(Document(_VOICE, _PLACE, _KEY, body, document.version)), bool(left)
    except Conflict:  # another scheduler has begun them, too
        return _judged(beginner.store, every(beginner.store)), bool(left)


def _note(beginner: Beginner, firing: Json, run: str, why: str) -> None:
    """Tell what came of it."""
    if why:
        value = {"trigger": firing["trigger"], "event": firing["offset"], "why": why}
        told = Publication("trigger.failed", value, STEERING, "motet", client_key=f"{run}/failed", at=beginner.now())
        beginner.store.publish([told])
    beginner.say(f"Trigger {firing['trigger']}: " + (why or f"run {run} begins."))

    def change(trigger: Trigger) -> bool:
        state = trigger.state
        if trigger.number != firing["number"] or run in state.get("runs", ()):
            return False
        state["runs"] = [*state.get("runs", ()), run][-_RUNS:]
        state["started"] = state.get("started", 0) + (not why)
        if why:
            state["told"] = [*state.get("told", ()), {"event": firing["offset"], "why": why}][-_RUNS:]
        return True

    try:
        KEPT.change(beginner.store, firing["trigger"], change)
    except NotFound:  # removed since
        return
