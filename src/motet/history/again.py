"""Runs carried on and forked in the process that asks for it, which is to be afterwards what it was before."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from motet import app, checkpoints, voices
from motet.checkpoints import Checkpoint
from motet.engine.host import Host
from motet.errors import NotFound
from motet.kernel.transitions import ENDED
from motet.ports import NewRun, RunRow, Store
from motet.ports.voice import Asked, Onward
from motet.views import lookup
from motet.views.steps import find_step


def resume(run: str, rerun: Sequence[str], rerun_changed: bool, at: str) -> str:
    """Carry on with a run to its end; gives its id. See `motet.resume`."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, run)
    if at:
        host.move(row, voices.of_run(row).moved(row, at))
    keys = [find_step(host.store, row, each).key for each in rerun]
    _drive(lambda: app.carry_on(host, row, Onward(row.status in ENDED, keys, rerun_changed)))
    return row.id


def fork(run: str, params: Mapping[str, Any], anew: Sequence[str], name: str) -> str:
    """Make a run like that one and drive it to its end; gives the id of the new one. See `motet.fork`."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, run)
    begun = dict(begun_from(host.store, row, each) for each in anew)
    made: list[str] = []

    def perform() -> None:
        voice = voices.of_run(row)
        host.check(row.id)
        new = voice.forked(host, row, Asked(params, params, name=name), list(begun))
        give(host, row, new, begun)
        host.create(new)
        if moved := host.moved(row):
            host.move(new, moved)
        made.append(new.id)
        voice.carry_on(host, host.store.run(new.id), Onward())

    _drive(perform)
    return made[0]


def begun_from(store: Store, row: RunRow, text: str) -> tuple[str, Checkpoint | None]:
    """The key of the step that is to run anew, and the checkpoint that it begins from if one is named."""
    name, mark, which = text.partition("@")
    try:
        return find_step(store, row, text).key, None
    except NotFound:
        if not (name and mark and which):
            raise
    key = find_step(store, row, name).key
    return key, checkpoints.chosen(checkpoints.of_step(store, row.id, key), which, key)


def give(host: Host, row: RunRow, new: NewRun, begun: Mapping[str, Checkpoint | None]) -> None:
    """Give the new run its own copies of the checkpoints that its steps begin from."""
    given = {key: one for key, one in begun.items() if one is not None}
    for key, one in given.items():
        host.checkpoints().take_over(new.id, key, one, row.id)
    if given:
        at = {key: one.number for key, one in given.items()}
        new.program = {**new.program, "fork": {**new.program["fork"], "at": at}}


def _drive(perform: Callable[[], object]) -> None:
    """Carry it out; where an event loop runs in this thread, as in a notebook, in one of its own."""
    with _surroundings():
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            perform()
            return
        raised: list[BaseException] = []

        def guarded() -> None:
            try:
                perform()
            except BaseException as error:  # noqa: BLE001 - boundary: raised again by who waits
                raised.append(error)

        thread = threading.Thread(target=guarded, name="motet-resume")
        thread.start()
        thread.join()
        if raised:
            raise raised[0]


@contextmanager
def _surroundings() -> Iterator[None]:
    """What loading a run's code changes in this process is put back: main module, arguments, path, folder."""
    main, argv, path, folder = sys.modules.get("__main__"), sys.argv[:], sys.path[:], os.getcwd()
    try:
        yield
    finally:
        if main is not None:
            sys.modules["__main__"] = main
        sys.argv[:], sys.path[:] = argv, path
        os.chdir(folder)
