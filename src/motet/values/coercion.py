"""Values made into what an annotation asks for, and annotations as JSON schemas, by pydantic. The only place that
imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, MappingView, Sized
from contextlib import suppress
from functools import cache
from itertools import count, cycle, repeat, zip_longest
from types import UnionType
from typing import Annotated, Any, Self, Union, cast, get_origin

from pydantic import BaseModel as BaseModel
from pydantic import ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic import SecretStr as SecretStr
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import to_jsonable_python

from motet.values.containers import replaced
from motet.values.hints import Unknown


class Unfit(ValueError):
    """The value cannot be made into what is asked for; says what was found and why. `place` is where in the value."""

    def __init__(self, told: str, place: str = "") -> None:
        super().__init__(told)
        self.place = place


def coerce(annotation: Any, value: Any, tell: Callable[[list[str]], None] = lambda names: None) -> Any:
    """The value as `annotation` asks: "3" becomes 3 for an int, 0 becomes "0" for a str.

    An instance of a plain class is passed through unchanged. An iterable is given as it is, or becomes a list: never
    an iterator that can be read once. `tell` is told the names of types that are not known. Raises Unfit.
    """
    if isinstance(value, count | cycle | repeat):
        return value  # without end
    try:
        adapter = _adapter(_iterable(annotation), tell)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return value
    try:
        return _kept(value, adapter.validate_python(value))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in first["loc"])
        raise Unfit(f"{_short(value)} does not fit: {first['msg']}.", place) from None
    except PydanticUserError:
        return value


def schema_of(kinds: Mapping[str, Any], defaults: Mapping[str, Any], *, more: bool = False) -> dict[str, Any]:
    """The JSON schema of an object with values of these types by name. Those with a default need not be there, nor are
    others where there may be `more`. What no schema can say may be anything.
    """
    properties, shared = {}, {}
    for name, kind in kinds.items():
        found = _schema(kind)
        shared.update(found.pop("$defs", {}))
        if name in defaults:
            with suppress(ValueError):
                found["default"] = as_json(defaults[name])
        properties[name] = found
    made = {"type": "object", "properties": properties, "required": [name for name in kinds if name not in defaults]}
    return {**made, "additionalProperties": more, **({"$defs": shared} if shared else {})}


def as_json(value: Any) -> Any:
    """The value as JSON. Raises ValueError for one that cannot be."""
    return to_jsonable_python(value, inf_nan_mode="strings")


def _schema(kind: Any) -> dict[str, Any]:
    try:
        return dict(_adapter(_iterable(kind), lambda unknown: None).json_schema())
    except (PydanticSchemaGenerationError, PydanticUserError):
        return {}


def iterator_kind(annotation: Any) -> type | None:
    """Iterator or Generator, if the annotation asks for one."""
    origin = get_origin(annotation)
    if origin in (Iterator, Generator) or annotation in (Iterator, Generator):
        return Generator if Generator in (origin, annotation) else Iterator
    if origin is Annotated or origin is Union or origin is UnionType:
        kinds = [iterator_kind(each) for each in annotation.__args__]
        return next((each for each in kinds if each is not None), None)
    return None


def _iterable(annotation: Any) -> Any:
    """The annotation with Iterable in place of Iterator: what is recorded of it is a list, from which one is made."""
    origin = get_origin(annotation)
    if annotation is Iterator:
        return Iterable
    if origin is Iterator:
        return Iterable[annotation.__args__[0]]
    if origin is Annotated and iterator_kind(annotation):
        return Annotated[(_iterable(annotation.__origin__), *annotation.__metadata__)]
    if (origin is Union or origin is UnionType) and iterator_kind(annotation):
        return Union[tuple(_iterable(each) for each in annotation.__args__)]  # noqa: UP007 - made of what is there
    return annotation


@cache
def _lazy() -> type:
    """What pydantic gives for iterables: an iterator that checks as it goes, can be read once, and not be pickled."""
    return type(TypeAdapter(Iterable[int]).validate_python(()))


def _kept(given: Any, made: Any) -> Any:
    """The value with lists in place of iterators of pydantic's; what was given, where that needs no change."""
    lazy: Any = _lazy()
    if not isinstance(made, lazy):
        return replaced(made, (lazy,), _listed)
    listed = _listed(made)
    if hasattr(given, "__next__") or isinstance(given, MappingView) or not isinstance(given, Sized):
        return listed
    pairs = list(zip_longest(cast(Iterable[Any], given), listed, fillvalue=lazy))
    return given if all(old is new or (type(old) is type(new) and _equal(old, new)) for old, new in pairs) else listed


def _listed(lazy: Iterable[Any]) -> list[Any]:
    return [_kept(None, each) for each in lazy]


def _equal(old: Any, new: Any) -> bool:
    try:
        return bool(old == new)
    except Exception:  # noqa: BLE001 - boundary: the values' own comparison (that of arrays gives no bool)
        return False


def _adapter(annotation: Any, tell: Callable[[list[str]], None]) -> TypeAdapter[Any]:
    config = ConfigDict(arbitrary_types_allowed=True, coerce_numbers_to_str=True)
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation, config=config)
    except PydanticUserError:
        adapter = TypeAdapter(annotation)  # models, dataclasses and typed dicts bring a configuration of their own
    return adapter if adapter.pydantic_complete else _completed(adapter, tell)


def _completed(adapter: TypeAdapter[Any], tell: Callable[[list[str]], None]) -> TypeAdapter[Any]:
    """The adapter of a class whose fields name types that are not known: whatever stands there fits."""
    unknown: dict[str, Any] = {}
    while True:
        try:
            adapter.rebuild(force=True, raise_errors=True, _types_namespace=unknown)
            break
        except PydanticUndefinedAnnotation as error:
            if error.name is None or error.name in unknown:
                break
            unknown[error.name] = Unknown
    tell(list(unknown))
    return adapter


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

    def fit(self, values: Any) -> dict[str, Any]:
        """The answer as JSON, checked. Raises Unfit, naming every field that does not fit."""
        try:
            return self._model.model_validate(values).model_dump(mode="json")
        except ValidationError as error:
            told = [f"{'.'.join(map(str, each['loc'])) or 'answer'}: {each['msg']}" for each in error.errors()]
            raise Unfit("; ".join(told)) from None

    def value(self, answer: Mapping[str, Any]) -> Any:
        """What the flow is given for a checked answer: an instance of the model, or the value alone."""
        made = self._model.model_validate(dict(answer))
        return getattr(made, "value") if self._alone else made  # noqa: B009 - a field that exists at run time
