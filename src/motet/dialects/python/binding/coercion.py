"""Values made into what an annotation asks for, by pydantic. The only place that imports it."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
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
