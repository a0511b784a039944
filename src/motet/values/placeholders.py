"""Placeholders in braces, as `str.format` has them: in commands and scripts, in paths, in values of a workflow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from string import Formatter
from typing import TYPE_CHECKING, Any

from motet.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from motet.kernel.events import Json

_DOUBLE = "Double a brace that is meant as such: {{ and }}."
_MOST_NAMED = 12


class _Formatter(Formatter):
    """Fills placeholders with plain values; nothing behind a leading underscore is reached."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if re.search(r"\._", field_name):
            raise ValueError(f"{{{field_name}}} leads into the inside of a value")
        return super().get_field(field_name, args, kwargs)


_FORMATTER = _Formatter()


def names(text: str) -> list[str]:
    """The names that the text's placeholders begin with: "d" of {d[k]}, "0" of {0}. Raises ValueError for a brace
    that is none of one.
    """
    found: dict[str, None] = {}
    for _, field, inner, _ in Formatter().parse(text):
        if field is not None:
            found[re.split(r"[.\[]", field, maxsplit=1)[0]] = None
        for each in names(inner) if inner else ():
            found[each] = None
    return list(found)


def checked(text: str) -> str:
    """What is wrong with the braces of a text, "" if nothing is."""
    try:
        names(text)
    except ValueError as error:
        return f"{error}{_line_of(text)}"
    return ""


def interpolated(text: str, parameters: Json, called: str) -> str:
    """The text of a command or script with the parameters in it.

    Those of a mapping by name, those of a list by number, any other value as {value}. A list among them is its items
    with blanks between. Raises UsageError that names what is missing, in `called`.
    """
    if isinstance(parameters, dict):
        return formatted(text, (), {name: _shown(each) for name, each in parameters.items()}, called)
    if isinstance(parameters, list):
        return formatted(text, [_shown(each) for each in parameters], {}, called)
    return formatted(text, (), {"value": _shown(parameters)}, called)


def mapped(value: Json, change: Callable[[str], Json]) -> Json:
    """The value with all its texts changed; keys stay as they are."""
    return leaves(value, lambda each: change(each) if isinstance(each, str) else each)


def leaves(value: Json, change: Callable[[Json], Json]) -> Json:
    """The value in its shape, with all in it that is neither a mapping nor a list changed; keys stay as they are."""
    if isinstance(value, dict):
        return {name: leaves(each, change) for name, each in value.items()}
    if isinstance(value, list):
        return [leaves(each, change) for each in value]
    return change(value)


def texts_of(value: Json) -> Iterator[str]:
    """All texts in the value but keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_of(each)


def braced(text: str) -> bool:
    """Whether the text has any brace: else there is nothing in it to fill in."""
    return "{" in text or "}" in text


def _shown(value: Json) -> Any:
    """A parameter as a placeholder gives it."""
    if isinstance(value, list):
        return " ".join(str(_ordered(each)) for each in value)
    return _ordered(value)


def _ordered(value: Json) -> Json:
    """The value with the keys of its mappings in order."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_ordered(each) for each in value]
    return value


def formatted(text: str, args: Sequence[Any], known: Mapping[str, Any], called: str) -> str:
    """The text with these values, by number and by name. Raises UsageError that names what is missing, in `called`."""
    try:
        return _FORMATTER.vformat(text, args, known)
    except KeyError as error:
        name = str(error.args[0])
        if name not in names(text):
            raise UsageError(f"{called} asks for {name!r} of a value that does not have it.", _DOUBLE) from None
        raise _missing(name, text, known, called) from None
    except IndexError:
        what = f"{called} has more placeholders than the {len(args)} values that there are{_line_of(text)}."
        raise UsageError(what, _DOUBLE) from None
    except (ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"{called} cannot be filled in: {error}{_line_of(text)}.", _DOUBLE) from None


def _missing(name: str, text: str, known: Mapping[str, Any], called: str) -> UsageError:
    at = next((number for number, line in enumerate(text.splitlines(), 1) if f"{{{name}" in line), 1)
    line = f", line {at}," if "\n" in text.strip() else ""
    there = ", ".join(list(known)[:_MOST_NAMED]) + (", ..." if len(known) > _MOST_NAMED else "") or "none"
    cure = did_you_mean(name, list(known), f"Give it, or double the braces if they are meant: {{{{{name}}}}}.")
    return UsageError(f"{called}{line} asks for {{{name}}}, which is not given; there are: {there}.", cure)


def _line_of(text: str) -> str:
    """In which line of a text a brace stands alone, for a message; "" where that cannot be told."""
    lines = text.splitlines()
    if len(lines) < 2:
        return ""
    for number, line in enumerate(lines, 1):
        try:
            names(line)
        except ValueError:
            return f" (line {number}: {line.strip()[:60]})"
    return ""
