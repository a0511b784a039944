"""What runs wait for, and answers to what they ask: seen by the command line, by programs and by pages.

Steps that wait for events and other rules say so in their rows (see `of_row`).

A voice writes down what a step of a run asks in a document of its own, of the kind `WAIT`, under RUN/STEP, and removes
it when it has the answer:

    for          "answer"
    step, since  which step, and since when
    schema       what the answer has to look like, a JSON schema; None for a mere word to go on
    description  what is asked, in words
    suspended    whether its process has let go of the run until then
    refused      of an answer that did not fit: {"offset": ..., "error": ...}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from contextvars import Context

from motet import rules
from motet.errors import Conflict, UsageError, did_you_mean
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED
from motet.ports import STEERING, Document, RunRow, StepRow, Store
from motet.typed import Any
from motet.values import naming, visible

WAIT = "wait"
"""The kind of the documents."""

ANSWER = "run.answer"
"""The key of the event, in Motet's own namespace, that answers a question."""

_KINDS: dict[str, Any] = {"string": str, "integer": int, "number": int | float, "boolean": bool}


def asked(store: Store, runs: Collection[RunRow]) -> dict[str, list[Document]]:
    """What these runs wait for now, by run."""
    found: dict[str, list[Document]] = {row.id: [] for row in runs}
    for voice in {row.program.get("voice", "") for row in runs}:
        for each in store.documents(voice, WAIT):
            run = each.key.partition("/")[0]
            if run in found:
                found[run].append(each)
    return {run: waits for run, waits in found.items() if waits}


def of_step(store: Store, run: RunRow, key: str) -> Document | None:
    """What a step of the run waits for now."""
    return store.document(run.program.get("voice", ""), WAIT, f"{run.id}/{key}")


def ask(store: Store, run: RunRow, key: str, first: Mapping[str, Json], body: Mapping[str, Json]) -> Document:
    """Write down that a step of the run waits for that, in place of what it waited for before; of `first`, what is not
    there yet. A question is also said on stderr, with the command that answers it.
    """
    found = of_step(store, run, key)
    kept, version = (found.body, found.version) if found is not None else (first, 0)
    voice = run.program.get("voice", "")
    if body["for"] == "answer" and not body.get("suspended"):  # else the process that lets go of the run says so
        _say(run, body)
    return store.put_document(Document(voice, WAIT, f"{run.id}/{key}", {**kept, **body}, version))


def _say(run: RunRow, body: Mapping[str, Json]) -> None:
    lines = f"motet: {run.name} waits for {told(body)}", f"To answer: {how(body).format(run=run.name)}"
    Context().run(visible.say, "\n".join(map(visible.line, lines)))  # it is not the flow that prints this


def forget(store: Store, run: RunRow, key: str) -> None:
    """The step waits for nothing any more."""
    found = of_step(store, run, key)
    if found is not None:
        with suppress(Conflict):
            store.delete_document(found)


def refuse(store: Store, run: RunRow, key: str, offset: int, why: str) -> None:
    """Say of the answer at that offset, where whoever gave it will see it, why it does not fit."""
    found = of_step(store, run, key)
    if found is not None:
        body = {**found.body, "refused": {"offset": offset, "error": why}}
        with suppress(Conflict):  # nobody else writes it but who forgets it
            store.put_document(Document(found.voice, found.kind, found.key, body, found.version))


def question(store: Store, run: RunRow, step: str = "") -> Document:
    """The question that the run has asked; of several, that of the step. Raises UsageError if there is none."""
    open_ones = [each for each in asked(store, [run]).get(run.id, ()) if each.body["for"] == "answer"]
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


def of_row(step: StepRow) -> Json:
    """What a step waits for whose rule completes it, as the documents tell it; None for an answer, which they tell of:
    {"for": "event", "event": its key, ...} or {"for": "rule", "rule": see `motet.rules`, ...}.
    """
    rule = step.result["until"]
    place = {"step": step.key, "since": step.started_at}
    if rule["rule"] != "event":
        return {"for": "rule", "rule": rule, **place}
    return None if rule.get("namespace") == STEERING else {"for": "event", "event": rule["key"], **place}


def told(body: Mapping[str, Json]) -> str:
    """What a run waits for, in words."""
    if body["for"] == "event":
        return f"event {body['event']}"
    if body["for"] == "rule":
        return in_words(rules.from_json(body["rule"]))
    fields = [f"{name} ({_kind_of(each)})" for name, each in _fields(body).items()]
    what = f"input {', '.join(fields)}" if fields else "a word to go on"
    return f"{what}: {body['description']}" if body.get("description") else what


def in_words(rule: rules.Rule) -> str:
    """What a rule fires on."""
    inner = [f"({in_words(each)})" if len(each.parts) > 1 else in_words(each) for each in rule.parts]
    fields = rule.to_json()
    words: dict[str, str] = {
        "event": f"event {fields.get('key')}", "after": f"{fields.get('for_s')} s",
        "status": f"{fields.get('key') or fields.get('task') or 'a step'} to be {fields.get('status')}",
        "any": " or ".join(inner), "all": " and ".join(inner), "sequence": ", then ".join(inner),
        "count": f"{fields.get('times')} times {inner[0] if inner else ''}",
        "absence": f"{fields.get('for_s')} s without {inner[0] if inner else ''}",
    }  # fmt: skip
    return words[rule.kind]


def asked_for(body: Mapping[str, Json]) -> str:
    """The same as a sentence; a description may have an end of its own."""
    text = f"It is asked for {told(body)}"
    return text if text.endswith((".", "?", "!")) else f"{text}."


def how(body: Mapping[str, Json]) -> str:
    """How it is answered; {run} stands for the run."""
    if body["for"] == "event":
        return f"motet publish {body['event']}"
    if body["for"] == "rule":
        return "motet show {run}"
    required = (body["schema"] or {}).get("required", ())
    given = "".join(f" -p {name}=..." for name in _fields(body) if name in required)
    return f"motet answer {{run}}{given}" if body["schema"] else "motet answer {run}"


def check(body: Mapping[str, Json], values: Mapping[str, Any]) -> None:
    """Raise UsageError for what can be seen from here not to fit: names, missing fields, plain types, choices."""
    fields, required = _fields(body), (body["schema"] or {}).get("required", ())
    for name, value in values.items():
        if name not in fields:
            cure = did_you_mean(name, fields, asked_for(body))
            raise UsageError(f"Nothing called {name!r} is asked for.", cure)
        kind = _KINDS.get(fields[name].get("type", ""))
        choices = fields[name].get("enum")
        wrong = kind is not None and (not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)))
        if wrong or (choices and value not in choices):
            raise UsageError(f"{name} is {value!r}.", f"It is to be {_kind_of(fields[name])}.")
    missing = [name for name in required if name not in values]
    if missing:
        raise UsageError(f"{', '.join(missing)} missing.", asked_for(body))


def is_text(body: Mapping[str, Json], name: str) -> bool:
    """Whether that field is text, so that what is typed for it stays as it is."""
    return bool(_fields(body).get(name, {}).get("type") == "string")


def give(store: Store, to: Document, values: Mapping[str, Any], sender: str, at: float) -> int:
    """Answer the question; gives the offset of the answer. Raises UsageError for what cannot fit."""
    check(to.body, values)
    run = to.key.partition("/")[0]
    value = {"step": to.body["step"], "values": dict(values)}
    return store.publish([naming.asked(ANSWER, value, at=at, sender=sender, run=run)])[0]


def _fields(body: Mapping[str, Json]) -> dict[str, Any]:
    found: dict[str, Any] = (body.get("schema") or {}).get("properties", {})
    return found


def _kind_of(field: Mapping[str, Any]) -> str:
    if field.get("enum"):
        return " or ".join(map(str, field["enum"]))
    return str(field.get("type") or "value")
