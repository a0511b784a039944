"""What a user names to be run: `file.py`, `file.py:flow`, `module:flow`, or `module:function` for a program."""

from __future__ import annotations

import os
from typing import Any

from motet import voices
from motet.dialects.python.finding.loading import load_main, load_module, pick
from motet.dialects.python.flows import Flow
from motet.dialects.python.tasks import Task
from motet.errors import MotetError, TargetError
from motet.mains import main_of
from motet.records import Record
from motet.values.errors import encode_error


class Target(Record, frozen=True):
    """A place in a file or in a module; the other one is empty. An empty name means the only flow there."""

    file: str
    module: str
    name: str


class ProgramTarget(Record, frozen=True):
    """`module:function` of a function that makes a declarative program of the run's parameters."""

    target: str
    make: Any


def parse(text: str) -> Target:
    """The target that the text names. Raises TargetError if it can name none."""
    if text.endswith(".py") or os.path.isfile(text) or os.path.isfile(os.path.join(text, "__main__.py")):
        return Target(_existing(text), "", "")
    place, colon, name = text.rpartition(":")
    if place.endswith(".py") or (place and os.path.isfile(place)):
        return Target(_existing(place), "", name)
    if not colon and all(each.isidentifier() for each in text.split(".")):
        return Target("", text, "")
    if not colon or not place or os.sep in place:
        raise TargetError(
            f"There is no file {place or text}.", "Name a file.py, a file.py:flow, a module:flow or a workflow.yaml."
        )
    return Target("", place, name)


def is_workflow(target: Target) -> bool:
    """Whether the target is a workflow file. Raises TargetError for one that should be by its name, and is not."""
    return voices.may_be_workflow(target.file) and bool(voices.of_file(target.file))


def _existing(path: str) -> str:
    if not os.path.isfile(path) and not os.path.isfile(os.path.join(path, "__main__.py")):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise TargetError(f"{path} {what}.", "Check the path, and the folder that you are in.")
    return path


def load(target: Target, door: str = "") -> Flow[..., Any] | ProgramTarget:
    """The flow, or the function that makes a program, with its file or module loaded and no flow run."""
    if target.file:
        return pick(load_main(main_of(target.file), target.name, door), target.name, target.file)
    module = load_module(target.module)
    found: Any = module if target.name else None
    for part in target.name.split("."):
        found = getattr(found, part, None)
    if found is None or isinstance(found, Flow):
        return pick(module, target.name, target.module)
    if isinstance(found, Task):
        raise TargetError(
            f"{target.module}:{target.name} is a task, and tasks run inside flows.", "Name the flow that calls it."
        )
    if not callable(found):
        raise TargetError(f"{target.module}:{target.name} is neither a flow nor a function.", "Name a flow.")
    return ProgramTarget(f"{target.module}:{target.name}", found)


def check_program(target: ProgramTarget, params: Any) -> None:
    """Raise TargetError unless the function makes a program of these parameters."""
    from inspect import signature

    try:
        signature(target.make).bind(params)
    except (TypeError, ValueError):
        program = None
    else:
        program = _made(target, params)
    if not callable(getattr(program, "advance", None)):
        raise TargetError(
            f"{target.target} is no flow, and does not make a program of the parameters either.",
            "Put @flow above it; or let it take the parameters (a dict) and return an object with `advance`.",
        )


def _made(target: ProgramTarget, params: Any) -> Any:
    try:
        return target.make(params)
    except MotetError:
        raise
    except Exception as error:
        said = encode_error(error)["traceback"]
        raise TargetError(f"{target.target} could not make a program.\n{said}", "Put that right.") from error
