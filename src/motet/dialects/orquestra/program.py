"""A workflow as a program of the engine: all steps at once, each after those that it needs; and the calls of steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from logging import getLogger
from time import time
from typing import TYPE_CHECKING, Any

from motet.dialects.orquestra.asked import asked, changed, parts, resolved
from motet.dialects.orquestra.components import Component
from motet.dialects.orquestra.contract import ODD, command, is_json
from motet.dialects.orquestra.graph import in_order
from motet.dialects.orquestra.spec import Step, Workflow
from motet.dialects.orquestra.surroundings import Surroundings
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, View
from motet.kernel.transitions import FAILED, SUCCEEDED
from motet.ports import Attempt, Failure, Outcome, Success
from motet.ports.execution import Prepared, Settled
from motet.reuse import kept
from motet.reuse.forks import Reuse, reuse_of
from motet.values.errors import step_failed
from motet.values.records import encode

if TYPE_CHECKING:
    from motet.engine.session import Session
    from motet.kernel.state import Step as RecordedStep
    from motet.ports.voice import Host

VOICE = "orquestra"
_RESULT_BYTES = 16 * 1024
"""A run whose last steps have put out more than this, or more than is shown of one output, has no result of its own:
`motet results` has all of it.
"""

_MOST_TOLD = 5
"""So many failed steps are told of one by one when a run has failed."""


@dataclass(slots=True)
class Work:
    """What steps need to run: the workflow's components and surroundings, and where it is run.

    tasks   the steps whose function is a `motet.task`, with the options of that
    cached  whether results of earlier runs may be taken; they are kept in any case
    fork    {"run", "from"}: the run that this one was forked from, and the steps for which no result may be taken
    begun   the versions of local folders that the run was begun with, by import
    """

    components: Mapping[str, Component]
    around: Mapping[str, Surroundings]
    tasks: Mapping[str, Mapping[str, Any]]
    host: Host
    cached: bool = True
    fork: Mapping[str, Any] = field(default_factory=dict)
    begun: Mapping[str, str] = field(default_factory=dict)

    @property
    def anew(self) -> Collection[str]:
        """The steps that run whatever is kept."""
        return self.fork.get("from", ())  # type: ignore[no-any-return]


class OrquestraProgram:
    """Adds all steps; ends the run when all have ended: failed if any failed, after all that does not depend on it."""

    def __init__(self, workflow: Workflow, work: Work) -> None:
        self._workflow = workflow
        self._work = work
        self._steps = {name: _action(workflow.steps[name], work) for name in in_order(workflow.steps)}
        self._added = False
        needed = {need for step in workflow.steps.values() for need in step.needs}
        self._last = [name for name in workflow.steps if name not in needed]

    def advance(self, view: View) -> Iterable[Action]:
        """All steps at first, the only time that all are looked at; the end, once all of them have ended."""
        there = view.state.steps
        missing = [] if self._added else [step for name, step in self._steps.items() if name not in there]
        self._added = True
        yield from missing
        if not missing and view.idle:
            yield self._finish(view)

    def call(self, session: Session, step: RecordedStep) -> StepCall:
        """What carries out the step."""
        return StepCall(self._work, self._workflow.steps[step.key], View(session.state), self._reuse)

    def changed(self, step: RecordedStep) -> tuple[Sequence[str], Json]:
        """What of the step, in words, is no longer what it was when it was added, or began to run."""
        call = self._steps[step.key].call
        return changed(step.call, call, self._work.components, self._work.begun), call

    @cached_property
    def _reuse(self) -> Reuse | None:
        """What the run that this one was forked from has recorded."""
        fork = self._work.fork
        return reuse_of(self._work.host, fork, cache(getLogger("motet").warning)) if fork and "by" not in fork else None

    def _finish(self, view: View) -> Finish:
        failed = [key for key in self._steps if view.status(key) == FAILED]
        if not failed:
            return Finish(SUCCEEDED, self._result(view))
        told = [f"Step {key} failed: {reason(key, view.state.steps[key].error)}" for key in failed[:_MOST_TOLD]]
        left = [key for key in self._steps if view.status(key) not in (FAILED, SUCCEEDED)]
        if len(failed) > len(told):
            told.append(f"... and {len(failed) - len(told)} more steps.")
        if left:
            told.append(f"Not run because of that: {', '.join(left)}.")
        if view.state.epoch > 1:
            told += self._pinned(failed)
        message = "\n".join([*told, f"What they wrote: motet logs {view.run} {failed[0]}"])
        return Finish(FAILED, error=step_failed(message))

    def _pinned(self, failed: Sequence[str]) -> list[str]:
        """What to know before a run that failed again is taken up once more: which commits it stays at."""
        names = {name for key in failed for name in self._workflow.steps[key].imports}
        used = [self._work.components[name] for name in self._workflow.imports if name in names]
        at = [f"{each.given.name} at {each.version[:12]}" for each in used if each.given.kind == "git"]
        if not at:
            return []
        return [f"It stays at the commits that it was begun with: {', '.join(at)}. motet run takes later ones."]

    def _result(self, view: View) -> Json:
        """What the last steps put out, if it is small; None else, rather than a part of it."""
        found, size_bytes = {}, 0
        for name in self._last:
            outputs = (view.result(name) or {}).get("outputs", {})
            shown = {key: each for key, each in outputs.items() if is_json(each)}
            size_bytes += sum(each["size_bytes"] for each in shown.values())
            if size_bytes > _RESULT_BYTES or not all("value" in each for each in shown.values()):
                return None
            found[name] = {key: each["value"] for key, each in shown.items()}
        return encode(found, None)


def reason(key: str, error: Json) -> str:
    """Why the step failed, on one line; with the kind of error, if it is the user's own."""
    if not isinstance(error, dict):
        return str(error or "")
    first, _, rest = str(error.get("message", "")).partition("\n")
    if error.get("module") != "motet.errors":
        return f"{error.get('type', 'Error')}: {first}"
    text = first.removeprefix(f"Step {key}").removeprefix(":").lstrip()
    return f"{text} {rest.partition(chr(10))[0]}".strip() if text.endswith(":") else text


def _action(step: Step, work: Work) -> AddStep:
    has, options = work.host.resources, work.tasks.get(step.name, {})
    demands = {
        f"resource:{name}": min(amount, has[name])
        for name, amount in step.resources.items()
        if has.get(name) and amount  # more than there is is asked for in vain: it is taken as all there is
    }
    delay_s = step.delay_s or float(options.get("retry_delay_seconds") or 0)
    policy = Policy(
        retries=step.retries or int(options.get("retries") or 0),
        delays_s=(delay_s,) if delay_s else (),
        timeout_s=step.timeout_s or options.get("timeout_seconds"),
        demands=demands,
        executor="commands",
    )
    call = asked(step, work.components, work.around[step.name]).json()
    return AddStep(step.name, step.function, call=call, needs=step.needs, policy=policy, name=step.name)


class StepCall:
    """The `Call` of one step: the outcome of an equal one, or the command that runs it."""

    def __init__(self, work: Work, step: Step, view: View, reuse: Reuse | None) -> None:
        self._work = work
        self._step = step
        self._view = view
        self._reuse = reuse
        self._slot: kept.Slot | None = None

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """The command; or the record that an equal step of an earlier run has left."""
        step, work = self._step, self._work
        sources = {
            each.name: self._view.result(each.source[0])["outputs"][each.source[1]]
            for each in step.inputs
            if each.source is not None
        }
        if step.outputs and (found := self._found(sources)) is not None:  # one without is run for its effects
            return found
        context = {"run": self._view.run, "key": step.name, "attempt": attempt}
        used = {name: work.components[name].path for name in step.imports}
        folders = {name: path for name, path in used.items() if path}
        is_task = step.name in work.tasks
        return Prepared(
            lambda: command(step, folders, work.around[step.name], sources, work.host.artifacts, is_task=is_task),
            context=context,
        )

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """The record of the outputs, kept for equal steps of later runs."""
        if isinstance(outcome, Failure):
            return Settled(False, error=outcome.error)
        assert isinstance(outcome, Success)
        record = outcome.value
        for name, each in record["outputs"].items():
            odd = each.pop(ODD, "")
            if odd and attempt.log is not None:
                attempt.log("stderr", f"(motet: warning: output {name} is not quite JSON: {odd})", time())
        slot = self._slot
        if slot is not None:
            body = {"record": record, "run": self._view.run, "step": self._step.name, "task": self._step.function}
            kept.keep(self._work.host, VOICE, slot, body)
        return Settled(True, record, note=slot.note if slot is not None else None)

    def _found(self, sources: Mapping[str, Json]) -> Settled | None:
        """What the run that this one was forked from, or else any other, has recorded of an equal step."""
        step, work = self._step, self._work
        spec = asked(step, work.components, work.around[step.name])
        same = resolved(spec, sources)
        self._slot = kept.Slot(same.identity, parts(same))
        if not work.cached or step.name in work.anew:
            return None
        if self._reuse is not None and (taken := self._reuse.find(self._view.state, step.name)) is not None:
            return taken
        slot = self._slot = kept.find(work.host, VOICE, self._slot.key, self._slot.parts)
        return Settled(True, slot.found["record"], cached=True, note=slot.note) if slot.found is not None else None
