"""Orquestra workflows, as a voice: what Motet asks of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motet.dialects.orquestra.ids import RUN_WORDS, STEP_WORDS
from motet.errors import MotetError
from motet.ports.voice import Asked, Delivered, Onward, Target, Voice
from motet.voices import command

if TYPE_CHECKING:
    from motet.kernel.events import Json
    from motet.ports import NewRun, RunRow
    from motet.ports.definition import Described, Planned
    from motet.ports.voice import Host

_SIGNS = (
    r"""^["']?(apiVersion["']?\s*:\s*["']?io\.orquestra\.workflow|ZapOSApiVersion)"""
    r"""|"apiVersion"\s*:\s*"io\.orquestra\.workflow"""
    r"""|\A(?=[\s\S]*^imports\s*:)(?=[\s\S]*^steps\s*:)"""
)


class OrquestraVoice(Voice):
    """Files of the Quantum Engine's workflow language."""

    name = "orquestra"
    title = "an Orquestra workflow"
    sign = "An Orquestra workflow has a line `apiVersion: io.orquestra.workflow/1.0.0`."
    forks = True
    puts_out = True
    uncached = "Step {step} has no outputs: it runs for its effects, and no result of it is kept."
    run_words, step_words = RUN_WORDS, STEP_WORDS
    instead = {  # noqa: RUF012 - as the port has it
        "--": "Set an input of a step: --set STEP.INPUT=VALUE.",
        "--door": "Its steps import what their components have.",
    }
    commands = (
        command("lock", "pin what a workflow file imports", "motet.dialects.orquestra.commands", "lock"),
        command("qe", "the commands of the Quantum Engine", "motet.dialects.orquestra.qe", shim="qe"),
    )

    def tells(self, target: Target) -> bool:
        """Whether the file has the line, or those, that only such workflows have."""
        return os.path.isfile(target.file) and re.search(_SIGNS, target.head, re.M) is not None

    def options(self, command: str, add: Callable[..., Any]) -> None:
        """Inputs of steps; forms of results."""
        from motet.dialects.orquestra import commands

        if command in ("run", "fork"):
            commands.run_options(add)
        elif command == "results":
            commands.results_options(add)

    def new_run(self, host: Host, target: Target, asked: Asked) -> NewRun:
        """A run of the workflow in the file, after all checks."""
        from motet.dialects.orquestra import commands, voice

        own = commands.asked_of(asked)
        return voice.new_run(host, target.file, host.home, own, name=asked.name, warn=asked.warn)

    def described(self, host: Host, target: Target, asked: Asked) -> Described:
        """Its parameters are inputs of steps."""
        from motet.dialects.orquestra import commands, voice

        return voice.described(host, target.file, host.home, commands.asked_of(asked), warn=asked.warn)

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> object:
        """Drive the run by what it keeps itself: text, commits, settings; and by local folders as they are now."""
        from motet.dialects.orquestra import voice

        return host.drive(row, voice.program_of(host, row, host.home), onward)

    def planned(self, host: Host, target: Target, asked: Asked) -> Planned:
        """All its steps, with what is kept of equal ones."""
        from motet.dialects.orquestra import voice

        new = self.new_run(host, target, asked)
        return voice.planned(host, new)

    def forked(self, host: Host, row: RunRow, asked: Asked, anew: Collection[str]) -> NewRun:
        """The same workflow at the same commits, with some inputs changed; equal steps come from what is kept."""
        from motet.dialects.orquestra import commands, voice

        return voice.forked(host, row, commands.asked_of(asked), anew, name=asked.name)

    def moved(self, row: RunRow, at: str) -> Json:
        """Where the workflow file is now, from which relative paths of its imports go."""
        from motet.dialects.orquestra import voice

        return voice.moved(row, at)

    def check(self, host: Host, target: Target, asked: Asked) -> Sequence[MotetError]:
        """What is wrong in the file itself. Nothing is fetched for that."""
        from motet.dialects.orquestra import commands, voice

        try:
            voice.check(target.file, commands.asked_of(asked))
        except MotetError as error:
            return [error]
        return ()

    def values(self, host: Host, row: RunRow) -> Mapping[str, Any]:
        """Contents by step and output."""
        from motet.dialects.orquestra import voice

        return voice.values(host, row)

    def results(self, host: Host, row: RunRow, options: Mapping[str, Any], output: str) -> Delivered:
        """The same as text, or written, in the form that is asked for."""
        from motet.dialects.orquestra import commands

        return commands.deliver(host, row, options.get("form", "exact"), output)

    def frames(self, host: Host, row: RunRow) -> Mapping[str, Any]:
        """A table for each type of output; see `motet.dialects.orquestra.tables`."""
        from motet.dialects.orquestra import tables, voice

        return tables.frames(tables.tables(row.id, voice.results_of(host, row)))


VOICE = OrquestraVoice()
