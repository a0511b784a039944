"""The growing graph: stages as rules. When what a stage waits for has succeeded, it adds steps, or nested workflows.

Knows no engine: it is told which steps have ended, and says which ones come next (`Member`), and what a step of jq has
to answer before (`Question`). It says the same whenever it is told the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy

from motet.dialects.yadage.relations import waits_for
from motet.dialects.yadage.scatter import scattered
from motet.dialects.yadage.scopes import APPLIED, ASKING, DONE, SKIPPED, WAITING, WRONG, Mark, Member, Rule, Scope
from motet.dialects.yadage.spec import INIT, JQ, SINGLE, Body, Stage, Workflow
from motet.dialects.yadage.values import Found, fill, resolve, unique, with_templates
from motet.errors import MotetError, SpecError
from motet.kernel.events import Json
from motet.records import Record

_DEEPEST = 60


class Question(Record):
    """What jq has to say before a stage adds anything: which parameters there are (of a jq stage, from its `bindings`),
    and which case each of the `items` is.

    needs  the steps whose results are looked at
    """

    rule: Rule
    key: str
    needs: Sequence[str]
    items: Sequence[Mapping[str, Json]] = ()


class Graph:
    """A workflow under way.

    members    its steps, by key; questions those that jq answers
    """

    def __init__(self, workflow: Workflow, folder: str, initdir: str, inputs: Json, *, nest: bool = True) -> None:
        self.root = Scope(workflow, None, "", folder)
        self.members: dict[str, Member] = {}
        self.questions: dict[str, Question] = {}
        self._nest = nest
        self._queue: deque[Rule] = deque()
        self._new: list[Member | Question] = []
        self._begin(self.root, initdir, (), inputs)

    # ---------------------------------------------------------------- what it is told

    def succeeded(self, key: str, record: Json) -> None:
        """A step has: what it published, or answered, may be used."""
        member = self.members.get(key)
        if member is not None and not member.done.there:
            published = record["published"]
            templates = record.get("templates") or () if member.is_init else ()
            member.result = with_templates(deepcopy(published), templates) if templates else published
            self._come(member.done)
            self._less(member.rule)
        question = self.questions.get(key)
        if question is not None and question.rule.status == ASKING:
            question.rule.answer = record
            question.rule.status = WAITING
            self._queue.append(question.rule)

    def failed(self, key: str) -> None:
        """A step has failed, or was stopped: what waits for it never comes."""
        found = self.members.get(key) or self.questions.get(key)
        if found is not None and key not in found.rule.failed:
            found.rule.failed.append(key)

    def next(self) -> Iterator[Member | Question]:
        """What comes next because of what was told. Each comes once."""
        while self._queue or self._new:
            if self._new:
                new, self._new = self._new, []
                yield from new
            else:
                self._look(self._queue.popleft())

    # ---------------------------------------------------------------- waiting

    def _look(self, rule: Rule) -> None:
        """Go on with what the stage waits for; apply it when nothing is left."""
        if rule.status != WAITING or rule.stage is None:
            return
        if rule.answer is not None:
            self._apply(rule, rule.stage)
            return
        if rule.awaited is None:
            rule.awaited = self._awaited(rule, rule.stage)
        try:
            for mark in rule.awaited:
                if not mark.there:
                    mark.waiters.append(rule)
                    return
        except MotetError as error:
            self._wrong(rule, error)
            return
        if rule.status == WAITING:
            self._apply(rule, rule.stage)

    def _awaited(self, rule: Rule, stage: Stage) -> Iterator[Mark]:
        """What is still to come, in turn; a stage all of whose sources were skipped is skipped itself."""
        yield rule.scope.init.done
        for selector, where in waits_for(stage, rule.scope.workflow):
            met: list[Rule] = []
            yield from rule.scope.awaited(selector, where, met)
            if met and all(each.status == SKIPPED for each in met):
                self._skip(rule, f"stage {met[0].name!r}, which it waits for, was skipped")
                return
        for condition in stage.fulfilled:
            if not resolve(condition, rule.scope).value:
                self._skip(rule, "what it asks for is not so")
                return

    def _come(self, mark: Mark) -> None:
        mark.there = True
        self._queue += mark.waiters
        mark.waiters = []

    def _less(self, rule: Rule) -> None:
        """One of the stage's members has succeeded."""
        rule.open -= 1
        if rule.open == 0 and rule.status == APPLIED:
            rule.status = DONE
            self._over(rule)

    def _over(self, rule: Rule) -> None:
        """A stage is done, or was skipped; perhaps with it all of its scope."""
        scope = rule.scope
        self._come(rule.done)
        scope.open -= 1
        if scope.open == 0:
            self._come(scope.done)
            if scope.parent is not None:
                self._less(scope.parent)

    def _skip(self, rule: Rule, why: str) -> None:
        rule.status, rule.why = SKIPPED, why
        self._come(rule.applied)
        self._over(rule)

    def _wrong(self, rule: Rule, error: MotetError) -> None:
        rule.status, rule.why = WRONG, str(error)

    # ---------------------------------------------------------------- applying

    def _apply(self, rule: Rule, stage: Stage) -> None:
        """Add what the stage adds; or ask what it takes first."""
        try:
            items = self._items(rule, stage)
            if rule.answer is None and (stage.kind == JQ or any(each.condition for each in stage.bodies)):
                self._ask(rule, items)
                return
            chosen = self._chosen(rule, stage, items)
            if rule.scope.depth >= _DEEPEST and any(body.workflow for body, _, _ in chosen):
                raise SpecError(
                    f"{stage.where}: workflows are nested {_DEEPEST} deep here.", "Let a case end what nests itself."
                )
        except MotetError as error:
            self._wrong(rule, error)
            return
        if items and not chosen:
            self._skip(rule, "none of its cases applies")
            return
        rule.status, rule.open = APPLIED, len(chosen)
        for body, name, parameters in chosen:
            self._add(rule, body, name, parameters)
        self._come(rule.applied)
        if not chosen:
            rule.status = DONE
            self._over(rule)

    def _items(self, rule: Rule, stage: Stage) -> list[dict[str, Found]]:
        """The parameters of each step."""
        if stage.kind == JQ:
            return [_answered(each) for each in rule.answer["sets"]] if rule.answer is not None else []
        parameters = {name: resolve(value, rule.scope) for name, value in stage.parameters.items()}
        return scattered(parameters, stage.scatter, stage.where) if stage.scatter is not None else [parameters]

    def _ask(self, rule: Rule, items: Sequence[Mapping[str, Found]]) -> None:
        rule.status = ASKING
        if rule.stage is not None and rule.stage.kind == JQ:
            needs = [each.key for one in _sources(rule) for each in one.members if isinstance(each, Member)]
        else:
            needs = unique([found.owners for item in items for found in item.values()])
        plain = [{name: found.value for name, found in item.items()} for item in items]
        question = Question(rule, f"{rule.key}@jq", needs, plain)
        self.questions[question.key] = question
        self._new.append(question)

    def _chosen(
        self, rule: Rule, stage: Stage, items: Sequence[dict[str, Found]]
    ) -> list[tuple[Body, str, dict[str, Found]]]:
        """What is added for each of the items that anything is added for, under which name."""
        cases = rule.answer["cases"] if rule.answer is not None and "cases" in rule.answer else [0] * len(items)
        return [
            (stage.bodies[case], stage.name if stage.kind == SINGLE else f"{stage.name}_{number}", item)
            for number, (case, item) in enumerate(zip(cases, items, strict=True))
            if case is not None
        ]

    def _add(self, rule: Rule, body: Body, name: str, parameters: dict[str, Found]) -> None:
        scope = rule.scope
        needs = unique([each.owners for each in parameters.values()])
        values: Json = (
            {key: each.value for key, each in parameters.items()} if "" not in parameters else parameters[""].value
        )
        folder = f"{scope.folder}/{name}" if self._nest else scope.folder
        if body.workflow is not None:
            nested = Scope(body.workflow, rule, f"{scope.prefix}{name}/", folder)
            rule.members.append(nested)
            self._begin(nested, f"{folder}/{INIT}", needs, values)
            return
        member = Member(rule, f"{scope.prefix}{name}", name, folder, needs, values)
        member.packtivity = body.packtivity
        self._added(rule, member)

    def _begin(self, scope: Scope, folder: str, needs: Sequence[str], values: Json) -> None:
        """Give a scope what it begins with, and look at its stages."""
        rule = scope.rules[INIT]
        rule.status, rule.open = APPLIED, 1
        rule.applied.there = True
        self._added(rule, Member(rule, f"{scope.prefix}{INIT}", INIT, folder, needs, values))
        self._queue += scope.rules.values()

    def _added(self, rule: Rule, member: Member) -> None:
        rule.members.append(member)
        self.members[member.key] = member
        self._new.append(member)

    # ---------------------------------------------------------------- what steps are given

    def readonly(self, member: Member) -> list[str]:
        """The folders of the steps whose results it uses: of an `init`, those that that is from."""
        found: dict[str, None] = {}
        seen: dict[str, None] = {}
        left = list(member.needs)
        for key in left:  # grows on the way
            if key not in seen:
                seen[key] = None
                used = self.members[key]
                if used.is_init and used.rule.scope.parent is not None:
                    left += used.needs
                else:
                    found[used.folder] = None
        return list(found)

    def parameters(self, member: Member) -> Json:
        """What the step is given, placeholders filled in. Raises UsageError."""
        return fill(member.asked, member.folder, self.readonly(member))


def _answered(each: Mapping[str, Json]) -> dict[str, Found]:
    """Parameters that jq has made; those that are no mapping stand under ""."""
    value = with_templates(deepcopy(each["value"]), each.get("templates", ()))
    uses = each.get("uses", ())
    if isinstance(value, dict):
        return {name: Found(one, uses, None, True) for name, one in value.items()}
    return {"": Found(value, uses, None, True)}


def _sources(rule: Rule) -> list[Rule]:
    """The stages that a jq stage may look at: those that it depends on."""
    assert rule.stage is not None
    names = dict.fromkeys(name for selector in rule.stage.after for name in selector.stages)
    every = rule.scope.rules
    return [each for name, each in every.items() if name in names or ("*" in names and each is not rule)]


def table(rule: Rule) -> Json:
    """What a jq stage looks at: by stage, the nodes {"_nodeid": KEY} of its steps; of nested workflows such tables."""
    return {each.name: [_node(one) for one in each.members] for each in _sources(rule)}


def _node(one: Member | Scope) -> Json:
    if isinstance(one, Member):
        return {"_nodeid": one.key}
    return {rule.name: [_node(each) for each in rule.members] for rule in one.rules.values()}
