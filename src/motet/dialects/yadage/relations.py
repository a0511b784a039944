"""How the stages of a workflow hang together: names that exist, no circles, folders that are nobody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from motet.dialects.yadage.selectors import EVERY, Segment, Selector
from motet.dialects.yadage.spec import INIT, SINGLE, Reference, Registered, Stage, Workflow, references
from motet.errors import did_you_mean
from motet.values.documents import Problems


def check_relations(workflow: Workflow, problems: Problems) -> None:
    """Tell what of the workflow, and of those nested in it, can be known never to run."""
    seen: dict[int, Workflow] = {}
    left = [workflow]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen[id(each)] = each
        for stage in each.stages.values():
            _check_names(stage, each, problems)
            left += [body.workflow for body in stage.bodies if body.workflow is not None]
        _check_folders(each, problems)
        _check_circles(each, problems)


def waits_for(stage: Stage, workflow: Workflow) -> Iterator[tuple[Selector, str]]:
    """What the stage waits for, each with its place: what it depends on, and what it uses."""
    for selector in stage.after:
        yield selector, stage.where
    for each in stage.uses:
        yield from _led_to(each, workflow, ())


def _led_to(each: Reference | Registered, workflow: Workflow, seen: Sequence[str]) -> Iterator[tuple[Selector, str]]:
    if isinstance(each, Reference):
        yield each.selector, each.where
    elif each.scope is not None:
        yield each.scope, each.where
    elif each.key not in seen and (stage := workflow.registrar(each.key)) is not None:
        for inner in references(stage.register[each.key]):
            yield from _led_to(inner, workflow, (*seen, each.key))


def _check_names(stage: Stage, workflow: Workflow, problems: Problems) -> None:
    for selector, where in waits_for(stage, workflow):
        for path in selector.paths:
            _check_path(path, workflow, stage, where, problems)
    for each in (*stage.uses, *references(dict(stage.register))):
        if isinstance(each, Registered) and each.scope is None and workflow.registrar(each.key) is None:
            keys = [key for other in workflow.stages.values() for key in other.register]
            cure = did_you_mean(each.key, keys, "Register it: register_values, in the stage that makes it.")
            problems.error(each.where, f"stage {stage.name!r} uses {each.key!r}, which no stage here registers.", cure)


def _check_path(path: Sequence[Segment], workflow: Workflow, stage: Stage, where: str, problems: Problems) -> None:
    segment, rest = path[0], path[1:]
    for name in segment.names:
        known = [*workflow.stages, INIT]
        if name != EVERY and name not in known:
            otherwise = "A workflow sees its own stages only: hand on others' results as parameters."
            cure = did_you_mean(name, known, otherwise)
            problems.error(where, f"stage {stage.name!r} waits for {name!r}, which is no stage of its workflow.", cure)
            return
        nested = workflow.stages.get(name)
        inner = [body.workflow for body in nested.bodies if body.workflow is not None] if nested is not None else []
        if (rest and name == INIT) or (nested is not None and rest and not inner):
            problems.error(
                where, f"stage {stage.name!r} looks into {name!r}, which nests no workflow.", "Name it alone."
            )
        elif rest and inner and not any(_has(each, rest) for each in inner):
            told = f"stage {stage.name!r} waits for {rest[0].names[0]!r} in {name!r}, where there is no such stage."
            has = [one for each in inner for one in each.stages]
            problems.error(where, told, did_you_mean(rest[0].names[0], has, f"There is {', '.join(has)}."))


def _has(workflow: Workflow, path: Sequence[Segment]) -> bool:
    segment, rest = path[0], path[1:]
    for name in segment.names:
        if name in (EVERY, INIT):
            return True
        stage = workflow.stages.get(name)
        if stage is not None and (
            not rest or any(_has(each.workflow, rest) for each in stage.bodies if each.workflow is not None)
        ):
            return True
    return False


def _check_folders(workflow: Workflow, problems: Problems) -> None:
    for name, stage in workflow.stages.items():
        found = re.fullmatch(r"(.+)_\d+", name)
        other = workflow.stages.get(found[1]) if found else None
        if other is not None and other.kind != SINGLE:
            what = f"steps of stage {other.name!r} have folders {other.name}_0, ..., as stage {name!r} has."
            problems.error(stage.where, what, "Rename one of the two.")


def _check_circles(workflow: Workflow, problems: Problems) -> None:
    """Tell of one circle of stages that wait for each other, if there is any."""
    needs = {
        name: [
            each
            for selector, _ in waits_for(stage, workflow)
            for each in selector.stages
            if each in workflow.stages
        ]
        for name, stage in workflow.stages.items()
    }  # fmt: skip
    done: dict[str, None] = {}
    for start in needs:
        way: list[tuple[str, Iterator[str]]] = [(start, iter(needs[start]))] if start not in done else []
        while way:
            name = next(way[-1][1], None)
            on = [each for each, _ in way]
            if name is None:
                done[way.pop()[0]] = None
            elif name in on:
                circle = [*on[on.index(name) :], name]
                what = f"stages wait for each other in a circle: {' -> '.join(circle)}."
                problems.error(workflow.stages[name].where, what, "Take one of these dependencies away.")
                return
            elif name not in done:
                way.append((name, iter(needs[name])))
