"""Results of steps kept for equal steps of later runs: what a step left in its folder, and what it published.

Equal are steps of the same process, environment (of the image that it stands for) and publisher, with the same
parameters and the same files in the folders of the steps before them. Where these folders are does not count.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from motet.dialects.yadage.packtivity.publishing import OWN
from motet.dialects.yadage.packtivity.settings import VOICE
from motet.errors import Conflict
from motet.executors.commands import outputs
from motet.executors.commands.mounts import Placed, copied
from motet.ports import Document
from motet.reuse import kept
from motet.values import folders
from motet.values.placeholders import mapped, texts_of
from motet.values.records import is_whole

if TYPE_CHECKING:
    from motet.kernel.events import Json
    from motet.ports.voice import Host


class Paths:
    """The folders that a step sees, its own first. In what is kept they stand as marks, so that it fits elsewhere."""

    def __init__(self, own: str, readonly: Sequence[str]) -> None:
        self.all = (own, *readonly)
        self._numbers = {path: number for number, path in reversed(list(enumerate(self.all)))}
        longest = sorted(self.all, key=len, reverse=True)
        self._found = re.compile(f"({'|'.join(map(re.escape, longest))})(?![\\w.-])")

    def out(self, value: Json) -> Json:
        """The value with marks for the folders."""
        return mapped(value, lambda text: self._found.sub(lambda found: f"\0{self._numbers[found[0]]}\0", text))

    def back(self, value: Json) -> Json:
        """The value with the folders for the marks."""
        return mapped(value, lambda text: re.sub("\0(\\d+)\0", lambda found: self.all[int(found[1])], text))


class Cache:
    """Where the result of one step would be kept.

    why_not  why none can be; "" if it can
    slot     its key with its parts, and what was found there
    """

    def __init__(self, host: Host, at: tuple[str, str, str], paths: Paths, workdir: str) -> None:
        """`at` are the ids of the run and of its step, and the task of that: by it `motet why` finds the nearest."""
        self._host = host
        self._run, self._key, self._task = at
        self._paths = paths
        self._workdir = workdir
        self.why_not = ""
        self.slot = kept.Slot("", {})

    def find(self, spec: str, place: Json, parameters: Json) -> Json | None:
        """What an equal step has left, which is in the folder then: {"published", "from"}; None if there is nothing.

        Raises OSError where the files cannot be put there, and what the stores raise.
        """
        try:
            files = [list(self._beside(parameters)), [folders.contents(folder, OWN) for folder in self._paths.all[1:]]]
        except OSError as error:
            self.why_not = f"a file that it may use cannot be read: {error}"
        if self.why_not:
            return None
        parts = {
            "step": spec, "environment": _digest(place), "parameters": _digest(self._paths.out(parameters)),
            "files": _digest(files),
        }  # fmt: skip
        key = _digest(parts)
        for each in (key, f"{key}#{self._key}"):  # several equal steps of a run, perhaps with random results
            self.slot = kept.Slot(each, parts)
            there = self._host.store.document(VOICE, kept.KIND, each)
            if there is None:
                return None
            is_others = there.body["run"] == self._run and there.body["step"] != self._key
            if not is_others and self._claimed(there):
                return self._taken(there.body)
        return None

    def _beside(self, parameters: Json) -> Iterator[Json]:
        """The files that the parameters name beside the folders, with their contents."""
        for text in texts_of(parameters):
            path = os.path.normpath(text)
            if not os.path.isabs(text) or any(path == each or path.startswith(f"{each}/") for each in self._paths.all):
                continue
            if os.path.isdir(path):
                self.why_not = f"it is given the folder {text}, in which anything may change"
            elif os.path.isfile(path):
                yield [text, folders.digest_of(path, os.stat(path))]

    def _claimed(self, there: Document) -> bool:
        """Whether it is this step's from now on, so that no other one of this run takes it too."""
        if there.body["tied"] and there.body["tied"] != list(self._paths.all):
            self.slot.missed = "its files name the folder where they were made"
            return False
        if not is_whole(there.body["record"], self._host.artifacts):
            self.slot.missed = "the files that were kept are gone or damaged"
            return False
        body = {**there.body, "run": self._run, "step": self._key}
        try:
            self._host.store.put_document(Document(VOICE, kept.KIND, there.key, body, there.version))
        except Conflict:
            return False
        return True

    def _taken(self, body: Json) -> Json:
        self.slot.found = body
        own, record = self._paths.all[0], body["record"]
        for path in record["folders"]:
            os.mkdir(os.path.join(own, path))
        for path, target in record["links"]:
            os.symlink(self._paths.back(target), os.path.join(own, path))
        for each in record["files"]:
            source = Placed("", self._host.artifacts.path(each["artifact"]), "cow", each["mode"])
            copied(source, os.path.join(own, each["path"]))
        return {"published": self._paths.back(record["published"]), "from": [body["run"], body["step"]]}

    def keep(self, published: Json) -> None:
        """Keep what is in the folder, and what was published of it. Raises what the stores raise."""
        everything = list(folders.entries(self._paths.all[0], OWN))
        links = [[path, os.readlink(entry.path)] for path, entry in everything if entry.is_symlink()]
        found = [(path, entry.path) for path, entry in everything if entry.is_file(follow_symlinks=False)]
        files = outputs.keep(found, self._host.artifacts, self._run, self._key)
        record = {
            "published": self._paths.out(published), "links": self._paths.out(links),
            "folders": [path for path, entry in everything if entry.is_dir(follow_symlinks=False)],
            "files": [
                {"path": each.path, "artifact": each.digest, "mode": each.mode, "size_bytes": each.size_bytes}
                for each in files
            ],
        }  # fmt: skip
        is_tied = any(folders.holds(path, self._workdir.encode()) for _, path in found)
        body = {
            "record": record, "run": self._run, "step": self._key, "task": self._task,
            "tied": list(self._paths.all) if is_tied else [],
        }  # fmt: skip
        kept.keep(self._host, VOICE, self.slot, body)


def _digest(value: Json) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
