"""`motet stop` and `motet answer`: what a run that goes on is told from outside."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from motet import app, questions
from motet.cli.requests import given
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.errors import Conflict, StoreCorrupt, UsageError
from motet.kernel.events import RunFinished, to_json
from motet.kernel.program import Finish
from motet.kernel.transitions import CANCELLED, ENDED, PENDING
from motet.owners import LEASE_S, is_dead, this_process
from motet.ports import STEERING, Batch, Document, Publication, RunRow, Store
from motet.ports.pages import RunFilter
from motet.views import documents, lookup

# ---------------------------------------------------------------- stop


REASON = "motet stop"
_LOOK_S = 1.0
"""How often it is checked that the run's process still lives; the end of the run itself is heard of at once."""


def stop_arguments(parser: ArgumentParser) -> None:
    """The run; how long to wait."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument("--wait", type=float, default=30.0, metavar="S", help="for how many seconds (default: 30)")


def stop(options: Namespace, terminal: Terminal) -> int:
    """Ask the run's process to stop it, and wait until it has ended. Without a process it is ended from here."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    already = row.status in ENDED
    row = row if already else stopped(host, row, options.wait)
    return told(options, terminal, row, already=already)


def told(options: Namespace, terminal: Terminal, row: RunRow, *, already: bool) -> int:
    """Say how the run stands that was to be stopped; gives the exit code."""
    ended = row.status in ENDED
    said = f"had ended already: {row.status}" if already else f"has ended: {row.status}" if ended else "is stopping"
    terminal.say(f"Run {terminal.paint(row.name, 'bold')} {said}.")
    if not ended:
        terminal.say("A step that cannot be interrupted still runs. It goes on stopping by itself.")
    if options.json:
        terminal.json(documents.run_json(row))
    return 0 if ended else 1


def stopped(host: Host, row: RunRow, wait_s: float) -> RunRow:
    """Ask for the run to be stopped; gives it as it stands when it has ended, or when the time is up."""
    _ask(host, row)
    return _until_ended(host, row, wait_s)


def _ask(host: Host, row: RunRow) -> None:
    if _has_nobody(row) and _end_from_here(host, row):
        return
    event = Publication("run.stop", REASON, STEERING, "motet stop", row.id, "", time.time())
    host.store.publish([event])


def _has_nobody(row: RunRow) -> bool:
    return lookup.has_crashed(row, time.time()) or (row.status == PENDING and row.owner is None)


def _end_from_here(host: Host, row: RunRow) -> bool:
    """Take the run over and end it as cancelled; False if somebody else was faster."""
    app.make_room(app.home())  # what has ended can be pruned
    try:
        driver = host.take_up(row.id)
    except Conflict:
        return False
    except StoreCorrupt as error:
        _give_up(host, row, error.what)
        return True
    driver.cancel(REASON)
    driver.finish(Finish(CANCELLED))
    _ask_children(host, row)
    return True


def _ask_children(host: Host, row: RunRow) -> None:
    from motet.views.listing import listed

    for child in listed(host.store, RunFilter(parent=row.id)):
        if child.status not in ENDED:
            _ask(host, child)


def _give_up(host: Host, row: RunRow, reason: str) -> None:
    """End a run as cancelled without reading what it has recorded, damaged or not. Raises Conflict if it is driven."""
    force = row.owner is not None and is_dead(row.owner)
    claimed = host.store.claim(row.id, this_process(), LEASE_S, force=force)
    now = host.clock.now()
    error = {"type": "Cancelled", "module": "motet.errors", "message": reason}
    end = to_json(RunFinished(now, CANCELLED, None, error))
    columns = {"status": CANCELLED, "started_at": row.started_at, "ended_at": now, "result": None, "error": error}
    host.store.append(row.id, claimed.epoch, claimed.seq, Batch([end], (), columns))
    host.store.release(row.id, claimed.epoch)


def _until_ended(host: Host, row: RunRow, patience_s: float) -> RunRow:
    """The run as it stands when it has ended, or when the time is up."""
    follower = host.store.follow()
    until = time.monotonic() + patience_s
    try:
        while True:
            row = host.store.find_runs(row.id)[0]
            left_s = until - time.monotonic()
            if row.status in ENDED or left_s <= 0:
                return row
            if lookup.has_crashed(row, time.time()):
                _end_from_here(host, row)
            else:
                follower.wait(min(_LOOK_S, left_s))
    finally:
        follower.close()


# ---------------------------------------------------------------- answer


_LOOK_S = 1.0


def answer_arguments(parser: ArgumentParser) -> None:
    """The run; the answer."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument(
        "-p", "--param", action="append", default=[], metavar="NAME=VALUE", dest="param",
        help="a field of the answer; the value is JSON if it can be read so, else text",
    )  # fmt: skip
    parser.add_argument("--step", default="", metavar="STEP", help="which question, where the run has asked several")
    parser.add_argument("--wait", type=float, default=30.0, metavar="S", help="for how long to wait until it is taken")


def answer(options: Namespace, terminal: Terminal) -> int:
    """Answer the question; see that it is taken. Where no process drives the run, one is started that does."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    to = questions.question(host.store, row, options.step)
    values = read(to, options.param)
    offset = questions.give(host.store, to, values, "motet answer", time.time())
    if lookup.is_suspended(row) or lookup.has_crashed(row, time.time()):
        app.start_engine(row.id)
    return taken(options, terminal, host.store, row, to, offset)


def taken(options: Namespace, terminal: Terminal, store: Store, row: RunRow, to: Document, offset: int) -> int:
    """Wait until the answer is taken, and say so. Raises UsageError where it is refused."""
    refused = _until_taken(store, to, offset, options.wait)
    if refused:
        raise UsageError(f"The answer does not fit: {refused}.", questions.asked_for(to.body))
    terminal.say(f"Run {terminal.paint(row.name, 'bold')} goes on.")
    terminal.say(f"To see it: motet show {row.name}; motet logs -f {row.name}")
    if options.json:
        terminal.json(documents.run_json(lookup.find_run(store, row.id)))
    return 0


def go(store: Store, row: RunRow) -> None:
    """Let a run that waits for a word to go on go on. Raises UsageError for one that waits for more than that."""
    waits = row.waits or []
    if len(waits) == 1 and waits[0]["for"] == "answer" and not waits[0]["schema"]:
        questions.give(store, questions.question(store, row), {}, "motet resume", time.time())
        return
    told = "; ".join(questions.told(each) for each in waits)
    raise UsageError(f"Run {row.name} waits for {told}.", questions.how(waits[0]).format(run=row.name))


def read(to: Document, params: Sequence[str]) -> dict[str, Any]:
    """The fields of an answer, as the question asks for them."""
    return {
        name: written.text if questions.is_text(to.body, name) else written.read()
        for name, written in given(params).items()
    }


def _until_taken(store: Store, to: Document, offset: int, patience_s: float) -> str:
    """Wait until the answer is taken; gives why it was refused. Empty too if neither is heard within the time."""
    follower = store.follow()
    until = time.monotonic() + patience_s
    try:
        while (left_s := until - time.monotonic()) > 0:
            now = store.document(to.voice, to.kind, to.key)
            if now is None:
                return ""
            refused = now.body.get("refused", {})
            if refused.get("offset", 0) >= offset:
                return str(refused["error"])
            follower.wait(min(_LOOK_S, left_s))
    finally:
        follower.close()
    return ""
