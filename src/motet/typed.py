"""The names of `typing` that the code is annotated with, for which nothing is loaded when it runs.

To type checkers each is that of `typing`, which takes a flow of one step a twentieth of its time to load. At run time
annotations are never looked at, so a name need only stand where one is written: be called, subscripted or inherited.
Code that works with a caller's annotations takes what it needs from `typing` itself, where it needs it. `ClassVar`,
`Final` and `TypeAlias`, which some type checkers know only by that import, are imported from there for them alone.
"""

from __future__ import annotations

from types import GenericAlias

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any as Any
    from typing import Concatenate as Concatenate
    from typing import Generic as Generic
    from typing import Literal as Literal
    from typing import Never as Never
    from typing import NoReturn as NoReturn
    from typing import ParamSpec as ParamSpec
    from typing import Protocol as Protocol
    from typing import TextIO as TextIO
    from typing import TypedDict as TypedDict
    from typing import TypeGuard as TypeGuard
    from typing import TypeVar as TypeVar
    from typing import Unpack as Unpack
    from typing import cast as cast
    from typing import dataclass_transform as dataclass_transform
    from typing import overload as overload
    from typing import runtime_checkable as runtime_checkable
else:
    Any = Protocol = object

    class _Form:
        """Stands for whatever is written with it."""

        def __call__(self, *_, **__):
            return self

        def __getitem__(self, _):
            return self

    Concatenate = Literal = Never = NoReturn = ParamSpec = TextIO = TypeGuard = TypeVar = Unpack = _Form()

    class Generic:
        """The base of classes that take types in brackets."""

        __slots__ = ()
        __class_getitem__ = classmethod(GenericAlias)

    class TypedDict:
        """Knows its keys, as the real one does."""

        def __init_subclass__(cls, *, total=True):
            cls.__optional_keys__ = frozenset(cls.__annotations__) | getattr(cls, "__optional_keys__", frozenset())

    class _Shape(type):
        """The type of an interface of which every object is that has its methods, whatever it inherits."""

        def __instancecheck__(cls, it):
            return all(hasattr(it, name) for name in vars(cls) if not name.startswith("_"))

    def runtime_checkable(cls):
        """The interface, for which objects can be checked."""
        return _Shape(cls.__name__, (), {name: said for name, said in vars(cls).items() if name != "__dict__"})

    def dataclass_transform(**_):
        """Leaves the class as it is."""
        return lambda cls: cls

    def cast(_, value):
        """The value."""
        return value

    def overload(function):
        """What no call ever reaches."""
        return function
