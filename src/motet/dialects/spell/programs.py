"""The program of a run: its command, and beside that, where it is a workflow's master, the runs that this asks for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from motet.dialects.spell import door, mounting, runs, words, workflows
from motet.dialects.spell.machines import machine
from motet.dialects.spell.requests import RunRequest
from motet.errors import NotFound, UsageError
from motet.executors.commands.folders import as_json
from motet.executors.commands.spec import ANY, Command, Container, Finished, Sandbox
from motet.executors.commands.tools import tools
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, View
from motet.kernel.transitions import CANCELLED, ENDED, FAILED, SUCCEEDED
from motet.ports import Attempt, Failure, Outcome, RunRow, Success
from motet.ports.execution import Prepared, Settled
from motet.values.naming import id_within

if TYPE_CHECKING:
    from motet.engine.session import Session
    from motet.kernel.events import Json
    from motet.kernel.state import Step
    from motet.ports.voice import Host

_BASH = "/bin/bash"
_RETRY_S = 1.0


class SpellProgram:
    """Adds the command, and ends as that has ended. Workers are added as steps by the door: see `workflows`."""

    def __init__(self, host: Host, row: RunRow) -> None:
        self._host = host
        self._row = row
        self._request = RunRequest.from_json(row.program["request"])

    def advance(self, view: View) -> Iterable[Action]:
        """The command; then the end."""
        step = view.state.steps.get(words.STEP)
        if step is None:
            call: Json = {"command": self._request.substituted, "given": _given(self._row.program)}
            yield AddStep(words.STEP, self._request.title, call=call, policy=self._policy(), name=words.STEP)
        elif step.status == SUCCEEDED:
            yield Finish(SUCCEEDED, {"json": {"status": words.COMPLETE, "exit_code": 0}})
        elif view.ended(words.STEP):
            yield self._end(step.error if isinstance(step.error, dict) else {})

    def _policy(self) -> Policy:
        """What mostly waits for other runs takes no place for commands; nor does a run for which one that has a place
        waits, which would wait for that one's.
        """
        request = self._request
        limit_s = None if request.timeout_minutes is None else request.timeout_minutes * 60
        demands = machine(request.machine_type, self._host.resources, self._host.home).demands
        has_none = request.run_type != "user" or self._row.program.get("within_place", False)
        return Policy(
            retries=request.retries, delays_s=(_RETRY_S,), backoff=2.0, timeout_s=limit_s, grace_s=request.grace_s,
            demands=demands, executor="commands", slot=not has_none,
        )  # fmt: skip

    def _end(self, error: Mapping[str, Any]) -> Finish:
        """A bad exit status is `complete` to Spell. To Motet the run has failed, so that it can be resumed."""
        code = (error.get("finished") or {}).get("exit_code")
        status = words.STOPPED if error.get("type") == "TimedOut" else error.get("spell", words.FAILED)
        if status == words.FAILED and code is not None and not self._request.strict:
            status = words.COMPLETE
        return Finish(FAILED, error={**error, "spell": status, "exit_code": code, "finished": None})

    def is_final(self, step: Step) -> bool:
        """A worker that has ended is not run again when its workflow is resumed, unless its master's end stopped it."""
        if not step.key.startswith(words.WORKER):
            return False
        try:
            row = self._host.store.run(id_within(self._row.id, step.key))
        except NotFound:
            return False
        reason = runs.stop_reason(self._host.store, row.id) if row.status == CANCELLED else ""
        return row.status in ENDED and not reason.startswith(words.PART_REASON)

    def call(self, session: Session, step: Step) -> SpellCall:
        """What carries out the command."""
        return SpellCall(self._host, self._row, self._request)


def _given(program: Mapping[str, Any]) -> Json:
    """The artifacts that the run is given, by resource: so it stands among what was made of them."""
    code = {"code": {"artifact": program["code"]["artifact"]}} if program["code"] else {}
    files = {each["resource"]: [{"artifact": file["artifact"]} for file in each["files"]] for each in program["mounts"]}
    return {**code, **files}


class SpellCall:
    """The `Call` of a run's command. Its record is {"exit_code", "outputs", "removed"}, whole."""

    def __init__(self, host: Host, row: RunRow, request: RunRequest) -> None:
        self._host = host
        self._row = row
        self._request = request

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared:
        """The function that makes the command."""
        work = Work(self._host, self._row, self._request, attempt)
        return Prepared(work.begin, context={"run": self._row.id, "key": words.STEP, "attempt": attempt})

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """How the command has ended. A bad exit status may be tried again."""
        unasked = (
            workflows.unasked(self._host, self._row.id, attempt.number) if self._request.run_type != "user" else ()
        )
        if isinstance(outcome, Success):
            record = outcome.value
            if record["exit_code"]:
                told = f"The command exited with {record['exit_code']}."
                if attempt.number <= self._request.retries:
                    workflows.tell(self._host, self._row.id, attempt.number, f"{told} It is tried again.")
                return Settled(False, error={"type": "CommandFailed", "message": told, "finished": record})
            for each in unasked:  # one that ended badly may have had no time to ask
                workflows.tell(self._host, self._row.id, attempt.number, each)
            return Settled(True, record)
        assert isinstance(outcome, Failure)
        error = outcome.error
        if not error.get("finished") and error.get("type") != "TimedOut":  # it was never begun
            status = words.MOUNT_FAILED if isinstance(outcome.exception, UsageError) else words.BUILD_FAILED
            return Settled(False, error={"spell": status, **error}, retry=False)
        return Settled(False, error=error)


class Work:
    """One attempt at a run's command, in the thread that makes it ready."""

    def __init__(self, host: Host, row: RunRow, request: RunRequest, attempt: int) -> None:
        self._host = host
        self._row = row
        self._request = request
        self._attempt = attempt
        self.folder = mounting.folder_of(host.home, row.id, 0 if request.retries else attempt)

    def begin(self) -> Command:
        """The command, with its code, what is mounted, and its environment in place. Raises MotetError, OSError."""
        request, program = self._request, self._row.program
        if not (request.retries and os.path.isdir(self.folder)):
            shutil.rmtree(self.folder, ignore_errors=True)
            os.makedirs(self.folder)
            mounting.lay_out(self._host.artifacts, self.folder, program)
        mounts = mounting.mounts(self._host.artifacts, self.folder + ".mounted", program["mounts"])
        has_bash = os.path.exists(_BASH) and not request.docker_image  # an image has a shell, not always that one
        shell = [_BASH, "-c", request.substituted] if has_bash else request.substituted
        image, gpus = request.docker_image, "all" if "gpu" in program["machine"]["told"] else ""
        place = Container(image, network="host", gpus=gpus, workdir=words.SPELL) if image else None
        return Command(
            shell, folder=self.folder, cwd=request.cwd, env=self._variables(), changed=True, mounts=mounts,
            place=place or Sandbox(gpus=True, workdir=words.SPELL), accept=ANY, then=self._ended,
        )  # fmt: skip

    def _variables(self) -> dict[str, str | None]:
        found = {**door.variables(self._host, self._row, self._attempt), **self._request.envvars}
        if (asked := self._request.packages) and (mine := tools()) is not None:
            folder = os.path.dirname(mounting.python_with(asked, mine))
            found["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
        return {**found}

    def _ended(self, finished: Finished) -> Json:
        for path in (self.folder, self.folder + ".mounted"):
            if not self._request.retries or not finished.exit_code:
                shutil.rmtree(path, ignore_errors=True)
        told = as_json(finished)
        return {name: told[name] for name in ("exit_code", "outputs", "removed")}
