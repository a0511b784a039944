"""The arguments of task calls: which steps they come from, what they stand for, what they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from motet.dialects.python.annotations import Annotation, allow_failure, bare, unmapped
from motet.dialects.python.futures import Future, FutureList
from motet.dialects.python.scope import Lineage
from motet.dialects.python.states import State
from motet.kernel.events import Json
from motet.kernel.state import Step
from motet.ports.spec import ABSENT, RECEIVER, has_spec, without_code
from motet.records import Record, field
from motet.typed import TYPE_CHECKING, Any
from motet.values.containers import PLAIN, members, replaced, seen
from motet.values.identity.fingerprints import Walk, fingerprint, scalar_form, step_form
from motet.values.identity.known import with_inputs
from motet.values.shape import Shape

if TYPE_CHECKING:
    from typing import TypeAlias

    from motet.dialects.python.binding.mapping import Split

Call: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]

_DEFERRED = (Future, FutureList, State, Annotation)


def is_plain(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether no argument can be, or hold, anything but a scalar."""
    return PLAIN.issuperset(map(type, args)) and (not kwargs or PLAIN.issuperset(map(type, kwargs.values())))


class Relations(Record):
    """The keys of the steps that values come from: those that must succeed, and those that must only end."""

    needs: dict[str, None] = field(default_factory=dict)
    after: dict[str, None] = field(default_factory=dict)


def relations(values: Iterable[Any], lineage: Lineage | None) -> Relations:
    """Where the values come from.

    Futures count wherever they stand in containers (see `values.containers`); with `lineage`, plain
    values count too, by identity. What stands in `quote` or `opaque` is not looked into.
    """
    found = Relations()
    seen: set[tuple[int, int]] = set()
    stack = [(value, found.needs) for value in values]
    while stack:
        value, into = stack.pop()
        if type(value) in PLAIN:
            continue
        if isinstance(value, Future | FutureList):
            into[value.step_key] = None
        elif isinstance(value, Annotation):
            if isinstance(value, allow_failure):
                stack.append((value.value, found.after))
        elif lineage is not None and (key := lineage.key(value)) is not None:
            into[key] = None
        elif isinstance(value, State):
            if value.step_key:
                into[value.step_key] = None
        elif (place := (id(value), id(into))) not in seen:  # a container may hold itself
            seen.add(place)
            stack.extend((each, into) for each in members(value))
    return found


def resolve(value: Any, *, wait: bool = False, kinds: tuple[type, ...] = _DEFERRED) -> Any:
    """The value with the futures and states in it, as far as of these `kinds`, replaced by what they stand for.

    Without `wait`, the futures must be known to have succeeded: nothing is locked then, so this may be called
    while the run is. A container that holds none of them is given as it is, so that identity is kept.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, Future | FutureList):
        return value.result() if wait else value.known()
    if isinstance(value, State):
        return value.result()
    if isinstance(value, Annotation):
        return _unwrapped(value, wait)
    return replaced(value, kinds, lambda each: resolve(each, wait=wait, kinds=kinds))


def _unwrapped(value: Annotation[Any], wait: bool) -> Any:
    inner = value.value
    if isinstance(value, unmapped):
        return resolve(inner, wait=wait)
    if not isinstance(value, allow_failure):
        return inner
    if isinstance(inner, Future | FutureList):
        return inner.result(raise_on_failure=False) if wait else inner.known()
    return inner.result(raise_on_failure=False) if isinstance(inner, State) else resolve(inner, wait=wait)


NOT_BOUND: Any = object()
"""The receiver of what is no method."""

_OF_NONE = fingerprint()[0]


def asked(
    code: dict[str, Json], shape: Shape, call: Call, lineage: Lineage, receiver: Any, known: Step | None
) -> tuple[dict[str, Json], str]:
    """What a call of that code asks for, as `motet.ports.StepSpec.json` gives it; and the fingerprint of its inputs.

    Values that came from steps stand for these, not for their content. `known` is the step if it is recorded already:
    one of an earlier version of Motet is compared by what that recorded.
    """
    args, kwargs = call
    if not args and not kwargs and known is None and receiver is NOT_BOUND and not shape.contents:
        return code, _OF_NONE
    inputs: dict[str, Json] = {}
    unknown: dict[str, str] = {}
    if receiver is not NOT_BOUND:
        inputs[RECEIVER] = _told(receiver, lineage, RECEIVER, unknown)
    names, named = shape.by_place, len(shape.by_place)
    for place, value in enumerate(args):
        name = names[place] if place < named else f"*{place - named}"
        inputs[name] = scalar_form(value) if type(value) in PLAIN else _told(value, lineage, name, unknown)
    for name, value in kwargs.items():
        inputs[name] = _told(value, lineage, name, unknown)
    content = _files(shape, call, lineage, inputs, unknown) if shape.contents else {}
    if known is not None and not has_spec(known.call):
        digest = _as_before(call, lineage, known)
    elif not content and not kwargs and receiver is NOT_BOUND and PLAIN.issuperset(map(type, args)):
        digest = fingerprint(*args)[0]
    else:
        digest = fingerprint(repr(without_code(inputs)))[0]
    spec = with_inputs(code, inputs, unknown, content) if inputs else code
    if not kwargs and PLAIN.issuperset(map(type, args)):
        return spec, digest
    return seen(spec, {**dict(zip(names, args, strict=False)), **kwargs}), digest


def asked_of_all(
    code: dict[str, Json], shape: Shape, parts: Split, lineage: Lineage, receiver: Any, known: Step | None
) -> tuple[dict[str, Json], str]:
    """As `asked`, for a map: what is spread has a list of forms, one for each element."""
    unknown: dict[str, str] = {}
    inputs: dict[str, Json] = {}
    if receiver is not NOT_BOUND:
        inputs[RECEIVER] = _told(receiver, lineage, RECEIVER, unknown)
    for name, values in parts.spread.items():
        if isinstance(values, FutureList):
            inputs[name] = step_form(values.key)
        else:
            inputs[name] = _elements(values, lineage, name, unknown)
    for name, value in parts.shared.items():
        inputs[name] = _told(value, lineage, name, unknown)
    content = _files_of_all(shape, parts, lineage, inputs, unknown) if shape.contents else {}
    if known is not None and not has_spec(known.call):
        digest = _as_before(((parts.each,), parts.content()), lineage, known)
    else:
        digest = fingerprint(repr(without_code(inputs)))[0]
    return seen(with_inputs(code, inputs, unknown, content), {**parts.shared, **parts.spread}), digest


def _files(
    shape: Shape, call: Call, lineage: Lineage, inputs: dict[str, Json], unknown: dict[str, str]
) -> dict[str, Json]:  # fmt: skip
    """What is in the files that arguments name, where that counts; of the paths, `inputs` then has the names alone."""
    try:
        given, defaults = shape.given(*call)
    except TypeError:  # which the attempt will raise
        return {}
    found: dict[str, Json] = {}
    for name, value in {**defaults, **given}.items():
        if shape.counts_by_content(name) and not is_deferred(value):
            own = name.removeprefix("**")
            inputs[own], found[own] = _file(value, lineage, own, unknown)
    return found


def _files_of_all(
    shape: Shape, parts: Split, lineage: Lineage, inputs: dict[str, Json], unknown: dict[str, str]
) -> dict[str, Json]:  # fmt: skip
    """As `_files`, for a map."""
    found: dict[str, Json] = {}
    for name, value in parts.shared.items():
        if shape.counts_by_content(name) and not is_deferred(value):
            inputs[name], found[name] = _file(value, lineage, name, unknown)
    for name, values in parts.spread.items():
        if shape.counts_by_content(name) and not any(is_deferred(each) for each in values):
            pairs = [_file(each, lineage, name, unknown) for each in values]
            inputs[name], found[name] = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return found


def is_deferred(value: Any) -> bool:
    """Whether the value is not there yet, so that it counts as the step that it comes from."""
    return isinstance(bare(value), Future | FutureList | State)


def _file(value: Any, lineage: Lineage, name: str, unknown: dict[str, str]) -> tuple[Json, Json]:
    """The forms of the names of files, and of what is in them."""
    from motet.values.identity import files

    named = _told(files.names(bare(value)), lineage, name, unknown)
    try:
        return named, _told(files.contents(bare(value)), lineage, name, unknown)
    except files.NoFile as error:
        unknown[f"argument {name}"] = str(error)
        return named, ABSENT


def _told(value: Any, lineage: Lineage, name: str, unknown: dict[str, str]) -> Json:
    """The form of the value of a parameter; what cannot be told of it goes to `unknown`."""
    if type(value) in PLAIN:
        return scalar_form(value)
    value = bare(value)
    key = step_of(value, lineage)
    if key is not None:
        return step_form(key)
    walk = Walk(lambda each: step_of(each, lineage))
    form = walk.given(value)
    if walk.unknown:
        unknown[name if name == RECEIVER else f"argument {name}"] = walk.cannot
    return form


def _elements(values: Sequence[Any], lineage: Lineage, name: str, unknown: dict[str, str]) -> list[Json]:
    """The forms of the values of a map's elements, one for each."""
    if PLAIN.issuperset(map(type, values)):
        return [scalar_form(value) for value in values]
    return [_told(each, lineage, name, unknown) for each in values]


def step_of(value: object, lineage: Lineage) -> str | None:
    """The step that a value stands for, or came from; None if it is a value of its own."""
    if isinstance(value, Future | FutureList | State) and value.step_key:
        return value.step_key
    return lineage.key(value)


def digest(args: tuple[Any, ...], kwargs: Mapping[str, Any], lineage: Lineage) -> str:
    """The fingerprint of the inputs of a flow, which no code is part of."""
    return _digest((args, kwargs), lineage)[0]


def _as_before(call: Call, lineage: Lineage, known: Step) -> str:
    """The fingerprint as an earlier version made it. It told functions and objects in another way: then it is not known
    whether they are the same.
    """
    found, same_way = _digest(call, lineage)
    return found if same_way else known.fingerprint


def _digest(call: Call, lineage: Lineage) -> tuple[str, bool]:
    args, kwargs = call
    if not kwargs and PLAIN.issuperset(map(type, args)):
        return fingerprint(*args)[0], True

    def stands_for(value: object) -> str | None:
        key = step_of(value, lineage)
        return f"step:{key}" if key is not None else None

    walk = Walk(stands_for, by_name=True)
    bared = {name: bare(value) for name, value in kwargs.items()}
    return walk.digest(tuple([bare(value) for value in args]), bared), not walk.code
