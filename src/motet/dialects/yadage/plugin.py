"""Yadage workflows as a voice. What runs them is imported where it is used: this is loaded to ask about a file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motet.errors import MotetError
from motet.ports import NewRun, RunRow
from motet.ports.voice import Asked, Command, Host, Onward, Target, Voice
from motet.voices import command

if TYPE_CHECKING:
    from motet.dialects.yadage.voice import Asked as Own
    from motet.ports.definition import Described

_STAGES = re.compile(r"""^\s*[{]?\s*["']?stages["']?\s*:""", re.M)
_SCHEDULER = re.compile(r"""\bscheduler(_type)?["']?\s*:""")


def _command(name: str, told: str = "") -> Command:
    """One that is the functions `NAME_arguments` and `NAME` of `commands`, here or of packtivities."""
    kind, _, function = name.partition("-")
    below = ".packtivity" if kind == "packtivity" else ""
    return command(name, told, f"motet.dialects.yadage{below}.commands", function, shim=name)


class YadageVoice(Voice):
    """Workflow files of Yadage, and single packtivities."""

    name = "yadage"
    title = "a Yadage workflow"
    sign = "A Yadage workflow has a list `stages:`, each with a `scheduler:`."
    puts_out = True
    uncached = "What step {step} does is no command: no result of it is kept."
    instead = {  # noqa: RUF012 - as the port has it
        "--no-cache": "Results are kept only where --cache asks for it.",
        "--set": "Give an input of the workflow: -p NAME=VALUE.",
        "--matrix": "Let a multistep-stage scatter over a list: -p 'NAME=[A, B]'.",
    }
    commands = (
        _command("yadage-run", "run a Yadage workflow as `yadage-run` does"),
        _command("yadage-manual", "make a Yadage run, and carry it on by hand"),
        _command("yadage-validate", "check a Yadage workflow"),
        _command("packtivity-run", "run a step of a Yadage workflow"),
        _command("packtivity-validate", "check a step"),
        _command("packtivity-checkproxy"),
    )

    def tells(self, target: Target) -> bool:
        """Whether the file has a list of stages that have schedulers."""
        return (
            os.path.isfile(target.file)
            and _STAGES.search(target.head) is not None
            and _SCHEDULER.search(target.head) is not None
        )

    def options(self, command: str, add: Callable[..., Any]) -> None:
        """Folder, toplevel and inputs of the run, and what holds for its steps."""
        if command == "run":
            from motet.dialects.yadage import commands

            commands.run_options(add)

    def new_run(self, host: Host, target: Target, asked: Asked) -> NewRun:
        """A run of the workflow in the file, after all checks."""
        from motet.dialects.yadage import voice

        return voice.new_run(host, _asked_of(target, asked), asked.warn)

    def described(self, host: Host, target: Target, asked: Asked) -> Described:
        """Its parameters are what its stages take of `init`."""
        from motet.dialects.yadage import voice

        return voice.described(host, _asked_of(target, asked), asked.warn)

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> object:
        """Drive the run by what it keeps itself: texts, inputs, settings."""
        from motet.dialects.yadage import voice
        from motet.dialects.yadage.packtivity import program

        if program.is_single(row):
            return host.drive(row, program.program_of(host, row), onward)
        return voice.carry_on(host, row, lambda made: host.drive(row, made, onward))

    def check(self, host: Host, target: Target, asked: Asked) -> Sequence[MotetError]:
        """What is wrong in the files."""
        from motet.dialects.yadage import voice

        try:
            voice.checked(_asked_of(target, asked), asked.warn)
        except MotetError as error:
            return [error]
        return ()

    def values(self, host: Host, row: RunRow) -> Mapping[str, Any]:
        """What steps have published, by step and output."""
        from motet.dialects.yadage import voice

        return voice.values(host, row)


def _asked_of(target: Target, asked: Asked) -> Own:
    from motet.dialects.yadage import commands

    return commands.asked_of(target.file, asked)


VOICE = YadageVoice()
