"""Declarative programs to be simulated: a graph known in advance, one that grows, and rules over events."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Answer, Finish, Listen, RestartStep, Retire, StopStep, Unlisten, View
from motet.kernel.state import Fired
from motet.rules import Rule

Reactions: TypeAlias = Mapping[tuple[str, str], Sequence[Action]]
"""What is done once a step (its key) has a status."""


class Graph:
    """All steps are known in advance; some outcomes have others stopped, or the run ended."""

    def __init__(self, steps: Sequence[AddStep], reactions: Reactions, *, retires: bool) -> None:
        self._retires = retires
        self._steps = steps
        self._reactions = reactions
        self._begun = False

    def advance(self, view: View) -> Iterable[Action]:
        """All steps at first, then what outcomes call for."""
        actions: list[Action] = [] if self._begun else list(self._steps)
        self._begun = True
        if self._reactions:
            for key in view.changed:
                actions += self._reactions.get((key, view.status(key)), ())
        if self._retires:
            actions += [Retire(step.key) for step in reversed(self._steps) if view.ended(step.key)]
        return actions


class Growing:
    """A step of task "grow" adds as many steps below it as its result says, and one that gathers them."""

    def __init__(self, seed: int, roots: Sequence[AddStep], policies: Sequence[Policy], depth: int) -> None:
        self._seed = seed
        self._roots = roots
        self._policies = policies
        self._depth = depth
        self._begun = False

    def advance(self, view: View) -> Iterator[Action]:
        """The roots at first, then what has grown."""
        if not self._begun:
            self._begun = True
            yield from self._roots
        for key in view.changed:
            step = view.state.steps.get(key)
            if step is not None and step.task == "grow" and step.status == "succeeded":
                yield from self._below(key, step.result["n"])

    def _below(self, key: str, size: int) -> Iterator[AddStep]:
        rng = random.Random(f"{self._seed}/{key}/{size}")
        deep = key.count("/") + 1 < self._depth
        made = []
        for index in range(size):
            grows = deep and rng.random() < 0.5
            task = "grow" if grows else "leaf"
            many = None if grows or rng.random() < 0.7 else rng.randrange(4)
            step = AddStep(
                f"{key}/{task}-{index}", task, parent=key, needs=(key,), size=many, policy=rng.choice(self._policies)
            )
            made.append(step.key)
            yield step
        if made:
            policy = rng.choice(self._policies)
            yield AddStep(f"{key}/gather-0", "gather", parent=key, needs=made[:1], after=made[1:], policy=policy)


@dataclass(frozen=True, slots=True)
class Reflex:
    """A rule and what is done when it fires: start, restart, stop, listen, unlisten or finish.

    Steps are named after the firing, up to `most` of them; `step` says how they are run.
    """

    id: str
    rule: Rule
    repeat: bool
    kind: str
    step: AddStep
    most: int = 5
    other: Reflex | None = None


class Rules:
    """Steps start, restart and stop when rules fire."""

    def __init__(self, reflexes: Sequence[Reflex], steps: Sequence[AddStep], *, retires: bool) -> None:
        self._retires = retires
        self._reflexes = {each.id: each for each in reflexes}
        self._steps = steps
        self._others = {each.other.id: each.other for each in reflexes if each.other is not None}
        self._begun = False

    def advance(self, view: View) -> Iterator[Action]:
        """The rules and first steps at first, then what firings call for."""
        if not self._begun:
            self._begun = True
            for each in self._reflexes.values():
                yield Listen(each.id, each.rule, each.repeat)
            yield from self._steps
        if self._retires:
            yield from (Retire(key) for key in view.changed if "#" in key and view.ended(key))
        for fired in view.fired:
            reflex = self._reflexes.get(fired.wait) or self._others[fired.wait]
            yield Answer(fired.wait, fired.number, reflex.kind)
            yield from self._react(reflex, fired)

    def _react(self, reflex: Reflex, fired: Fired) -> Iterator[Action]:
        key, before = f"{reflex.id}#{fired.number}", f"{reflex.id}#{fired.number - 1}"
        if reflex.kind == "finish":
            yield Finish("succeeded" if fired.number % 2 else "failed", {"by": reflex.id})
        elif reflex.kind == "unlisten" and fired.number >= reflex.most:
            yield Unlisten(reflex.id)
        elif reflex.kind == "listen" and reflex.other is not None:
            yield Listen(reflex.other.id, reflex.other.rule, reflex.other.repeat)
        elif reflex.kind == "stop":
            yield StopStep(reflex.step.key)
        elif fired.number <= reflex.most:
            then = replace(reflex.step, key=key)
            yield RestartStep(before, then) if reflex.kind == "restart" else then
