"""A workflow as it was read and found right: values only, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from motet.errors import near
from motet.values.yaml import Document, Path

API_VERSION = "io.orquestra.workflow/1.0.0"
BUILT_IN_TYPES = ("string", "int", "float", "bool", "json", "dict", "list")


@dataclass(slots=True)
class Import:
    """One of `imports`.

    kind        git, python-requirements or local
    repository  what git clones, or the local folder
    ref         a branch, tag or commit, as `ref_kind` says
    """

    name: str
    kind: str
    at: Path
    repository: str = ""
    ref: str = ""
    ref_kind: str = ""
    requirements: Sequence[str] = ()


@dataclass(slots=True)
class Input:
    """One of a step's `inputs`: a literal `value`, or the output `source` (step, output) of another step."""

    name: str
    type: str
    at: Path
    value: Any = None
    source: tuple[str, str] | None = None


@dataclass(slots=True)
class Output:
    """One of a step's `outputs`, and the file that is to hold it, relative to the step's folder."""

    name: str
    type: str
    at: Path
    file: str


@dataclass(slots=True)
class Step:
    """One of `steps`.

    origin     its name in the file; that of a variant is another
    module     the import that `file` is in; `file` is the path in it
    resources  cpu in cores, memory and disk in bytes, gpu in devices
    retries, delay_s, timeout_s   what Motet adds: attempts after the first, the wait before each, the limit of each
    """

    name: str
    at: Path
    passed: Sequence[str] = ()
    imports: Sequence[str] = ()
    module: str = ""
    file: str = ""
    function: str = ""
    image: str = ""
    resources: Mapping[str, float] = field(default_factory=dict)
    inputs: Sequence[Input] = ()
    outputs: Sequence[Output] = ()
    retries: int = 0
    delay_s: float = 0.0
    timeout_s: float | None = None
    origin: str = ""

    def __post_init__(self) -> None:
        self.origin = self.origin or self.name

    @property
    def needs(self) -> list[str]:
        """The steps that must have succeeded first: those in `passed`, then those it refers to."""
        sources = [each.source[0] for each in self.inputs if each.source is not None]
        return list(dict.fromkeys([*self.passed, *sources]))


@dataclass(slots=True)
class Workflow:
    """A workflow. `warnings` are what is odd in it but does not hinder it, each with its place in `document`."""

    name: str
    file: str
    document: Document
    imports: Mapping[str, Import]
    steps: Mapping[str, Step]
    types: Sequence[str] = ()
    warnings: list[str] = field(default_factory=list)


def nearest(name: str, known: Iterable[str]) -> str:
    """What to say of a name that is not known: the near one, else all that are."""
    names = list(known)
    if meant := near(name, names):
        return f"Did you mean {meant!r}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"There is: {shown}." if names else "There is none."
