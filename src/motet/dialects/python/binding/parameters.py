"""The parameters of flows: bound to their names, and made into what their annotations ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

from motet.errors import ParameterError, did_you_mean
from motet.ports.voice import Written
from motet.typed import Any
from motet.values.shape import ABSENT, Shape


class Parameters:
    """What a flow's function takes. Annotations are looked at only when a value needs it."""

    def __init__(self, name: str, function: Callable[..., Any], *, validate: bool) -> None:
        self._name = name
        self._function = function
        self._validate = validate
        self.shape = Shape(function)
        self._hints: dict[str, Any] = {}
        self._told: set[str] = set()

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The value of every parameter, by name. Raises ParameterError, naming parameter, flow and cure."""
        try:
            values = self.shape.bind(args, kwargs)
        except TypeError as error:
            raise self._misfit(args, kwargs, error) from None
        for name, value in values.items():
            if type(value) is Written:
                values[name] = self._read(name, value)
        if self._validate:
            for name, value in values.items():
                values[name] = self._coerced(name, value)
        return values

    def bind_with(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """As `bind`, with the values `given` (some perhaps `Written`) in place of those that the call gives."""
        if not given:
            return self.bind(args, kwargs)
        gathers = self.shape.gathers
        if not gathers:
            self._refuse_unknown(given)
        try:
            partial = self.shape.signature.bind_partial(*args, **kwargs)
        except TypeError as error:
            raise self._misfit(args, kwargs, error) from None
        for name, value in given.items():
            if name in self.shape.names:
                partial.arguments[name] = value
            else:
                more = value.read() if type(value) is Written else value
                partial.arguments[gathers] = {**partial.arguments.get(gathers, {}), name: more}
        return self.bind(partial.args, partial.kwargs)

    def partly(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The values that are there so far, by name, each as its annotation asks. Raises ParameterError."""
        try:
            found = {**self.shape.signature.bind_partial(*args, **kwargs).arguments, **given}
        except TypeError as error:
            raise self._misfit(args, kwargs, error) from None
        if not self.shape.gathers:
            self._refuse_unknown(found)
        return {name: self._read(name, each) if type(each) is Written else each for name, each in found.items()}

    @property
    def kinds(self) -> dict[str, Any]:
        """What each value that can be given by name is to be."""
        checked = [name for name in self.shape.names if self._validate and self.shape.annotation(name) is not ABSENT]
        return {name: self._hint(name) if name in checked else Any for name in self.shape.names}

    def _refuse_unknown(self, names: Mapping[str, Any]) -> None:
        """Raise ParameterError if a name cannot be given, saying which is nearest."""
        for name in names:
            if name in self.shape.names:
                continue
            cure = did_you_mean(name, self.shape.names, f"It takes {self._takes()}.")
            raise ParameterError(f"Flow {self._name} has no parameter {name!r}.", cure)

    def refuse_misfits(self, values: Mapping[str, Any]) -> None:
        """Raise ParameterError unless the function takes values of these names, and needs no others."""
        args, kwargs = self.call(values)
        try:
            self.shape.bind(args, kwargs)
        except TypeError as error:
            raise self._misfit(args, kwargs, error) from None

    def call(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with which to call the function. Iterators that it asks for begin anew with each call."""
        given = dict(values)
        for name, kind in self._iterators.items():
            value = given.get(name)
            if value is not None and not hasattr(value, "__next__"):
                given[name] = iter(value) if kind is Iterator else (each for each in value)
        return self.shape.call(given)

    @cached_property
    def _iterators(self) -> dict[str, type]:
        """The parameters that are to be iterators or generators: what is recorded of them is a list."""
        found: dict[str, type] = {}
        for name in self.shape.names:
            annotation = self.shape.annotation(name)
            if not isinstance(annotation, type) and ("Iterator" in str(annotation) or "Generator" in str(annotation)):
                from motet.values.coercion import iterator_kind

                kind = iterator_kind(self._hint(name))
                if kind is not None:
                    found[name] = kind
        return found

    def fit_late(self, values: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The values, with those fit that `bind` could not look at: futures stood there in what was given."""
        late = [name for name, value in values.items() if self._validate and value is not given[name]]
        return {**values, **{name: self._coerced(name, values[name]) for name in late}}

    def _misfit(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], error: TypeError) -> ParameterError:
        try:
            self.shape.signature.bind_partial(*args, **kwargs)
        except TypeError as unknown:  # what is not known is told before what is missing
            error = unknown
        return ParameterError(f"Flow {self._name} cannot be called like that: {error}.", f"It takes {self._takes()}.")

    def _takes(self) -> str:
        told = [
            str(each.replace(annotation=each.empty))
            + ("" if each.annotation is each.empty else f" ({_type_name(each.annotation)})")
            for each in self.shape.signature.parameters.values()
        ]
        return ", ".join(told) or "no parameters"

    def _read(self, name: str, written: Written) -> Any:
        """The value that was typed. What becomes text, or fits only as text, is text as it was typed: 1.10 stays so."""
        value = written.read()
        if not self._validate or isinstance(value, str):
            return value
        try:
            fit = self._coerced(name, value)
        except ParameterError:
            try:
                return self._coerced(name, written.text)
            except ParameterError:
                return value  # whoever coerces it says what does not fit
        return written.text if isinstance(fit, str) else fit

    def _coerced(self, name: str, value: Any) -> Any:
        annotation = self.shape.annotation(name)
        if annotation is ABSENT or _fits(annotation, value):
            return value
        if not isinstance(annotation, type):
            annotation = self._hint(name)
        if name == self.shape.spreads:
            return tuple([self._fit(f"{name}[{at}]", annotation, each) for at, each in enumerate(value)])
        if name == self.shape.gathers:
            from typing import Unpack, get_origin

            if get_origin(annotation) is Unpack:
                return self._fit(name, annotation.__args__[0], value)
            return {key: self._fit(key, annotation, each) for key, each in value.items()}
        return self._fit(name, annotation, value)

    def _hint(self, name: str) -> Any:
        """The type that its value is to be of. What of it cannot be found is said once, and anything fits it."""
        if name not in self._hints:
            from motet.values.hints import hint

            self._hints[name], unknown = hint(self._function, self.shape.annotation(name))
            self._tell_unknown(name, unknown)
        return self._hints[name]

    def _tell_unknown(self, name: str, unknown: Iterable[str]) -> None:
        if unknown and name not in self._told:
            import logging

            self._told.add(name)
            logging.getLogger("motet").warning(
                "Parameter %s of flow %s is not checked in full: its annotation names %s, which is not known while the "
                "flow runs. What else it says is checked. Import it outside of `if TYPE_CHECKING:` to have it checked.",
                name, self._name, ", ".join(unknown),
            )  # fmt: skip

    def _fit(self, name: str, annotation: Any, value: Any) -> Any:
        if _fits(annotation, value) or _is_deferred(value):
            return value
        from motet.values.coercion import Unfit, coerce

        try:
            return coerce(annotation, value, lambda unknown: self._tell_unknown(name, unknown))
        except Unfit as error:
            raise ParameterError(
                f"Parameter {name}{error.place} of flow {self._name}: {error}",
                f"It is to be of type {_type_name(annotation)}.",
            ) from None


def _fits(annotation: Any, value: Any) -> bool:
    """Whether there is nothing to look at. A model may hold iterators that can be read once."""
    return annotation is Any or (type(value) is annotation and not hasattr(annotation, "__pydantic_validator__"))


def _is_deferred(value: Any) -> bool:
    """Whether it holds futures or states: what they stand for is looked at when the flow begins."""
    from motet.dialects.python.futures import Future, FutureList
    from motet.dialects.python.states import State
    from motet.values.containers import holds

    return holds(value, (Future, FutureList, State))


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
