"""A workflow, read and checked as a whole before anything of it runs. Faults are told with their file, line, column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from motet.dialects.yadage.packtivity.spec import read as read_packtivity
from motet.dialects.yadage.references import Values
from motet.dialects.yadage.relations import check_relations
from motet.dialects.yadage.selectors import Selector, parse
from motet.dialects.yadage.spec import (
    INIT,
    JQ,
    MULTI,
    SINGLE,
    Body,
    Reference,
    Registered,
    Stage,
    Value,
    Workflow,
)
from motet.errors import did_you_mean
from motet.kernel.events import Json
from motet.values.documents import Checks, Library, Node, Problems, told
from motet.values.placeholders import names, texts_of
from motet.values.yaml import Path

_BODIES = ("step", "workflow", "cases")
_COMMON = ("scheduler_type", *_BODIES, "workflow_opts", "register_values")
_SCHEDULERS = {
    SINGLE: (*_COMMON, "parameters"),
    MULTI: (*_COMMON, "parameters", "scatter", "batchsize", "batch_size", "partitionsize"),
    JQ: (*_COMMON, "bindings", "stepscript", "postscript"),
}
_RESERVED = ("_yadage", "_packtivity", INIT, ".", "..")


def read(library: Library, address: str, problems: Problems) -> Workflow:
    """The workflow at that address. What is wrong with it is told to `problems`; raises for what cannot be opened."""
    root = library.open(address)
    reader = _Reader(problems)
    workflow = reader.workflow(root)
    if not problems.errors:
        check_relations(workflow, problems)
    return workflow


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._checks = Checks(problems)
        self._workflows: dict[tuple[str, Path], Workflow] = {}
        self._packtivities: dict[tuple[str, Path], Json] = {}
        self._names: list[str] = []
        self._values = Values(self._checks, ())

    def workflow(self, node: Node) -> Workflow:
        """One that was read already is the same: so workflows may nest themselves, in a case of their own."""
        known = self._workflows.get(node.place)
        if known is not None:
            return known
        workflow = self._workflows[node.place] = Workflow(node.where)
        if not self._checks.of_kind(node, dict, "a workflow", "A workflow has one key, `stages`."):
            return workflow
        self._checks.only(node, ("stages",), "a workflow")
        stages = node.get("stages")
        if stages is None:
            self._checks.error(node.where, "'stages' is missing in the workflow.", "A workflow is a list of stages.")
            return workflow
        if not self._checks.of_kind(stages, list, "`stages`", "Begin each stage with a dash: `- name: ...`."):
            return workflow
        outer, outer_values, self._names = self._names, self._values, [
            each["name"] for each in stages.value if isinstance(each, dict) and isinstance(each.get("name"), str)
        ]  # fmt: skip
        self._values = Values(self._checks, self._names)
        for each in self._checks.gathered(stages.elements):
            stage = self._stage(each)
            if stage is not None and stage.name in workflow.stages:
                first = workflow.stages[stage.name].where
                self._checks.error(
                    each.where, f"a stage is called {stage.name!r} for the second time (first at {first}).",
                    "Give each its own name.",
                )  # fmt: skip
            elif stage is not None:
                workflow.stages[stage.name] = stage
        self._names, self._values = outer, outer_values
        return workflow

    # ---------------------------------------------------------------- stages

    def _stage(self, node: Node) -> Stage | None:
        if not self._checks.of_kind(node, dict, "a stage"):
            return None
        name = self._name(node)
        title = f"stage {name!r}" if name else "a stage"
        self._checks.only(node, ("name", "dependencies", "scheduler"), title)
        scheduler = self._checks.gather(lambda: node.get("scheduler"))
        if scheduler is None:
            self._checks.missing(node, "scheduler", title)
            return None
        if not self._checks.of_kind(scheduler, dict, f"the scheduler of {title}") or not name:
            return None
        kind = self._kind(scheduler, title)
        if not kind:
            return None
        after, fulfilled = self._dependencies(node)
        self._checks.only(scheduler, _SCHEDULERS[kind], f"the scheduler of {title}", strict=kind != JQ)
        parameters = self._parameters(scheduler, kind, title)
        if kind == JQ:
            after = [*after, *map(parse, self._looked_at(parameters))]
        return Stage(
            name, node.where, kind, after, fulfilled, parameters,
            self._bodies(scheduler, None if kind == JQ else parameters, title),
            self._values.scatter(scheduler, parameters, title) if kind == MULTI else None,
            self._scripts(scheduler) if kind == JQ else (),
            self._registered(scheduler), self._opts(scheduler),
        )  # fmt: skip

    def _looked_at(self, bindings: Value) -> list[str]:
        """The stages that the selecting scripts of a jq stage name: it waits for them, too."""
        if isinstance(bindings, list):
            return [name for each in bindings for name in self._looked_at(each)]
        if not isinstance(bindings, dict):
            return []
        ref = bindings.get("$wflowref")
        if isinstance(ref, list) and ref and isinstance(ref[0], str):
            named = [each.strip('."[]') for each in re.findall(r"""\.\s*[A-Za-z_]\w*|\["[^"]+"\]""", ref[0])]
            return [each for each in named[:1] if each == INIT or each in self._names]
        return [name for each in bindings.values() for name in self._looked_at(each)]

    def _name(self, node: Node) -> str:
        name = node.get("name")
        if name is None:
            self._checks.missing(node, "name", "a stage")
            return ""
        text = name.value
        if not isinstance(text, str) or not text.strip():
            self._checks.error(name.where, f"found {told(text)}, expected a name.", "Write it in quotes.")
            return ""
        if text in _RESERVED or re.search(r"[/\[\]\0@]", text) or text != text.strip():
            self._checks.error(
                name.where, f"a stage cannot be called {text!r}: its steps have folders of that name.",
                f"Use other characters than / [ ] @, and none of {', '.join(_RESERVED[:3])}.",
            )  # fmt: skip
            return ""
        return text

    def _kind(self, scheduler: Node, title: str) -> str:
        kind = scheduler.get("scheduler_type")
        if kind is None:
            self._checks.missing(scheduler, "scheduler_type", f"the scheduler of {title}")
            return ""
        if kind.value not in _SCHEDULERS:
            cure = did_you_mean(str(kind.value), _SCHEDULERS, f"There are {', '.join(_SCHEDULERS)}.")
            self._checks.error(kind.where, f"{title} has no known scheduler: {kind.value!r}.", cure)
            return ""
        return str(kind.value)

    def _dependencies(self, stage: Node) -> tuple[Sequence[Selector], Sequence[Value]]:
        node = stage.get("dependencies")
        if node is None:
            return (), ()
        if isinstance(node.value, list):
            return self._values.selectors(node), ()
        if not self._checks.of_kind(node, dict, "`dependencies`", "Write a list of stages: [init, other]."):
            return (), ()
        self._checks.only(node, ("dependency_type", "expressions"), "`dependencies`")
        kind, expressions = node.get("dependency_type"), node.get("expressions")
        kinds = ("jsonpath_ready", "expressions_fulfilled")
        if kind is None or kind.value not in kinds:
            found = told(kind.value) if kind is not None else "nothing"
            self._checks.error(node.where, f"found {found} as dependency_type.", f"There are {' and '.join(kinds)}.")
            return (), ()
        if expressions is None or not self._checks.of_kind(expressions, list, "`expressions`"):
            if expressions is None:
                self._checks.missing(node, "expressions", "`dependencies`")
            return (), ()
        if kind.value == "jsonpath_ready":
            return self._values.selectors(expressions), ()
        return (), [self._values.value(each) for each in expressions.elements()]

    # ---------------------------------------------------------------- what is added

    def _bodies(self, scheduler: Node, parameters: Mapping[str, Value] | None, title: str) -> Sequence[Body]:
        given = [name for name in _BODIES if isinstance(scheduler.value, dict) and name in scheduler.value]
        if len(given) != 1:
            what = f"has both {' and '.join(given)}" if given else "adds nothing"
            self._checks.error(scheduler.where, f"{title} {what}.", "Give one of step, workflow and cases.")
            return ()
        if given[0] != "cases":
            return self._body(scheduler, "", parameters, title)
        cases = self._checks.gather(lambda: scheduler.get("cases"))
        if cases is None or not self._checks.of_kind(cases, list, f"the cases of {title}"):
            return ()
        found: list[Body] = []
        for each in self._checks.gathered(cases.elements):
            if not self._checks.of_kind(each, dict, "a case"):
                continue
            self._checks.only(each, ("if", "step", "workflow"), "a case")
            condition = each.get("if")
            if condition is None or not isinstance(condition.value, str):
                what = f"found {told(condition.value)} as `if` of a case" if condition else "'if' is missing in a case"
                self._checks.error(each.where, f"{what} of {title}.", "It is a jq expression: `if: .x > 1`.")
            elif ("step" in each.value) == ("workflow" in each.value):
                self._checks.error(each.where, f"a case of {title} adds nothing.", "Give it a step or a workflow.")
            else:
                found += self._body(each, condition.value, parameters, title)
        return found

    def _body(self, node: Node, condition: str, parameters: Mapping[str, Value] | None, title: str) -> list[Body]:
        kind = "step" if "step" in node.value else "workflow"
        target = self._checks.gather(lambda: node.get(kind))
        if target is None:
            return []
        if kind == "workflow":
            return [Body(None, self.workflow(target), condition)]
        if not self._checks.of_kind(target, dict, f"the step of {title}", "Give a packtivity, or a $ref to one."):
            return []
        if target.place not in self._packtivities:
            self._packtivities[target.place] = (
                self._checks.gather(lambda: read_packtivity(target, self._checks.problems)) or {}
            )
        if not condition:
            self._check_given(node, self._packtivities[target.place], parameters, title)
        return [Body(self._packtivities[target.place], None, condition)]

    def _check_given(
        self, scheduler: Node, packtivity: Json, parameters: Mapping[str, Value] | None, title: str
    ) -> None:
        """Tell what the step asks for and is not given: it would fail in any case."""
        process, publisher = packtivity.get("process") or {}, packtivity.get("publisher") or {}
        if parameters is None or not packtivity:
            return
        asked = [*names(process.get("cmd") or process.get("script") or ""), *texts_of(publisher.get("outputmap"))]
        lacking = list(dict.fromkeys(each for each in asked if each not in parameters))
        if lacking:
            what = f"the step of {title} asks for {', '.join(lacking)}, which the stage does not give it."
            self._checks.error(scheduler.where, what, "Add it to its parameters; a brace that is meant is doubled.")

    def _scripts(self, scheduler: Node) -> Sequence[str]:
        found = []
        for name, default in (("stepscript", "[.]"), ("postscript", ".")):
            node = scheduler.get(name)
            if node is not None and not isinstance(node.value, str):
                self._checks.error(node.where, f"found {told(node.value)}, expected jq as `{name}`.")
            found.append(node.value if node is not None and isinstance(node.value, str) else default)
        return tuple(found)

    def _opts(self, scheduler: Node) -> dict[str, bool]:
        node = scheduler.get("workflow_opts")
        if node is None or not self._checks.of_kind(node, dict, "`workflow_opts`"):
            return {}
        self._checks.only(node, ("discover", "relative"), "`workflow_opts`")
        for _, each in node.items():
            if not isinstance(each.value, bool):
                self._checks.error(each.where, f"found {told(each.value)}, expected true or false.")
        return {name: each.value for name, each in node.items() if isinstance(each.value, bool)}

    # ---------------------------------------------------------------- values

    def _parameters(self, scheduler: Node, kind: str, title: str) -> dict[str, Value]:
        node = self._checks.gather(lambda: scheduler.get("bindings" if kind == JQ else "parameters"))
        if node is None:
            return {}
        if isinstance(node.value, dict):
            plain = kind == JQ
            return {
                name: each.plain() if plain else self._values.value(each)
                for name, each in self._checks.gathered(node.items)
            }
        if not self._checks.of_kind(node, list, f"the parameters of {title}", "Write them as a mapping."):
            return {}
        found = {}
        for each in node.elements():
            key = each.get("key")
            value = each.get("value")
            if key is None or value is None or not isinstance(key.value, str) or len(each.value) != 2:
                self._checks.error(each.where, f"this is no parameter of {title}.", "Write {key: name, value: ...}.")
            else:
                found[key.value] = self._values.value(value)
        return found

    def _registered(self, scheduler: Node) -> dict[str, Value]:
        node = scheduler.get("register_values")
        if node is None or not self._checks.of_kind(node, dict, "`register_values`"):
            return {}
        found = {}
        for name, each in node.items():
            found[name] = self._values.value(each)
            if not isinstance(found[name], Reference | Registered):
                cure = "Write {step: name, output: key}, or its long form."
                self._checks.error(each.where, f"the registered value {name!r} is no reference.", cure)
        return found
