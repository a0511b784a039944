"""What commands do that begin or steer runs, where a server is named: it is asked for them, and what comes of it is
shown as at a home. Code that is to be run goes there as an archive.
"""

from __future__ import annotations

import base64
import os
import sys
import time
from argparse import Namespace
from contextlib import closing
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from motet import app, questions
from motet.cli import browser, outcome, requests
from motet.cli import stop as stopping
from motet.cli.terminal import Terminal, tell
from motet.client.connection import API
from motet.errors import StoreUnavailable, UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED, SUCCEEDED
from motet.ports import ALL_LINES, RunRow
from motet.registry import snapshots
from motet.values.secrets import hide
from motet.values.visible import printable
from motet.views import documents, lookup
from motet.views.logs import followed

_LOOK_S = 1.0
_BEGINS_S = 60.0
"""A process that is to carry on with a run has begun to within this time, or never will."""


def _ask(row: RunRow, what: str, **body: Json) -> Json:
    return app.remote().ask("POST", f"{API}/runs/{quote(row.id, safe='')}/{what}", body)


# ---------------------------------------------------------------- stop, answer


def stop(options: Namespace, terminal: Terminal) -> int:
    """Ask the server to stop the run, and wait until it has ended."""
    store = app.store()
    row = lookup.find_run(store, options.run)
    already = row.status in ENDED
    if not already:
        with closing(store.follow()) as follower:
            _ask(row, "stop", reason=stopping.REASON)
            until = time.monotonic() + options.wait
            while (row := store.run(row.id)).status not in ENDED and (left_s := until - time.monotonic()) > 0:
                follower.wait(min(_LOOK_S, left_s))
    return stopping.told(options, terminal, row, already=already)


def answer(options: Namespace, terminal: Terminal) -> int:
    """Answer the question, and see that the answer is taken."""
    store = app.store()
    row = lookup.find_run(store, options.run)
    if row.status in ENDED:
        _ask(row, "answer", values={}, step=options.step)  # which says what is wrong with that
    to = questions.question(store, row, options.step)
    values = stopping.read(to, options.param)
    before = store.head()
    _ask(row, "answer", values=values, step=to.body["step"])
    return stopping.taken(options, terminal, store, row, to, before + 1)


# ---------------------------------------------------------------- resume, fork


def resume(options: Namespace, terminal: Terminal) -> int:
    """Have the server carry on with a run, and follow it."""
    store = app.store()
    row = lookup.find_run(store, options.run)
    _refuse_place(options)
    position = app.logs().read_back(row.id, limit=0).position
    suspended = lookup.is_suspended(row)
    _ask(row, "resume", rerun=options.rerun or None, rerun_changed=options.rerun_changed)
    if row.waits and not suspended:
        terminal.say(f"Run {terminal.paint(row.name, 'bold')} goes on.")
        return 0
    with closing(store.follow()) as follower:
        until = time.monotonic() + _BEGINS_S
        while store.run(row.id).epoch == row.epoch:
            if time.monotonic() > until:
                raise StoreUnavailable(
                    f"No process goes on with run {row.name}.", f"See why, at the server: motet resume {row.name}"
                )
            follower.wait(_LOOK_S)
    return _follow(options, terminal, row.id, position)


retry = resume


def fork(options: Namespace, terminal: Terminal) -> int:
    """Have the server make a new run like that one, and follow it."""
    row = lookup.find_run(app.store(), options.run)
    _refuse_place(options)
    request = requests.Request(options)
    made = _ask(
        row, "fork", anew=options.anew or None, params=request.plain or None, name=options.name,
        priority=options.priority, only_one=options.only_one,
    )  # fmt: skip
    return _follow(options, terminal, made["id"], 0)


def _refuse_place(options: Namespace) -> None:
    if options.at is not None:
        raise UsageError("--at names a place on the machine of the runs' home.", "Do it there, without MOTET_SERVER.")


# ---------------------------------------------------------------- submit, run


def submit(options: Namespace, terminal: Terminal) -> int:
    """Send the code, have a run begun of it, and print its name at once."""
    made = _submitted(options, options.key)
    terminal.say(f"Run {terminal.paint(made['name'], 'bold')} ({made['id']}) was submitted.")
    terminal.say(f"To see it: motet show {made['name']}; motet logs -f {made['name']}")
    if options.json:
        terminal.json(documents.run_json(app.store().run(made["id"])))
    return 0


def run(options: Namespace, terminal: Terminal) -> int:
    """Send the code, have a run begun of it, and follow that."""
    made = _submitted(options, "")
    began = f"motet: {made['name']} began at {app.place()}: {made['workflow']} ({made['id']})"
    if options.open:
        link = browser.link_to(made["name"])
        tell(f"motet: {link}")
        browser.show(link)
    return _follow(options, terminal, made["id"], 0, began)


def _submitted(options: Namespace, key: str) -> Any:
    request = requests.Request(options, sys.argv[1:])
    if sys.argv[1:]:
        raise UsageError("What stands after -- cannot be sent to a server.", "Give parameters: -p NAME=VALUE.")
    target = requests.target_of(options.target)
    if not target.file:
        raise UsageError(f"{options.target} is a module, and what is sent is a file.", "Name it: file.py:flow")
    root = snapshots.root_of(target.file) if os.path.isfile(target.file) else os.path.realpath(target.file)
    place = os.path.relpath(os.path.realpath(target.file), root)
    with TemporaryDirectory() as folder:
        artifacts = app.open_artifacts(folder)
        packed = snapshots.pack(artifacts, root, app.home())
        code = base64.b64encode(artifacts.get(packed["artifact"])).decode("ascii")
    body = {
        "target": f"{place}:{target.name}" if target.name else place, "code": code, "params": request.plain,
        "name": options.name, "key": key, "priority": options.priority, "only_one": options.only_one,
        "options": request.words or None,
    }  # fmt: skip
    return app.remote().ask("POST", f"{API}/runs", body)


# ---------------------------------------------------------------- following


def _follow(options: Namespace, terminal: Terminal, run: str, position: int, began: str = "") -> int:
    """Print what the run writes until it has ended, and how. Ctrl-C lets go of it: it goes on."""
    store = app.store()
    try:
        if began and not options.quiet and not terminal.as_json:
            tell(began)
        for page in followed(store, app.logs(), run, ALL_LINES, position):
            for line in page if not terminal.as_json and not options.quiet else ():
                stream = sys.stderr if line.stream == "stderr" else sys.stdout
                stream.write(f"{printable(hide(line.text))}\n")
            terminal.flush()
    except KeyboardInterrupt:
        row = store.run(run)
        tell(f"motet: {row.name} goes on. To follow it: motet logs -f {row.name}; to stop it: motet stop {row.name}")
        return 130
    row = lookup.find_run(store, run)
    outcome.tell_end(terminal, row)
    return int(row.status != SUCCEEDED)
