"""What a server serves: one home, with its store, artifacts and logs. The place where these are opened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from motet import private
from motet.artifacts.files import FileArtifacts
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.owners import BEGUN, is_dead
from motet.ports import ArtifactStore, LogStore, RunRow, Store
from motet.ports.routes import OPERATE, READ, Caller, may
from motet.registry.starting import start_engine
from motet.server import tokens
from motet.stores.logs import FileLogs
from motet.stores.sqlite import SqliteStore
from motet.values.secrets import Secrets
from motet.views.columns import Courses

_PATIENCE_S = 600.0
_MOST_CHARS = 2000


@dataclass(frozen=True)
class Site:
    """A home, opened. Safe to be used from any thread."""

    home: str
    store: Store
    artifacts: ArtifactStore
    logs: LogStore

    @cached_property
    def courses(self) -> Courses:
        """The courses of the runs that were looked at last."""
        return Courses(self.store)

    def start(self, run: str, command: Sequence[str] = ()) -> None:
        """Start a process that drives the run, unless one does: where it was begun, if that folder is still there.

        `command` is another one that does so, in place of `motet engine RUN`.
        """
        row = self.store.run(run)
        if row.owner is None or is_dead(row.owner):
            start_engine(self.home, row, self.folder_of(row), command)

    def folder_of(self, row: RunRow) -> str:
        """Where the run was begun, if that is still there; else the home."""
        folder = str(row.program.get("begun_by", {}).get("folder") or "")
        return folder if os.path.isdir(folder) else self.home

    def now(self) -> float:
        """The time."""
        return time.time()

    def allows(self, token: str, operate: bool) -> bool:
        """Whether that token lets its user look; with `operate`, also begin and steer runs."""
        caller = self.known(token)
        return caller is not None and may(caller.role, OPERATE if operate else READ)

    def known(self, token: str) -> Caller | None:
        """Whose token that is; None for one that nobody has, or that has ended."""
        return tokens.caller_of(self.store, self.home, token)

    def still(self, caller: Caller) -> bool:
        """Whether the token by which the caller came in still lets them in."""
        return tokens.still(self.store, caller)

    def issue(self, caller: Caller, note: str, for_s: float | None = None, only: str = "") -> str:
        """A further token for the caller, with that note, for so long; with `only` just for paths that begin so, and no
        longer than the one that the caller has shown.
        """
        tokens.forget_ended(self.store)
        return tokens.limited(self.store, caller, note, for_s, only)

    def issued(self, user: str) -> Mapping[str, tuple[str, float]]:
        """The tokens of the user: of each, by its id, the note and when it was made."""
        return {it.id: (it.note, it.created_at) for it in tokens.every(self.store) if it.user == user}

    def revoke(self, token: str) -> None:
        """Let the token with that id be none any more. Raises NotFound."""
        tokens.revoke(self.store, token)

    def command(self, name: str, arguments: Sequence[str], folder: str, begun: Mapping[str, str]) -> Json:
        """What the command prints as JSON, carried out by a process of its own in that folder: it may load code of
        users, which this process never does. Raises UsageError for what the command refuses.
        """
        given = {**os.environ, "MOTET_HOME": self.home, BEGUN: json.dumps(dict(begun))}
        call = [sys.executable, "-P", "-m", "motet.cli", name, "--json", *arguments]
        try:
            done = subprocess.run(
                call,
                cwd=folder,
                env=given,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE_S,
                text=True,
            )
        except subprocess.TimeoutExpired:
            raise UsageError(f"motet {name} took more than {_PATIENCE_S:.0f} s.", "Try it by hand.") from None
        except (OSError, ValueError) as error:  # a NUL, or more than the system takes
            raise UsageError(f"motet {name} cannot be asked so: {error}.", "Give less, without NUL.") from None
        try:
            told = json.loads(done.stdout.strip().rpartition("\n")[2])
        except ValueError:
            raise UsageError(f"motet {name} failed: {done.stderr[-_MOST_CHARS:]}", "Try it by hand.") from None
        if done.returncode and "error" in told:
            raise UsageError(told["error"], told["cure"])
        return told

    def close(self) -> None:
        """Let go of files and connections."""
        self.store.close()


def open_site(home: str) -> Site:
    """The site of that home, made at first use. Raises StoreError, also where others may write to it."""
    private.make_folder(home)
    artifacts = FileArtifacts(os.path.join(home, "artifacts"), durability="normal")
    logs = FileLogs(os.path.join(home, "logs"), hide=Secrets(home).hide)
    return Site(home, SqliteStore(home), artifacts, logs)
