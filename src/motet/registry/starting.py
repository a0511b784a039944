"""Runs of registered workflows: made from what is kept, with checked parameters, and driven by a process of their own.

Nothing here loads a voice or anybody's code: so servers and schedulers begin runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from motet import owners
from motet.kernel.events import Json
from motet.ports import NewRun, RunRow, Store
from motet.ports.definition import CODE, REGISTERED, Definition, placed, recorded
from motet.registry import schemas
from motet.values.naming import checked, new_id, new_name
from motet.values.secrets import VARIABLES

VARIABLES_KEPT = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH", "TZ")
"""What of the environment that a workflow is registered in its runs get."""


def parameters(definition: Definition, given: Mapping[str, Any]) -> dict[str, Json]:
    """The parameters as JSON, checked. Raises ParameterError, naming the parameter and what is asked for."""
    return schemas.fitted(definition.schema, given, definition.given, f"workflow {definition.version}")


def new_run(
    definition: Definition, given: Mapping[str, Any], place: Place, *, run: str = "", name: str = "",
    begun_by: Json = None,
) -> NewRun:  # fmt: skip
    """A run of the definition with these parameters, checked and not yet made. Raises ParameterError.

    run       its id; the same id is the same run, however often it is made
    begun_by  what begins it, if that is no person: {"schedule": NAME, ...}
    """
    checked(name, "The run's name")
    run = run or new_id(place.now)
    values = parameters(definition, given)
    if definition.recorded:
        values = {each: recorded(value) for each, value in values.items()}
    frame = dict(definition.frame)
    within = definition.within
    params = {**frame, within: {**frame.get(within, {}), **values}} if within and values else {**frame, **values}
    folder = os.path.join(place.home, "work", run, "code")
    program = placed(definition.program, folder)
    program[REGISTERED] = {
        "name": definition.name, "number": definition.number, "digest": definition.digest,
        "code": None if definition.snapshot is None else {**definition.snapshot, "folder": folder},
        "environment": {each: definition.environment.get(each) for each in ("interpreter", "variables")},
    }  # fmt: skip
    if begun_by is not None:
        program["begun_by"] = begun_by
    return NewRun(
        run, name or new_name(), definition.workflow, program, placed(params, folder, CODE) or None,
        tags=definition.tags, created_at=place.now, offset=place.offset,
    )  # fmt: skip


class Place:
    """Where runs are made: the home, the store in it, the time."""

    def __init__(self, store: Store, home: str, now: float) -> None:
        self.home = home
        self.now = now
        self.offset = store.head()


def start_engine(
    home: str, row: NewRun | RunRow, folder: str | None = None, command: Sequence[str] = (), *, alone: bool = False
) -> None:  # fmt: skip
    """Start a process of its own session that drives the run, in that folder or this process's; by `command`, in place
    of `motet engine RUN`.

    One that was registered is driven by the interpreter, in the environment, that it was registered in, and begins in
    the home. `alone`: by nobody's command, so that no secret of this process's environment is handed on: those of the
    home alone count.
    """
    kept = row.program.get(REGISTERED, {}).get("environment")
    env = {name: value for name, value in os.environ.items() if not (alone and name.startswith(VARIABLES))}
    if kept is None:
        owners.start_engine(home, row.id, folder, command, env=env)
        return
    interpreter = str(kept.get("interpreter") or "")
    if not os.access(interpreter, os.X_OK):
        interpreter = ""
    owners.start_engine(home, row.id, home, command, interpreter, {**env, **(kept.get("variables") or {})})
