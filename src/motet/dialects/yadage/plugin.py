"""Yadage workflows as a voice. What runs them is imported where it is used: this is loaded to ask about a file."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from motet.ports.voice import Command, Desk, Onward, Target, Voice

if TYPE_CHECKING:
    from motet.ports import RunRow
    from motet.ports.voice import Host


def _run_arguments(parser: ArgumentParser) -> None:
    from motet.dialects.yadage.packtivity import commands

    commands.run_arguments(parser)


def _run(options: Namespace, desk: Desk) -> int:
    from motet.dialects.yadage.packtivity import commands

    return commands.run(options, desk)


def _validate_arguments(parser: ArgumentParser) -> None:
    from motet.dialects.yadage.packtivity import commands

    commands.validate_arguments(parser)


def _validate(options: Namespace, desk: Desk) -> int:
    from motet.dialects.yadage.packtivity import commands

    return commands.validate(options, desk)


def _proxy_arguments(parser: ArgumentParser) -> None:
    from motet.dialects.yadage.packtivity import commands

    commands.proxy_arguments(parser)


def _proxy(options: Namespace, desk: Desk) -> int:
    from motet.dialects.yadage.packtivity import commands

    return commands.proxy(options, desk)


PACKTIVITIES = (
    Command("packtivity-run", "run a step of a Yadage workflow", _run_arguments, _run, shim="packtivity-run"),
    Command("packtivity-validate", "check a step", _validate_arguments, _validate, shim="packtivity-validate"),
    Command("packtivity-checkproxy", "", _proxy_arguments, _proxy, shim="packtivity-checkproxy"),
)


class YadageVoice(Voice):
    """Workflow files of Yadage, and single packtivities."""

    name = "yadage"
    title = "a Yadage workflow"
    commands = PACKTIVITIES

    def tells(self, target: Target) -> bool:
        """Never: none is read yet."""
        return False

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> object:
        """Drive the run by what it keeps itself."""
        from motet.dialects.yadage.packtivity import program

        return host.drive(row, program.program_of(host, row), onward)


VOICE = YadageVoice()
