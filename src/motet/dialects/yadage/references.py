"""Values of a workflow file, with the references in them; selectors; and how parameters are scattered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from motet.dialects.yadage.selectors import Selector, parse
from motet.dialects.yadage.spec import Reference, Registered, Scatter, Value
from motet.errors import UsageError, did_you_mean
from motet.values.documents import Checks, Node, told

_SELECTS = ("step", "steps", "stages")
_OUTPUT_KEYS = ("expression_type", *_SELECTS, "output", "flatten", "unwrap")
_VALUE_KEYS = ("expression_type", "key", "scope")


class Values:
    """Reads values in a workflow whose stages have these names."""

    def __init__(self, checks: Checks, names: Collection[str]) -> None:
        self._checks = checks
        self._names = names

    def selectors(self, node: Node) -> Sequence[Selector]:
        """Those in a list."""
        found = []
        for each in node.elements():
            if isinstance(each.value, str):
                selector = self._selector(each)
                found += [selector] if selector is not None else []
            else:
                self._checks.error(each.where, f"found {told(each.value)}, expected the name of a stage.")
        return found

    def _selector(self, node: Node) -> Selector | None:
        try:
            return parse(node.value, self._names)
        except UsageError as error:
            self._checks.error(node.where, f"{error.what}.", error.cure)
            return None

    def value(self, node: Node) -> Value:
        """The value, with references wherever they stand in it."""
        value: Any = node.value
        if isinstance(value, list):
            return [self.value(each) for each in node.elements()]
        if not isinstance(value, dict):
            return value
        kind = value.get("expression_type")
        if kind == "fromvalue":
            return self._from_value(node)
        chosen = [name for name in _SELECTS if isinstance(value.get(name), str)]
        if kind == "stage-output-selector" or (kind is None and chosen and set(value) <= set(_OUTPUT_KEYS)):
            return self._reference(node, chosen)
        if isinstance(kind, str) and kind.isidentifier() and chosen:
            self._checks.error(node.where, f"there is no expression_type {kind!r}.", "There are "
                                 "stage-output-selector and fromvalue.")  # fmt: skip
        return {name: self.value(each) for name, each in node.items()}

    def _reference(self, node: Node, chosen: Sequence[str]) -> Value:
        self._checks.only(node, _OUTPUT_KEYS, "a reference")
        if len(chosen) != 1:
            what = f"has {' and '.join(chosen)}" if chosen else "names no steps"
            self._checks.error(node.where, f"a reference {what}.", "Give it one of step and stages.")
            return None
        selected = node.get(chosen[0])
        selector = self._selector(selected) if selected is not None else None
        options = {}
        for name in ("flatten", "unwrap"):
            each = node.get(name)
            options[name] = bool(each.value) if each is not None else False
            if each is not None and not isinstance(each.value, bool):
                self._checks.error(each.where, f"found {told(each.value)}, expected true or false for {name}.")
        output = node.get("output")
        if output is not None and not isinstance(output.value, str | None):
            self._checks.error(output.where, f"found {told(output.value)}, expected the name of an output.")
        if selector is None:
            return None
        wanted = output.value if output is not None and isinstance(output.value, str) else ""
        return Reference(selector, wanted, node.where, chosen[0] != "step", **options)

    def _from_value(self, node: Node) -> Value:
        self._checks.only(node, _VALUE_KEYS, "a reference to a registered value")
        key, scope = node.get("key"), node.get("scope")
        if key is None or not isinstance(key.value, str):
            self._checks.missing(node, "key", "a reference to a registered value")
            return None
        selector = self._selector(scope) if scope is not None and isinstance(scope.value, str) else None
        return Registered(key.value, node.where, selector)

    def scatter(self, scheduler: Node, parameters: dict[str, Value], title: str) -> Scatter | None:
        """How the stage's parameters are scattered; None, with the fault told, where that cannot be read."""
        node = scheduler.get("scatter")
        if node is None:
            self._checks.missing(scheduler, "scatter", title, "Write scatter: {method: zip, parameters: [name]}.")
            return None
        if not self._checks.of_kind(node, dict, "`scatter`"):
            return None
        self._checks.only(node, ("method", "parameters"), "`scatter`")
        method, names = node.get("method"), node.get("parameters")
        if method is None or method.value not in ("zip", "cartesian"):
            found = told(method.value) if method is not None else "nothing"
            where = (method or node).where
            self._checks.error(where, f"found {found} as the scatter method of {title}.", "There are zip, cartesian.")
        if names is None or not isinstance(names.value, list) or not names.value:
            self._checks.error((names or node).where, f"{title} scatters no parameter.", "Write parameters: [name].")
            return None
        for each in names.elements():
            self._scattered(each, parameters, title)
        sizes = self._sizes(scheduler, title)
        return Scatter(method.value if method is not None else "", tuple(map(str, names.value)), *sizes)

    def _scattered(self, node: Node, parameters: dict[str, Value], title: str) -> None:
        if node.value not in parameters:
            cure = did_you_mean(str(node.value), parameters, "Scatter over one of its parameters.")
            self._checks.error(node.where, f"{title} has no parameter {node.value!r} to scatter over.", cure)
        elif not isinstance(parameters[node.value], list | Reference | Registered):
            found = told(parameters[node.value])
            self._checks.error(
                node.where, f"{title} scatters over {node.value}, which is {found}, not a list.", "Make it a list."
            )

    def _sizes(self, scheduler: Node, title: str) -> tuple[int, int]:
        found = []
        for names in (("batchsize", "batch_size"), ("partitionsize",)):
            node = next((each for name in names if (each := scheduler.get(name)) is not None), None)
            size = node.value if node is not None else 0
            whole = isinstance(size, int | float) and not isinstance(size, bool) and size == int(size)
            if node is not None and (not whole or size < 1):
                self._checks.error(node.where, f"found {told(size)} as {names[0]}.", "Give a whole number from 1 on.")
                size = 0
            found.append(int(size))
        if all(found):
            self._checks.error(scheduler.where, f"{title} has both batchsize and partitionsize.", "Keep one.")
        return found[0], found[1]
