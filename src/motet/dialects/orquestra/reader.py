"""The text of a workflow made into a `Workflow`, every key of v1 checked; what is wrong is named with its place."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import Any

from motet.dialects.orquestra import templates
from motet.dialects.orquestra.graph import check_graph
from motet.dialects.orquestra.imports import read_import
from motet.dialects.orquestra.inputs import read_inputs, read_outputs
from motet.dialects.orquestra.places import Place, Problems, told
from motet.dialects.orquestra.spec import API_VERSION, Step, Workflow, nearest
from motet.errors import SpecError, UsageError
from motet.values.quantities import quantity
from motet.values.yaml import Document, Limits, read

_TOP = ("apiVersion", "name", "imports", "steps", "types", "dataAggregation")
_TOP_HINTS = {
    "outputs": "Outputs belong to a step: is it indented too little?",
    **dict.fromkeys(
        ("params", "parameters", "arguments"), "v1 has no parameters: give inputs by --set STEP.INPUT=VALUE."
    ),
}
_STEP = ("name", "passed", "config", "inputs", "outputs", "retry", "timeout")
_STEP_HINTS = {
    **dict.fromkeys(
        ("withItems", "withParam"), "Loops were v0: give an input several values by --matrix STEP.INPUT=A,B."
    ),
    "when": "Conditions were v0: the step runs in any case.",
}
_RUNTIME = ("language", "type", "customImage", "imports", "parameters")
_RESOURCES = ("cpu", "memory", "disk", "gpu")

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_V0_KEYS = ("ZapOSApiVersion", "kind", "metadata", "spec")


def read_workflow(text: str | bytes, file: str, *, kept: bool = False) -> Workflow:
    """The workflow that the text holds. Raises SpecError, naming everything that is wrong with its place.

    `kept` is a text of which a run was made: it was found right then, and is taken as it is, by whatever rules there
    are now.
    """
    try:
        return _read(text, file, kept=kept)
    except SpecError as error:
        if "{{" in error.what:  # elsewhere it may be text that is meant to be so
            templates.refuse(text, file)
        raise


def _read(text: str | bytes, file: str, *, kept: bool) -> Workflow:
    try:
        document = _document(text, file, kept=kept)
    except SpecError:
        _refuse_v0(text, file)
        templates.refuse(text, file)
        raise
    problems = Problems(document, heeded=not kept)
    top = Place(problems, (), document.value, "the workflow")
    problems.check()
    _check_version(top)
    top.only(_TOP, _TOP_HINTS)
    workflow = Workflow(_workflow_name(top), file, document, {}, {}, top.names("types"), problems.warnings)
    workflow.imports = _by_name([read_import(each) for each in top.items("imports", "import")], problems, "import")
    if not workflow.imports and "imports" not in top.value:
        top.missing("imports", "List what the files of the steps are in.")
    problems.check()  # what follows from a faulty import is not told as well
    known = list(workflow.imports)
    workflow.steps = _by_name(
        [_step(each, known) for each in top.items("steps", "step", required=True)], problems, "step"
    )
    if top.value.get("steps") == []:
        problems.error(("steps",), "there are no steps.", "List at least one.")
    if top.value.get("dataAggregation") is not None:
        _check_aggregation(top)
    problems.check()
    check_graph(workflow, problems)
    problems.check()
    used = {each for step in workflow.steps.values() for each in step.imports}
    for name in workflow.imports.keys() - used:
        problems.warn(workflow.imports[name].at, f"import {name!r} is used by no step; it is not fetched.")
    return workflow


def _document(text: str | bytes, file: str, *, kept: bool) -> Document:
    """What the text says. A run is made of a text and is then read from it: the latest is not parsed again."""
    if (known := _latest.get(text)) is not None:
        return replace(known, file=file)
    document = read(text, file, modern_numbers=True, limits=_NO_LIMITS if kept else None)
    if not kept:  # what is kept may be larger than what a run is made of
        _latest.clear()
        _latest[text] = document
    return document


_latest: dict[str | bytes, Document] = {}

_NO_LIMITS = Limits(size_bytes=1 << 40, depth=400, values=1 << 40, number_chars=1 << 40)


def _refuse_v0(text: str | bytes, file: str) -> None:
    """Raise SpecError for v0, even where it is no YAML: its templates may make it that."""
    shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
    match = re.search(r"^ZapOSApiVersion", shown, re.M)
    if match is not None:
        line = shown.count("\n", 0, match.start()) + 1
        raise SpecError(f"{file}:{line}:1: {_V0}", _REWRITE)


_V0 = "this is a v0 workflow (ZapOSApiVersion v1alpha1, templates of Argo), which is not run here."
_REWRITE = f"Rewrite it as {API_VERSION}: one entry in `steps` for each template call, ordered by `passed`."


def _check_version(top: Place) -> None:
    """Raise SpecError for anything but v1; v0 is called by its name."""
    old = [each for each in _V0_KEYS if each in top.value]
    version = top.value.get("apiVersion")
    if "ZapOSApiVersion" in old or ("kind" in old and "spec" in old):
        mixed = " It also has keys of v1: it seems to be half migrated." if version else ""
        raise SpecError(f"{top.problems.document.where((old[0],), key=True)}: {_V0}{mixed}", _REWRITE)
    if top.text("apiVersion", cure=f"Write apiVersion: {API_VERSION}") not in ("", API_VERSION):
        top.problems.error(("apiVersion",), f"found {version!r}, expected {API_VERSION!r}.")


def _workflow_name(top: Place) -> str:
    name = top.text("name", cure="It is the first part of the ids of its runs.")
    if name and not _LABEL.fullmatch(name):
        cure = "Use lowercase letters, digits and '-'; begin and end with a letter or digit."
        top.problems.error(("name",), f"{name!r} cannot be part of an id.", cure)
    elif name and not _NAME.fullmatch(name):
        top.problems.warn(
            ("name",), f"the original took lowercase letters, digits, '-' and '.' in names, not {name!r}."
        )
    return name


def _by_name(found: list[Any], problems: Problems, called: str) -> dict[str, Any]:
    by_name: dict[str, Any] = {}
    for each in found:
        if each.name in by_name:
            first = problems.document.where(by_name[each.name].at).rpartition(":")[0]
            problems.error((*each.at, "name"), f"there are two {called}s named {each.name!r} (the first at {first}).",
                           "Rename one.")  # fmt: skip
        elif each.name:
            by_name[each.name] = each
    return by_name


def _check_aggregation(top: Place) -> None:
    place = top.within("dataAggregation", "dataAggregation")
    if place is None or not place.value:
        return
    place.only(("run", "resources"))
    if not isinstance(place.value.get("run", True), bool):
        top.problems.error((*place.path, "run"), f"found {told(place.value['run'])}, expected true or false for 'run'.")
    _resources(place)


# ---------------------------------------------------------------- steps


def _step(place: Place, imports: list[str]) -> Step:
    place.only(_STEP, _STEP_HINTS)
    step = Step(place.text("name"), place.path, place.names("passed"))
    if step.name and not _LABEL.fullmatch(step.name):
        place.problems.error(
            (*place.path, "name"), f"{step.name!r} cannot be a step's name.",
            "Use letters, digits, '-', '_' and '.'; begin and end with a letter or digit.",
        )  # fmt: skip
    config = place.within("config", f"config of {place.called}")
    if config is not None and config.value:
        config.only(("runtime", "resources"), {each: f"{each!r} belongs to the step." for each in ("retry", "timeout")})
        step.resources = _resources(config)
        runtime = config.within("runtime", f"runtime of {place.called}")
        if runtime is not None and runtime.value:
            _read_runtime(runtime, step, imports)
    step.inputs = read_inputs(place)
    step.outputs = read_outputs(place)
    _read_retry(place, step)
    if place.value.get("timeout") is not None:
        step.timeout_s = _duration(place, "timeout")
    return step


def _read_runtime(place: Place, step: Step, imports: list[str]) -> None:
    place.only(_RUNTIME, {each: f"{each!r} belongs below config.resources." for each in (*_RESOURCES, "resources")})
    name = "type" if "type" in place.value and "language" not in place.value else "language"
    language = place.text(name, cure="Write language: python3.")
    if language not in ("", "python3"):
        place.problems.error(
            (*place.path, name), f"found {name}: {language}, expected python3.", "Only Python steps are run."
        )
    if "language" in place.value and place.value.get("type", language) != language:
        place.problems.error(
            (*place.path, "type"), f"'type' and 'language' differ in {place.called}.", "Keep 'language'."
        )
    step.image = place.text("customImage", required=False)
    step.imports = place.names("imports")
    for index, each in enumerate(step.imports):
        if each not in imports:
            place.problems.error(
                (*place.path, "imports", index),
                f"step {step.name!r} imports {each!r}, which the workflow does not import.",
                nearest(each, imports),
            )  # fmt: skip
    called = place.within("parameters", f"the runtime's parameters of step {step.name!r}")
    if called is not None and called.value:
        called.only(("file", "function"))
        step.function = called.text("function")
        clear = isinstance(place.value.get("imports") or [], list) and all(each in imports for each in step.imports)
        _read_file(called, step, imports, clear=clear)


def _read_file(place: Place, step: Step, imports: list[str], *, clear: bool) -> None:
    """The step's file; `clear` says that what its runtime imports was found right."""
    file = place.text("file", cure="It is <import name>/<path in it>.")
    at = (*place.path, "file")
    step.module, _, inside = file.removeprefix("./").partition("/")
    step.file = posixpath.normpath(inside) if inside else ""
    if not file:
        return
    if not inside or step.file.startswith(("..", "/")):
        cure = nearest(step.module, imports) if step.module not in imports else "Write the path of a .py file in it."
        place.problems.error(at, f"found {file!r}, expected <import name>/<path in it>.", cure)
    elif step.module not in imports:
        place.problems.error(
            at, f"{file!r} begins with {step.module!r}, which is no import.", nearest(step.module, imports)
        )
    elif step.module not in step.imports and clear:
        place.problems.error(
            at, f"step {step.name!r} takes its file from {step.module!r}, which its runtime does not import.",
            f"Add {step.module!r} to the runtime's imports.",
        )  # fmt: skip


def _resources(config: Place) -> dict[str, float]:
    if config.value.get("resources") is None:
        return {}
    place = Place(config.problems, (*config.path, "resources"), config.value["resources"], "resources")
    place.only(_RESOURCES)
    found = {}
    for name in _RESOURCES:
        value = place.value.get(name)
        if value is None:
            continue
        try:
            found[name] = (
                quantity(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
            )
        except UsageError:
            found[name] = -1.0
        if found[name] < 0:
            place.problems.error(
                (*place.path, name), f"found {told(value)}, expected a quantity for {name!r}.",
                'Write for example "500m" cores, "4Gi" of memory, 1 gpu.',
            )  # fmt: skip
    return found


def _read_retry(place: Place, step: Step) -> None:
    value = place.value.get("retry")
    if isinstance(value, dict):
        inner = Place(place.problems, (*place.path, "retry"), value, "retry")
        inner.only(("limit", "delay"))
        if "delay" in value:
            step.delay_s = _duration(inner, "delay")
        value = value.get("limit", 1)
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        place.problems.error(
            (*place.path, "retry"),
            f"found {told(value)}, expected a number of retries.",
            "Write retry: 2, or {limit: 2, delay: 10s}.",
        )
        return
    step.retries = value


_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _duration(place: Place, name: str) -> float:
    value = place.value[name]
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]*)?)\s*([a-z]*)\s*", str(value))
    if match is None or match[2] not in _SECONDS or float(match[1]) == 0:
        place.problems.error(
            (*place.path, name), f"found {told(value)}, expected a duration for {name!r}.", 'Write seconds, or "10m".'
        )
        return 0.0
    return float(match[1]) * _SECONDS[match[2]]
