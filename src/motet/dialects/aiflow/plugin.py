"""AIFlow workflows, as a voice: what Motet asks of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from motet.dialects.aiflow.model.words import RUN_WORDS, STEP_WORDS
from motet.ports import NewRun, RunRow
from motet.ports.voice import Asked, Command, Desk, Host, Onward, Target, Voice


def _aiflow_arguments(parser: ArgumentParser) -> None:
    from motet.dialects.aiflow.commands import aiflow

    aiflow.arguments(parser)


def _aiflow(options: Namespace, desk: Desk) -> int:
    from motet.dialects.aiflow.commands import aiflow

    return aiflow.perform(options, desk)


def _notification_arguments(parser: ArgumentParser) -> None:
    from motet.dialects.aiflow.commands import notification

    notification.arguments(parser)


def _notification(options: Namespace, desk: Desk) -> int:
    from motet.dialects.aiflow.commands import notification

    return notification.perform(options, desk)


class AIFlowVoice(Voice):
    """Executions of AIFlow workflows that were uploaded. Their scripts are Python, and are told by nothing else."""

    name = "aiflow"
    title = "an AIFlow workflow"
    run_words, step_words = RUN_WORDS, STEP_WORDS
    uncached = "Tasks run for what they do: no result of step {step} is kept."
    commands = (
        Command("aiflow", "the commands of AIFlow", _aiflow_arguments, _aiflow, shim="aiflow"),
        Command("notification", "those of its events", _notification_arguments, _notification, shim="notification"),
    )

    def tells(self, target: Target) -> bool:
        """Never: a script is uploaded first."""
        return False

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> object:
        """Put its files in place, and run its tasks as its rules say."""
        from motet.dialects.aiflow import executions
        from motet.dialects.aiflow.running import program

        return program.carry_on(host, executions.ready(host, row), onward)

    def new_run(self, host: Host, target: Target, asked: Asked) -> NewRun:
        """Not asked for: see `tells`."""
        raise NotImplementedError


VOICE = AIFlowVoice()
