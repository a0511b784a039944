"""Publishers: what a step is said to have put out, from its parameters and from the files in its folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from motet.errors import CommandFailed, UsageError, did_you_mean
from motet.values import yaml
from motet.values.placeholders import formatted, leaves, mapped
from motet.values.queries import run

if TYPE_CHECKING:
    from motet.kernel.events import Json

OWN = "_packtivity"
"""The folder within a step's folder where its log is: nothing in it is ever published."""

_MAGIC = frozenset("*?[")


def needs_files(publisher: Mapping[str, Any]) -> bool:
    """Whether what it publishes depends on more than the parameters, or takes a program to find out."""
    kind = publisher["publisher_type"]
    return kind in ("fromglob-pub", "fromyaml-pub", "fromparjq-pub") or bool(publisher.get("glob"))


def publish(publisher: Mapping[str, Any], parameters: Json, folder: str, say: Callable[[str], None]) -> Json:
    """What the step has put out: JSON. `say` is told of patterns that nothing matches.

    Raises UsageError for a parameter that is not there, CommandFailed for a file.
    """
    return _KINDS[publisher["publisher_type"]](publisher, parameters, folder, say)


_Say = Callable[[str], None]


def _constant(publisher: Mapping[str, Any], parameters: Json, folder: str, say: _Say) -> Json:
    return publisher["publish"]


def _from_parameters(publisher: Mapping[str, Any], parameters: Json, folder: str, say: _Say) -> Json:
    def value_of(name: Json) -> Json:
        try:
            return parameters[name]
        except (KeyError, IndexError, TypeError):
            there = list(parameters) if isinstance(parameters, dict) else []
            cure = did_you_mean(str(name), there, "Give the step that parameter, or leave the output out.")
            raise UsageError(
                f"the publisher's outputmap names the parameter {name!r}, which is not given.", cure
            ) from None

    return leaves(publisher["outputmap"], value_of)


def _interpolated(publisher: Mapping[str, Any], parameters: Json, folder: str, say: _Say) -> Json:
    known = {"workdir": folder, **(parameters if isinstance(parameters, dict) else {})}

    def of(text: str) -> Json:
        found = formatted(text, (), known, "the publisher")
        at = os.path.join(folder, found) if publisher["relative_paths"] and not os.path.isabs(found) else found
        if not publisher["glob"]:
            return at
        return matches(at, folder) or _nothing(found, folder, found, say)

    return mapped(publisher["publish"], of)


def _from_jq(publisher: Mapping[str, Any], parameters: Json, folder: str, say: _Say) -> Json:
    results = run(publisher["script"], parameters)
    if len(results) != 1:
        what = f"the publisher's script {publisher['script']!r:.80} gives {len(results)} values, and has to give one."
        raise UsageError(what, "Put them in a list: [ ... ].")

    def of(text: str) -> Json:
        at = os.path.join(folder, text) if publisher["relative_paths"] and not os.path.isabs(text) else text
        if publisher["tryExact"] and os.path.exists(at):
            return at
        return (matches(at, folder) if publisher["glob"] else None) or text

    return mapped(results[0], of)


def _from_glob(publisher: Mapping[str, Any], parameters: Json, folder: str, say: _Say) -> Json:
    pattern = publisher["globexpression"]
    found = matches(os.path.join(folder, pattern), folder)
    return {publisher["outputkey"]: found or _nothing(pattern, folder, [], say)}


def _from_yaml(publisher: Mapping[str, Any], parameters: Json, folder: str, say: _Say) -> Json:
    path = os.path.join(folder, publisher["yamlfile"])
    try:
        with open(path, "rb") as file:
            return yaml.read(file.read(), path).value
    except OSError as error:
        raise CommandFailed(
            f"its publisher reads {publisher['yamlfile']}, which cannot be read: {error.strerror}. {_there(folder)}",
            "Let the command write it to {workdir}, or correct `yamlfile`.",
        ) from None


_KINDS: Mapping[str, Callable[[Mapping[str, Any], Json, str, _Say], Json]] = {
    "constant-pub": _constant,
    "frompar-pub": _from_parameters,
    "interpolated-pub": _interpolated,
    "fromparjq-pub": _from_jq,
    "fromglob-pub": _from_glob,
    "fromyaml-pub": _from_yaml,
}


def matches(pattern: str, folder: str) -> list[str]:
    """The paths that the pattern matches, sorted: `*` and `?` within a name, `**` for any folders, as shells have it.
    What is Motet's own in the step's folder is left out, whatever the folder itself is called.
    """
    from glob import glob

    inside = pattern.startswith(f"{folder}/")
    root, wanted = (folder, pattern[len(folder) + 1 :]) if inside else (None, pattern)
    if not _MAGIC.intersection(wanted):
        return [pattern] if os.path.lexists(pattern) else []
    found = [each for each in glob(wanted, root_dir=root, recursive=True) if each and each.split("/")[0] != OWN]
    return sorted(os.path.join(folder, each) for each in found) if inside else sorted(found)


def _nothing(pattern: str, folder: str, instead: Json, say: _Say) -> Json:
    say(f"motet: the publisher found nothing that matches {pattern}, and publishes {instead!r}. {_there(folder)}")
    return instead


def _there(folder: str) -> str:
    try:
        names = sorted(each for each in os.listdir(folder) if each != OWN)
    except OSError:
        names = []
    if not names:
        return "In the step's folder there is no file."
    return f"In the step's folder there are: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}."
