"""What a step is asked to do: the value that cache, fork, resume and `motet why` go by, see `motet.ports.StepSpec`.

    target       MODULE/FILE:FUNCTION
    code         the version of the import that the file is in: its commit, or a digest of the local folder
    inputs       literals by what they are, artifacts as the results of their steps
    environment  the versions of the other imports, and a digest of interpreter and packages
    options      which outputs the artifacts are, the order of the imports, and the files of its own outputs

Resources, retries and timeouts do not count: they say where, when and how often it runs, not what comes out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from motet.dialects.orquestra.components import Component
from motet.dialects.orquestra.spec import Step
from motet.dialects.orquestra.surroundings import Surroundings
from motet.kernel.events import Json
from motet.ports import Difference, StepSpec, differences, recorded_spec
from motet.values.identity.fingerprints import digest_form, scalar_form, step_form

PACKAGES = "interpreter and packages"
"""What they are called in `environment`: no import can have a name with spaces."""


def asked(step: Step, components: Mapping[str, Component], around: Surroundings) -> StepSpec:
    """What the step is asked to do, with artifacts as the steps that put them out."""
    versions = {name: components[name].version for name in step.imports}
    sources = [[each.name, *each.source] for each in step.inputs if each.source is not None]
    return StepSpec(
        target=f"{step.module}/{step.file}:{step.function}",
        code=versions[step.module],
        inputs={each.name: _form(each.value) if each.source is None else step_form(each.source[0])
                for each in step.inputs},
        environment={name: version for name, version in versions.items() if name != step.module}
        | {PACKAGES: around.digest},
        options={"imports": list(step.imports), "outputs": [[each.name, each.file] for each in step.outputs],
                 "sources": sources},
    )  # fmt: skip


def resolved(spec: StepSpec, sources: Mapping[str, Json]) -> StepSpec:
    """The same, with artifacts by their content: it is the same in every run. `sources` are their records."""
    given = {name: f"#{each['artifact']} {each['file'].rpartition('.')[2]}" for name, each in sources.items()}
    options = {name: value for name, value in spec.options.items() if name != "sources"}
    inputs = {**spec.inputs, **given}
    return StepSpec(spec.target, spec.code, inputs, environment=spec.environment, options=options)


def parts(spec: StepSpec) -> dict[str, str]:
    """The parts of the identity by name, each as a text, so that `motet why` can say which differ."""
    inputs = {f"input {name}": json.dumps(form) for name, form in spec.inputs.items()}
    options = {f"option {name}": digest_form(json.dumps(value).encode()) for name, value in spec.options.items()}
    return {"function": spec.target, "code": spec.code, **spec.environment, **inputs, **options}


def changed(was: Json, now: Json, components: Mapping[str, Component], begun: Mapping[str, str]) -> list[str]:
    """What differs between two recorded steps, in words. Of a step of an earlier version only the local folders are
    known, at worst as they were when its run was begun.
    """
    spec = recorded_spec(now)
    assert spec is not None
    local = _local(spec, components)
    found = differences(was, now)
    if found is None:
        before = (was or {}).get("local", begun)
        return [_folder(name) for name, version in local.items() if before.get(name, version) != version]
    module = spec.target.partition("/")[0]
    return [_told(each, module, local) for each in found]


def _told(each: Difference, module: str, local: Mapping[str, str]) -> str:
    name = module if each.part == "code" else each.name
    if each.part not in ("code", "environment"):
        return str(each)
    if name == PACKAGES:
        return "its interpreter or packages"
    return _folder(name) if name in local else f"the import {name}"


def _local(spec: StepSpec, components: Mapping[str, Component]) -> dict[str, str]:
    used: Sequence[str] = spec.options["imports"]
    return {name: components[name].version for name in used if components[name].given.kind == "local"}


def _folder(name: str) -> str:
    return f"the local folder that it imports as {name}"


def _form(value: Json) -> Json:
    form = scalar_form(value)
    return digest_form(json.dumps(value, sort_keys=True, default=str).encode()) if form is ... else form
