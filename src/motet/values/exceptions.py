"""Exceptions to bytes and back: with their types, their attributes, and what they were raised from.

An exception is made again without the `__init__` of its class: that may take more than `args`, or make others of
them. Only where its class says itself how it is pickled (`__reduce__`), and what that says can be carried out, it is
made that way. Its cause and context come along, as do the members of groups; tracebacks do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import MemberDescriptorType
from typing import Any, TypeAlias

Edit: TypeAlias = Callable[[str, Any], Any]
"""What becomes of an attribute, told by name, or of one of the `args` (no name): another value, or DROPPED."""

DROPPED = object()

_Links: TypeAlias = tuple[BaseException | None, BaseException | None, bool]

_HEAP_TYPE = 1 << 9
"""The flag of classes that are made while a program runs: of all but those of the interpreter itself."""
_LEFT_OUT = frozenset(("obj", "message", "exceptions"))
"""What stands in fields of the interpreter's own exceptions and is no content, or is given when they are made."""


def reduced(
    exception: BaseException, edit: Edit | None = None, *, linked: bool = True, own_way: bool = True
) -> tuple[Any, ...]:
    """How pickle is to make the exception again: what its `__reduce__` might give.

    `edit` changes what it holds. Unless `linked`, its cause and context stay behind; unless `own_way`, what its class
    says of how it is made is not heeded: from other arguments that would make another one.
    """
    links: _Links = None, None, exception.__suppress_context__
    if linked:
        links = exception.__cause__, exception.__context__, exception.__suppress_context__
    own = _own_way(exception) if own_way else None
    if own is not None:
        make_it, args, state = own
        return make_it, _edited_args(args, edit), (_edited(state, edit), links), None, None, restore
    args, fields = _args(exception), dict(_fields(exception))
    if args is not exception.args:
        fields["args"] = _edited_args(exception.args, edit)
    fields, given = _edited(fields, edit), _edited_args(args, edit)
    if args is exception.args and _first(type(exception)).__basicsize__ == BaseException.__basicsize__:
        fields["args"], given = given, ()  # it may stand in them itself, and then has to be made before them
    state = _edited(vars(exception), edit), fields, links
    return make, (type(exception), given), state, None, None, fill


def make(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """An exception of that class, as the interpreter makes it before any code of the class has a say."""
    first = _first(cls)
    made: BaseException = first.__new__(cls, *args)
    return made


def fill(exception: BaseException, state: tuple[dict[str, Any], dict[str, Any], Any]) -> None:
    """Give an exception that `make` has made its attributes, its fields, and what it was raised from."""
    attributes, fields, links = state
    vars(exception).update(attributes)
    for name, value in fields.items():
        _set(exception, name, value)
    _link(exception, links)


def restore(exception: BaseException, state: tuple[Any, Any]) -> None:
    """The same for one that was made in the way of its own class."""
    own, links = state
    if own is not None:
        exception.__setstate__(own)
    _link(exception, links)


def _link(exception: BaseException, links: _Links) -> None:
    for name, value in zip(("__cause__", "__context__", "__suppress_context__"), links, strict=True):
        _set(exception, name, value)


_set = BaseException.__setattr__  # that of the class may refuse, as a frozen one does


def _own_way(exception: BaseException) -> tuple[Any, tuple[Any, ...], Any] | None:
    """How its class says that it is pickled: what makes it, of what, its state. None where that does not work."""
    says = next(each for each in type(exception).__mro__ if {"__reduce__", "__reduce_ex__"} & vars(each).keys())
    if not says.__flags__ & _HEAP_TYPE:
        return None
    try:
        said: Any = exception.__reduce_ex__(5)
        make_it, args, *rest = said
        if type(make_it(*args)) is type(exception):
            return make_it, args, rest[0] if rest else None
    except Exception:  # noqa: BLE001 - boundary: the class's own code; what it cannot do is done without it
        pass
    return None


def _first(cls: Any) -> Any:
    """The class of the interpreter that lays out its instances."""
    while cls.__flags__ & _HEAP_TYPE:
        cls = cls.__base__
    return cls


def _args(exception: BaseException) -> tuple[Any, ...]:
    """What `make` takes."""
    if isinstance(exception, BaseExceptionGroup):  # a class of its own may take, and note, other arguments
        return exception.message, list(exception.exceptions)
    args: tuple[Any, ...] = _first(type(exception)).__reduce__(exception)[1]
    return exception.args if args == exception.args else args


def _fields(exception: BaseException) -> Iterator[tuple[str, Any]]:
    """What it holds outside of its `__dict__`: fields of the interpreter's own classes, and slots."""
    for cls in type(exception).__mro__:
        for name, field in vars(cls).items():
            if type(field) is MemberDescriptorType and name not in _LEFT_OUT and not name.startswith("__"):
                value = field.__get__(exception) if _is_set(exception, field) else None
                if value is not None:
                    yield name, value


def _is_set(exception: BaseException, field: Any) -> bool:
    try:
        field.__get__(exception)
    except AttributeError:
        return False
    return True


def _edited(held: Any, edit: Edit | None) -> Any:
    """What an exception holds by name, edited; a state that is no dict as it is."""
    if edit is None or not isinstance(held, dict):
        return held
    edited = {name: edit(str(name), value) for name, value in held.items()}
    return {name: value for name, value in edited.items() if value is not DROPPED}


def _edited_args(args: tuple[Any, ...], edit: Edit | None) -> tuple[Any, ...]:
    """The arguments, edited; what is not to be kept is there as it shows."""
    if edit is None:
        return args
    edited = [(each, edit("", each)) for each in args]
    return tuple([repr(old) if new is DROPPED else new for old, new in edited])
