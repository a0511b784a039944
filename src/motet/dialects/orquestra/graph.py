"""What the steps of a workflow say of each other: names that must exist, circles that must not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from motet.dialects.orquestra.places import Problems
from motet.dialects.orquestra.spec import BUILT_IN_TYPES, Input, Step, Workflow, nearest


def check_graph(workflow: Workflow, problems: Problems) -> None:
    """Tell of unknown steps, outputs and types, of types that differ, and of circles."""
    known = True
    for step in workflow.steps.values():
        for index, name in enumerate(step.passed):
            if name not in workflow.steps:
                known = False
                problems.error(
                    (*step.at, "passed", index),
                    f"'passed' of step {step.name!r} names step {name!r}, which does not exist.",
                    nearest(name, (each for each in workflow.steps if each != step.name)),
                )  # fmt: skip
        for each in step.inputs:
            known &= _check_input(workflow, step, each, problems)
        for output in step.outputs:
            _check_type(workflow, output.type, (*output.at, "type"), problems)
    if known:
        _check_circles(workflow.steps, problems)


def _check_input(workflow: Workflow, step: Step, given: Input, problems: Problems) -> bool:
    """Whether the step that the input refers to exists."""
    _check_type(workflow, given.type, (*given.at[:-1], "type"), problems)
    if given.source is None:
        _check_brackets(workflow, given, problems)
        return True
    name, output = given.source
    producer = workflow.steps.get(name)
    if producer is None:
        problems.error(
            given.at, f"input {given.name!r} of step {step.name!r} refers to step {name!r}, which does not exist.",
            nearest(name, (each for each in workflow.steps if each != step.name)),
        )  # fmt: skip
        return False
    declared = {each.name: each for each in producer.outputs}
    if output not in declared:
        problems.error(
            given.at, f"input {given.name!r} of step {step.name!r} refers to output {output!r}, which step {name!r} "
            "does not declare.",
            nearest(output, declared),
        )  # fmt: skip
    elif given.type and declared[output].type and given.type != declared[output].type:
        problems.warn(
            given.at, f"input {given.name!r} of step {step.name!r} has type {given.type!r}, but output {output!r} of "
            f"step {name!r} has type {declared[output].type!r}.",
        )  # fmt: skip
    return True


def _check_brackets(workflow: Workflow, given: Input, problems: Problems) -> None:
    """Text that names a step and its output by chance is not to be expected: the brackets are missing."""
    name, _, output = str(given.value).strip("() ").rpartition(".")
    if name in workflow.steps and output in {each.name for each in workflow.steps[name].outputs}:
        problems.error(
            given.at, f"found {given.value!r}, expected a reference such as ((step.output)).",
            f"Write (({name}.{output})).",
        )  # fmt: skip


def _check_type(workflow: Workflow, name: str, at: tuple[str | int, ...], problems: Problems) -> None:
    known = (*BUILT_IN_TYPES, *workflow.types)
    if name and name not in known:
        problems.warn(at, f"type {name!r} is not in 'types'. {nearest(name, known)}")


def _check_circles(steps: Mapping[str, Step], problems: Problems) -> None:
    try:
        in_order(steps)
    except _Circle as circle:
        first = circle.names[0]
        what = f"step {first!r} waits for itself" if len(circle.names) == 1 else "these steps wait for each other"
        chain = " -> ".join([*circle.names, first])
        problems.error(_edge(steps[first], (circle.names * 2)[1]), f"{what}: {chain}.", "Break the circle.")


def _edge(step: Step, needed: str) -> tuple[str | int, ...]:
    """Where the step says that it needs the other."""
    if needed in step.passed:
        return (*step.at, "passed", list(step.passed).index(needed))
    return next((each.at for each in step.inputs if each.source and each.source[0] == needed), step.at)


class _Circle(Exception):
    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = names


def in_order(steps: Mapping[str, Step]) -> list[str]:
    """The names of the steps, each after those that it needs, else as they stand in the file."""
    ordered: dict[str, None] = {}
    for name in steps:
        _visit(name, steps, ordered)
    return list(ordered)


def _visit(name: str, steps: Mapping[str, Step], ordered: dict[str, None]) -> None:
    """Put the step behind those that it needs; with a stack of its own, since chains may be long."""
    path: dict[str, Iterable[str]] = {name: iter(steps[name].needs)} if name not in ordered else {}
    while path:
        current = next(reversed(path))
        for need in path[current]:
            if need in path:
                names = list(path)
                raise _Circle(names[names.index(need) :])
            if need not in ordered:
                path[need] = iter(steps[need].needs)
                break
        else:
            del path[current]
            ordered[current] = None
