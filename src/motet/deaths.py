"""Engines that have died: how, as far as anything tells; and runs that have outlived too many, which are parked.

A run whose engine died MOST times, one after the other without any outcome in between, is not taken up again by itself:
it would only kill the next one, too. `motet resume` takes it up all the same.
"""

from __future__ import annotations

import os
import re

from motet.errors import UsageError
from motet.owners import is_dead, this_process
from motet.ports import Document, Owner, RunRow, Store

MOST = 3

_OUTCOMES = ("step.succeeded", "step.failed", "step.skipped", "step.cancelled", "step.retrying", "elements.succeeded")
_VOICE, _PARKED = "motet", "parked"
_TAIL_BYTES = 64 * 1024


def how(owner: Owner, log: str) -> str:
    """How a process died that is known to be dead, in words; `log` is the file that it wrote to, if it had one."""
    who = f"process {owner.pid} on {owner.host}"
    if owner.host == this_process().host and owner.boot != this_process().boot:
        return f"{who} ended with its host, which has been started anew since"
    if word := _last_word(log):
        return f"{who} crashed: {word}"
    if _was_killed_for_memory(owner.pid):
        return f"{who} was killed by the system, for want of memory"
    return f"{who} was killed, or crashed, without a word{_perhaps_memory()}"


def _last_word(log: str) -> str:
    """What the interpreter said at its end of a fatal signal, if it came to that."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            found = re.findall(r"^Fatal Python error: (.+)$", file.read().decode("utf-8", "replace"), re.M)
    except OSError:
        return ""
    return found[-1] if found else ""


def _was_killed_for_memory(pid: int) -> bool:
    """Whether the kernel's messages, where they may be read, say so."""
    said = re.compile(rb"[Oo]ut of memory: Killed process %d " % pid)
    try:
        file = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        while not said.search(os.read(file, 8192)):
            pass
    except OSError:  # the end of what there is
        return False
    finally:
        os.close(file)
    return True


def _perhaps_memory() -> str:
    try:
        with open("/sys/fs/cgroup/memory.events") as file:
            count = next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    except OSError:
        return ""
    return f" (here the system has killed {count} processes for want of memory so far)" if count else ""


def story(store: Store, row: RunRow, last: str) -> list[str]:
    """How the engines of the run have died since its last outcome, and since it was let go on; the last one, so far
    unrecorded, has died so.
    """
    found: list[str] = []
    for event in store.history(row.id, _known(store, row.id).body["after_seq"]):
        if event["event"] in _OUTCOMES:
            found = []
        elif event.get("died"):
            found.append(event["died"])
    return [*found, *([last] if last else [])]


def check(store: Store, row: RunRow, log: str) -> None:
    """For whoever takes a run up without having been asked to: raise UsageError, with the story, if it is parked, or is
    to be from now on.
    """
    last = how(row.owner, log) if row.owner is not None and is_dead(row.owner) else ""
    told = parked(store, row.id) or (story(store, row, last) if last else [])
    if len(told) < MOST:
        return
    known = _known(store, row.id)
    store.put_document(Document(_VOICE, _PARKED, row.id, {**known.body, "story": told}, known.version))
    lines = "".join(f"\n  {each}" for each in told)
    raise UsageError(
        f"Run {row.name} is parked: its engine died {len(told)} times without a new outcome.{lines}",
        f"See what kills it, give it more room, then: motet resume {row.name}",
    )


def parked(store: Store, run: str) -> list[str]:
    """Why the run is parked; empty if it is not."""
    return list(_known(store, run).body["story"])


def clear(store: Store, row: RunRow) -> None:
    """The run is to go on, and what befell it so far counts no more."""
    known = _known(store, row.id)
    if known.version:
        after_seq = row.seq + 1  # the first event to come tells of the last death so far
        store.put_document(Document(_VOICE, _PARKED, row.id, {"story": [], "after_seq": after_seq}, known.version))


def _known(store: Store, run: str) -> Document:
    return store.document(_VOICE, _PARKED, run) or Document(_VOICE, _PARKED, run, {"story": [], "after_seq": 0}, 0)
