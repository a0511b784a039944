"""What a step was given and gave, ready to be shown: values as far as they can be told without loading anything,
previews of arrays and tables, and for an element of a map how it stands to its siblings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from motet.errors import NotFound
from motet.kernel.events import Json
from motet.ports import ArtifactStore, RunRow, StepRow, Store
from motet.values.plain import Reading
from motet.views.facts import Facts
from motet.views.steps import elements
from motet.views.values import as_json, told

_READ_BYTES = 256 * 1024
_HEAD_CHARS = 4000
_HEAD_LINES = 40
_MOST_SHOWN = 20_000


def shown(record: Json, artifacts: ArtifactStore) -> Json:
    """A recorded value: {"words": on one line}, and as far as there is "value" (plain JSON), "text" (the head of a long
    one, with "n_chars"), "preview" (see `values.glimpses`), "artifact" and "size_bytes".
    """
    found: dict[str, Json] = {"words": told(record)}
    if isinstance(record, dict):
        found |= {name: record[name] for name in ("artifact", "size_bytes") if name in record}
        if "preview" in record:
            return {**found, "preview": record["preview"]}
    with suppress(ValueError, NotFound, RecursionError):
        value = _value(record, artifacts)
        if isinstance(value, str):
            return {**found, **_text(value)}
        if len(json.dumps(value)) <= _MOST_SHOWN:
            found["value"] = value
    return found


def _value(record: Json, artifacts: ArtifactStore) -> Json:
    """The value as JSON; of one in an artifact, if it is plain and not too large; of outputs that have names, by
    these. Raises ValueError.
    """
    if isinstance(record, dict) and isinstance(record.get("outputs"), dict):
        return {name: each.get("value", each) for name, each in record["outputs"].items()}
    if isinstance(record, dict) and "artifact" in record:
        if record.get("size_bytes", 0) > _READ_BYTES:
            raise ValueError("too large to be shown")
        try:
            value = Reading(bytes(artifacts.get(record["artifact"]))).value()
        except NotFound:
            raise
        except Exception as error:  # boundary: whatever is in the artifact
            raise ValueError("no plain value") from error
        return json.loads(json.dumps(value, default=str))
    if isinstance(record, dict) and "lost" in record:
        raise ValueError("not kept")
    if isinstance(record, dict) and not record.keys() & {"json", "pickle"}:
        return record
    value = as_json(record)
    if isinstance(record, dict) and value is record:
        raise ValueError("no plain value")
    return value


def _text(text: str) -> dict[str, Json]:
    head = "\n".join(text[:_HEAD_CHARS].split("\n")[:_HEAD_LINES])
    return {"text": head, "n_chars": len(text)}


def inputs(facts: Facts, artifacts: ArtifactStore) -> list[Json]:
    """Each argument: {"name", "from": the step it is the result of, or ""} and what `shown` tells; of an element of a
    map also "others": {path: [lowest, highest] or distinct texts of its siblings} where it is unlike these.
    """
    call = facts.added.get("call") or {}
    forms: Mapping[str, Json] = call.get("inputs") or {}
    glimpses: Mapping[str, Json] = call.get("shown") or {}
    found = [_input(facts, name, form, glimpses.get(name), artifacts) for name, form in forms.items()]
    if not forms:
        found = [{"name": name, "from": "", "value": value} for name, value in _further(call)]
    return found


def _further(call: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """What voices without specs say of a call."""
    for name in ("args", "params", "parameters", "kwargs"):
        value = call.get(name)
        if isinstance(value, dict):
            yield from value.items()
        elif value:
            yield name, value


def _input(facts: Facts, name: str, form: Json, glimpse: Json, artifacts: ArtifactStore) -> Json:
    told: dict[str, Json] = {"name": name, "from": ""}
    others: list[Json] = []
    if isinstance(form, list):
        if facts.element < 0:
            return {**told, "words": f"one for each of {len(form)} elements"}
        given = _each(glimpse, form)
        own = given[facts.element] if facts.element < len(given) else None
        others = [value for at, value in enumerate(given) if at != facts.element]
        form = form[facts.element] if facts.element < len(form) else "#"
        glimpse = own
    if isinstance(form, str) and form[:1] == "@":
        key = form[1:]
        return {**told, "from": key, **_of_step(facts, key, artifacts)}
    value = form if not (isinstance(form, str) and form[:1] == "#") else glimpse
    if value is None and form is not None:
        return {**told, "words": "recorded by its hash alone"}
    unlike = dict(_unlike(value, others)) if len(others) >= _SIBLINGS else {}
    return {**told, "value": value, **({"others": unlike} if unlike else {})}


_SIBLINGS = 2


def _each(glimpse: Json, forms: Sequence[Json]) -> list[Json]:
    """What each element was given, told as well as it is recorded."""
    seen = glimpse if isinstance(glimpse, list) else [None] * len(forms)
    is_digest = [isinstance(form, str) and form[:1] in ("#", "@") for form in forms]
    return [one if digest else form for one, form, digest in zip(seen, forms, is_digest, strict=False)]


def _of_step(facts: Facts, key: str, artifacts: ArtifactStore) -> Json:
    """What the step gave whose result it takes: of a map as long as its own, the element of the same place."""
    row = facts.row(key)
    if row is not None and row.size is not None and facts.element >= 0 and facts.element < row.size:
        row = elements(facts.store, facts.run, row)[facts.element]
        return {"from": row.key, **shown(row.result, artifacts)}
    if row is None or row.ended_at is None or row.size is not None:
        return {"words": f"the results of {row.size} elements"} if row is not None and row.size is not None else {}
    return shown(row.result, artifacts)


def _unlike(value: Json, others: Sequence[Json], path: str = "") -> Iterator[tuple[str, Json]]:
    """The parts of a value that lie outside of what its siblings have: by path, with their range."""
    if isinstance(value, dict):
        for name, part in value.items():
            theirs = [other[name] for other in others if isinstance(other, dict) and name in other]
            yield from _unlike(part, theirs, f"{path}.{name}" if path else name)
        return
    numbers = [other for other in others if type(other) in (int, float)]
    if type(value) in (int, float) and len(numbers) == len(others) >= _SIBLINGS:
        low, high = min(numbers), max(numbers)
        if not low <= value <= high:
            yield path, [low, high]
    elif isinstance(value, str) and others and value not in others and len({str(each) for each in others}) == 1:
        yield path, [others[0], others[0]]


def siblings(store: Store, run: RunRow, step: StepRow) -> tuple[str, str]:
    """The steps before and after it, of its map, or of its task below one parent; "" for none."""
    of, _, index = step.key.rpartition("[")
    if step.form == "element":
        size = store.step(run.id, of).size or 0
        at = int(index[:-1])
        return (f"{of}[{at - 1}]" if at else ""), (f"{of}[{at + 1}]" if at + 1 < size else "")
    alike = [row.key for row in store.steps(run.id) if row.parent == step.parent and row.task == step.task]
    at = alike.index(step.key) if step.key in alike else 0
    return (alike[at - 1] if at else ""), (alike[at + 1] if at + 1 < len(alike) else "")


def needed_by(store: Store, run: RunRow, key: str) -> list[Any]:
    """The steps that take its result, or wait for it: [key, status]."""
    own = {key, key.partition("[")[0]}
    return [[row.key, row.status] for row in store.steps(run.id) if own & set(row.needs)]
