"""How a function takes its arguments.

A plain function says so by its code. For any other, and to say what does not fit, `inspect` is asked, which takes
longer to load than a short flow takes to run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from types import FunctionType

from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect import Signature

_VARIADIC = 0x04 | 0x08
"""The flags of code that takes *args or **kwargs."""


class Shape:
    """The parameters of a function, and the arguments of its calls by their names."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._plain = _plain_names(function)
        if self._plain is None:
            _ = self.signature  # what has none is refused where it is decorated

    @cached_property
    def signature(self) -> Signature:
        """What `inspect` says of it."""
        from inspect import signature

        return signature(self._function)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters that a value can be given to, one by one."""
        if self._plain is not None:
            return self._plain
        parameters = self.signature.parameters.values()
        return tuple(each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD))

    @cached_property
    def by_place(self) -> tuple[str, ...]:
        """The parameters that arguments without a name go to, in their order."""
        if self._plain is not None:
            return self._plain[: self._function.__code__.co_argcount]
        parameters = self.signature.parameters.values()
        return tuple(each.name for each in parameters if each.kind.name.startswith("POSITIONAL"))

    @cached_property
    def gathers(self) -> str:
        """The parameter that takes what has the name of no other; empty if there is none."""
        return "" if self._plain is not None else self._of_kind("VAR_KEYWORD")

    @cached_property
    def spreads(self) -> str:
        """The parameter that takes what has no place of its own; empty if there is none."""
        return "" if self._plain is not None else self._of_kind("VAR_POSITIONAL")

    def _of_kind(self, kind: str) -> str:
        return next((name for name, each in self.signature.parameters.items() if each.kind.name == kind), "")

    @cached_property
    def _takes_names(self) -> bool:
        """Whether every argument can be given by name."""
        if self._plain is not None:
            return True
        parameters = self.signature.parameters.values()
        return all(each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY) for each in parameters)

    def annotation(self, name: str) -> Any:
        """What the parameter's value is to be, perhaps as text; `ABSENT` if nothing is said."""
        if self._plain is not None:
            return self._function.__annotations__.get(name, ABSENT)
        each = self.signature.parameters[name]
        return ABSENT if each.annotation is each.empty else each.annotation

    @cached_property
    def contents(self) -> frozenset[str]:
        """The parameters whose files count by what is in them: those annotated with `motet.Content`."""
        annotations = getattr(self._function, "__annotations__", None) if self._plain is not None else None
        if annotations is None:
            annotations = {name: each.annotation for name, each in self.signature.parameters.items()}
        known = getattr(self._function, "__globals__", {})
        return frozenset(name for name, each in annotations.items() if name != "return" and _is_content(each, known))

    def counts_by_content(self, name: str) -> bool:
        """Whether an argument does, by the name that `given` gives it, or a call."""
        if name in self.contents:
            return True
        if name.startswith("*") and not name.startswith("**"):
            return self.spreads in self.contents
        return bool(self.gathers) and name not in self.names and self.gathers in self.contents

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The value of every parameter, in their order; variadic ones as a tuple and a dict. Raises TypeError."""
        found = self._plainly_bound(args, kwargs)
        if found is not None:
            return found
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def given(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values that a call gives, and the defaults of the other parameters. Raises TypeError.

        Each member of a variadic parameter has a name of its own: *0, *1, **name.
        """
        values = self.bind(args, kwargs)
        if self._plain is not None:
            named = {*self._plain[: len(args)], *kwargs}
        else:
            named = {*self.signature.bind(*args, **kwargs).arguments, self.spreads, self.gathers}
        defaults = {name: value for name, value in values.items() if name not in named}
        found = {name: value for name, value in values.items() if name in named}
        found |= {f"*{place}": each for place, each in enumerate(found.pop(self.spreads, ()))}
        return found | {f"**{name}": each for name, each in found.pop(self.gathers, {}).items()}, defaults

    def closed(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values as `bind` gives them, from such with names of their own for each member of variadic parameters."""
        if not (self.spreads or self.gathers):
            return values
        found = {name: value for name, value in values.items() if not name.startswith("*")}
        if self.spreads:
            places = sorted(int(name[1:]) for name in values if name.startswith("*") and not name.startswith("**"))
            found[self.spreads] = tuple([values[f"*{place}"] for place in places])
        if self.gathers:
            found[self.gathers] = {name[2:]: value for name, value in values.items() if name.startswith("**")}
        return found

    def call(self, values: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with which to call the function, from values as `bind` gives them."""
        if self._takes_names:
            return (), values
        from inspect import BoundArguments

        bound = BoundArguments(self.signature, values)
        return bound.args, bound.kwargs

    def _plainly_bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
        """As `bind`, for a plain function and arguments that fit it; else None."""
        if self._plain is None or len(args) > self._function.__code__.co_argcount:
            return None
        given = dict(zip(self._plain, args, strict=False))
        if not kwargs.keys() <= set(self._plain) - given.keys():
            return None
        given.update(kwargs)
        if len(given) < len(self._plain):
            given = {**self._defaults, **given}
        return {name: given[name] for name in self._plain} if len(given) == len(self._plain) else None

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        """Those of a plain function."""
        by_place = self._function.__defaults__ or ()
        places = self._plain[: self._function.__code__.co_argcount] if self._plain else ()
        return {
            **dict(zip(reversed(places), reversed(by_place), strict=False)),
            **(self._function.__kwdefaults__ or {}),
        }


class _Absent:
    pass


ABSENT = _Absent()


def _plain_names(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """Its parameters, if it is a Python function all of whose arguments can be given by name; else None."""
    if type(function) is not FunctionType or vars(function).keys() & {"__wrapped__", "__signature__"}:
        return None
    code = function.__code__
    if code.co_flags & _VARIADIC or code.co_posonlyargcount:
        return None
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _is_content(annotation: Any, known: Mapping[str, Any]) -> bool:
    """Whether `motet.Content` stands anywhere in an annotation, which may be a text still."""
    if isinstance(annotation, str):
        try:
            names = compile(annotation.strip(), "annotation", "eval").co_names
        except SyntaxError:
            return False
        return "Content" in names or any(_is_content(known[name], {}) for name in names if name in known)
    if getattr(annotation, "__qualname__", "") == "Content" or type(annotation).__qualname__ == "Content":
        return str(annotation.__module__) == "motet.values.identity.files"
    parts = (*_tuple(annotation, "__args__"), *_tuple(annotation, "__metadata__"))
    return any(_is_content(each, known) for each in parts)


def _tuple(annotation: Any, name: str) -> tuple[Any, ...]:
    found = getattr(annotation, name, ())
    return found if isinstance(found, tuple) else ()
