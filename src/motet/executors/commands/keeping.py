"""The checkpoint folder of a command: filled for an attempt, kept when the program says so, or as it was left.

A program that says when what it has written is whole (see `values.marks`) begins its next attempt from exactly that.
One that never says so finds the folder as the last attempt left it: then it writes as for any file that must survive a
kill, under another name, to be renamed.
"""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from motet.errors import MotetError, NotFound
from motet.executors.commands.folders import attempt_folder
from motet.executors.commands.mounts import Placed
from motet.executors.commands.spec import Host, Place
from motet.ports import Outcome, Success
from motet.private import make_folder
from motet.values.marks import DONE, REFUSED, answer, labels_of, said
from motet.values.snapshots import Snapshot, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from motet.kernel.events import Json
    from motet.ports import ArtifactStore, Attempt

VARIABLE = "MOTET_CHECKPOINT"

_SPARES = 64
_LOOK_S = 0.2
"""How often it is looked whether programs have said something. Those that wait for the answer lose half of it."""


class Keeping:
    """The checkpoints of one attempt at a command, in the folder `path`, which stays with the step between attempts.

    `say` writes a line to the attempt's log.
    """

    def __init__(self, path: str, attempt: Attempt, watch: Watch, say: Callable[[str], None]) -> None:
        self.path = path
        self._watch = watch
        self._attempt = attempt
        self._say = say
        self._entries: list[Json] = list(attempt.context.get("checkpoints") or ())
        self._speaks = bool(self._entries) and self._entries[0].get("whole", True)
        self._lock = threading.Lock()

    def begin(self, place: Place) -> list[Placed]:
        """Have the folder there, with what the attempt begins from; gives what is to be mounted for it in that place.

        Raises OSError.
        """
        if self._entries and (self._speaks or not os.path.isdir(self.path)):
            self._restore()
        else:
            self._make()
        self._watch.add(self)
        return [] if isinstance(place, Host) else [Placed(self.path, self.path, "rw")]

    def _make(self) -> None:
        if not self._watch.make_folder(self.path):  # left by an attempt whose engine was killed
            for name in (DONE, REFUSED):
                with suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.path, name))

    def _restore(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        for entry in self._entries:
            part = f"{self.path}.part"
            shutil.rmtree(part, ignore_errors=True)
            os.makedirs(part)
            try:
                Snapshot(self._watch.artifacts().get(entry["content"]["artifact"])).restore(part)
            except (NotFound, ValueError) as error:
                self._say(f"motet: checkpoint {entry['number']} is passed over for the one before it: {error}")
                continue
            os.rename(part, self.path)
            return
        os.makedirs(self.path, exist_ok=True)

    @property
    def is_empty(self) -> bool:
        """Whether the program has written nothing."""
        try:
            return not os.listdir(self.path)
        except OSError:
            return True

    def look(self) -> None:
        """Keep what is in the folder, if the program has said that it is whole. From any thread."""
        if not os.path.lexists(os.path.join(self.path, DONE)):
            return
        with self._lock:
            why = ""
            try:
                text = said(self.path)
                if text is None:  # another thread was faster
                    return
                self._keep(labels_of(text), whole=True)
                self._speaks = True
            except (MotetError, OSError) as error:
                why = self._refused(error)
            try:
                answer(self.path, why)
            except OSError:  # the folder is gone, or the program plays with it
                self._watch.remove(self)

    def _keep(self, labels: Mapping[str, Json], *, whole: bool) -> None:
        keep, artifacts = self._attempt.keep, self._watch.artifacts()
        if keep is None:
            return
        of = f"{self._attempt.run}/{self._attempt.key}#{os.urandom(8).hex()}"
        stored = artifacts.put_stream(packed(of, None, self.path))
        try:
            keep({"digest": stored.digest, "size_bytes": stored.size_bytes, "labels": labels, "whole": whole})
        except MotetError:
            artifacts.remove(stored.digest)
            raise

    def _refused(self, error: MotetError | OSError) -> str:
        told = error.what if isinstance(error, MotetError) else str(error)
        self._say(f"motet: this checkpoint was not kept: {told}")
        return told

    def ended(self, outcome: Outcome) -> Outcome:
        """The outcome, with which the attempt has ended."""
        self.end(succeeded=isinstance(outcome, Success))
        return outcome

    def end(self, *, succeeded: bool) -> None:
        """The program has ended: keep what it has said last; or, if it has not succeeded, the folder as it left it."""
        self._watch.remove(self)
        is_empty = self.is_empty
        if not is_empty:
            self.look()
            if not (succeeded or self._speaks or self.is_empty):
                try:
                    self._keep({}, whole=False)
                except (MotetError, OSError) as error:  # then the folder itself is what there is
                    self._refused(error)
                    return
        self._watch.free_folder(self.path, is_empty=is_empty)

    def leave(self) -> None:
        """The program was never begun, or it is not known how it ended: the folder stays for the next attempt."""
        self._watch.remove(self)


class Watch:
    """Looks into the folders of the attempts that are under way, in a thread that ends when there are none.

    folder     below it runs have their folders; `artifacts` gives the store for what is kept
    """

    def __init__(self, folder: str, artifacts: Callable[[], ArtifactStore]) -> None:
        self._folder = folder
        self._spares: list[str] = []
        self._serial = count()
        self.artifacts = artifacts
        self._watched: dict[Keeping, None] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def keeping(self, attempt: Attempt, key: str, say: Callable[[str], None]) -> Keeping:
        """The checkpoints of an attempt at the step, or the element of a map, with that key."""
        return Keeping(attempt_folder(self._folder, attempt.run, f"{key}.checkpoint", 0), attempt, self, say)

    def add(self, each: Keeping) -> None:
        """Look into its folder from now on."""
        with self._lock:
            self._watched[each] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="motet-checkpoints", daemon=True)
                self._thread.start()

    def remove(self, each: Keeping) -> None:
        """Look into its folder no more."""
        with self._lock:
            self._watched.pop(each, None)

    def make_folder(self, path: str) -> bool:
        """Make a folder there, of one that was left empty where there is such, which costs less. False if there is
        one. Raises OSError.
        """
        if os.path.lexists(path):
            return False
        with suppress(OSError, IndexError):
            os.rename(self._spares.pop(), path)
            return True
        make_folder(os.path.dirname(path))
        os.mkdir(path)
        return True

    def free_folder(self, path: str, *, is_empty: bool) -> None:
        """Nobody needs the folder any more."""
        if is_empty and len(self._spares) < _SPARES:
            with suppress(OSError):
                spare = os.path.join(self._folder, f".checkpoint-{os.getpid()}-{next(self._serial)}")
                if os.stat(path).st_mode & 0o700 == 0o700:
                    os.rename(path, spare)
                    self._spares.append(spare)
                    return
        shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        while self._spares:
            with suppress(OSError):
                os.rmdir(self._spares.pop())

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_S):
            with self._lock:
                watched = list(self._watched)
                if not watched:
                    self._thread = None
                    return
            for each in watched:
                each.look()
