"""A workflow as a program of the engine: all steps at once, each after those that it needs; and the calls of steps."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from time import time
from typing import TYPE_CHECKING, Any

from motet.dialects.orquestra.components import Component
from motet.dialects.orquestra.contract import ODD, command, is_json
from motet.dialects.orquestra.graph import in_order
from motet.dialects.orquestra.spec import Step, Workflow
from motet.dialects.orquestra.surroundings import Surroundings
from motet.engine.calls import Prepared, Settled
from motet.errors import Conflict, NotFound
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, View
from motet.kernel.transitions import FAILED, SUCCEEDED
from motet.ports import ArtifactStore, Attempt, Document, Failure, Outcome, Store, Success
from motet.values.records import artifact_digests, encode

if TYPE_CHECKING:
    from motet.engine.session import Session
    from motet.kernel.state import Step as RecordedStep

VOICE = "orquestra"
_KIND = "cache"
_RESULT_BYTES = 16 * 1024
"""A run whose last steps have put out more than this, or more than is shown of one output, has no result of its own:
`motet results` has all of it.
"""

_MOST_TOLD = 5
"""So many failed steps are told of one by one when a run has failed."""


@dataclass(slots=True)
class Work:
    """What steps need to run: the workflow's components and surroundings, the stores, and what the machine has.

    tasks   the steps whose function is a `motet.task`, with the options of that
    cached  whether results of earlier runs may be taken; they are kept in any case
    anew    steps for which none may be taken
    begun   the versions of local folders that the run was begun with, by import
    """

    components: Mapping[str, Component]
    around: Mapping[str, Surroundings]
    tasks: Mapping[str, Mapping[str, Any]]
    store: Store
    artifacts: ArtifactStore
    resources: Mapping[str, float]
    cached: bool = True
    anew: Collection[str] = ()
    begun: Mapping[str, str] = field(default_factory=dict)


class OrquestraProgram:
    """Adds all steps; ends the run when all have ended: failed if any failed, after all that does not depend on it."""

    def __init__(self, workflow: Workflow, work: Work) -> None:
        self._workflow = workflow
        self._work = work
        self._steps = [_action(workflow.steps[name], work) for name in in_order(workflow.steps)]
        needed = {need for step in workflow.steps.values() for need in step.needs}
        self._last = [name for name in workflow.steps if name not in needed]

    def advance(self, view: View) -> Iterable[Action]:
        """All steps; the end, once all of them have ended."""
        ended = True
        for step in self._steps:
            if not view.status(step.key):
                yield step
            ended = ended and view.ended(step.key)
        if ended:
            yield self._finish(view)

    def call(self, session: Session, step: RecordedStep) -> StepCall:
        """What carries out the step."""
        return StepCall(self._work, self._workflow.steps[step.key], View(session.state))

    def changed(self, step: RecordedStep) -> tuple[Sequence[str], Json]:
        """Which local folders that the step imports have another content than when it was added, or began to run."""
        call = next(each.call for each in self._steps if each.key == step.key)
        before = (step.call or {}).get("local", self._work.begun)  # which earlier versions recorded of the run alone
        return [
            f"the local folder that it imports as {name}"
            for name, version in call["local"].items()
            if before.get(name, version) != version
        ], call

    def _finish(self, view: View) -> Finish:
        failed = [step.key for step in self._steps if view.status(step.key) == FAILED]
        if not failed:
            return Finish(SUCCEEDED, self._result(view))
        told = [f"Step {key} failed: {reason(key, view.state.steps[key].error)}" for key in failed[:_MOST_TOLD]]
        left = [step.key for step in self._steps if view.status(step.key) not in (FAILED, SUCCEEDED)]
        if len(failed) > len(told):
            told.append(f"... and {len(failed) - len(told)} more steps.")
        if left:
            told.append(f"Not run because of that: {', '.join(left)}.")
        if view.state.epoch > 1:
            told += self._pinned(failed)
        message = "\n".join([*told, f"What they wrote: motet logs {view.run} {failed[0]}"])
        return Finish(FAILED, error={"type": "StepFailed", "module": "motet.errors", "message": message})

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
    has, options = work.resources, work.tasks.get(step.name, {})
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
    inputs = {each.name: each.value if each.source is None else {"from": list(each.source)} for each in step.inputs}
    used = [work.components[name] for name in step.imports]
    local = {each.given.name: each.version for each in used if each.given.kind == "local"}
    call = {"file": f"{step.module}/{step.file}", "function": step.function, "inputs": inputs, "local": local}
    return AddStep(step.name, step.function, call=call, needs=step.needs, policy=policy, name=step.name)


class StepCall:
    """The `Call` of one step: the kept outcome of an equal one, or the command that runs it."""

    def __init__(self, work: Work, step: Step, view: View) -> None:
        self._work = work
        self._step = step
        self._view = view
        self._key = ""
        self._parts: dict[str, str] = {}

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """The command; or the record that an equal step of an earlier run has left."""
        step, work = self._step, self._work
        sources = {
            each.name: self._view.result(each.source[0])["outputs"][each.source[1]]
            for each in step.inputs
            if each.source is not None
        }
        if step.outputs:  # a step without outputs is run for its effects
            self._key, self._parts = self._fingerprint(sources)
            may = work.cached and step.name not in work.anew
            kept = work.store.document(VOICE, _KIND, self._key) if may else None
            if kept is not None and self._is_there(kept.body["record"]):
                note = {"cache": {"parts": self._parts, "from": [kept.body["run"], kept.body["step"]]}}
                return Settled(True, kept.body["record"], cached=True, note=note)
        context = {"run": self._view.run, "key": step.name, "attempt": attempt}
        used = {name: work.components[name].path for name in step.imports}
        folders = {name: path for name, path in used.items() if path}
        is_task = step.name in work.tasks
        return Prepared(
            lambda: command(step, folders, work.around[step.name], sources, work.artifacts, is_task=is_task),
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
        if self._key:
            body = {
                "record": record, "run": self._view.run, "step": self._step.name, "task": self._step.function,
                "parts": self._parts, "at": time(),
            }  # fmt: skip
            old = self._work.store.document(VOICE, _KIND, self._key)
            with suppress(Conflict):  # another has just kept the same
                version = old.version if old is not None else 0
                self._work.store.put_document(Document(VOICE, _KIND, self._key, body, version))
        return Settled(True, record, note={"cache": {"parts": self._parts}} if self._key else None)

    def _fingerprint(self, sources: Mapping[str, Json]) -> tuple[str, dict[str, str]]:
        """What the outcome depends on, as one digest and by its parts."""
        step, work = self._step, self._work
        literals = {each.name: each.value for each in step.inputs if each.source is None}
        parts = {
            "code": [[name, work.components[name].version] for name in step.imports],
            "environment": work.around[step.name].digest,
            "function": [os.path.join(step.module, step.file), step.function],
            "inputs": [literals, {name: each["artifact"] for name, each in sources.items()}],
            "outputs": [[each.name, each.file] for each in step.outputs],
        }
        digests = {name: _digest(part) for name, part in parts.items()}
        return _digest(digests), digests

    def _is_there(self, record: Json) -> bool:
        try:
            for output in record["outputs"].values():
                for digest in artifact_digests(output):
                    self._work.artifacts.path(digest)
        except NotFound:
            return False  # it was pruned: as good as never kept
        return True


def _digest(parts: Json) -> str:
    return blake2b(json.dumps(parts, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
