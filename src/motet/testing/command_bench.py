"""Where the tests of commands run them: an executor for one place, what it reports, and what hides from it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from motet.artifacts.files import FileArtifacts
from motet.executors.commands.executor import CommandExecutor
from motet.executors.commands.folders import attempt_folder, read_finished
from motet.executors.commands.marks import marked
from motet.executors.commands.setting import Setting
from motet.executors.commands.spec import Command, Finished, Host, Place
from motet.ports import Failure, Outcome, Success
from motet.testing.executor_tasks import Outcomes, wait_until

SECRET = "s3cr3t-value"
"""The value of every secret."""

HIDING = "env -i setsid /bin/sh -c '(sleep {name} &) >/dev/null 2>&1 </dev/null'"
"""Leaves its group and session, clears its environment, closes its pipes and lets go of its parent, within moments."""


def sleeping(name: str) -> list[int]:
    """The processes of this host, in containers too, that `sleep NAME`: those that HIDING has left."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "cmdline").read_bytes() == f"sleep\0{name}\0".encode():
                found.append(int(entry.name))
    return found


class CommandBench:
    """An executor for commands in one place, with its artifacts, in a folder that goes at the end."""

    def __init__(self, folder: Path, place: Place) -> None:
        self.folder = folder
        self.place = place
        self.artifacts = FileArtifacts(str(folder / "artifacts"))
        self.setting = Setting(str(folder / "work"), lambda: self.artifacts, lambda name: SECRET)
        self.executor = CommandExecutor(self.setting, 2, tee=False)
        self.outcomes = Outcomes()

    def run(self, run: Any, **fields: Any) -> Outcome:
        """How the command ends."""
        return self.outcomes.run(self.executor, lambda: Command(run, place=self.place, **fields))

    def done(self, run: Any, **fields: Any) -> Finished:
        """How the command, which succeeds, ends."""
        outcome = self.run(run, **fields)
        assert isinstance(outcome, Success), outcome
        assert isinstance(outcome.value, Finished), outcome
        return outcome.value

    def failed(self, run: Any, **fields: Any) -> dict[str, Any]:
        """The record of the error of the command, which fails."""
        outcome = self.run(run, **fields)
        assert isinstance(outcome, Failure), outcome
        return dict(outcome.error)

    def begin(self, run: Any, *, grace_s: float, **fields: Any) -> Callable[[], Outcome]:
        """Start the command as element 900; gives what waits for its end."""
        before = len(self.outcomes.reports)
        make = lambda: Command(run, place=self.place, **fields)  # noqa: E731
        self.executor.start(self.outcomes.attempt(make, element=900, grace_s=grace_s))
        return lambda: self.outcomes.wait(before + 1)[before]

    def tried(self, run: Any, **attempt: Any) -> Outcome:
        """How an attempt with these fields ends, at the command."""
        before = len(self.outcomes.reports)
        self.executor.start(self.outcomes.attempt(lambda: Command(run, place=self.place), **attempt))
        return self.outcomes.wait(before + 1)[before]

    def left(self) -> dict[str, Any]:
        """What is left of element 900, which was stopped."""
        return read_finished(attempt_folder(str(self.folder / "work"), "run", "step[900]", 1)) or {}

    def content(self, finished: Finished, path: str) -> str:
        """The content of an output."""
        return bytes(self.artifacts.get(finished.output(path).digest)).decode()

    def paths(self, finished: Finished) -> list[str]:
        """The paths of the outputs."""
        return [each.path for each in finished.outputs]

    def given(self, **files: str) -> Path:
        """A folder of the host with these files."""
        made = Path(tempfile.mkdtemp(dir=self.folder))
        for name, text in files.items():
            (made / name).write_text(text)
        return made


class Benched:
    """A suite for one place; see `command_suite`."""

    place: ClassVar[Place] = Host()
    absolute = True
    covers = True
    python = True
    memory = True
    groups = True

    @contextmanager
    def opened(self) -> Iterator[CommandBench]:
        """A bench for the time of a test; nothing of any command outlives it."""
        with tempfile.TemporaryDirectory(prefix="motet-suite-", ignore_cleanup_errors=True) as folder:
            bench = CommandBench(Path(folder).resolve(), self.place)
            try:
                yield bench
            finally:
                bench.executor.close(kill=True)
            wait_until(lambda: not marked(bench.setting.mark), "no process of a command is left")
