"""Spell, as a voice: what Motet asks of it."""

from __future__ import annotations

from dataclasses import replace

from motet import mains
from motet.errors import UsageError
from motet.ports import NewRun, RunRow
from motet.ports.voice import Asked, Host, Onward, Target, Underway, Voice
from motet.voices import command


class SpellVoice(Voice):
    """Runs of Spell, which are asked for by its command, its client and its API, and by scripts of workflows."""

    name = "spell"
    title = "a run of Spell"
    commands = (command("spell", "the commands of Spell", "motet.dialects.spell.commands.spell", shim="spell"),)
    uncached = "A run does what it is for anew: no result of step {step} is kept."

    def tells(self, target: Target) -> bool:
        """Whether it is a script that imports Spell's client, and nothing of Motet's."""
        is_script = target.file.endswith(".py") and mains.imports(target.head, "spell")
        return is_script and not mains.imports(target.head, "motet", "prefect")

    def run(self, host: Host, target: Target, asked: Asked) -> bool:
        """Run the script as Python does, with Spell's client in place: the runs that it asks for are its own."""
        from motet.dialects.spell import serving

        serving.run(target.file)
        return True

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> object:
        """Run its command, and the runs that this asks for."""
        from motet.dialects.spell import door, programs
        from motet.dialects.spell.house import House

        def watched(underway: Underway) -> None:
            """Its log has what Spell tells, and no more."""
            setattr(underway, "tells_itself", True)  # noqa: B010 - a driver's own, of which the port says nothing
            onward.watch(underway)

        with door.opened(host, lambda within: House(host, within=within)):
            return host.drive(row, programs.SpellProgram(host, row), replace(onward, watch=watched))

    def new_run(self, host: Host, target: Target, asked: Asked) -> NewRun:
        """None: runs are asked for by Spell's own ways."""
        raise UsageError(f"{target} is no run of Spell.", 'Run its command: spell run "COMMAND"')


VOICE = SpellVoice()
