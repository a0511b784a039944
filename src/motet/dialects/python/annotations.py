"""What can be written around an argument of a task call. Names and meaning are those of Prefect 3."""

from __future__ import annotations

from motet.typed import Any, Generic, TypeVar

T = TypeVar("T")


class Annotation(Generic[T]):
    """An argument that is treated in a way of its own; the task gets `value`."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"


class unmapped(Annotation[T]):  # noqa: N801
    """One value that every element of a `.map` gets as it is."""


class allow_failure(Annotation[T]):  # noqa: N801
    """A future whose failure does not keep the task from running: it gets the exception as the value."""


class quote(Annotation[T]):  # noqa: N801
    """A value that is not looked into for futures: for large containers that hold none."""

    def unquote(self) -> T:
        """The value."""
        return self.value


class opaque(Annotation[T]):  # noqa: N801
    """A value that is passed as it is, futures in it unresolved."""


def bare(value: Any) -> Any:
    """The value without its annotation."""
    return value.value if isinstance(value, Annotation) else value
