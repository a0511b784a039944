"""What users' jq says before a stage adds anything: a step of its own, so a replay reads what it said then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from motet.dialects.yadage.growing import Graph, Question, table
from motet.dialects.yadage.spec import JQ
from motet.dialects.yadage.values import Template, places
from motet.errors import MotetError, StepFailed
from motet.kernel.events import Json
from motet.values.documents import keys_of, pointer_of
from motet.values.placeholders import braced
from motet.values.queries import run

_NODE, _REF, _POINTER = "_nodeid", "$wflowref", "$wflowpointer"
_TRUE = 'def is_true: . != null and . != false and . != 0 and . != "" and . != [] and . != {};\n'
"""What counts as true of a condition's value: as Python has it, not jq."""


def payload(question: Question, graph: Graph) -> dict[str, Json]:
    """All that is needed to answer, as JSON: conditions, and parameters or what these are to be made from."""
    stage = question.rule.stage
    assert stage is not None
    asked: dict[str, Json] = {
        "where": stage.where, "conditions": [each.condition for each in stage.bodies], "items": list(question.items),
    }  # fmt: skip
    if stage.kind == JQ:
        found = table(question.rule)
        asked["bindings"], asked["scripts"], asked["table"] = dict(stage.parameters), list(stage.scripts), found
        asked["results"] = {key: graph.members[key].result for key in _nodes(found)}
    return asked


def answer(asked: Mapping[str, Any]) -> Json:
    """{"sets": parameters of each step, of a jq stage; "cases": which case each is, None for none}.

    Raises StepFailed.
    """
    try:
        found: dict[str, Json] = {}
        items = asked["items"]
        if "bindings" in asked:
            found["sets"] = _sets(asked)
            items = [each["value"] for each in found["sets"]]
        if any(asked["conditions"]):
            found["cases"] = run(_cases(asked["conditions"]), items)[0]
        return found
    except MotetError as error:
        raise StepFailed(f"{asked['where']}: {error.what}", error.cure) from None


def _cases(conditions: Sequence[str]) -> str:
    tests = [f"if ([(\n{each}\n)][0] | is_true) then {case}" for case, each in enumerate(conditions)]
    return f"{_TRUE}map({' el'.join(tests)} else null end)"


# ---------------------------------------------------------------- jq stages


def _sets(asked: Mapping[str, Any]) -> list[Json]:
    bindings = _replaced(asked["bindings"], _REF, lambda ref: _referred(ref, asked))
    stepscript, postscript = asked["scripts"]
    outputs = run(stepscript, bindings)
    if not outputs or not isinstance(outputs[0], list):
        raise MotetError(
            f"the stepscript {stepscript!r:.120} gives no list of parameters.", "Let it give [{...}, ...]."
        )
    found = []
    for each in outputs[0]:
        uses: dict[str, None] = {}
        texts: set[str] = set()
        value = _replaced(each, _POINTER, partial(_pointed, asked, uses, texts))
        found.append({"value": value, "uses": list(uses), "texts": texts})
    if postscript.strip() != ".":
        values = run(f"map([\n{postscript}\n][0])", [each["value"] for each in found])[0]
        for each, value in zip(found, values, strict=True):
            each["value"] = value
    for each in found:
        each["templates"] = _templates(each["value"], each.pop("texts"))
    return found


def _templates(value: Json, data: set[str]) -> list[list[str | int]]:
    """Where texts with braces stand that scripts have made: what came from results is data."""
    return list(places(value, lambda text: braced(text) and text not in data))


def _referred(ref: Json, asked: Mapping[str, Any]) -> Json:
    """What a `$wflowref` stands for: what its first script selects, each node replaced by what its second gives."""
    if not isinstance(ref, list) or len(ref) != 2 or not all(isinstance(each, str) for each in ref):
        raise MotetError(f"{ref!r:.120} is no $wflowref.", "Write {$wflowref: ['.stage[]', '.output']}.")
    chosen = run(ref[0], asked["table"])
    keys = _nodes(chosen)
    results = [_pointers(asked["results"][key], key, ()) for key in keys]
    given = dict(zip(keys, run(f"map([\n{ref[1]}\n])", results)[0], strict=True)) if keys else {}
    return _replaced(chosen, _NODE, lambda key: given[key])


def _pointers(result: Json, key: str, path: Sequence[str | int]) -> Json:
    """The result with a pointer in place of each value that is neither null nor false."""
    if isinstance(result, dict):
        return {name: _pointers(each, key, (*path, name)) for name, each in result.items()}
    if isinstance(result, list):
        return [_pointers(each, key, (*path, number)) for number, each in enumerate(result)]
    return result if result is None or result is False else {_POINTER: {"step": key, "result": pointer_of(path)}}


def _pointed(asked: Mapping[str, Any], uses: dict[str, None], texts: set[str], at: Any) -> Json:
    uses[at["step"]] = None
    value = asked["results"][at["step"]]
    for name in keys_of(at["result"]):
        value = value[int(name)] if isinstance(value, list) else value[name]
    if isinstance(value, str) and not isinstance(value, Template):
        texts.add(value)
    return value


def _replaced(value: Json, key: str, change: Callable[[Json], Json]) -> Json:
    """The value with each mapping that has the key replaced by what its content there comes to."""
    if isinstance(value, dict):
        return (
            change(value[key]) if key in value else {name: _replaced(each, key, change) for name, each in value.items()}
        )
    if isinstance(value, list):
        return [_replaced(each, key, change) for each in value]
    return value


def _nodes(value: Json) -> list[str]:
    """The keys of all nodes in it."""
    found: dict[str, None] = {}
    _replaced(value, _NODE, lambda key: found.setdefault(key))
    return list(found)
