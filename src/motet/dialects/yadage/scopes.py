"""What a run has grown to: scopes with their stages, and the steps and nested scopes that these have added.

Who waits for a stage waits at the first thing that is missing (`Scope.awaited` walks over them), and looks on from
there when that has come: so each is looked at once, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from motet.dialects.yadage.selectors import EVERY, Segment, Selector
from motet.dialects.yadage.spec import INIT, Stage, Workflow
from motet.errors import SpecError
from motet.kernel.events import Json

WAITING, ASKING, APPLIED, DONE, SKIPPED, WRONG = "waiting", "asking", "applied", "done", "skipped", "wrong"


class Mark:
    """Something that comes to be once; `waiters` look on then."""

    __slots__ = ("there", "waiters")

    def __init__(self) -> None:
        self.there = False
        self.waiters: list[Rule] = []


class Member:
    """A step of a stage.

    key       its key in the run: its folder below the work directory
    needs     the keys of the steps whose results it uses
    asked     what it is given: parameters, or for `init` what it publishes
    result    what it has published
    """

    __slots__ = ("asked", "done", "folder", "key", "name", "needs", "packtivity", "result", "rule")

    def __init__(self, rule: Rule, key: str, name: str, folder: str, needs: Sequence[str], asked: Json) -> None:
        self.rule = rule
        self.key = key
        self.name = name
        self.folder = folder
        self.needs = needs
        self.asked = asked
        self.packtivity: Json = None
        self.done = Mark()
        self.result: Json = None

    @property
    def is_init(self) -> bool:
        """Whether it is what its scope was given."""
        return self.rule.stage is None


class Rule:
    """A stage in its scope; without a `stage`, the scope's `init`.

    open     how many of its members have yet to succeed; `failed` those that cannot
    why      why it was skipped, or what is wrong with it
    """

    __slots__ = (
        "answer", "applied", "awaited", "done", "failed", "members", "name", "open", "scope", "stage", "status", "why",
    )  # fmt: skip

    def __init__(self, scope: Scope, name: str, stage: Stage | None) -> None:
        self.scope = scope
        self.name = name
        self.stage = stage
        self.status = WAITING
        self.members: list[Member | Scope] = []
        self.open = 0
        self.failed: list[str] = []
        self.applied, self.done = Mark(), Mark()
        self.awaited: Iterator[Mark] | None = None
        self.answer: Json = None
        self.why = ""

    @property
    def key(self) -> str:
        """What no other stage of the run has."""
        return f"{self.scope.prefix}{self.name}"


class Scope:
    """A workflow under way: the root one, or one that a stage has nested.

    prefix  what keys of its steps begin with; folder  in which they have theirs
    """

    __slots__ = ("depth", "done", "folder", "open", "parent", "prefix", "rules", "workflow")

    def __init__(self, workflow: Workflow, parent: Rule | None, prefix: str, folder: str) -> None:
        self.workflow = workflow
        self.parent = parent
        self.prefix = prefix
        self.folder = folder
        self.depth: int = parent.scope.depth + 1 if parent is not None else 0
        self.rules: dict[str, Rule] = {INIT: Rule(self, INIT, None)}
        for name, stage in workflow.stages.items():
            self.rules[name] = Rule(self, name, stage)
        self.open = len(self.rules)
        self.done = Mark()

    @property
    def init(self) -> Member:
        """What it was given."""
        member = self.rules[INIT].members[0]
        assert isinstance(member, Member)
        return member

    def selected(self, selector: Selector, where: str) -> list[Member | Scope]:
        """What the selector selects, of what is there now. Raises SpecError for a number that nothing has."""
        return [each for path in selector.paths for each in self._selected(path, selector, where)]

    def _selected(self, path: Sequence[Segment], selector: Selector, where: str) -> Iterator[Member | Scope]:
        for rule in self._rules(path[0]):
            members = _numbered(rule, path[0], selector, where)
            if len(path) == 1:
                yield from members
            else:
                for each in members:
                    if isinstance(each, Scope):
                        yield from each._selected(path[1:], selector, where)

    def awaited(self, selector: Selector, where: str, met: list[Rule]) -> Iterator[Mark]:
        """What has yet to come before all that is selected has ended; `met` gathers the stages that are meant."""
        for path in selector.paths:
            yield from self._awaited(path, selector, where, met)

    def _awaited(self, path: Sequence[Segment], selector: Selector, where: str, met: list[Rule]) -> Iterator[Mark]:
        for rule in self._rules(path[0]):
            whole = len(path) == 1 and path[0].index is None
            yield rule.done if whole else rule.applied
            if len(path) == 1:
                met.append(rule)
            for each in () if whole else _numbered(rule, path[0], selector, where):
                if len(path) == 1:
                    yield each.done
                elif isinstance(each, Scope):
                    yield from each._awaited(path[1:], selector, where, met)

    def _rules(self, segment: Segment) -> Iterator[Rule]:
        for name in segment.names:
            if name == EVERY:
                yield from self.rules.values()
            elif name in self.rules:
                yield self.rules[name]


def _numbered(rule: Rule, segment: Segment, selector: Selector, where: str) -> Sequence[Member | Scope]:
    members, index = rule.members, segment.index
    if index is None or not members:
        return members
    chosen = members[index] if isinstance(index, slice) else members[index : index + 1 or None]
    if not chosen:
        what = f"{where}: {selector.text!r} selects nothing: stage {rule.name!r} has {len(members)} steps."
        raise SpecError(what, "They are numbered from 0 on.")
    return chosen


def rules(scope: Scope) -> Iterator[Rule]:
    """All stages of the scope and of those nested in it."""
    for rule in scope.rules.values():
        yield rule
        for each in rule.members:
            if isinstance(each, Scope):
                yield from rules(each)
