"""A growing program: how many steps it has, its earlier steps' results say; and so within each of them.

    width                           how many parts the outer stage has
    parts/part-0, parts/part-1 ...  each says how many parts its own, inner stage has
    parts/part-0/parts/part-0 ...   the inner stages' parts
    parts/part-0/parts/sum          the end of an inner stage
    parts/sum                       the end of the outer stage

Parameters: {"path": file for the targets, "widths": [outer, inner], "executor": ..., "pause_s": ...}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, View
from motet.kernel.transitions import ENDED, FAILED, SUCCEEDED

TARGET = "tests.programs.targets:add"


@dataclass(frozen=True)
class Stage:
    """A part of the program whose number of parts is the result of the step `width`.

    depth   how many levels of stages are within it
    """

    program: Growing
    key: str
    width: str
    depth: int

    @property
    def end(self) -> str:
        """The step that ends the stage."""
        return f"{self.key}/sum"

    def advance(self, view: View) -> Iterator[Action]:
        """What is due in this stage and those within it."""
        if view.status(self.width) != SUCCEEDED or view.ended(self.end):
            return
        last: list[str] = []
        whole = True
        for number in range(view.result(self.width)):
            part = f"{self.key}/part-{number}"
            inner = Stage(self.program, f"{part}/parts", part, self.depth - 1) if self.depth else None
            if not view.status(part):
                yield self.program.step(part, [number + self.program.inner], needs=[self.width])
            if inner is None:
                last.append(part)
                continue
            yield from inner.advance(view)
            last.append(inner.end)
            whole = whole and bool(view.status(inner.end))
        if whole and not view.status(self.end):
            yield self.program.step(self.end, [{"$result": each} for each in last], needs=last)


class Growing:
    """Two levels of stages."""

    def __init__(self, params: Any) -> None:
        self.outer, self.inner = params["widths"]
        self._path = params["path"]
        self._pause_s = params.get("pause_s", 0.0)
        self._policy = Policy(executor=params.get("executor", "threads"))
        self._stage = Stage(self, "parts", "width", 1)

    def step(self, key: str, numbers: list[Any], needs: list[str]) -> AddStep:
        """A step that adds the numbers up."""
        call = {"target": TARGET, "args": [self._path, *numbers], "kwargs": {"pause_s": self._pause_s}}
        return AddStep(key, "add", call=call, needs=needs, policy=self._policy, parent=key.rpartition("/")[0])

    def advance(self, view: View) -> Iterable[Action]:
        """The first step, what grows out of it, and the end."""
        if not view.status("width"):
            yield self.step("width", [self.outer], [])
        yield from self._stage.advance(view)
        end = view.status(self._stage.end)
        if end == SUCCEEDED:
            yield Finish(SUCCEEDED, view.result(self._stage.end))
        elif view.idle and any(view.status(key) in ENDED - {SUCCEEDED} for key in view.steps()):
            yield Finish(FAILED, error={"type": "StepFailed", "message": "a part failed"})


def make(params: Any) -> Growing:
    """The program of these parameters."""
    return Growing(params)


def expected(outer: int, inner: int) -> int:
    """What it comes to: part n of a stage gives n + inner, and in the inner stages that many parts follow."""
    return sum(sum(m + inner for m in range(n + inner)) for n in range(outer))
