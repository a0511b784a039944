"""Values made into what an annotation asks for, by pydantic. The only place that imports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError


class Unfit(ValueError):
    """The value cannot be made into what is asked for; says what was found and why."""


def coerce(annotation: Any, value: Any) -> Any:
    """The value as `annotation` asks: "3" becomes 3 for an int, 0 becomes "0" for a str.

    An instance of a plain class is passed through unchanged. Raises Unfit.
    """
    try:
        adapter = _adapter(annotation)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return value
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{each!r}]" for each in first["loc"])
        raise Unfit(f"{_short(value)} does not fit{' at ' + place if place else ''}: {first['msg']}.") from None


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    config = ConfigDict(arbitrary_types_allowed=True, coerce_numbers_to_str=True)
    try:
        return TypeAdapter(annotation, config=config)
    except PydanticUserError:
        return TypeAdapter(annotation)  # models, dataclasses and typed dicts bring a configuration of their own


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


class RunInput(BaseModel):
    """What a flow asks a person for; any pydantic model will do. `description` is shown with the question."""

    @classmethod
    def with_initial_data(cls, description: str = "", **defaults: Any) -> type[Self]:
        """The same with other defaults, and with a description."""
        fields: dict[str, Any] = {name: (cls.model_fields[name].annotation, value) for name, value in defaults.items()}
        return create_model(cls.__name__, __base__=cls, __doc__=description or cls.__doc__, **fields)


class Form:
    """What is asked for: a pydantic model, or any other type, which is then the field `value`."""

    def __init__(self, kind: Any) -> None:
        self._alone = not (isinstance(kind, type) and issubclass(kind, BaseModel))
        self._model: type[BaseModel] = create_model("Answer", value=(kind, ...)) if self._alone else kind

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of an answer."""
        return self._model.model_json_schema()

    def fit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The answer as JSON, checked. Raises Unfit, naming every field that does not fit."""
        try:
            return self._model.model_validate(dict(values)).model_dump(mode="json")
        except ValidationError as error:
            told = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)]
            raise Unfit("; ".join(told)) from None

    def value(self, answer: Mapping[str, Any]) -> Any:
        """What the flow is given for a checked answer: an instance of the model, or the value alone."""
        made = self._model.model_validate(dict(answer))
        return getattr(made, "value") if self._alone else made  # noqa: B009 - a field that exists at run time
