"""Python flows, as a voice: what Motet asks of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

from motet import mains
from motet.errors import MotetError
from motet.ports.voice import Asked, Onward, Target, Voice
from motet.typed import TYPE_CHECKING, Any, cast
from motet.voices import command

if TYPE_CHECKING:
    from motet.engine.host import Host as EngineHost
    from motet.kernel.events import Json
    from motet.ports import NewRun, RunRow
    from motet.ports.definition import Described
    from motet.ports.voice import Host

_SIGNS = r"^(?:from\s+[\w.]+\s+import\b|import\s+\w|@\w|(?:async\s+)?def\s+\w|#!.*\bpython)"
"""A line of Python that is no line of any other language that workflows are written in."""


_ARCHIVE = "PK\x03\x04"


class PythonVoice(Voice):
    """Functions decorated with `@flow`, in scripts and modules."""

    name = "python"
    title = "a Python flow"
    sign = "A file of flows ends in .py."
    takes_arguments = True
    forks = True
    uncached = "Task {task} has no cache policy: no result of it is kept for other runs."
    commands = (
        command("prefect", "", "motet.dialects.python.orion.prefect", shim="prefect"),
        command(
            "migrate", "list what code written for another system uses of it", "motet.dialects.python.prefect.migrating"
        ),
    )
    instead = {  # noqa: RUF012 - as the port has it
        "--set": "Give a parameter of the flow: -p NAME=VALUE.",
        "--matrix": "Run it once for each value, -p NAME=VALUE; or map over a list of values in the flow.",
        "--no-cache": "Give the tasks cache_policy=NO_CACHE, or refresh_cache=True.",
        "--format": "`motet show` shows what a flow has returned.",
    }

    def tells(self, target: Target) -> bool:
        """Whether it is a program of Python's by its name; whether a name in a module is that of a flow."""
        if target.file or not target.name:
            of_others = mains.imports(target.head, "ai_flow", "notification_service")
            of_others |= mains.imports(target.head, "spell") and not mains.imports(target.head, "motet", "prefect")
            is_own = target.file.endswith(".py") and not of_others
            return not target.file or is_own or os.path.isdir(target.file)
        from motet.dialects.python.starting import is_flow

        return is_flow(target)

    def takes(self, target: Target) -> bool:
        """Whether a file of another name is an archive of Python's, or begins a line as Python does."""
        import re

        return target.head.startswith(_ARCHIVE) or re.search(_SIGNS, target.head, re.M) is not None

    def options(self, command: str, add: Callable[..., Any]) -> None:
        """Which door `import prefect` leads to."""
        if command in ("run", "submit", "check"):
            add(
                "--door", choices=("prefect", "orion", "none"),
                help="`import prefect` gives what is here of Prefect 3, or of its beta, or is left alone; by default "
                "as the script is written",
            )  # fmt: skip

    def run(self, host: Host, target: Target, asked: Asked) -> bool:
        """Run the flow, or the script and the flows that it calls."""
        from motet.dialects.python import starting

        return starting.run(_own(host), target, asked)

    def new_run(self, host: Host, target: Target, asked: Asked) -> NewRun:
        """A run of the flow, or of the first one that the script calls."""
        from motet.dialects.python import starting

        return starting.new_run(_own(host), target, asked)

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> object:
        """Call the flow again, from the code as it is now; what is recorded is not run again."""
        from motet.dialects.python.doors import door_of
        from motet.dialects.python.voice import carry_on

        changed, begun = onward.rerun_changed, onward.watch
        with door_of(row.program):
            return carry_on(
                _own(host), row, reopen=onward.reopen, rerun=onward.rerun, rerun_changed=changed, begun=begun
            )

    def forked(self, host: Host, row: RunRow, asked: Asked, anew: Collection[str]) -> NewRun:
        """A run of the same flow with other parameters; see `motet.dialects.python.voice.forked`."""
        from motet.dialects.python.doors import door_of
        from motet.dialects.python.voice import forked

        with door_of(row.program):
            return forked(_own(host), row, asked.params, anew=list(anew), name=asked.name)

    def moved(self, row: RunRow, at: str) -> Json:
        """Where its script, or the folder of its module, is now; see `motet.dialects.python.voice.moved`."""
        from motet.dialects.python.voice import moved

        return moved(row, at)

    def check(self, host: Host, target: Target, asked: Asked) -> Sequence[MotetError]:
        """Whether the flow can be loaded, also by another process, and takes the parameters. The code at the top of its
        file is run for that; that of a script until it calls its first flow.
        """
        from motet.dialects.python.doors import door_of
        from motet.dialects.python.finding.loading import explained, find_again
        from motet.dialects.python.starting import new_run

        try:
            new = new_run(_own(host), target, asked)
            with explained(str(target)), door_of(new.program):
                find_again(new.program, new.workflow)
        except MotetError as error:
            return [error]
        return ()

    def described(self, host: Host, target: Target, asked: Asked) -> Described:
        """What runs of the flow are made of; its parameters are those of its function."""
        from motet.dialects.python.describing import described

        return described(_own(host), target, asked)


def _own(host: Host) -> EngineHost:
    """Flows drive their sessions themselves, so they need the engine's own host."""
    return cast("EngineHost", host)


VOICE = PythonVoice()
