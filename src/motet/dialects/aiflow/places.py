"""Where files of executions stand: below AIFLOW_HOME.

working_dir/WORKFLOW/EXECUTION/STEM/           the files of the snapshot; the script, whose `__file__` lies here
logs/WORKFLOW/EXECUTION/TASK/NUMBER.log        what each execution of a task has written
"""

from __future__ import annotations

import os

__all__ = ["expand_env_var", "get_aiflow_home"]

LOGS, WORK = "logs", "working_dir"


def get_aiflow_home() -> str:
    """$AIFLOW_HOME; else `aiflow` in $MOTET_HOME, if that is set, or else in the user's home folder."""
    given = os.environ.get("AIFLOW_HOME")
    if not given:
        given = os.path.join(os.environ.get("MOTET_HOME") or "~", "aiflow")
    return os.path.abspath(expand_env_var(given))


def expand_env_var(env_var: str) -> str:
    """The text with variables and `~` replaced by what they stand for, until nothing changes any more."""
    while (found := os.path.expanduser(os.path.expandvars(env_var))) != env_var:
        env_var = found
    return env_var


def working_dir(home: str, workflow: str, execution: int) -> str:
    """The folder of an execution."""
    return os.path.join(home, WORK, workflow, str(execution))


def logs_dir(home: str, workflow: str, execution: int) -> str:
    """The folder of what its tasks write."""
    return os.path.join(home, LOGS, workflow, str(execution))
