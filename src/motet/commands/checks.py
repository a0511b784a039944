"""Whether the options of a command are of the kind that they have to be, told where the command is made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from motet.dialects.python.running.checks import Kinds, check_kinds
from motet.environments.spec import Environment
from motet.executors.commands.spec import Mount
from motet.values.files import File


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_text, value))


def _names(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_text(part) for pair in value.items() for part in pair)


def _mounts(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_text(target) and (_path(source) or isinstance(source, File)) for target, source in value.items())
    return isinstance(value, list | tuple) and all(isinstance(each, Mount) for each in value)


def _statuses(value: Any) -> bool:
    return isinstance(value, list | tuple | range) and all(isinstance(each, int) for each in value)


_KINDS: Kinds = {
    "script": (_text, "Give a text."),
    "cwd": (_path, "Give a path relative to the folder."),
    "folder": (_path, "Give a path."),
    "env": (lambda value: isinstance(value, Mapping), 'Give a mapping: {"NAME": "value"}.'),
    "secrets": (_names, 'Give the name of a secret for each variable: {"TOKEN": "github"}.'),
    "outputs": (_texts, 'Give a list of paths and globs: ["model.pkl"].'),
    "changed": (lambda value: isinstance(value, bool), "Give True or False."),
    "mounts": (_mounts, 'Give a list of Mount(...), or for copies {"target": "source"}.'),
    "accept": (_statuses, "Give exit statuses: (0, 1), or () for all."),
    "environment": (lambda value: isinstance(value, Environment), "Give an Environment(...)."),
}


def check(name: str, options: Mapping[str, Any]) -> None:
    """Raise UsageError, with the cure, for an option that is of another kind."""
    check_kinds(f"The command {name}", options, _KINDS)
