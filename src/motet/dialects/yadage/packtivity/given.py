"""What is given to workflows and steps: as people type it, in files, and with the folders of a step filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from motet.errors import SpecError, TargetError, UsageError
from motet.values.placeholders import braced, formatted, mapped
from motet.values.yaml import read

if TYPE_CHECKING:
    from motet.kernel.events import Json

_FOLDER = re.compile(r"\{(?:workdir|readdir\d+)\}")


def options(add: Callable[..., Any]) -> None:
    """Add the options that tell parameters and where references begin, as `argparse` has them."""
    add("-p", "--parameter", action="append", default=[], metavar="NAME=YAML", help="a parameter")
    toplevel(add)


def toplevel(add: Callable[..., Any]) -> None:
    """Add the option that tells where references begin."""
    add("-t", "--toplevel", default="", metavar="DIR", help="where references start from (.); may be an address")


def values_of(files: Sequence[str], given: Sequence[str]) -> dict[str, Any]:
    """The parameters of all files, later ones going before earlier ones, and of NAME=YAML last.

    Raises TargetError for a file that cannot be read, SpecError for what is no mapping, UsageError as `pairs_of`.
    """
    found: dict[str, Any] = {}
    for file in files:
        try:
            with open(file.removeprefix("file://"), "rb") as source:
                value = read(source.read(), file).value
        except OSError as error:
            raise TargetError(f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
        if value is not None and not isinstance(value, dict):
            raise SpecError(f"{file}: this is no mapping.", "Write name: value, one to a line.")
        found |= value or {}
    return found | pairs_of(given, "-p")


def pairs_of(given: Sequence[str], flag: str) -> dict[str, Any]:
    """The values of NAME=YAML. Raises UsageError for what is none, SpecError as `value_of`."""
    found = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise UsageError(f"{flag} {each}: this is no NAME=VALUE.", f"Write for example {flag} count=3.")
        found[name] = value_of(text, f"{flag} {name}")
    return found


def value_of(text: str, told: str) -> Any:
    """A value as it was typed: YAML; text that is none stays as it is, and so does what begins with the placeholder of
    a folder, such as {workdir}/x, which YAML takes for a mapping. Raises SpecError for a bracket or quote left open.
    """
    if _FOLDER.match(text):
        return text
    try:
        return read(text, told).value
    except SpecError:
        if text[:1] in ("{", "[", '"', "'"):
            raise
        return text


# ---------------------------------------------------------------- folders


def filled(value: Json, folder: str, readonly: Sequence[str] = ()) -> Json:
    """A value as it is written in a workflow, with {workdir} and {readdir0}, ... in all its texts filled in.

    Raises UsageError for another name in braces, and for a lone brace.
    """
    known = {"workdir": folder, **{f"readdir{number}": each for number, each in enumerate(readonly)}}
    return mapped(value, lambda text: formatted(text, (), known, f"the value {text!r:.80}") if braced(text) else text)


def placed(value: Json, folder: str, readonly: Sequence[str] = ()) -> Json:
    """A value that somebody gives, with {workdir} and {readdir0}, ... filled in; other braces are data."""
    known = {"{workdir}": folder, **{f"{{readdir{number}}}": each for number, each in enumerate(readonly)}}
    return mapped(value, lambda text: _FOLDER.sub(lambda found: known.get(found[0], found[0]), text))
