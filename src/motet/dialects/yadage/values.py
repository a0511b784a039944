"""What parameters come to: references looked up, with the steps that each value is from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from motet.dialects.yadage.packtivity.given import filled
from motet.dialects.yadage.scopes import Member, Scope
from motet.dialects.yadage.spec import Reference, Registered, Value
from motet.errors import SpecError, UsageError
from motet.kernel.events import Json
from motet.records import Record
from motet.values.placeholders import braced, mapped
from motet.values.queries import part


class Template(str):
    """Text of a workflow in which placeholders such as {workdir} are still to be filled, by the step that uses it."""

    __slots__ = ()


class Found(Record, frozen=True):
    """A value, and the keys of the steps that it is from; `each` has them for each item of a list, where they differ.

    open  whether there may be a `Template` in it
    """

    value: Json
    owners: Sequence[str] = ()
    each: Sequence[Sequence[str]] | None = None
    open: bool = False


def resolve(value: Value, scope: Scope) -> Found:
    """What the value is in that scope. Raises SpecError, with the place of the reference."""
    if isinstance(value, Reference):
        return _referred(value, scope)
    if isinstance(value, Registered):
        return _registered(value, scope, 0)
    if isinstance(value, str):
        return Found(Template(value), open=True) if braced(value) else Found(value)
    if isinstance(value, list):
        items = [resolve(each, scope) for each in value]
        return _together([each.value for each in items], items, [each.owners for each in items])
    if isinstance(value, dict):
        inner = {name: resolve(each, scope) for name, each in value.items()}
        return _together({name: each.value for name, each in inner.items()}, list(inner.values()), None)
    return Found(value)


def unique(groups: Sequence[Sequence[str]]) -> list[str]:
    """All keys of the groups, each once, in their order."""
    return list(dict.fromkeys(key for group in groups for key in group))


def _together(value: Json, parts: Sequence[Found], each: Sequence[Sequence[str]] | None) -> Found:
    owners = unique([one.owners for one in parts])
    return Found(value, owners, each if owners else None, any(one.open for one in parts))


def _referred(reference: Reference, scope: Scope) -> Found:
    chosen = scope.selected(reference.selector, reference.where)
    if not reference.many:
        if len(chosen) != 1:
            what = f"{reference.where}: {reference.selector.text!r} has {len(chosen)} steps, and `step` takes one."
            raise SpecError(what, "Number one, as in name[0]; or take all: `stages`.")
        return _output(chosen[0], reference)
    values: list[Json] = []
    each: list[Sequence[str]] = []
    is_open = False
    for one in chosen:
        found = _output(one, reference)
        is_open |= found.open
        if reference.flatten and isinstance(found.value, list):
            values += found.value
            each += found.each or [found.owners] * len(found.value)
        else:
            values.append(found.value)
            each.append(found.owners)
    owners = unique(each)
    if len(values) == 1 and reference.unwrap:
        return Found(values[0], owners, None, is_open)
    return Found(values, owners, each, is_open)


def _output(one: Member | Scope, reference: Reference) -> Found:
    if isinstance(one, Scope):
        return _of_scope(one, reference.output, reference.where, 0)
    try:
        value = part(one.result, reference.output)
    except UsageError as error:
        raise SpecError(f"{reference.where}: of step {one.key}, {error.what}.", error.cure) from None
    return Found(value, (one.key,), None, one.is_init)


def _of_scope(scope: Scope, key: str, where: str, depth: int) -> Found:
    """The value that a nested workflow registers under the key."""
    stage = scope.workflow.registrar(key)
    if stage is None:
        known = ", ".join(name for each in scope.workflow.stages.values() for name in each.register) or "none"
        what = f"{where}: the nested workflow {scope.prefix.rstrip('/')} registers no value {key!r}, but {known}."
        raise SpecError(what, "Select one of its stages: name[*].stage; or register it there.")
    value = stage.register[key]
    return _registered(value, scope, depth + 1) if isinstance(value, Registered) else resolve(value, scope)


def _registered(value: Registered, scope: Scope, depth: int) -> Found:
    if depth > _DEEPEST:
        raise SpecError(f"{value.where}: the value {value.key!r} is registered as itself.", "Let it name a step.")
    if value.scope is None:
        return _of_scope(scope, value.key, value.where, depth)
    chosen = scope.selected(value.scope, value.where)
    if len(chosen) != 1 or not isinstance(chosen[0], Scope):
        what = f"{value.where}: {value.scope.text!r} selects {len(chosen)}, not one nested workflow."
        raise SpecError(what, "Number one, as in name[0].")
    return _of_scope(chosen[0], value.key, value.where, depth)


_DEEPEST = 50


# ---------------------------------------------------------------- placeholders


def fill(value: Json, folder: str, readonly: Sequence[str]) -> Json:
    """The value with its templates filled in by the step that works in that folder. Raises UsageError."""
    return mapped(value, lambda text: filled(str(text), folder, readonly) if isinstance(text, Template) else text)


def templates_in(value: Json) -> list[list[str | int]]:
    """Where templates stand in the value: keys and indices that lead to each."""
    return list(places(value, lambda text: isinstance(text, Template)))


def places(value: Json, is_meant: Callable[[str], bool], path: Sequence[str | int] = ()) -> Iterator[list[str | int]]:
    """Where those of the texts in the value stand that are meant: keys and indices that lead to each."""
    if isinstance(value, str):
        if is_meant(value):
            yield list(path)
    elif isinstance(value, dict | list):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, is_meant, (*path, name))


def with_templates(value: Json, paths: Sequence[Sequence[str | int]]) -> Json:
    """The value, as JSON gives it back, with its templates as such again."""
    for path in paths:
        if not path:
            return Template(value)
        at = value
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = Template(at[path[-1]])
    return value
