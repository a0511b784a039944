"""Tasks that are applications and queries of Spark, run by the user's own `spark-submit` and `spark-sql`."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

from motet.dialects.aiflow.model.contexts import Context
from motet.dialects.aiflow.model.words import AIFlowException, TaskFailedException
from motet.dialects.aiflow.model.workflow import AIFlowOperator
from motet.dialects.aiflow.operators.plain import Program, executable

__all__ = ["SparkSqlOperator", "SparkSubmitOperator"]

_APPLICATION = re.compile(r"(application[0-9_]+)")
_DRIVER = re.compile(r"[Pp]od name: ((?:\S+?)-driver)")
_EXIT = re.compile(r"[Ee]xit code: (\d+)")


class SparkSubmitOperator(AIFlowOperator):
    """Runs an application by `spark-submit`.

    application_args, submit_options  as they would be typed
    env_vars                          for the application: on YARN and Kubernetes for its driver
    """

    def __init__(
        self, name: str, application: str, application_args: str | None = None, executable_path: str | None = None,
        master: str = "yarn", deploy_mode: str = "client", application_name: str | None = None,
        submit_options: str | None = None, k8s_namespace: str | None = None, env_vars: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, **kwargs)
        self._application = [application, *shlex.split(application_args or "")]
        self._executable = executable_path
        self._master = master
        self._deploy_mode = deploy_mode
        self._title = application_name or f"spark_submit_task_{name}"
        self._options = shlex.split(submit_options or "")
        self._namespace = k8s_namespace
        self._env = env_vars or {}
        self._check_place()
        self._program: Program | None = None
        self._yarn = self._driver = self._exit = ""

    def _check_place(self) -> None:
        if self._deploy_mode == "cluster" and self._master.startswith(("spark://", "mesos")):
            raise AIFlowException(f"Task {self.name}: {self._master} has no cluster mode here.", "Use client mode.")
        if self._on_kubernetes and not self._namespace:
            raise AIFlowException(f"Task {self.name}: {self._master} needs k8s_namespace.")
        if self._env and self._deploy_mode == "cluster" and not (self._on_yarn or self._on_kubernetes):
            raise AIFlowException(f"Task {self.name}: {self._master} takes env_vars in client mode only.")

    @property
    def _on_kubernetes(self) -> bool:
        return self._master.startswith("k8s")

    @property
    def _on_yarn(self) -> bool:
        return self._master.startswith("yarn")

    def command(self) -> list[str]:
        """What is run."""
        words = [executable(self._executable, "spark-submit", "SPARK_HOME"), "--master", self._master]
        words += ["--deploy-mode", self._deploy_mode, "--name", self._title]
        prefix = "spark.kubernetes.driverEnv" if self._on_kubernetes else "spark.yarn.appMasterEnv"
        if self._on_yarn or self._on_kubernetes:
            for name, value in self._env.items():
                words += ["--conf", f"{prefix}.{name}={value}"]
        if self._on_kubernetes:
            words += ["--conf", f"spark.kubernetes.namespace={self._namespace}"]
        return [*words, *self._options, *self._application]

    def start(self, context: Context) -> None:
        env = None if self._on_kubernetes else {name: str(value) for name, value in self._env.items()}
        self._program = Program(self.command(), self.log, env, self._heard)

    def _heard(self, line: str) -> None:
        if found := _APPLICATION.search(line):
            self._yarn = found[1]
        if found := _DRIVER.search(line):
            self._driver = found[1]
        if found := _EXIT.search(line):
            self._exit = found[1]

    def await_termination(self, context: Context, timeout: int | None = None) -> None:
        assert self._program is not None
        self._program.check(timeout)
        if self._on_kubernetes and self._deploy_mode == "cluster" and self._exit != "0":
            raise TaskFailedException(f"The driver has ended with exit code {self._exit or 'unknown'}.")

    def stop(self, context: Context) -> None:
        if self._program is not None:
            self._program.stop()
        if self._yarn and self._on_yarn:
            Program(["yarn", "application", "-kill", self._yarn], self.log).check()
        elif self._driver:
            Program(["kubectl", "delete", "pod", "-n", str(self._namespace), self._driver], self.log).check()


class SparkSqlOperator(AIFlowOperator):
    """Runs a query, or a file of queries (`.sql`, `.hql`), by `spark-sql`. Its settings say where "yarn" is."""

    def __init__(
        self, name: str, sql: str, master: str = "yarn", application_name: str | None = None,
        executable_path: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, **kwargs)
        self._sql = sql
        self._master = master
        self._title = application_name or f"spark_sql_task_{name}"
        self._executable = executable_path
        self._program: Program | None = None

    def command(self) -> list[str]:
        """What is run."""
        words = [executable(self._executable, "spark-sql", "SPARK_HOME")]
        words += [] if self._master == "yarn" else ["--master", self._master]
        is_file = os.path.splitext(self._sql.strip())[1] in (".sql", ".hql")
        return [*words, "--name", self._title, "-f" if is_file else "-e", self._sql.strip() if is_file else self._sql]

    def start(self, context: Context) -> None:
        self._program = Program(self.command(), self.log)

    def await_termination(self, context: Context, timeout: int | None = None) -> None:
        assert self._program is not None
        self._program.check(timeout)

    def stop(self, context: Context) -> None:
        if self._program is not None:
            self._program.stop()
