"""What a run has given: exactly as its steps wrote it, and in the two formats of the Quantum Engine.

exact   {step name: {output name: content}}: nothing is lost
v2      one object for each step id, as `qe get workflowresult` gave it from October 2020 on
legacy  the one before, `--legacy`: lists taken apart into objects with bookkeeping of their own

The originals wrote keys sorted, and whole floats without their ".0": so do v2 and legacy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from motet.dialects.orquestra.ids import step_id
from motet.dialects.orquestra.spec import Step
from motet.kernel.events import Json

_IMAGE = "zapatacomputing/z-quantum-default:latest"
FORMATS = ("exact", "v2", "legacy")


@dataclass(slots=True)
class StepResult:
    """A step that has succeeded, with the contents of its outputs by name."""

    step: Step
    artifacts: Mapping[str, Json] = field(default_factory=dict)


def exact(results: Sequence[StepResult]) -> dict[str, Json]:
    """The contents by step and output."""
    return {each.step.name: dict(each.artifacts) for each in results}


def v2(workflow: str, results: Sequence[StepResult]) -> dict[str, Json]:
    """The steps of the run `workflow` by their ids, in the format of October 2020."""
    found: dict[str, Json] = {}
    for each in results:
        own = step_id(workflow, each.step.name)
        inputs = {
            given.name: {"type": given.type, "value": _whole(given.value)}
            if given.source is None
            else {"sourceArtifactName": given.source[1], "sourceStepID": step_id(workflow, given.source[0])}
            for given in each.step.inputs
        }
        contents = {name: _whole(content) for name, content in each.artifacts.items()}
        found[own] = {**contents, "inputs": inputs, "stepID": own, "stepName": each.step.name, "workflowId": workflow}
    return found


def legacy(workflow: str, results: Sequence[StepResult]) -> dict[str, Json]:
    """The steps of the run `workflow` by their ids, in the format that `--legacy` gives."""
    found: dict[str, Json] = {}
    for each in results:
        own = step_id(workflow, each.step.name)
        registry, image, tag = _image(each.step.image or _IMAGE)
        entry: dict[str, Json] = {
            "class": each.step.name, "id": own, "workflowId": workflow, "inputParam:docker-image": image,
            "inputParam:docker-registry": registry, "inputParam:docker-tag": tag,
        }  # fmt: skip
        for given in each.step.inputs:
            if given.source is not None:  # literal inputs are not in this format
                entry[f"inputArtifact:{given.name}"] = f"{step_id(workflow, given.source[0])}/{given.source[1]}"
        types = {output.name: output.type for output in each.step.outputs}
        for name, content in each.artifacts.items():
            whole = _whole(content)
            whole = whole if isinstance(whole, dict) else {name: whole}
            expanded = _expanded(whole, f"{own}/{name}", str(whole.get("schema") or types.get(name, "")), workflow)
            entry[name] = {
                **expanded, "id": f"{own}/{name}", "taskClass": each.step.name, "taskId": own, "workflowId": workflow,
            }  # fmt: skip
        found[own] = entry
    return found


def _expanded(content: Mapping[str, Json], own: str, kind: str, workflow: str) -> dict[str, Json]:
    """An artifact whose top-level lists are taken apart; lists inside objects are left alone."""
    return {
        key: _elements(value, key, own, kind, workflow) if isinstance(value, list) else value
        for key, value in content.items()
    }


def _elements(values: Sequence[Json], key: str, parent: str, kind: str, workflow: str) -> list[Json]:
    found: list[Json] = []
    for index, value in enumerate(values):
        own = f"{parent}_{key}[{index}]"
        if isinstance(value, list):
            value = {key: _elements(value, key, own, f"{kind}_{key}", workflow)}
        elif not isinstance(value, dict):
            value = {key: value}
        origin = {"id": own, f"{kind}_{key}_index": index, "parentId": parent, "parentType": kind}
        found.append({**value, **origin, "workflowId": workflow})
    return found


def _image(name: str) -> tuple[str, str, str]:
    """Registry, image and tag of a Docker image's name."""
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        path, tag = name, "latest"
    registry, _, image = path.rpartition("/")
    return registry, image, tag


def _whole(value: Json) -> Json:
    """The value with whole floats as integers, as the original's database gave them back."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    return value


_FORMS: Mapping[str, Callable[[str, Sequence[StepResult]], Json]] = {
    "exact": lambda workflow, results: exact(results), "v2": v2, "legacy": legacy,
}  # fmt: skip


def document(form: str, workflow: str, results: Sequence[StepResult]) -> Json:
    """The results in one of `FORMATS`."""
    return _FORMS[form](workflow, results)


def text(form: str, workflow: str, results: Sequence[StepResult]) -> str:
    """The results in one of `FORMATS`, as JSON text: v2 and legacy compact, with sorted keys."""
    found: Any = document(form, workflow, results)
    try:
        return _dumped(form, found)
    except ValueError:  # JSON has no NaN and no infinite numbers
        return _dumped(form, _finite(found))


def _dumped(form: str, found: Json) -> str:
    if form == "exact":
        return json.dumps(found, indent=2, allow_nan=False) + "\n"
    return json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _finite(value: Json) -> Json:
    """The value with null for what is no number of JSON."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, list):
        return [_finite(each) for each in value]
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return value
