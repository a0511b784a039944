"""Questions that runs have asked, and answers to them: what the command line and programs see of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from motet.engine.listening import STEERING
from motet.errors import Conflict, UsageError, did_you_mean
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED
from motet.ports import Document, Publication, RunRow, Store

ANSWER = "run.answer"
"""The key of the event, in Motet's own namespace, that answers a question."""

_KINDS: dict[str, Any] = {"string": str, "integer": int, "number": int | float, "boolean": bool}


def asked(store: Store) -> dict[str, list[Document]]:
    """What runs wait for now, by run."""
    found: dict[str, list[Document]] = {}
    for each in store.documents("python", "wait"):
        found.setdefault(each.key.partition("/")[0], []).append(each)
    return found


def question(store: Store, run: RunRow, step: str = "") -> Document:
    """The question that the run has asked; of several, that of the step. Raises UsageError if there is none."""
    open_ones = [each for each in asked(store).get(run.id, ()) if each.body["for"] == "answer"]
    if run.status in ENDED:  # it was ended from outside: nobody waits for an answer any more
        for each in open_ones:
            with suppress(Conflict):
                store.delete_document(each)
        open_ones = []
    wanted = [each for each in open_ones if not step or each.body["step"] == step or each.key.endswith(f"/{step}")]
    if len(wanted) == 1:
        return wanted[0]
    if not open_ones:
        raise UsageError(f"Run {run.name} has asked nothing.", f"See how it stands: motet show {run.name}")
    listed = "".join(f"\n  {each.body['step']}: {told(each.body)}" for each in open_ones)
    raise UsageError(f"Run {run.name} has asked {len(open_ones)} questions:{listed}", "Name one: --step STEP")


def told(body: Mapping[str, Json]) -> str:
    """What a run waits for, in words."""
    if body["for"] == "event":
        return f"event {body['event']}"
    fields = [f"{name} ({_kind_of(each)})" for name, each in _fields(body).items()]
    what = f"input {', '.join(fields)}" if fields else "a word to go on"
    return f"{what}: {body['description']}" if body.get("description") else what


def how(body: Mapping[str, Json]) -> str:
    """How it is answered; {run} stands for the run."""
    if body["for"] == "event":
        return f"motet publish {body['event']}"
    required = (body["schema"] or {}).get("required", ())
    given = "".join(f" -p {name}=..." for name in _fields(body) if name in required)
    return f"motet answer {{run}}{given}" if body["schema"] else "motet answer {run}"


def check(body: Mapping[str, Json], values: Mapping[str, Any]) -> None:
    """Raise UsageError for what can be seen from here not to fit: names, missing fields, plain types, choices."""
    fields, required = _fields(body), (body["schema"] or {}).get("required", ())
    for name, value in values.items():
        if name not in fields:
            cure = did_you_mean(name, fields, f"It is asked for {told(body)}.")
            raise UsageError(f"Nothing called {name!r} is asked for.", cure)
        kind = _KINDS.get(fields[name].get("type", ""))
        choices = fields[name].get("enum")
        wrong = kind is not None and (not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)))
        if wrong or (choices and value not in choices):
            raise UsageError(f"{name} is {value!r}.", f"It is to be {_kind_of(fields[name])}.")
    missing = [name for name in required if name not in values]
    if missing:
        raise UsageError(f"{', '.join(missing)} missing.", f"It is asked for {told(body)}.")


def is_text(body: Mapping[str, Json], name: str) -> bool:
    """Whether that field is text, so that what is typed for it stays as it is."""
    return bool(_fields(body).get(name, {}).get("type") == "string")


def give(store: Store, to: Document, values: Mapping[str, Any], sender: str, at: float) -> int:
    """Answer the question; gives the offset of the answer. Raises UsageError for what cannot fit."""
    check(to.body, values)
    run = to.key.partition("/")[0]
    value = {"step": to.body["step"], "values": dict(values)}
    return store.publish([Publication(ANSWER, value, STEERING, sender, run, "", at)])[0]


def _fields(body: Mapping[str, Json]) -> dict[str, Any]:
    found: dict[str, Any] = (body.get("schema") or {}).get("properties", {})
    return found


def _kind_of(field: Mapping[str, Any]) -> str:
    if field.get("enum"):
        return " or ".join(map(str, field["enum"]))
    return str(field.get("type") or "value")
