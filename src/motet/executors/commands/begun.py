"""Commands that have begun, as files beside their folders: so others find them while they run, and what they have put
out is found when their engine is gone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from motet import private
from motet.errors import CommandFailed
from motet.executors.commands import outputs
from motet.executors.commands.child import kill_all
from motet.executors.commands.folders import as_json, attempt_folder
from motet.executors.commands.places import Launch
from motet.executors.commands.spec import Command, Finished, Host
from motet.executors.commands.uppers import settle_all

if TYPE_CHECKING:
    from motet.kernel.events import Json
    from motet.ports import ArtifactStore, Attempt

_ENDING = ".begun.json"
_LOST = 137
"""The exit status of what was killed with its engine."""


class Begun:
    """What is written down of one command for as long as it runs. `own` is the attempt's own folder."""

    def __init__(self, attempt: Attempt, key: str, command: Command, folder: str, own: str) -> None:
        self._path = own + _ENDING
        self._run = attempt.run
        self._told: dict[str, Json] = {
            "step": key, "attempt": attempt.number, "folder": folder, "outputs": list(command.outputs),
            "changed": command.changed,
        }  # fmt: skip
        self._wanted = bool(command.outputs or command.changed or command.folder or not isinstance(command.place, Host))

    def left(self, artifacts: Callable[[], ArtifactStore]) -> dict[str, Json]:
        """As a fact of this attempt ({"left": ...}), what the same one has put out with an engine that died before its
        start was recorded, so that nobody else tells of it; {} if there is nothing. Whatever of it still runs is ended.
        """
        told = _read(self._path) if self._wanted else None
        found = [] if told is None else list(_left(told, self._run, artifacts()))
        return {"left": found} if found else {}

    def tell(self, launched: Launch, mark: str) -> None:
        """It begins, where there is something to know of it that its folder does not tell. `mark` is its executor's.

        Raises OSError.
        """
        if self._wanted:
            body = {
                **self._told, "at_ns": time.time_ns(), "mark": mark, "orders": launched.orders,
                "place": launched.facts, "seen_at": launched.seen_at, "layers": launched.layers,
            }  # fmt: skip
            private.make_folder(os.path.dirname(self._path))
            with open(self._path, "w", opener=private.opener) as file:
                file.write(json.dumps(body))

    def ended(self) -> None:
        """It has ended, and that is recorded."""
        if self._wanted:
            with suppress(OSError):
                os.unlink(self._path)


def begun(folder: str, run: str, key: str, number: int) -> dict[str, Any] | None:
    """What is written down of an attempt that runs, in the folder `folder` of all runs; None if nothing is."""
    return _read(attempt_folder(folder, run, key, number) + _ENDING)


def left_by(folder: str, run: str, key: str, artifacts: ArtifactStore) -> Iterator[dict[str, Json]]:
    """What attempts at the step, or at its elements, have put out whose engine is gone. Each is told once.

    Whatever of them still runs is ended first.
    """
    place = os.path.dirname(attempt_folder(folder, run, key, 1))
    for name in sorted(os.listdir(place)) if os.path.isdir(place) else ():
        told = _read(os.path.join(place, name)) if name.endswith(_ENDING) else None
        if told is not None and (told["step"] == key or told["step"].startswith(f"{key}[")):
            yield from _left(told, run, artifacts)
            with suppress(OSError):
                os.unlink(os.path.join(place, name))


def _left(told: Mapping[str, Any], run: str, artifacts: ArtifactStore) -> Iterator[dict[str, Json]]:
    with suppress(OSError, CommandFailed):
        yield {"step": told["step"], "attempt": told["attempt"], **_collected(told, run, artifacts)}


def _collected(told: Mapping[str, Any], run: str, artifacts: ArtifactStore) -> dict[str, Json]:
    _end(told)
    folder = os.path.realpath(told["folder"])
    removed, elsewhere, _ = settle_all(told["layers"], folder, changed=told["changed"])
    paths = outputs.collect(folder, told["outputs"], None, _nobody, strict=False)
    if told["changed"]:
        paths = sorted({*paths, *outputs.since(folder, told["at_ns"], _nobody)})
    found = [*((path, os.path.join(folder, path)) for path in paths), *elsewhere]
    files = outputs.keep(found, artifacts, run, told["step"])
    return as_json(Finished(_LOST, files, folder=folder, place=told["place"], removed=tuple(sorted(removed))))


def _end(told: Mapping[str, Any]) -> None:
    """See to it that nothing of it runs: who kills what a dead engine has left may still be at it."""
    from subprocess import DEVNULL, run

    kill_all(told["mark"])
    for order in told["orders"]:
        run(["/bin/sh", "-c", order], stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, check=False)


def _nobody(text: str) -> None:
    """Nobody is there to be told."""


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path) as file:
            return dict(json.load(file))
    except (OSError, ValueError):
        return None
