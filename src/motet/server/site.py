"""What a server serves: one home, with its store, artifacts and logs. The place where these are opened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from motet import private
from motet.artifacts.files import FileArtifacts
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED
from motet.owners import BEGUN, is_dead, start_engine
from motet.ports import ArtifactStore, LogStore, Store
from motet.stores.logs import FileLogs
from motet.stores.sqlite import SqliteStore
from motet.values.secrets import Secrets

_PATIENCE_S = 600.0
_MOST_CHARS = 2000


@dataclass(frozen=True)
class Site:
    """A home, opened. Safe to be used from any thread."""

    home: str
    store: Store
    artifacts: ArtifactStore
    logs: LogStore

    def start(self, run: str) -> None:
        """Start a process that drives the run, unless one does: where its own folder is, if that is still there."""
        row = self.store.run(run)
        if row.status in ENDED or (row.owner is not None and not is_dead(row.owner)):
            return
        folder = str(row.program.get("begun", {}).get("folder") or "")
        start_engine(self.home, run, folder if os.path.isdir(folder) else self.home)

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
