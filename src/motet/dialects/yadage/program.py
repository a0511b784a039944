"""A workflow as a program of the engine: the growing graph's steps are added, and the live side of each is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from motet.dialects.yadage.asking import answer, payload
from motet.dialects.yadage.growing import Graph, Question
from motet.dialects.yadage.inputs import Inputs, begun, looked_up
from motet.dialects.yadage.packtivity.environments import policy
from motet.dialects.yadage.packtivity.settings import Settings
from motet.dialects.yadage.packtivity.spec import identity
from motet.dialects.yadage.packtivity.step import PacktivityCall, Step
from motet.dialects.yadage.scopes import DONE, SKIPPED, WRONG, Member, Rule, rules
from motet.dialects.yadage.values import templates_in
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, View
from motet.kernel.transitions import ENDED, FAILED, SUCCEEDED
from motet.ports import Attempt, Failure, Outcome, Success
from motet.ports.execution import Call, Prepared, Settled
from motet.ports.spec import StepSpec
from motet.values.errors import encode_error, step_failed
from motet.values.records import encode

if TYPE_CHECKING:
    from motet.engine.session import Session
    from motet.kernel.state import Step as RecordedStep
    from motet.ports.voice import Host

INIT_TASK, JQ_TASK = "init", "jq"
_JQ_TIMEOUT_S = 300.0
_MOST_TOLD = 5
_SHOWN_CHARS = 200
_RESULT_BYTES = 16 * 1024


class YadageProgram:
    """Adds what the graph says comes next; ends the run when nothing is left to come."""

    def __init__(self, graph: Graph, host: Host, settings: Settings, inputs: Inputs, workdir: str) -> None:
        self._graph = graph
        self._host = host
        self._settings = settings
        self._inputs = inputs
        self._workdir = workdir
        self._forms: dict[int, tuple[Json, Json]] = {}
        self._kinds: dict[int, tuple[Json, str, Policy]] = {}

    def advance(self, view: View) -> Iterable[Action]:
        """The steps that have become due; the end, once there is nothing to run or to wait for."""
        for key in view.changed:
            self._tell(view, key)
        added = False
        for each in self._graph.next():
            if view.status(each.key):
                self._tell(view, each.key)
            else:
                added = True
                yield self._question(each) if isinstance(each, Question) else self._step(each)
        if not added and view.idle:
            yield self._finish(view)

    def _tell(self, view: View, key: str) -> None:
        status = view.status(key)
        if status == SUCCEEDED:
            self._graph.succeeded(key, view.result(key))
        elif status in ENDED:
            self._graph.failed(key)

    # ---------------------------------------------------------------- steps

    def _step(self, member: Member) -> AddStep:
        title = _title(member.rule)
        if member.is_init:
            spec = StepSpec(INIT_TASK, inputs=self._inputs_of(member.asked))
            return AddStep(
                member.key, INIT_TASK, call=spec.json(), needs=member.needs, policy=_COMMANDS, name=member.key
            )  # fmt: skip
        code, how = self._kind(member.packtivity)
        spec = StepSpec(title, code, inputs=self._inputs_of(member.asked))
        return AddStep(member.key, title, call=spec.json(), needs=member.needs, policy=how, name=member.key)

    def _question(self, question: Question) -> AddStep:
        spec = StepSpec(JQ_TASK, options={"stage": question.rule.key})
        return AddStep(
            question.key, JQ_TASK, call=spec.json(), needs=question.needs, policy=_ASKING, name=question.key
        )  # fmt: skip

    def _kind(self, packtivity: Json) -> tuple[str, Policy]:
        """What is the same for all steps of a packtivity."""
        known = self._kinds.get(id(packtivity))
        if known is None:
            how = policy(packtivity, self._settings, self._host.resources)
            known = self._kinds[id(packtivity)] = (packtivity, identity(packtivity), how)
        return known[1], known[2]

    def _inputs_of(self, asked: Json) -> Mapping[str, Json]:
        """The parameters as the run keeps them: small ones as they are, others by a digest."""
        given = asked if isinstance(asked, dict) else {"": asked}
        return {name: self._form(each) for name, each in given.items()}

    def _form(self, value: Json) -> Json:
        if (
            value is None
            or isinstance(value, bool | int | float)
            or (isinstance(value, str) and len(value) < _SHOWN_CHARS)
        ):
            return value if not isinstance(value, str) or value[:1] not in ("#", "@") else _digest(value)
        known = self._forms.get(id(value))
        if known is None or known[0] is not value:
            known = self._forms[id(value)] = (value, _digest(value))
        return known[1]

    # ---------------------------------------------------------------- the live side

    def call(self, session: Session, step: RecordedStep) -> Call:
        """What carries out the step."""
        graph, context = self._graph, {"run": session.state.run, "key": step.key}
        question = graph.questions.get(step.key)
        if question is not None:
            return Answering(lambda: Prepared(answer, (payload(question, graph),), context=context))
        member = graph.members.get(step.key)
        if member is None:
            return Answering(lambda: _gone(step.key))
        if not member.is_init:
            return _Carried(self, member, context)
        if member.rule.scope.parent is None:
            inputs = self._inputs
            return Answering(lambda: Prepared(begun, (inputs, member.asked), context=context))
        return Answering(lambda: self._nested(member, context))

    def _nested(self, member: Member, context: Mapping[str, Json]) -> Prepared | Settled:
        """What a nested workflow is given: as it is, or looked up where the stage asks for that."""
        parent = member.rule.scope.parent
        assert parent is not None and parent.stage is not None
        record = {"published": member.asked, "templates": templates_in(member.asked)}
        folder = self._inputs.nested(member.rule.scope.prefix)
        if not folder and not parent.stage.opts.get("discover"):
            return Settled(True, record)
        folders = [folder] if folder else self._graph.readonly(member)
        return Prepared(looked_up, (record, folders, parent.stage.opts), context=context)

    def packtivity(self, member: Member, context: Mapping[str, Json]) -> PacktivityCall:
        """The call of a step, with its parameters as they are by now. Raises UsageError."""
        title = _title(member.rule)
        step = Step(
            member.name, f"stage {title}", member.packtivity, self._graph.parameters(member),
            member.folder, tuple(self._graph.readonly(member)), self._workdir, self._inputs.nest,
        )  # fmt: skip
        return PacktivityCall(self._host, step, self._settings, title, context)

    # ---------------------------------------------------------------- the end

    def _finish(self, view: View) -> Finish:
        every = list(rules(self._graph.root))
        open_rules = [each for each in every if each.status not in (DONE, SKIPPED)]
        if not open_rules:
            return Finish(SUCCEEDED, self._result())
        failed = [key for each in every for key in each.failed]
        told = [f"Step {key} failed: {_reason(key, view.state.steps[key].error)}" for key in failed[:_MOST_TOLD]]
        if len(failed) > len(told):
            told.append(f"... and {len(failed) - len(told)} more steps.")
        wrong = [each for each in open_rules if each.status == WRONG]
        told += [f"Stage {each.key} cannot be applied: {each.why}" for each in wrong]
        left = [each.key for each in open_rules if each.status != WRONG and not each.members and not each.failed]
        if left:
            told.append(f"Not run because of that: {', '.join(left)}.")
        return Finish(FAILED, error=step_failed("\n".join(told)))

    def _result(self) -> Json:
        """What the steps of the root workflow have published by stage, if it is small."""
        found: dict[str, Json] = {}
        size_bytes = 0
        for rule in self._graph.root.rules.values():
            for each in rule.members if rule.stage is not None else ():
                if isinstance(each, Member):
                    size_bytes += len(json.dumps(each.result))
                    found[each.key] = each.result
                if size_bytes > _RESULT_BYTES:
                    return None
        return encode(found, None)


_COMMANDS = Policy(executor="commands")
_ASKING = Policy(executor="commands", timeout_s=_JQ_TIMEOUT_S)


def _title(rule: Rule) -> str:
    """The stage as messages and lists name it: that of a nested workflow with those that nest it."""
    names = [rule.name]
    parent = rule.scope.parent
    while parent is not None:
        names.append(parent.name)
        parent = parent.scope.parent
    return "/".join(reversed(names))


def _digest(value: Json) -> str:
    return f"#{blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()}"


def _reason(key: str, error: Json) -> str:
    """Why the step failed, in all that it said: what, where its log and files are, what to do."""
    if not isinstance(error, dict):
        return str(error or "it was stopped")
    first, *more = str(error.get("message", "")).removeprefix(f"Step {key}").lstrip(": ").splitlines() or [""]
    told = first if error.get("module") == "motet.errors" else f"{error.get('type', 'Error')}: {first}"
    return "\n  ".join([told, *more])


def _gone(key: str) -> Settled:
    error = UsageError(f"Step {key} is no longer part of the workflow: results before it have changed.", "Run it anew.")
    return Settled(False, error=encode_error(error), retry=False)


class Answering:
    """The `Call` of a step of the voice's own: a function's value is its record."""

    def __init__(self, make: Callable[[], Prepared | Settled]) -> None:
        self._make = make

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """The function; or the record, where it is known."""
        return self._make()

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """Its value as it is."""
        if isinstance(outcome, Success):
            return Settled(True, outcome.value)
        assert isinstance(outcome, Failure)
        return Settled(False, error=outcome.error)


class _Carried:
    """The `Call` of a packtivity: its parameters are filled in when it is prepared."""

    def __init__(self, program: YadageProgram, member: Member, context: Mapping[str, Json]) -> None:
        self._make = partial(program.packtivity, member, context)
        self._call: PacktivityCall | None = None

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """What carries it out."""
        self._call = self._make()
        return self._call.prepare(element, attempt, here=here)

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """What it has published."""
        call = self._call or self._make()
        return call.settle(attempt, outcome)


def skipped(graph: Graph) -> Sequence[tuple[str, str]]:
    """The stages that were skipped, and why."""
    return [(each.key, each.why) for each in rules(graph.root) if each.status == SKIPPED]
