"""The parameters of flows: bound to their names, and made into what their annotations ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Unpack, get_origin

from motet.dialects.python.binding.shape import ABSENT, Shape
from motet.errors import ParameterError, did_you_mean


class Written:
    """A value as somebody typed it: JSON if it can be read so, else text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self) -> Any:
        """The value."""
        import json

        try:
            return json.loads(self.text, parse_constant=_no_json)
        except ValueError:
            return self.text


def _no_json(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


class Parameters:
    """What a flow's function takes. Annotations are looked at only when a value needs it."""

    def __init__(self, name: str, function: Callable[..., Any], *, validate: bool) -> None:
        self._name = name
        self._function = function
        self._validate = validate
        self._shape = Shape(function)
        self._hints: dict[str, Any] | None = None

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The value of every parameter, by name. Raises ParameterError, naming parameter, flow and cure."""
        try:
            values = self._shape.bind(args, kwargs)
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
        gathers = self._shape.gathers
        if not gathers:
            self._refuse_unknown(given)
        try:
            partial = self._shape.signature.bind_partial(*args, **kwargs)
        except TypeError as error:
            raise self._misfit(args, kwargs, error) from None
        for name, value in given.items():
            if name in self._shape.names:
                partial.arguments[name] = value
            else:
                more = value.read() if type(value) is Written else value
                partial.arguments[gathers] = {**partial.arguments.get(gathers, {}), name: more}
        return self.bind(partial.args, partial.kwargs)

    def _refuse_unknown(self, names: Mapping[str, Any]) -> None:
        """Raise ParameterError if a name cannot be given, saying which is nearest."""
        for name in names:
            if name in self._shape.names:
                continue
            cure = did_you_mean(name, self._shape.names, f"It takes {self._told()}.")
            raise ParameterError(f"Flow {self._name} has no parameter {name!r}.", cure)

    def call(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with which to call the function."""
        return self._shape.call(dict(values))

    def fit_late(self, values: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The values, with those fit that `bind` could not look at: futures stood there in what was given."""
        late = [name for name, value in values.items() if self._validate and value is not given[name]]
        return {**values, **{name: self._coerced(name, values[name]) for name in late}}

    def _misfit(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], error: TypeError) -> ParameterError:
        try:
            self._shape.signature.bind_partial(*args, **kwargs)
        except TypeError as unknown:  # what is not known is told before what is missing
            error = unknown
        return ParameterError(f"Flow {self._name} cannot be called like that: {error}.", f"It takes {self._told()}.")

    def _told(self) -> str:
        told = [
            str(each.replace(annotation=each.empty))
            + ("" if each.annotation is each.empty else f" ({_type_name(each.annotation)})")
            for each in self._shape.signature.parameters.values()
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
        annotation = self._shape.annotation(name)
        if annotation is ABSENT or annotation is Any or type(value) is annotation:
            return value
        if isinstance(annotation, str):
            annotation = self._hint(name)
        if name == self._shape.spreads:
            return tuple([self._fit(f"{name}[{at}]", annotation, each) for at, each in enumerate(value)])
        if name == self._shape.gathers and get_origin(annotation) is Unpack:
            return self._fit(name, annotation.__args__[0], value)
        if name == self._shape.gathers:
            return {key: self._fit(key, annotation, each) for key, each in value.items()}
        return self._fit(name, annotation, value)

    def _hint(self, name: str) -> Any:
        if self._hints is None:
            from typing import get_type_hints

            try:
                self._hints = get_type_hints(self._function, include_extras=True)
            except (NameError, TypeError, AttributeError):
                self._hints = {}  # a name that exists for type checkers only: nothing can be checked then
        return self._hints.get(name, Any)

    def _fit(self, name: str, annotation: Any, value: Any) -> Any:
        if annotation is Any or type(value) is annotation or _is_deferred(value):
            return value
        from motet.dialects.python.binding.coercion import Unfit, coerce

        try:
            return coerce(annotation, value)
        except Unfit as error:
            raise ParameterError(
                f"Parameter {name} of flow {self._name}: {error}", f"It is to be of type {_type_name(annotation)}."
            ) from None


def _is_deferred(value: Any) -> bool:
    """Whether it holds futures or states: what they stand for is looked at when the flow begins."""
    from motet.dialects.python.binding.containers import holds
    from motet.dialects.python.futures import Future, FutureList
    from motet.dialects.python.states import State

    return holds(value, (Future, FutureList, State))


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
