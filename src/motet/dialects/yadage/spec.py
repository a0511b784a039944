"""A workflow as it was read and found right: plain values, each with its place in the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motet.dialects.yadage.selectors import Selector
from motet.kernel.events import Json
from motet.records import Record, field

if TYPE_CHECKING:
    from typing import TypeAlias

SINGLE, MULTI, JQ = "singlestep-stage", "multistep-stage", "jq-stage"
INIT = "init"


class Reference(Record, frozen=True):
    """Results of other steps.

    many     a list of what all selected steps have given (`stages`); else what the one step has given (`step`)
    output   which part of each result; "" for all
    flatten  lists among them are written out, `unwrap` a list of one is that one
    """

    selector: Selector
    output: str
    where: str
    many: bool = True
    flatten: bool = False
    unwrap: bool = False


class Registered(Record, frozen=True):
    """A value that a stage of this scope, or of the nested one that `scope` selects, registers under the key."""

    key: str
    where: str
    scope: Selector | None = None


Value: TypeAlias = "Any"
"""JSON in which `Reference` and `Registered` stand for values that come to be."""


def references(value: Value) -> Iterator[Reference | Registered]:
    """Those that stand anywhere in it."""
    if isinstance(value, Reference | Registered):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from references(each)


class Body(Record, frozen=True):
    """What a stage adds: a packtivity or a workflow; with `condition`, only for parameters of which that jq is true."""

    packtivity: Json = None
    workflow: Workflow | None = None
    condition: str = ""


class Scatter(Record, frozen=True):
    """How parameters are spread over steps: in lock-step (zip) or each with each (cartesian), alone, or in batches of
    `batch` or in `parts` parts.
    """

    method: str
    parameters: Sequence[str]
    batch: int = 0
    parts: int = 0


class Stage(Record, frozen=True):
    """A rule: when what it depends on is there, it adds steps.

    after       what must have ended; `fulfilled` what must be true besides
    parameters  of singlestep and multistep stages; the `bindings` of a jq stage
    scripts     of a jq stage: (stepscript, postscript)
    opts        whether strings of a nested workflow's parameters are looked up: {"discover", "relative"}
    """

    name: str
    where: str
    kind: str
    after: Sequence[Selector] = ()
    fulfilled: Sequence[Value] = ()
    parameters: Mapping[str, Value] = field(default_factory=dict)
    bodies: Sequence[Body] = ()
    scatter: Scatter | None = None
    scripts: Sequence[str] = ()
    register: Mapping[str, Value] = field(default_factory=dict)
    opts: Mapping[str, bool] = field(default_factory=dict)

    @property
    def uses(self) -> Iterator[Reference | Registered]:
        """All references in it but those that it registers: it waits for what they lead to."""
        yield from references([*self.fulfilled, dict(self.parameters)])


class Workflow(Record):
    """Stages by name, in the order of the file."""

    where: str
    stages: dict[str, Stage] = field(default_factory=dict)

    def registrar(self, key: str) -> Stage | None:
        """The stage that registers a value under the key."""
        return next((each for each in self.stages.values() if key in each.register), None)
