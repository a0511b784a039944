"""`motet logs`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Thread

from motet import app
from motet.cli.terminal import Terminal
from motet.kernel.transitions import ENDED, PENDING
from motet.ports import Follower, LogLine, LogStore, RunRow, Store
from motet.views import human, lookup

_LOOK_S = 1.0
"""How often it is checked that the run's process still lives; of lines, and of the run's end, it is heard at once."""


def logs_arguments(parser: ArgumentParser) -> None:
    """A run, or a step of it; follow."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument("step", metavar="STEP", nargs="?", help="key of a step: only it and what is below it")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")


def logs(options: Namespace, terminal: Terminal) -> int:
    """Print what a run has written, in the order in which it arrived."""
    home = app.home()
    store, logs = app.open_store(home), app.open_logs(home)
    run = lookup.find_run(store, options.run)
    step = options.step
    waited_for = options.follow and run.status not in ENDED  # it may come yet
    if step and not waited_for and not any(_belongs(each.key, step) for each in store.steps(run.id)):
        step = lookup.find_step(store, run, step).key  # by its task or name; else this says what there is instead
    lines = _followed(store, logs, run, terminal.flush) if options.follow else _written(logs, run.id)
    wanted = (line for line in lines if not step or not line.key or _belongs(line.key, step))
    if options.json and not options.follow:
        terminal.json([_json(line) for line in wanted])
        return 0
    for line in wanted:
        if options.json:
            terminal.json(_json(line))
        else:
            _print(terminal, line)
    return 0


def _print(terminal: Terminal, line: LogLine) -> None:
    head = terminal.paint(f"{human.clock(line.at)} {line.key}", "grey")
    last = line.text.rstrip("\r").rpartition("\r")[2]  # what a terminal shows of a line that was drawn anew
    terminal.say_logged(head, last, "yellow" if line.stream == "stderr" else "")


def _json(line: LogLine) -> dict[str, object]:
    return {"at": line.at, "key": line.key, "attempt": line.attempt, "stream": line.stream, "text": line.text}


def _belongs(key: str, step: str) -> bool:
    """Whether the line is of that step, of an element of it, or of a step below it. The key's end will do."""
    within, wanted = f"/{key}/".replace("[", "/["), f"/{step}/".replace("[", "/[")
    return wanted in within


def _written(logs: LogStore, run: str) -> Iterator[LogLine]:
    position = 0
    while True:
        lines, position = logs.read(run, position)
        if not lines:
            return
        yield from lines


def _followed(store: Store, logs: LogStore, run: RunRow, flush: Callable[[], None]) -> Iterator[LogLine]:
    """All lines until the run has ended. What an ended run has written is there before it shows as ended."""
    position = 0
    with closing(logs.follow()) as written, closing(store.follow()) as committed:
        Thread(target=_pass_on, args=(committed, written), name="motet-follow", daemon=True).start()
        while True:
            row = store.run(run.id)
            over = row.status in ENDED or (row.status != PENDING and lookup.has_crashed(row, time.time()))
            while True:
                lines, position = logs.read(run.id, position)
                if not lines:
                    break
                yield from lines
            flush()
            if over:
                return
            written.wait(_LOOK_S)


def _pass_on(committed: Follower, written: Follower) -> None:
    """Let whoever waits for lines wake for commits too: one of them is the run's end."""
    while committed.wait(None):
        written.wake()
