"""`motet logs`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from math import inf

from motet import app
from motet.cli.terminal import Terminal
from motet.errors import NotFound, UsageError
from motet.kernel.transitions import ENDED
from motet.ports import LogFilter, LogLine, RunRow, Store
from motet.views import human, lookup
from motet.views import logs as lines_of
from motet.views.listing import moment_of
from motet.views.steps import find_step


def logs_arguments(parser: ArgumentParser) -> None:
    """A run, or a step of it; which lines; follow."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument("step", metavar="STEP", nargs="?", help="key of a step: only it and what is below it")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    parser.add_argument("-n", "--tail", type=human.whole("--tail", 0), metavar="N", help="the last N lines")
    parser.add_argument("--search", default="", metavar="TEXT", help="lines that hold TEXT, as it stands")
    parser.add_argument("--since", metavar="WHEN", help='from then on: "15m" ago, or a time: 14:05, 2026-11-30T14:05')
    parser.add_argument("--until", metavar="WHEN", help="until then, likewise")
    parser.add_argument(
        "--range", metavar="A-B", help='lines A to B, counted from 1, of those chosen: "1000-1999", "500-"'
    )
    parser.add_argument(
        "--attempt", type=human.whole("--attempt", 1), default=0, metavar="N", help="of the N-th attempts"
    )


def logs(options: Namespace, terminal: Terminal) -> int:
    """Print what a run has written, in the order in which it arrived."""
    store, logs = app.store(), app.logs()
    run = lookup.find_run(store, options.run)
    first, last = _range(options)
    wanted = _wanted(options, time.time())
    key, step = _step(store, run, options)
    of = LogFilter(key, *wanted, unended=options.follow and not options.json)
    lines, position = lines_of.last(logs, run.id, options.tail, of) if options.tail is not None else (None, 0)
    found: Iterable[LogLine]
    if options.follow:
        found = chain(lines or [], _flushed(lines_of.followed(store, logs, run.id, of, position), terminal.flush))
    elif lines is not None:
        found = lines
    else:
        found = islice(lines_of.lines(logs, run.id, of, first=first), last - first + 1 if last else None)
    found = (line for line in found if not step or not line.key or lines_of.belongs(line.key, step))
    if options.json and not options.follow:
        terminal.json([lines_of.line_json(line) for line in found])
        return 0
    if options.json:
        for line in found:
            terminal.json(lines_of.line_json(line))
    else:
        _print(terminal, found)
    return 0


def _step(store: Store, run: RunRow, options: Namespace) -> tuple[str, str]:
    """The key of the step that is asked for; or, where it may come yet, what to look for in those of lines."""
    if not options.step:
        return "", ""
    try:
        return find_step(store, run, options.step).key, ""
    except NotFound:
        if options.follow and run.status not in ENDED:
            return "", options.step
        raise


def _wanted(options: Namespace, now: float) -> tuple[int, str, float, float]:
    """Attempt, text and times of the lines that are wanted. Raises UsageError."""
    if "\n" in options.search:
        raise UsageError("--search looks for text within one line.", "Leave out the line end.")
    since = moment_of("--since", options.since, now) if options.since else 0.0
    until = moment_of("--until", options.until, now) if options.until else inf
    if since > until:
        raise UsageError(f"--since {options.since} is later than --until {options.until}.", "Exchange the two.")
    return options.attempt, options.search, since, until


def _range(options: Namespace) -> tuple[int, int]:
    """The first and the last line of the range; 0 for no end. Raises UsageError."""
    if options.range is None:
        return 1, 0
    if options.follow or options.tail is not None:
        raise UsageError("--range goes with neither --tail nor --follow.", "Leave out one of them.")
    start, dash, end = options.range.partition("-")
    first, last = (human.whole("--range", 1)(each) if each else 0 for each in (start, end if dash else start))
    if (not first and not last) or (last and last < first):
        raise UsageError(f"--range {options.range!r} is no range of lines.", 'Write one such as "1000-1999" or "500-".')
    return first or 1, last


def _print(terminal: Terminal, lines: Iterable[LogLine]) -> None:
    """Print the lines. One that has no end yet is drawn anew until it has, or another comes."""
    begun: tuple[str, int, str] | None = None
    for line in lines:
        own = (line.key, line.attempt, line.stream)
        if begun is not None:
            terminal.draw_anew() if begun == own else terminal.say()
        begun = None if line.ended else own
        head = terminal.paint(f"{human.clock(line.at)} {line.key}", "grey")
        colour = "yellow" if line.stream == "stderr" else ""
        terminal.say_logged(head, lines_of.shown(line), colour, end="\n" if line.ended else "")
    if begun is not None:
        terminal.say()


def _flushed(pages: Iterable[list[LogLine]], flush: Callable[[], None]) -> Iterator[LogLine]:
    """The lines of the pages, each of which is seen as soon as it is there. Of those that have no end yet, the last one
    is, where nothing comes after it.
    """
    for page in pages:
        yield from (line for at, line in enumerate(page, 1) if line.ended or at == len(page))
        flush()
