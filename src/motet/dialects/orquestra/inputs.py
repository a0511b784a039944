"""What a step takes and gives: literals and references by argument, and the files that it is to write."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

from motet.dialects.orquestra.places import Place, Problems, told
from motet.dialects.orquestra.spec import Input, Output
from motet.values.yaml import Path

_REFERENCE = re.compile(r"\(\(\s*([^()\s]+)\s*\)\)")
_HALF_REFERENCE = re.compile(r"\({0,2}\s*[\w-]+\.[\w.-]+\s*\){1,2}|\({1,2}\s*[\w-]+\.[\w.-]+\s*\){0,2}")
_V0_REFERENCE = re.compile(r"\{\{\s*(steps|workflow|inputs|tasks|item)\b")


def read_inputs(place: Place) -> list[Input]:
    """The inputs of a step; what is wrong is told to its problems."""
    found: dict[str, Input] = {}
    for each in place.items("inputs", f"an input of {place.called}"):
        names = [name for name in each.value if name != "type"]
        if len(names) != 1:
            what = f"names {len(names)} arguments ({', '.join(names)})" if names else "names no argument"
            place.problems.error(
                each.path,
                f"an input of {place.called} {what}, expected one.",
                "Write `- argument: value`, then `type:`.",
            )
            continue
        read_as = _input(each, names[0])
        if read_as.name in found:
            place.problems.error(each.path, f"{place.called} has two inputs named {read_as.name!r}.", "Keep one.")
        found[read_as.name] = read_as
    return list(found.values())


def _input(place: Place, name: str) -> Input:
    kind = place.text("type", required=False)
    at = (*place.path, name)
    if "type" not in place.value:
        place.problems.warn(at, f"input {name!r} has no type.")
    value = place.value[name]
    source = reference(value, at, place.problems) if isinstance(value, str) else None
    for inner in _references_within(value, at):
        place.problems.warn(inner, _WITHIN)
    for inner in _endless_within(value, at):
        place.problems.error(inner, "JSON has no such number, so it cannot be passed on.", "Write it in quotes.")
    misfit = not isinstance(value, _LITERALS.get(kind, object)) or (
        isinstance(value, bool) and kind in ("int", "float")
    )
    if source is None and value not in (None, "None") and misfit:
        place.problems.warn(at, f"input {name!r} has type {kind!r}, but is {told(value)}.")
    return Input(name, kind, at, None if source else value, source)


_WITHIN = (
    "a reference inside a list or mapping is not followed: the text is passed as it is. Make it an input of its own."
)


def _references_within(value: Any, at: Path) -> Iterator[Path]:
    """Where in a list or mapping there is text that alone would be a reference."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if isinstance(part, str) and _REFERENCE.fullmatch(part.strip()):
            yield (*at, key)
        yield from _references_within(part, (*at, key))


def _endless_within(value: Any, at: Path) -> Iterator[Path]:
    """Where in a literal there is a number that is none: .nan, .inf."""
    if isinstance(value, float) and not isfinite(value):
        yield at
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _endless_within(part, (*at, key))


_LITERALS: dict[str, type | tuple[type, ...]] = {
    "string": str, "int": int, "float": (int, float), "bool": bool, "dict": dict, "list": list,
}  # fmt: skip
"""What literals of the built-in types are."""


def reference(text: str, at: Path, problems: Problems) -> tuple[str, str] | None:
    """The step and output that `((step.output))` names; None for other text. What only looks like one is an error."""
    match = _REFERENCE.fullmatch(text.strip())
    if match is None:
        if _HALF_REFERENCE.fullmatch(text.strip()) and ("((" in text or "))" in text):
            problems.error(at, f"found {text!r}, expected a reference such as ((step.output)).", "Count the brackets.")
        elif _V0_REFERENCE.search(text):
            problems.error(at, f"{text!r} is how v0 wrote references.", "Write ((step.output)), or the value itself.")
        elif "((" in text and _REFERENCE.search(text):
            problems.warn(at, "a reference inside longer text is not followed: the text is passed as it is.")
        return None
    step, _, output = match[1].rpartition(".")
    step = step.removesuffix(".outputs")
    if not step or not output:
        problems.error(
            at, f"found {text!r}, expected a reference such as ((step.output)).", "Name a step and its output."
        )
        return None
    return step, output


def read_outputs(place: Place) -> list[Output]:
    """The outputs of a step; what is wrong is told to its problems."""
    found: dict[str, Output] = {}
    for each in place.items("outputs", f"an output of {place.called}"):
        each.only(("name", "type", "path"))
        name = each.text("name")
        if name and (name in found or "/" in name or name.startswith(".")):
            what = (
                f"{place.called} has two outputs named {name!r}"
                if name in found
                else f"{name!r} cannot be a file's name"
            )
            place.problems.error((*each.path, "name"), f"{what}.", "Rename it.")
            continue
        if "type" not in each.value:
            place.problems.warn(each.path, f"output {name!r} has no type.")
        if name:
            found[name] = Output(name, each.text("type", required=False), each.path, _output_file(each, name))
    return list(found.values())


def _output_file(place: Place, name: str) -> str:
    """Where the output is written, below the step's folder, which the original called /app."""
    given = place.text("path", required=False) or f"{name}.json"
    file = posixpath.relpath(posixpath.join("/app", given), "/app")
    if file == "." or file.startswith(".."):
        place.problems.error(
            (*place.path, "path"), f"{given!r} is not inside the step's folder, /app.", "Write it there."
        )
    return file
