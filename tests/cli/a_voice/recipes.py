"""A voice as a package of somebody else's brings it: recipes, a line for each step, `name = shell command`.

#recipe
flour = echo 500 > out
dough = cat flour; echo 10 > out
needs: dough flour
"""

from __future__ import annotations

import os
import subprocess
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from motet.errors import UsageError
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, View
from motet.kernel.state import Step
from motet.ports import NewRun, RunRow
from motet.ports.voice import Asked, Command, Desk, Host, Onward, Target, Voice
from motet.values.naming import new_id, new_name
from motet.values.records import decode


class Recipe:
    """The program: all steps, each after those that it needs."""

    def __init__(self, text: str, sets: Mapping[str, str]) -> None:
        lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
        split = [line.partition(" = ") for line in lines if " = " in line]
        self.steps = {name: sets.get(name, told) for name, _, told in split}
        self.needs: dict[str, list[str]] = {name: [] for name in self.steps}
        for line in lines:
            if line.startswith("needs: "):
                step, *needed = line.split()[1:]
                self.needs[step] = needed
        unknown = sets.keys() - self.steps.keys()
        if unknown:
            raise UsageError(f"There is no step {min(unknown)!r}.", f"There are: {', '.join(self.steps)}.")

    def advance(self, view: View) -> Iterable[Action]:
        """Everything at the first look; the end, once all have ended. A broken oven is seen when something is done."""
        if os.environ.get("OVEN") == "broken" and any(view.ended(name) for name in self.steps):
            raise RuntimeError("the oven is broken")
        for name, told in self.steps.items():
            if not view.status(name):
                call = {"target": f"{__name__}:cook", "args": [told]}
                yield AddStep(name, "cook", call=call, needs=self.needs[name], policy=Policy(executor="threads"))
        if all(view.ended(name) for name in self.steps):
            bad = [name for name in self.steps if view.status(name) != "succeeded"]
            message = f"These went wrong: {', '.join(bad)}"
            yield Finish("failed", error={"type": "Spoilt", "message": message}) if bad else Finish()

    def is_final(self, step: Step) -> bool:
        """What was burnt stays burnt."""
        return "burn" in self.steps[step.key]


def cook(told: str) -> str:
    """Carry out a step; gives what it prints."""
    return subprocess.run(["sh", "-c", told], check=True, capture_output=True, text=True).stdout


class RecipeVoice(Voice):
    """Files that begin with #recipe."""

    name = "recipes"
    title = "a recipe"
    sign = "A recipe begins with #recipe."
    puts_out = True
    instead = {  # noqa: RUF012 - as the port has it
        "--set": "Change a step: --swap STEP=COMMAND.",
        "--": "A recipe is not spoken to.",
    }
    run_words = {"succeeded": "done", "failed": "spoilt"}  # noqa: RUF012 - as the port has it

    def tells(self, target: Target) -> bool:
        return target.head.startswith("#recipe")

    def options(self, command: str, add: Callable[..., Any]) -> None:
        if command in ("run", "fork"):
            add("--swap", action="append", metavar="STEP=COMMAND", help="let a step do something else")

    def new_run(self, host: Host, target: Target, asked: Asked) -> NewRun:
        if asked.params:
            raise UsageError("A recipe takes no -p.", "Change a step: --swap STEP=COMMAND.")
        swaps = dict(each.split("=", 1) for each in asked.options.get("swap") or ())
        Recipe(target.head, swaps)
        return self._made(host, target.head, swaps, asked, target.file)

    def _made(self, host: Host, text: str, swaps: Mapping[str, str], asked: Asked, file: str) -> NewRun:
        program = {"voice": self.name, "text": text, "file": os.path.basename(file)}
        return NewRun(
            new_id(host.clock.now()), asked.name or new_name(), program["file"], program, dict(swaps),
            created_at=host.clock.now(), offset=host.store.head(),
        )  # fmt: skip

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> object:
        return host.drive(row, Recipe(row.program["text"], row.params or {}), onward)

    def forked(self, host: Host, row: RunRow, asked: Asked, anew: Collection[str]) -> NewRun:
        swaps = {**(row.params or {}), **dict(each.split("=", 1) for each in asked.options.get("swap") or ())}
        return self._made(host, row.program["text"], swaps, asked, row.program["file"])

    def values(self, host: Host, row: RunRow) -> Mapping[str, Any]:
        steps = host.store.steps(row.id, status="succeeded", whole=True)
        return {step.key: {"out": decode(step.result, host.artifacts).strip()} for step in steps}

    def _menu(self, options: Namespace, desk: Desk) -> int:
        rows = [row for row in desk.host().store.runs(limit=100) if row.program.get("voice") == self.name]
        for row in rows:
            desk.terminal.say(f"{row.workflow}: {self.run_words.get(row.status, row.status)}")
        return 0

    @property
    def commands(self) -> tuple[Command, ...]:  # type: ignore[override]
        return (Command("menu", "list what was cooked", lambda parser: _no_arguments(parser), self._menu, shim="cook"),)


def _no_arguments(parser: ArgumentParser) -> None:
    pass


VOICE = RecipeVoice()
