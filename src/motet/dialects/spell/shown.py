"""What is shown of runs, their logs, their files and workflows: plain records, the same in a run as outside of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motet.kernel.events import Json
from motet.records import Record, field


class RunView(Record):
    """A run as it stands.

    number          its id among the runs of its owner; 0 for one that has none
    run             Motet's own id of it
    status          Spell's word; see `words`
    user_exit_code  what its command has exited with; None as long as that is not known
    command         with its parameters in place
    request         all that was asked for, as `RunRequest.to_json` has it
    machine         what the machine type came to here, in words
    code            what its folder was made of: {"commit", "repository", "uncommitted", ...}
    why             why it ended so, or why an earlier run was taken for it; "" for nothing to tell
    already_existed whether an earlier run was taken for it
    warnings        what was odd in what was asked
    """

    number: int
    run: str
    status: str
    command: str
    creator: str = ""
    user_exit_code: int | None = None
    request: Mapping[str, Json] = field(default_factory=dict)
    machine: str = ""
    code: Mapping[str, Json] = field(default_factory=dict)
    labels: Sequence[str] = ()
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    why: str = ""
    already_existed: bool = False
    warnings: Sequence[str] = ()
    archived: bool = False

    def asked(self, name: str, default: Json = None) -> Any:
        """A field of what was asked for; the default where it was left out."""
        return self.request.get(name, default)


class LogEntry(Record):
    """A line of a run's log. `status_event` says that it tells of a status, not of what happened in it."""

    status: str
    log: str
    at: float
    status_event: bool = False
    level: str = ""


class Listed(Record):
    """What `ls` shows of a path: a folder ends in "/", and has no size."""

    path: str
    size_bytes: int | None = None
    at: float | None = None
    link_target: str = ""


class WorkflowView(Record):
    """A workflow: its number, the number of its master, and those of its workers so far, in order.

    repos  what stands under which label: {label: record of code}
    """

    number: int
    managing_run: int
    runs: Sequence[int] = ()
    repos: Mapping[str, Json] = field(default_factory=dict)
    created_at: float = 0.0


KINDS: Mapping[str, type[Record]] = {each.__name__: each for each in (RunView, LogEntry, Listed, WorkflowView)}
