"""A workflow with other inputs than its file has: some set, or several in turn without copying steps by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from motet.dialects.orquestra.graph import in_order
from motet.dialects.orquestra.spec import Input, Step, Workflow, nearest
from motet.errors import UsageError
from motet.values.yaml import read

Choice = tuple[tuple[str, int], ...]
"""Which value each axis ("step.input") has in a variant of a step."""


def parse(given: str, option: str) -> tuple[str, str]:
    """The step.input and the text of "step.input=text". Raises UsageError."""
    name, equals, text = given.partition("=")
    if not equals or "." not in name:
        raise UsageError(
            f"{option} {given}: this is no STEP.INPUT=VALUE.", f"Write for example {option} train.model=svm."
        )
    return name, text


def parse_set(given: str) -> tuple[str, str]:
    """The same of --set, which may also be "name=text", for a template. Raises UsageError."""
    name, equals, text = given.partition("=")
    return (name, text) if equals and name.isidentifier() else parse(given, "--set")


def value_of(text: str) -> Any:
    """A value as it would be read in the file: 3, 0.5, true, [1, 2], or text."""
    try:
        return read(text, "value", modern_numbers=True).value if text else ""
    except UsageError:
        return text


def values_of(text: str) -> list[Any]:
    """The values of "a,b,c"; commas in brackets and quotes separate nothing."""
    try:
        found = read(f"[{text}]", "values", modern_numbers=True).value
    except UsageError:
        found = None
    return found if found else [value_of(each) for each in text.split(",")]


def apply(workflow: Workflow, sets: Mapping[str, Any], matrix: Mapping[str, Sequence[Any]]) -> None:
    """Change the workflow: `sets` gives inputs other values, `matrix` several. Raises UsageError.

    A step with an axis, and all that comes after it, is there once for each combination of the axes it depends on; its
    name gets the values at its end. A step that depends on no axis stays one.
    """
    for axis, value in sets.items():
        if "." not in axis:  # a value for the template, which was rendered with it
            continue
        given = _input(workflow, axis)
        if given.source is not None:
            told = f"(({'.'.join(given.source)}))"
            raise UsageError(f"{axis} is {told}: it comes from a step.", "Set an input of that step instead.")
        given.value = value
    for axis, values in matrix.items():
        if _input(workflow, axis).source is not None or not values:
            raise UsageError(f"{axis} cannot have several values.", "Name an input with a value of its own.")
    if matrix:
        workflow.steps = _spread(workflow, matrix)


def _input(workflow: Workflow, axis: str) -> Input:
    name, _, argument = axis.rpartition(".")
    step = workflow.steps.get(name)
    if step is None:
        raise UsageError(f"{axis}: there is no step {name!r}.", nearest(name, workflow.steps))
    for each in step.inputs:
        if each.name == argument:
            return each
    raise UsageError(
        f"{axis}: step {name!r} has no input {argument!r}.", nearest(argument, (i.name for i in step.inputs))
    )


def _spread(workflow: Workflow, matrix: Mapping[str, Sequence[Any]]) -> dict[str, Step]:
    axes_of: dict[str, list[str]] = {}
    for name in in_order(workflow.steps):
        wanted = {axis for need in workflow.steps[name].needs for axis in axes_of[need]}
        axes_of[name] = [axis for axis in matrix if axis in wanted or axis.rpartition(".")[0] == name]
    suffixes = {axis: _suffixes(values) for axis, values in matrix.items()}
    found: dict[str, Step] = {}
    for name, step in workflow.steps.items():
        for choice in _choices(axes_of[name], matrix):
            made = _variant(step, dict(choice), axes_of, matrix, suffixes)
            if made.name in found or (made.name in workflow.steps and choice):
                raise UsageError(
                    f"With --matrix there would be two steps named {made.name!r}.", "Rename one in the file."
                )
            found[made.name] = made
    return found


def _choices(axes: Sequence[str], matrix: Mapping[str, Sequence[Any]]) -> list[Choice]:
    return [tuple(zip(axes, indices, strict=True)) for indices in product(*(range(len(matrix[axis])) for axis in axes))]


def _variant(
    step: Step, choice: Mapping[str, int], axes_of: Mapping[str, Sequence[str]], matrix: Mapping[str, Sequence[Any]],
    suffixes: Mapping[str, Sequence[str]],
) -> Step:  # fmt: skip
    def renamed(name: str) -> str:
        return "-".join([name, *(suffixes[axis][choice[axis]] for axis in axes_of[name])])

    inputs = []
    for each in step.inputs:
        axis = f"{step.name}.{each.name}"
        if each.source is not None:
            inputs.append(replace(each, source=(renamed(each.source[0]), each.source[1])))
        else:
            inputs.append(replace(each, value=matrix[axis][choice[axis]]) if axis in choice else each)
    passed = [renamed(each) for each in step.passed]
    return replace(step, name=renamed(step.name), passed=passed, inputs=inputs)


def _suffixes(values: Sequence[Any]) -> list[str]:
    """A short word for each value, fit for a name: the value itself, or its number where that will not do."""
    words = [re.sub(r"[^A-Za-z0-9._]+", "_", str(each)).strip("._-") for each in values]
    distinct = len(set(words)) == len(words)
    return [word if distinct and 0 < len(word) <= 30 else str(index) for index, word in enumerate(words)]
