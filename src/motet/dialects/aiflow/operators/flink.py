"""Tasks that are jobs of Flink, submitted by the user's own `flink`."""

from __future__ import annotations

import re
import shlex
import shutil
import time
from typing import Any

from motet.dialects.aiflow.model.contexts import Context
from motet.dialects.aiflow.model.words import AIFlowException, TaskFailedException
from motet.dialects.aiflow.model.workflow import AIFlowOperator
from motet.dialects.aiflow.operators.plain import Program, executable, said_by

__all__ = ["FlinkOperator"]

_RUN_TARGETS = (None, "local", "remote", "yarn-per-job", "yarn-session", "kubernetes-session")
_NEEDS = {"yarn-application": "yarn", "kubernetes-application": "kubectl"}
"""Targets of the application mode, with the program that each needs."""

_JOB = re.compile(r"^Job has been submitted with JobID ([a-z0-9]+)")
_APPLICATION = re.compile(r"(application[0-9_]+)")
_TRIES = 10


class FlinkOperator(AIFlowOperator):
    """Runs a job by `flink run` (in application mode by `flink run-application`), and follows it to its end.

    application_args, command_options   as they would be typed
    stop_with_savepoint                 stop by `flink stop`, which makes a savepoint, instead of `flink cancel`
    jobs_info_poll_interval             in application mode the job's state is looked up each so many seconds
    """

    def __init__(
        self, name: str, application: str, target: str | None = None, application_args: str | None = None,
        executable_path: str | None = None, application_mode: bool = False, stop_with_savepoint: bool = False,
        kubernetes_cluster_id: str | None = None, command_options: str | None = None,
        jobs_info_poll_interval: int = 1, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, **kwargs)
        self._target = target
        self._application = [application, *shlex.split(application_args or "")]
        self._executable = executable_path
        self._application_mode = application_mode
        self._stop_with_savepoint = stop_with_savepoint
        self._cluster = kubernetes_cluster_id
        self._options = shlex.split(command_options or "")
        self._poll_s = jobs_info_poll_interval
        self._check_target()
        self._program: Program | None = None
        self._job = self._yarn = ""

    def _check_target(self) -> None:
        known = tuple(_NEEDS) if self._application_mode else _RUN_TARGETS
        if self._target not in known:
            mode = "application mode" if self._application_mode else "this mode"
            told = ", ".join(each for each in known if each)
            raise AIFlowException(
                f"Task {self.name}: {self._target} is no target of Flink's in {mode}.", f"Use {told}."
            )
        needed = _NEEDS.get(self._target or "")
        if needed and shutil.which(needed) is None:
            raise AIFlowException(f"Task {self.name}: {self._target} needs {needed}, which is not on PATH.")
        if self._target == "kubernetes-application" and not self._cluster:
            raise AIFlowException(f"Task {self.name}: {self._target} needs kubernetes_cluster_id.")

    def command(self) -> list[str]:
        """What is run."""
        verb = "run-application" if self._application_mode else "run"
        words = [executable(self._executable, "flink", "FLINK_HOME"), verb]
        if self._target:
            words += ["--target", self._target]
        if self._cluster:
            words.append(f"-Dkubernetes.cluster-id={self._cluster}")
        if self._target == "kubernetes-application":
            words.append("-Dexecution.shutdown-on-application-finish=false")
        return [*words, *self._options, *self._application]

    def start(self, context: Context) -> None:
        self._program = Program(self.command(), self.log, heard=self._heard)

    def _heard(self, line: str) -> None:
        if found := _JOB.search(line):
            self._job = found[1]
        if found := _APPLICATION.search(line):
            self._yarn = found[1]

    def await_termination(self, context: Context, timeout: int | None = None) -> None:
        assert self._program is not None
        self._program.check(timeout)
        if self._target == "yarn-application":
            self._follow_yarn()
        elif self._target == "kubernetes-application":
            self._follow_kubernetes()

    def stop(self, context: Context) -> None:
        """Cancel the job, after the client has ended. Raises AIFlowException where it has not said which job it is."""
        if self._program is not None:
            self._program.stop()
        if not self._job:
            raise AIFlowException("Flink job id has not been obtained.")
        words = [executable(self._executable, "flink", "FLINK_HOME"), "stop" if self._stop_with_savepoint else "cancel"]
        if self._yarn:
            words += ["-yid", self._yarn]
        elif self._target:
            words += ["-t", self._target]
            words += [f"-Dkubernetes.cluster-id={self._cluster}"] if self._cluster else []
        Program([*words, self._job], self.log).check()

    def _follow_yarn(self) -> None:
        while True:
            told = said_by(["yarn", "application", "--status", self._yarn], self.log)
            state = re.search(r"Final-State : (\w+)", told)
            if state and state[1] != "UNDEFINED":
                if state[1] != "SUCCEEDED":
                    raise TaskFailedException(f"Application {self._yarn} has ended: {state[1]}.")
                return
            time.sleep(self._poll_s)

    def _follow_kubernetes(self) -> None:
        listing = [executable(self._executable, "flink", "FLINK_HOME"), "list", "-a", "--target", str(self._target)]
        listing.append(f"-Dkubernetes.cluster-id={self._cluster}")
        unknown = 0
        try:
            while unknown < _TRIES:
                found = re.search(r": ([a-z0-9]{32}) : .*\((\w+)\)", said_by(listing, self.log))
                unknown = 0 if found else unknown + 1
                if found:
                    self._job = found[1]
                if found and found[2] in ("FAILED", "CANCELED"):
                    raise TaskFailedException(f"Job {self._job} has ended: {found[2]}.")
                if found and found[2] == "FINISHED":
                    return
                time.sleep(self._poll_s)
            raise TaskFailedException(f"Flink lists no job of the cluster {self._cluster}.")
        finally:
            Program(["kubectl", "delete", f"deployment/{self._cluster}"], self.log).wait()
