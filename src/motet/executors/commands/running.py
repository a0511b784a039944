"""One command on its way from its start to its outcome, in the thread of its attempt."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from motet.errors import MotetError, UsageError
from motet.executors.alarm import Alarm
from motet.executors.calls import gpus_of
from motet.executors.commands import outputs
from motet.executors.commands.begun import Begun
from motet.executors.commands.child import Child, Listener, exit_status, script_on
from motet.executors.commands.ending import Ending
from motet.executors.commands.folders import as_json, attempt_folder
from motet.executors.commands.keeping import VARIABLE
from motet.executors.commands.launching import is_warm, launch, seen_at
from motet.executors.commands.limits import Guard
from motet.executors.commands.lines import Lines
from motet.executors.commands.marks import MARK
from motet.executors.commands.meter import Meter
from motet.executors.commands.mounts import placed
from motet.executors.commands.places import Folders, Launch, answer_of
from motet.executors.commands.setting import Setting, environment_of
from motet.executors.commands.spec import Command, Finished, Function, checked_env
from motet.executors.commands.telling import key_of, not_kept
from motet.executors.commands.tools import Tools, Wanted
from motet.executors.commands.warm import Call, call_of
from motet.ports import Failure, Outcome, Stopped, Success
from motet.values.errors import encode_error

if TYPE_CHECKING:
    from motet.kernel.events import Json

_GROUP_POLL_S = 0.02
_SHORT_S = 0.05


class Running:
    """A command at work. `ready` is called first, then `outcome`; or `call`, and `answered` with what came of it."""

    def __init__(self, setting: Setting, job: Wanted, command: Command, alarm: Alarm | None) -> None:
        """Without an alarm, the command must be one that `is_at_hand`."""
        self._setting = setting
        self._job = job
        self._attempt = attempt = job.attempt
        self._command = command
        self._alarm = alarm
        self._key = key_of(attempt)
        self._own = attempt_folder(setting.folder, attempt.run, self._key, attempt.number)
        self._kept = setting.watch.keeping(attempt, self._key, lambda text: self.line.say(text))
        self._folder = os.path.abspath(command.folder) if command.folder else self._own
        self._ending = Ending(setting, attempt, command, (self._folder, self._own))
        self._told = Begun(attempt, self._key, command, self._folder, self._own)
        self._before: dict[str, outputs.State] | None = None
        self._answer: dict[str, Json] | None = None
        self._guard: Guard | None = None
        self._is_done = False
        self._began_at = job.taken_at
        self._usage: dict[str, Json] = {}
        self._left: dict[str, Json] = {}
        self.is_warm = is_warm(command)

    def ready(self) -> Outcome | None:
        """Make all ready for its beginning; gives the outcome if that cannot be. Names step, command, log and cure."""
        try:
            self._secrets = {name: self._setting.secret(wanted) for name, wanted in self._command.secrets.items()}
            self.line = self._ending.line = Lines(self._attempt, tuple(self._secrets.values()), self._job.tee)
            _check(self._command)
            self._left = self._told.left(lambda: self._setting.artifacts)
            if self._command.folder:
                os.makedirs(self._folder, exist_ok=True)
            else:
                self._setting.make_folder(self._own)
            self._ending.root = os.path.realpath(self._folder) if self._puts_out else ""
            seen = seen_at(self._command.place) or self._folder
            mounts = placed(self._command.mounts, self._setting.artifacts, seen) if self._command.mounts else []
            mounts += self._kept.begin(self._command.place)
            tools = None if self._alarm is None else Tools(self._setting, self._job, self._alarm)
            folders = Folders(self._folder, f"{self._own}.beside", seen, self._setting.hidden)
            self._launched = launch(self._command, folders, mounts, tools)
        except (MotetError, OSError) as error:
            return self.not_begun(error)
        return None

    def not_begun(self, error: MotetError | OSError) -> Outcome:
        """How it ends, since it could not be begun."""
        self._kept.leave()
        stopping = self._job.stopping
        outcome = self._ending.broken(error) if stopping is None else Stopped(stopping)
        outcome.facts = self._left or None
        return outcome

    def outcome(self) -> Outcome:
        """Run the command to its end, in a process of its own."""
        launched = self._launched
        try:
            limits, name = launched.limits(self._command.limits), f"motet-{os.urandom(6).hex()}"
            self._guard = Guard(limits, (self._folder, self._kept.path, *launched.also), name, self.line.say)
        except (MotetError, OSError) as error:
            return self.not_begun(error)
        try:
            if self._command.changed:
                self._before = outputs.states(self._folder)
            return self._kept.ended(self._measured(self._begun(launched)))
        except (MotetError, OSError) as error:
            return self._kept.ended(self._ending.broken(error))
        finally:
            launched.close()

    def _variables(self) -> dict[str, str | None]:
        attempt = self._attempt
        own = {"MOTET_RUN": attempt.run, "MOTET_STEP": self._key, "MOTET_ATTEMPT": str(attempt.number)}
        own = {VARIABLE: self._kept.path, "MOTET_RUN_TOKEN": self._setting.token(attempt.run), **own}
        return {**own, **self._command.env, **gpus_of(attempt), **self._secrets, "PWD": self._launched.cwd}

    # -- a process of its own

    def _begun(self, launched: Launch) -> int:
        self._told.tell(launched, self._setting.mark)
        with self._setting.marked(launched.orders) as mark:
            status = launched.status(self._run(launched, self._variables(), mark))
        if isinstance(self._command.run, Function):
            self._answer = answer_of(self._folder, self._command.cwd)
        return status

    def _run(self, launched: Launch, change: dict[str, str | None], mark: str) -> int:
        guard, alarm = self._guard, self._alarm
        assert guard is not None
        assert alarm is not None
        environ = environment_of(launched.environ({**change, MARK: mark}))
        stdin = script_on(self._command.stdin)
        try:
            child = Child(guard.entered(launched.argv), env=environ, cwd=launched.start_in, stdin=stdin, mark=mark)
        finally:
            os.close(stdin)
        try:
            self._attempt.began_at = self._began_at = monotonic()
            meter = Meter(child.pid, launched.processes, launched.ours)
            listener = Listener(child, alarm, self.line)
            listener.listen(_SHORT_S)
            while not child.ended and self._job.stopping is None:
                self._setting.tell(child.pid)
                guard.watch(child)
                meter.look()
                listener.listen(meter.patience_s(guard.patience_s))
            self._end(child, listener, launched)
            status, told = child.reap()
            self._usage = meter.end(told)
            return status
        finally:
            child.close()
            self._setting.ended(child.pid)

    def _end(self, child: Child, listener: Listener, launched: Launch) -> None:
        """See to it that nothing of the command is left, and that all it wrote is logged."""
        if self._job.stopping is not None:
            self._stop(child, listener, launched)
        # Before it is reaped: until then nobody else can get the group's id.
        child.signal(signal.SIGKILL)
        while not child.ended:
            listener.listen(_GROUP_POLL_S)
        if self._guard is not None:
            self._guard.end()
        launched.end()
        listener.drain()

    def _stop(self, child: Child, listener: Listener, launched: Launch) -> None:
        """Ask the whole group to end; after its grace, or when it has ended, kill what is left of the tree."""
        until = monotonic() + self._job.grace_s
        if self._job.grace_s > 0:
            child.ask(inside=launched.kept)
        while (left_s := min(until, monotonic() + self._job.grace_s) - monotonic()) > 0:
            listener.listen(min(_GROUP_POLL_S, left_s) if child.ended else left_s)
            if child.ended and (launched.alone or not _has_others(child)):
                break
        launched.kill()
        child.kill_all()

    # -- a function in a warm process

    @property
    def ends_at_once(self) -> bool:
        """Whether its success takes no time to conclude: there is nothing to collect, and no code to call."""
        return not (self._puts_out or self._command.then or not self._kept.is_empty)

    @property
    def _puts_out(self) -> bool:
        return bool(self._command.outputs or self._command.changed)

    def call(self) -> Call:
        """The call of the function. Raises UsageError, OSError."""
        function = self._command.run
        assert isinstance(function, Function)
        if self._command.changed:
            self._before = outputs.states(self._folder)
        self._told.tell(self._launched, self._setting.mark)
        self._began_at = monotonic()
        return Call(self._attempt, function, self, call_of(function, self._launched.cwd, self._variables()))

    def answered(self, outcome: Outcome) -> Outcome:
        """The outcome, from that of the call: its answer, or how its process ended."""
        status, self._usage = 0, outcome.facts or {}
        if isinstance(outcome, Success):
            self._answer = outcome.record
        elif isinstance(outcome, Failure):
            if isinstance(outcome.exception, OSError):
                return self.not_begun(outcome.exception)
            if "status" in outcome.error:
                status = outcome.error["status"]
            else:
                self._answer, status = outcome.error, 1
        try:
            return self._kept.ended(self._measured(status))
        except (MotetError, OSError) as error:
            return self._kept.ended(self._ending.broken(error))
        finally:
            self._launched.close()

    # -- how it ended

    def _measured(self, status: int) -> Outcome:
        """The outcome, with what the attempt took, and for how long it was in which phase."""
        ended_at = monotonic()
        outcome = self._ended(status)
        outcome.facts = {
            **self._left, **self._usage, "preparing_s": round(self._began_at - self._job.taken_at, 6),
            "running_s": round(ended_at - self._began_at, 6), "collecting_s": round(monotonic() - ended_at, 6),
        }  # fmt: skip
        return outcome

    def _ended(self, status: int) -> Outcome:
        launched = self._launched
        problem = (self._guard.problem(status) if self._guard is not None else None) or launched.problem(status)
        answer = self._answer or {}
        code = int(answer.get("exit", 0)) if "exit" in answer else exit_status(status)
        strict = not problem and self._ending.accepts(code) and self._job.stopping is None
        missing, files = self._ending.collected(launched, self._before, strict=strict)
        facts = {**launched.facts, **self._command.facts}
        if launched.settled.lost:
            self.line.say(not_kept(launched.settled.lost))
        removed = () if self._before is None else {*outputs.gone(self._folder, self._before), *launched.settled.removed}
        finished = Finished(
            code, files, answer.get("value"), self.line.stdout, self._folder, facts, launched.inputs,
            tuple(sorted(removed)),
        )  # fmt: skip
        if self._job.stopping is not None:
            return self._ending.stopped(finished, self._job.stopping)
        failed = self._ending.failed(finished, status, problem or missing, self._answer)
        return failed or self._succeeded(finished if self._command.folder else replace(finished, folder=""))

    def _succeeded(self, finished: Finished) -> Outcome:
        then = self._command.then
        try:
            value = finished if then is None else then(finished)
        except Exception as error:  # noqa: BLE001 - boundary: the voice's, or the user's, own code
            self.line.keep(str(error))
            return Failure(encode_error(error), error)
        self._is_done = True
        if finished.outputs:
            self._usage["outputs"] = as_json(finished)["outputs"]
        return Success(value)

    def free(self) -> None:
        """Its outcome was told: nobody needs what is only here, unless it failed."""
        self._told.ended()
        if self._is_done and not self._command.folder:
            self._setting.free_folder(self._own)


def _check(command: Command) -> None:
    for each in command.outputs:
        outputs.checked(each)
    cwd = os.path.normpath(command.cwd or ".")
    if os.path.isabs(cwd) or cwd.split("/")[0] == "..":
        raise UsageError(f"cwd {command.cwd!r} leads out of the step's folder.", "Give a path within it.")
    checked_env(command.env)


def _has_others(child: Child) -> bool:
    """Whether anything is left of the group but its leader, which has ended and is not reaped."""
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdigit() or int(name) == child.pid:
            continue
        with suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            if int(fields[2]) == child.pid and fields[0] not in "ZX":
                return True
    return False
