"""What is kept of a registered workflow: enough to make runs of it without loading any of its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motet.kernel.events import Json
from motet.records import Record, field
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from motet.kernel.program import Program
    from motet.ports.rows import NewRun

CODE = "{code}"
"""Stands in texts of a program, at their beginning, for the folder that the code of a run is unpacked to."""


REGISTERED = "registered"
"""What a run's program says of the definition that it is of: {"name", "number", "digest", "code", "environment"}."""


class Described(Record):
    """What a voice says of a target: what runs of it are made of.

    workflow  the workflow's name
    program   the program of each run
    schema    the JSON schema of the object of its parameters; those that `frame` has need not be given
    frame     the `params` of a run for which nothing is given
    within    under which key of `params` the parameters stand; "" for `params` itself
    recorded  whether they stand there as records (see `motet.values.records`), to be fitted when the run begins
    tags      of each run
    """

    workflow: str
    program: Json
    schema: Json = field(default_factory=dict)
    frame: Mapping[str, Json] = field(default_factory=dict)
    within: str = ""
    recorded: bool = False
    tags: Sequence[str] = ()


class Planned(Record):
    """A run that is not made, with its program to be asked; whether that says all of its steps before any has run.

    A voice whose programs say so in part at least has `planned(host, target, asked)`, which gives this, and raises as
    `new_run` does.
    """

    run: NewRun
    program: Program
    is_whole: bool = False


class Definition(Described):
    """A version of a registered workflow.

    name         what it is registered as
    voice        the language that it is in
    target       what was registered, as it was named
    snapshot     the record of the archive with its code; None where it has none of its own
    source       the record of the file's text; None for a module
    environment  what it was registered in: the interpreter, the variables that runs get, the record of its packages
    number       counts the versions of the name from 1; `digest` tells them by what is in them
    """

    name: str = ""
    voice: str = ""
    target: str = ""
    snapshot: Json = None
    source: Json = None
    environment: Mapping[str, Json] = field(default_factory=dict)
    number: int = 0
    digest: str = ""
    created_at: float = 0.0

    @property
    def version(self) -> str:
        """As it is named: NAME@NUMBER."""
        return f"{self.name}@{self.number}"

    @property
    def given(self) -> Mapping[str, Json]:
        """The parameters that it was registered with."""
        found: Mapping[str, Json] = self.frame.get(self.within, {}) if self.within else self.frame
        return {name: plain(each) for name, each in found.items()} if self.recorded else found


def recorded(value: Json) -> Json:
    """The record of a JSON value: what decodes to it."""
    return {"json": value} if isinstance(value, dict | list) else value


def plain(record: Json) -> Json:
    """The JSON value of such a record."""
    return record["json"] if isinstance(record, dict) and "json" in record else record


def to_json(record: Record) -> dict[str, Json]:
    """A definition, or what a voice says of one, as it is kept."""
    return {name: getattr(record, name) for name in type(record).__record__}


def placed(value: Json, folder: str, marker: str = CODE) -> Json:
    """The value with `folder` in place of the marker at the beginning of texts in it; or the other way about."""
    if isinstance(value, str):
        if value == marker or value.startswith((f"{marker}/", f"{marker}:")):
            return folder + value[len(marker) :]
        return value
    if isinstance(value, Mapping):
        return {name: placed(each, folder, marker) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [placed(each, folder, marker) for each in value]
    return value
