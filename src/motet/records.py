"""Records: classes of named, typed fields, as `dataclasses` makes them, at a twentieth of the time at start-up.

A process that runs one short flow makes some eighty such classes, and a few objects of some. So a constructor is
compiled only when it is used often: that takes as long as making a hundred objects without it. To type checkers, and
to the functions of `dataclasses` (`replace`, `fields`, `asdict`), a record is a dataclass with slots.

    class Point(Record, frozen=True):
        x: int
        y: int = 0
"""

from __future__ import annotations

from collections.abc import Callable

from motet.typed import TYPE_CHECKING, Any, TypeVar, dataclass_transform

T = TypeVar("T")


class _Made:
    """A default that is made anew for each record."""

    __slots__ = ("factory",)

    def __init__(self, factory: Callable[[], Any]) -> None:
        self.factory = factory


_ABSENT: Any = object()
_APART: Any = object()

_OFTEN = 20
_LITERALS: dict[Any, str] = {dict: "{}", list: "[]"}


if TYPE_CHECKING:
    from typing import ClassVar

    def field(*, default_factory: Callable[[], T] = ..., init: bool = True) -> T:
        """A default that is made anew for each record; or, with `init=False`, an attribute beside the fields."""
        raise NotImplementedError
else:

    def field(*, default_factory: Callable[[], T] | None = None, init: bool = True) -> Any:
        """A default that is made anew for each record; or, with `init=False`, an attribute beside the fields."""
        return _Made(default_factory) if init else _APART


@dataclass_transform(field_specifiers=(field,))
class RecordType(type):
    """Makes the classes: annotated names become slots, what is assigned to them their defaults."""

    __record__: dict[str, Any]
    __frozen__ = False

    def __new__(mcs, name: str, bases: tuple[type, ...], space: dict[str, Any], *, frozen: bool = False) -> RecordType:
        own = {
            each: space.pop(each, _ABSENT)
            for each, kind in space.get("__annotations__", {}).items()
            if not str(kind).startswith(("ClassVar", "typing.ClassVar"))
        }
        inherited: dict[str, Any] = {}
        for base in reversed(bases):
            inherited.update(getattr(base, "__record__", ()))
        space["__slots__"] = (*space.get("__slots__", ()), *(each for each in own if each not in inherited))
        space["__record__"] = inherited | {each: said for each, said in own.items() if said is not _APART}
        space["__match_args__"] = tuple(space["__record__"])
        if frozen:
            space.update(__setattr__=_refuse, __delattr__=_refuse, __hash__=_hash, __reduce__=_reduce, __frozen__=True)
        made = super().__new__(mcs, name, bases, space)
        if "__init__" not in space and name != "Record":
            made.__init__ = _first(made)  # type: ignore[misc]
        return made

    def __init__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any], *, frozen: bool = False) -> None:
        super().__init__(name, bases, space)


class _AsDataclass:
    """What the functions of `dataclasses` ask for: made when they ask."""

    def __get__(self, record: object, cls: RecordType) -> dict[str, Any]:
        import dataclasses
        import inspect

        def specified(said: Any) -> Any:
            if isinstance(said, _Made):
                return dataclasses.field(default_factory=said.factory)
            return dataclasses.field() if said is _ABSENT else dataclasses.field(default=said)

        types: dict[str, Any] = {}
        for each in reversed(cls.__mro__):
            types.update(inspect.get_annotations(each))
        made = [(name, types[name], specified(said)) for name, said in cls.__record__.items()]
        found: Any = dataclasses.make_dataclass("_", made, kw_only=True)
        return dict(found.__dataclass_fields__)


class Record(metaclass=RecordType):
    """An object that is its fields: shown by them, and equal to another of its class where they are."""

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Any]]
        __match_args__: ClassVar[tuple[str, ...]]
    else:
        __dataclass_fields__ = _AsDataclass()

    def __repr__(self) -> str:
        told = (f"{name}={getattr(self, name)!r}" for name in type(self).__record__)
        return f"{type(self).__qualname__}({', '.join(told)})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in type(self).__record__)

    __hash__ = None  # type: ignore[assignment]


def put_differing(record: Record, into: dict[str, Any]) -> None:
    """Put the fields that differ from their defaults into the dict.

    What does so is compiled once it is used often, as constructors are: each event is written by it.
    """
    cls = type(record)
    put = _compiled_puts.get(cls)
    if put is not None:
        put(record, into)
        return
    uses = _uses[cls] = _uses.get(cls, 0) + 1
    if uses > _OFTEN:
        _compiled_puts[cls] = _compiled_differing(cls)
    known = defaults(cls)
    for name in cls.__record__:
        value = getattr(record, name)
        if name not in known or value != known[name]:
            into[name] = value


_uses: dict[type[Record], int] = {}
_compiled_puts: dict[type[Record], Callable[[Any, dict[str, Any]], None]] = {}


def _compiled_differing(cls: type[Record]) -> Callable[[Any, dict[str, Any]], None]:
    known: dict[str, Any] = {"__name__": __name__}
    lines = []
    for name, default in defaults(cls).items():
        known[f"_{name}"] = default
        lines.append(f"value = self.{name}")
        lines.append(f"if value is not _{name} and value != _{name}: into[{name!r}] = value")
    always = [f"into[{name!r}] = self.{name}" for name, said in cls.__record__.items() if said is _ABSENT]
    exec("def put(self, into):\n " + "\n ".join([*always, *lines]), known)
    made: Callable[[Any, dict[str, Any]], None] = known["put"]
    return made


def _refuse(self: Record, name: str, *_: object) -> None:
    raise AttributeError(f"{type(self).__name__}.{name} cannot be set: the record is frozen.")


def _hash(self: Record) -> int:
    return hash(tuple([getattr(self, name) for name in type(self).__record__]))


def _reduce(self: Record) -> tuple[Any, ...]:
    return type(self), tuple([getattr(self, name) for name in type(self).__record__])


def defaults(cls: type[Record]) -> dict[str, Any]:
    """The fields that have a default, and what it is."""
    return {
        name: said.factory() if isinstance(said, _Made) else said
        for name, said in cls.__record__.items()
        if said is not _ABSENT
    }


def _first(cls: RecordType) -> Callable[..., None]:
    """The constructor that puts the compiled one in its place when it is used often."""
    used = 0

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal used
        used += 1
        if used > _OFTEN or not _filled(self, cls, args, kwargs):
            real = _compiled(cls)
            cls.__init__ = real  # type: ignore[misc]
            real(self, *args, **kwargs)

    return init


def _filled(self: Any, cls: RecordType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Do what the compiled constructor does; or nothing, where it would refuse the arguments."""
    fields = cls.__record__
    given = dict(zip(fields, args, strict=False))
    if len(args) > len(fields) or not kwargs.keys() <= fields.keys() - given.keys():
        return False
    given.update(kwargs)
    if any(said is _ABSENT and name not in given for name, said in fields.items()):
        return False
    for name, said in fields.items():
        value = given[name] if name in given else said.factory() if type(said) is _Made else said
        object.__setattr__(self, name, value)
    if hasattr(cls, "__post_init__"):
        self.__post_init__()
    return True


def _compiled(cls: RecordType) -> Callable[..., None]:
    frozen = cls.__frozen__
    # By the name of its module, code is known as Motet's own: no interruption tears it apart.
    known: dict[str, Any] = {"__name__": __name__, "_absent": _ABSENT, "_set": object.__setattr__}
    takes, lines = ["self"], []
    for name, said in cls.__record__.items():
        value = name
        if isinstance(said, _Made):
            known[f"_make_{name}"] = said.factory
            takes.append(f"{name}=_absent")
            value = f"{_LITERALS.get(said.factory, f'_make_{name}()')} if {name} is _absent else {name}"
        elif said is _ABSENT:
            takes.append(name)
        else:
            known[f"_{name}"] = said
            takes.append(f"{name}=_{name}")
        lines.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({', '.join(takes)}):\n " + "\n ".join(lines or ["pass"]), known)
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made
