"""One step where it runs: what its function is called with, and what of its folder counts.

As in the original, the function is called with keyword arguments in a folder of its own; a literal input is the YAML
value, an artifact the path of a JSON file; each output is a file that the function has to write, and its return value
is ignored. A function that is a `motet.task` instead gets the contents of artifacts, and what it returns is its output
(a dict of them, by name, where there are several).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from glob import escape
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from motet.dialects.orquestra.spec import Output, Step
from motet.dialects.orquestra.surroundings import Surroundings
from motet.errors import CommandFailed
from motet.kernel.events import Json

if TYPE_CHECKING:
    from motet.executors.commands.spec import Command, Finished
    from motet.ports import ArtifactStore

APP = "/app"
"""Where a step sees its folder, as in the original's containers, if this system allows that."""

SHOWN_BYTES = 1024
"""The content of an output up to this size stands in the record of its step too, so that it can be shown at once."""


def command(
    step: Step, folders: Mapping[str, str], around: Surroundings, sources: Mapping[str, Json], artifacts: ArtifactStore,
    *, is_task: bool,
) -> Command:  # fmt: skip
    """The command that runs the step; `folders` are its imports, `sources` the outputs that its inputs refer to.

    Its value is the record of the step's outputs: {"outputs": {name: {"artifact", "size_bytes", "file", "value"?}}}.
    """
    from motet.executors.commands.spec import Command, Function, Mount
    from motet.values.files import File

    kwargs: dict[str, Json] = {each.name: each.value for each in step.inputs if each.source is None}
    files: dict[str, str] = {}
    given: dict[str, str] = {}
    mounts = [Mount(f"step/{name}", path, "ro") for name, path in folders.items()]
    for name, source in sources.items():
        if is_task:
            kwargs[name] = content(source, artifacts)
            continue
        files[name] = _place(name, os.path.splitext(source["file"])[1])
        given[files[name]] = f"inputs/{files[name]}"
        mounts.append(Mount(given[files[name]], File(source["file"], source["artifact"], source["size_bytes"])))
    function = Function(
        f"{os.path.join(folders[step.module], step.file)}:{step.function}",
        kwargs,
        around.python,
        around.paths,
        returns=is_task,
        files=files,
        given=given,
        seen_at=APP,
    )
    read = _returned if is_task else _written
    return Command(
        function, outputs=() if is_task else _patterns(step), mounts=tuple(mounts),
        then=lambda finished: {"outputs": read(step, finished, artifacts)},
    )  # fmt: skip


def _place(argument: str, ending: str) -> str:
    """The file of an artifact in the step's folder: as the argument is called, if a file can be called so."""
    if _FILE.fullmatch(argument) and (ending or argument not in ("inputs", "step")):
        return f"{argument}{ending}"
    return f"{re.sub('[^A-Za-z0-9_-]+', '_', argument)[:40]}-{sha256(argument.encode()).hexdigest()[:8]}{ending}"


_FILE = re.compile(r"\w[\w.-]{0,99}")


def content(source: Mapping[str, Json], artifacts: ArtifactStore) -> Json:
    """The JSON content of an output, from its record."""
    return source["value"] if "value" in source else json.loads(bytes(artifacts.get(source["artifact"])))


def is_json(output: Mapping[str, Json]) -> bool:
    """Whether the output, by its record, is a JSON file; others are passed on, but are no part of results."""
    return str(output["file"]).endswith(".json")


def _patterns(step: Step) -> tuple[str, ...]:
    """Globs, which do not fail where nothing is there: what is missing is told with what was written instead."""
    files = [each.file for each in step.outputs]
    return (*(f"{escape(each[:-1])}[{each[-1]}]" for each in files), "*.json")


def _written(step: Step, finished: Finished, artifacts: ArtifactStore) -> dict[str, Json]:
    there = {each.path: each for each in finished.outputs}
    found = {}
    for output in step.outputs:
        file = there.get(output.file)
        if file is None:
            raise CommandFailed(_missing(step, output, sorted(there)), "Write it there, or correct the step's outputs.")
        record = {"artifact": file.digest, "size_bytes": file.size_bytes, "file": output.file}
        if is_json(record):
            value, odd = _parsed(step, output, bytes(artifacts.get(file.digest)))
            if odd:
                record[ODD] = odd
            elif file.size_bytes <= SHOWN_BYTES:
                record["value"] = value
        found[output.name] = record
    return found


def _missing(step: Step, output: Output, there: list[str]) -> str:
    wrote = f"It wrote: {', '.join(there)}." if there else "It wrote no JSON file."
    return (
        f"Step {step.name} ended without its output {output.name!r}: {step.function}() in {step.file} should have "
        f"written {output.file} to its working folder. {wrote}"
    )


def _parsed(step: Step, output: Output, text: bytes) -> tuple[Json, str]:
    """The content, as Python reads it; and what of it is no JSON, though Python takes it, "" for nothing."""
    odd: dict[str, None] = {}

    def object_of(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) < len(pairs):
            odd["a key twice in one object, of which the last counts"] = None
        return found

    def constant(name: str) -> float:
        odd[f"{name}, which stands as null in results"] = None
        return float(name)

    try:
        value = json.loads(text, object_pairs_hook=object_of, parse_constant=constant)
        why = f"it is nested more than {_DEEPEST} levels deep" if _is_deep(value) else ""
    except RecursionError:
        value, why = None, f"it is nested more than {_DEEPEST} levels deep"
    except ValueError as error:
        value, why = None, str(error)
    if why:
        raise CommandFailed(
            f"Step {step.name} wrote its output {output.name!r}, but {output.file} is no JSON: {why}.",
            "Write it with json.dump; other files need a `path` that does not end in .json.",
        ) from None
    if not odd and _LARGE.search(text) and not _is_finite(value):
        odd["a number that is too large for one, which stands as null in results"] = None
    return value, "; ".join(odd)


ODD = "odd"
"""In the record of an output: what of it is no JSON. It is told in the step's log, and not kept."""

_DEEPEST = 200
_LARGE = re.compile(rb"[eE]\+?[0-9]{3}|[0-9]{309}")


def _is_deep(value: Json) -> bool:
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _is_finite(value: Json) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def _returned(step: Step, finished: Finished, artifacts: ArtifactStore) -> dict[str, Json]:
    """The outputs of a step that is a task, from what it returned."""
    value: Any = finished.value
    names = [each.name for each in step.outputs]
    values = {names[0]: value} if len(names) == 1 else value
    if names and (not isinstance(values, dict) or set(values) < set(names)):
        told = f"a dict with {', '.join(names)}"
        raise CommandFailed(
            f"Step {step.name} returned {type(value).__name__}, not {told}.", "Return one value for each."
        )
    found = {}
    for output in step.outputs:
        text = json.dumps(values[output.name]).encode()
        stored = artifacts.put((text,))
        found[output.name] = {"artifact": stored.digest, "size_bytes": stored.size_bytes, "file": f"{output.name}.json"}
        if stored.size_bytes <= SHOWN_BYTES:
            found[output.name]["value"] = values[output.name]
    return found
