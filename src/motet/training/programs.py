"""Checkpoints of a program that a command runs: what it keeps goes through the folder $MOTET_CHECKPOINT."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from motet.errors import ExecutorError
from motet.kernel.events import Json
from motet.values.marks import DONE, REFUSED, STATE, say_done
from motet.values.pickle import Part

_PATIENCE_S = 60.0
_LOOK_S = 0.02


class Program:
    """The attempt that has started this program, seen through its folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.run = os.environ.get("MOTET_RUN", "")
        self.step = os.environ.get("MOTET_STEP", "")
        self.memory = _memory

    def make_folder(self) -> str:
        """See `places.Place`."""
        return self.folder

    def keep(self, state: Sequence[Part] | None, folder: str, labels: Mapping[str, Json]) -> int:
        """See `places.Place`. Waits until the engine has copied the folder."""
        if state is not None:
            part = os.path.join(folder, f"{STATE}.part")
            with open(part, "wb") as file:
                for each in state:
                    file.write(each)
            os.replace(part, os.path.join(folder, STATE))
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, REFUSED))
        say_done(folder, labels)
        done, until = os.path.join(folder, DONE), time.monotonic() + _PATIENCE_S
        while os.path.exists(done):
            if time.monotonic() > until:
                raise ExecutorError(f"The checkpoint in {folder} was not taken within {_PATIENCE_S:g} s.", _CURE)
            time.sleep(_LOOK_S)
        with suppress(FileNotFoundError), open(os.path.join(folder, REFUSED)) as file:
            raise ExecutorError(f"The checkpoint in {folder} was not kept: {file.read().strip()}", _CURE)
        self.memory["number"] = self.memory.get("number", 0) + 1
        return int(self.memory["number"])

    def last_state(self) -> memoryview | None:
        """See `places.Place`."""
        try:
            with open(os.path.join(self.folder, STATE), "rb") as file:
                return memoryview(file.read())
        except FileNotFoundError:
            return None


_memory: dict[str, Any] = {}
_CURE = "The log of the step tells more: motet logs RUN STEP."
