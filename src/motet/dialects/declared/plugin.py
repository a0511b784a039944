"""Runs of declarative programs, made by a function that is named: `module:function`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from motet.errors import MotetError, TargetError
from motet.kernel.events import Json
from motet.kernel.program import Program
from motet.ports import NewRun, RunRow
from motet.ports.definition import Described, Planned
from motet.ports.voice import Asked, Host, Onward, Target, Underway, Voice, Written
from motet.registry.schemas import fitted
from motet.values.errors import encode_error
from motet.values.naming import new_id, new_name
from motet.written import resolve


class DeclaredVoice(Voice):
    """Programs that a function makes of the run's parameters."""

    name = "program"
    title = "a declarative program"
    instead = {  # noqa: RUF012 - as the port has it
        "--set": "Give a parameter of its function: -p NAME=VALUE.",
    }

    def tells(self, target: Target) -> bool:
        """Never: any function may make one."""
        return False

    def takes(self, target: Target) -> bool:
        """Whether the name is that of a function."""
        return bool(target.module)

    def new_run(self, host: Host, target: Target, asked: Asked) -> NewRun:
        """A run of the program that the function makes of the parameters."""
        params = {name: each.read() if isinstance(each, Written) else each for name, each in asked.params.items()}
        _check(str(target), params)
        run = new_id(host.clock.now())
        return new_run(host, run, str(target), params, name=asked.name or new_name())

    def described(self, host: Host, target: Target, asked: Asked) -> Described:
        """A program is made anew of each run's parameters: those that its function's annotation, a TypedDict, names."""
        schema, params = _schema(resolve(str(target))), asked.params
        given = fitted({**schema, "required": []}, params, {}, str(target))
        if given.keys() >= set(schema.get("required", ())):
            _check(str(target), given)
        made = new_run(host, "", str(target), given)
        return Described(made.workflow, made.program, schema, given)

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> Underway:
        """Drive the run by the program that the function makes now."""
        _return_to(host.program_of(row).get("cwd", ""))
        program: Program = resolve(row.program["target"])(row.params)
        return host.drive(row, program, onward)

    def planned(self, host: Host, target: Target, asked: Asked) -> Planned:
        """What its program adds before anything has run."""
        new = self.new_run(host, target, asked)
        return Planned(new, resolve(new.program["target"])(new.params))

    def moved(self, row: RunRow, at: str) -> Json:
        """Where the folder that its module is imported from is now."""
        if not os.path.isdir(at):
            raise TargetError(f"{at} is no folder.", f"Name the folder that {row.program['target']} is imported from.")
        return {"cwd": os.path.abspath(at)}


def new_run(host: Host, run: str, target: str, params: Json, *, name: str = "") -> NewRun:
    """A run of the program that `target` ("module:function") makes of `params` (JSON)."""
    return NewRun(
        run, name or run, target, {"voice": VOICE.name, "target": target, "cwd": os.getcwd()}, params,
        created_at=host.clock.now(), offset=host.store.head(),
    )  # fmt: skip


def _schema(make: Callable[..., Any]) -> dict[str, Json]:
    """The JSON schema of what the function takes: of a TypedDict; of anything else, that of any object."""
    from inspect import signature
    from typing import get_type_hints

    from motet.values.coercion import schema_of
    from motet.values.hints import hint

    first = next(iter(signature(make).parameters.values()), None)
    kind = hint(make, first.annotation)[0] if first is not None else None
    needed = getattr(kind, "__required_keys__", None)
    if needed is None:
        return {"type": "object"}
    made = schema_of(get_type_hints(kind), {})
    return {**made, "required": sorted(needed)}


def _check(target: str, params: Json) -> None:
    """Raise TargetError unless the function makes a program of these parameters."""
    from inspect import signature

    make = resolve(target)
    try:
        signature(make).bind(params)
    except (TypeError, ValueError):
        program = None
    else:
        program = _made(make, target, params)
    if not callable(getattr(program, "advance", None)):
        raise TargetError(
            f"{target} is no flow, and does not make a program of the parameters either.",
            "Put @flow above it; or let it take the parameters (a dict) and return an object with `advance`.",
        )


def _made(make: Callable[..., Any], target: str, params: Json) -> Any:
    try:
        return make(params)
    except MotetError:
        raise
    except Exception as error:
        said = encode_error(error)["traceback"]
        raise TargetError(f"{target} could not make a program.\n{said}", "Put that right.") from error


def _return_to(folder: str) -> None:
    """Go back to where the run was begun: there its modules can be imported, and relative paths lead somewhere."""
    if folder and os.path.isdir(folder):
        os.chdir(folder)
        if folder not in sys.path:
            sys.path.insert(0, folder)


VOICE = DeclaredVoice()
