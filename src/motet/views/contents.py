"""What runs refer to beside the journal: the artifacts that hold their values, and the libraries these take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from motet import voices
from motet.kernel.events import Json
from motet.kernel.transitions import SUCCEEDED
from motet.ports import RunRow, Store
from motet.values.published import published

_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Use:
    """A record that counts, and where it stands: the result of a step or element, a parameter, a published artifact."""

    run: RunRow
    record: Json
    step: str = ""
    parameter: str = ""
    key: str = ""

    @property
    def told(self) -> str:
        """Whose content it is."""
        if self.parameter:
            return f"the parameter {self.parameter} of run {self.run.name}"
        what = f"the artifact {self.key}" if self.key else "the result"
        return f"{what} of step {self.step} of run {self.run.name}"

    @property
    def digests(self) -> Iterator[str]:
        """The artifacts that the record refers to, however deep."""
        stack = [self.record]
        while stack:
            each = stack.pop()
            if isinstance(each, dict):
                if isinstance(each.get("artifact"), str):
                    yield each["artifact"]
                stack.extend(each.values())
            elif isinstance(each, list):
                stack.extend(each)

    @property
    def libraries(self) -> Mapping[str, str]:
        """What it takes to load it; see `values.versions`."""
        needed = self.record.get("with") if isinstance(self.record, dict) else None
        return needed if isinstance(needed, dict) else {}


def cure(lost: Sequence[Use]) -> str:
    """The command that makes again what these records of one run refer to."""
    run = lost[0].run
    given = [f"-p {each.parameter}=..." for each in lost if each.parameter]
    if given or run.status == SUCCEEDED:
        voice = voices.find(run.program.get("voice", ""))
        if voice is None or not voice.forks:
            return "The run has succeeded: begin it anew where this is needed."
        steps = dict.fromkeys(f"--from {quote(each.step)}" for each in lost if each.key)
        return f"To make it again: {' '.join(('motet fork', run.id, *given, *steps))}"
    steps = dict.fromkeys(f"--rerun {quote(each.step.rpartition('[')[0] or each.step)}" for each in lost)
    return f"To make it again: {' '.join(('motet resume', run.id, *steps))}"


def uses(store: Store) -> Iterator[Use]:
    """Every record that is an object and counts, of all runs. What was put aside, to be run anew, counts no more."""
    for run in store.runs(limit=_ALL):
        given = run.params if isinstance(run.params, dict) else {}
        yield from (Use(run, record, parameter=name) for name, record in given.items() if isinstance(record, dict))
        for step, record in _results(store, run.id).items():
            yield Use(run, record, step)
        for each in published(store, run.id):
            if not each.origin:
                yield Use(run, [each.content, each.preview], each.step, key=each.key)


def _results(store: Store, run: str) -> dict[str, Json]:
    """What the steps and elements of the run have given, as far as that is no plain value, by key."""
    found: dict[str, Json] = {}
    for event in store.history(run):
        kind, key = event["event"], event.get("key", "")
        if kind == "step.succeeded":
            element = event.get("element", -1)
            results = {key if element < 0 else f"{key}[{element}]": event.get("result")}
        elif kind == "elements.succeeded":
            pairs = zip(event.get("indices", ()), event.get("results", ()), strict=False)
            results = {f"{key}[{index}]": result for index, result in pairs}
        elif kind == "step.reset":
            results = {}
            for each in [each for each in found if each == key or each.startswith(f"{key}[")]:
                del found[each]
        else:
            continue
        found |= {each: result for each, result in results.items() if isinstance(result, dict)}
    return found
