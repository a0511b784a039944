"""How a command has ended: what it put out, what went wrong with it, what is kept of that."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from motet.errors import CommandFailed, MotetError
from motet.executors.commands import outputs
from motet.executors.commands.folders import as_json, write_finished
from motet.executors.commands.lines import Lines
from motet.executors.commands.places import Launch
from motet.executors.commands.setting import Setting
from motet.executors.commands.spec import Command, Finished, Function
from motet.executors.commands.telling import ended, explained, key_of, stopped, undeclared
from motet.ports import Attempt, Failure, Stopped
from motet.values.errors import encode_error
from motet.values.files import File

if TYPE_CHECKING:
    from motet.kernel.events import Json


class Ending:
    """Tells how the command of an attempt has ended. `folders` are its working folder, and the attempt's own.

    line  takes its lines; set before all but `broken` is called
    root  where its folder really is, if it puts anything out
    """

    line: Lines

    def __init__(self, setting: Setting, attempt: Attempt, command: Command, folders: tuple[str, str]) -> None:
        self._setting = setting
        self._attempt = attempt
        self._command = command
        self._folder, self._own = folders
        self.root = ""

    def accepts(self, code: int) -> bool:
        """Whether that exit status is a success."""
        return not self._command.accept or code in self._command.accept

    def collected(
        self, launched: Launch, before: Mapping[str, outputs.State] | None, *, strict: bool
    ) -> tuple[MotetError | None, tuple[File, ...]]:
        """What of the outputs is there. A missing one counts only if all else went well (`strict`)."""
        if not self.root:
            return None, ()
        if os.path.realpath(self._folder) != self.root:
            return CommandFailed("its folder is a link to elsewhere now", "Leave the folder in its place."), ()
        problem, wanted, say = None, self._command.outputs, self.line.say
        try:
            paths = outputs.collect(self.root, wanted, before, say, strict=strict)
        except CommandFailed as error:
            problem = error
            paths = outputs.collect(self.root, wanted, before, say, strict=False)
        found = [*((path, os.path.join(self.root, path)) for path in paths), *launched.settled.elsewhere]
        return problem, outputs.keep(found, self._setting.artifacts, self._attempt.run, key_of(self._attempt))

    def stopped(self, finished: Finished, reason: str) -> Stopped:
        """That it was stopped, with what it has put out."""
        self._leave_word(finished, f"stopped: {reason}")
        details = stopped(self.line.last, self._attempt, self._command.title, self._folder)
        return Stopped(reason, details, as_json(finished))

    def failed(
        self, finished: Finished, status: int, problem: MotetError | None, answer: Mapping[str, Json] | None
    ) -> Failure | None:
        """Why it has failed, with what it has put out; None if it has succeeded.

        `status` is what its process ended with, `answer` what a function has answered.
        """
        code = finished.exit_code
        if answer is not None and "error" in answer and "exit" not in answer:
            failure = Failure(self._function_error(answer))
        elif problem is not None:
            failure = self.broken(problem)
        elif self.accepts(code):
            return None
        else:
            failure = self.broken(ended(code, 0 if answer is not None else status, self.line.last))
        self._leave_word(finished, failure.error["message"])
        self.line.keep(failure.error.get("traceback") or "")
        failure.error["finished"] = as_json(finished)
        if isinstance(failure.exception, MotetError):
            failure.exception.outputs = finished.outputs
        return failure

    def broken(self, error: MotetError | OSError) -> Failure:
        """That it has failed for this reason. Names step, command, log, folder and cure."""
        told = explained(error, self._attempt, self._command.title, self._folder)
        return Failure(encode_error(told), told)

    def _function_error(self, answer: Mapping[str, Json]) -> Json:
        record = {name: self.line.hide(text) for name, text in answer["error"].items()}
        if "missing" in answer:
            function = self._command.run
            assert isinstance(function, Function)
            told = undeclared(answer["missing"], function, self._attempt, self._command.title)
            record["message"] += f"\n{told}"
        return record

    def _leave_word(self, finished: Finished, how: str) -> None:
        with suppress(OSError):
            write_finished(self._own, finished, how)
