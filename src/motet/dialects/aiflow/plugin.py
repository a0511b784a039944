"""AIFlow workflows, as a voice: what Motet asks of them."""

from __future__ import annotations

from motet import mains
from motet.dialects.aiflow.model.words import RUN_WORDS, STEP_WORDS
from motet.errors import UsageError
from motet.ports import NewRun, RunRow
from motet.ports.voice import Asked, Host, Onward, Target, Voice
from motet.voices import command


class AIFlowVoice(Voice):
    """Executions of AIFlow workflows that were uploaded; and scripts that import AIFlow's names, which may do that."""

    name = "aiflow"
    title = "an AIFlow workflow"
    run_words, step_words = RUN_WORDS, STEP_WORDS
    uncached = "Tasks run for what they do: no result of step {step} is kept."
    commands = (
        command("aiflow", "the commands of AIFlow", "motet.dialects.aiflow.commands.aiflow", shim="aiflow"),
        command(
            "notification", "those of its events", "motet.dialects.aiflow.commands.notification", shim="notification"
        ),
    )

    def tells(self, target: Target) -> bool:
        """Whether it is a script that imports AIFlow's names."""
        return target.file.endswith(".py") and mains.imports(target.head, "ai_flow", "notification_service")

    def run(self, host: Host, target: Target, asked: Asked) -> bool:
        """Run the script as Python does, with AIFlow's names in place: what it asks of `ops`, or below its
        `if __name__ == "__main__":`, is done. Raises UsageError for one that only defines workflows.
        """
        from motet.dialects.aiflow import loading

        if loading.run(target.file) and "__main__" not in target.head:
            raise _only_uploaded(target)
        return True

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> object:
        """Put its files in place, and run its tasks as its rules say."""
        from motet.dialects.aiflow import executions
        from motet.dialects.aiflow.running import program

        return program.carry_on(host, executions.ready(host, row), onward)

    def new_run(self, host: Host, target: Target, asked: Asked) -> NewRun:
        """None: executions are those of a workflow that was uploaded."""
        raise _only_uploaded(target)


def _only_uploaded(target: Target) -> UsageError:
    return UsageError(
        f"{target} defines AIFlow workflows, which are uploaded before they are run.",
        "motet aiflow workflow upload FILE; then motet aiflow workflow-execution start WORKFLOW",
    )


VOICE = AIFlowVoice()
