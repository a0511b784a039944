"""What every store of log lines must do: checks to run against one's own, as in `store_suite`.

Each check takes a new, empty store and a source of random choices.
"""

from __future__ import annotations

import os
import threading
from contextlib import closing
from random import Random
from tempfile import TemporaryDirectory

from motet.ports import LogFilter, LogLine, LogPage, LogStore
from motet.testing.checking import checks_of

_TEXTS = (
    "", "plain", "ä €", "\ud800 lone", 'tab\t quote" back\\', "\0 nul", "\x1b[31m red", "10 %\r20 %\r30 %", "\u2028",
    "\x85 next", "\x0b\x0c", "[1.0,2]", "\xff\xfe", "x" * 5000, "loss=0.5", "loss=0.25",
)  # fmt: skip
_KEYS = ("f", "f/a-0", "f/a-0[3]", "f/a-0[3]/b-0", "f/a-0[31]", "f/a-00", "f/a-0\nb", "g", "ä/€-0", "f/a-0/c-1")


def _drawn(rng: Random, count: int) -> list[LogLine]:
    """Lines of several attempts in the order of their times; a text now and then of several lines."""
    at, lines = 1000.0, []
    for _ in range(count):
        at += rng.random()
        text = "\n".join(rng.choices(_TEXTS, k=rng.choice((1, 1, 1, 2, 30))))
        lines.append(LogLine(at, rng.choice(_KEYS), rng.randint(1, 2), rng.choice(("stdout", "stderr")), text))
        lines[-1].ended = rng.random() < 0.9
    return lines


def _apart(lines: list[LogLine]) -> list[LogLine]:
    """The same, with one text a line."""
    return [
        LogLine(each.at, each.key, each.attempt, each.stream, text, each.ended)
        for each in lines
        for text in each.text.split("\n")
    ]


def _is_wanted(line: LogLine, of: LogFilter) -> bool:
    """What a filter means, in the plainest words."""
    return (
        (not of.step or line.key == of.step or line.key.startswith((f"{of.step}[", f"{of.step}/")))
        and (not of.attempt or line.attempt == of.attempt)
        and of.text in line.text
        and of.stream in ("", line.stream)
        and of.since <= line.at <= of.until
        and (line.ended or of.unended)
    )


def _filters(rng: Random, end: float) -> LogFilter:
    since, until = sorted((rng.uniform(1000, end), rng.uniform(1000, end)))
    return LogFilter(
        step=rng.choice(("", "", *_KEYS, "nobody")),
        attempt=rng.choice((0, 0, 1, 2, 3)),
        text=rng.choice(("", "", "loss", "0.25", "ä", "\ud800", "x" * 4999, "nowhere", "f/a-0", "\r")),
        stream=rng.choice(("", "", "stderr", "nowhere")),
        since=rng.choice((0.0, since)),
        until=rng.choice((float("inf"), until)),
        unended=rng.random() < 0.5,
    )


def check_lines_come_back_as_they_were(logs: LogStore, rng: Random) -> None:
    """Whatever is in them, in the order in which they were written."""
    for run in ("r", "other"):
        lines = [LogLine(1.5, key, 1, "stdout", text) for text in _TEXTS for key in _KEYS]
        logs.write(run, lines[:7])
        logs.write(run, lines[7:])
        found = logs.read(run)
        assert found.lines == lines
        assert not found.more
        assert logs.read(run, found.position) == LogPage([], found.position)
        back = logs.read_back(run)
        assert (back.lines, back.position, back.positions) == (lines, 0, found.positions)
        logs.write(run, [LogLine(2.5, "k", 3, "later", "on")])
        assert logs.read(run, found.position).lines == [LogLine(2.5, "k", 3, "later", "on")]


def check_what_is_wanted_is_found(logs: LogStore, rng: Random) -> None:
    """By any filter, from both ends, in pages of any size, with any number skipped."""
    drawn = _drawn(rng, 200)
    with closing(logs.follow()):  # so that lines without their end are kept
        for each in drawn:
            logs.write("r", [each])
    lines = _apart(drawn)
    for _ in range(40):
        of = _filters(rng, drawn[-1].at)
        wanted = [each for each in lines if _is_wanted(each, of)]
        size, skip = rng.choice((1, 2, 7, 100, 10_000)), rng.choice((0, 0, 1, 5, 200))
        page = logs.read("r", limit=size, of=of, skip=skip)
        found = list(page.lines)
        while page.more:
            page = logs.read("r", page.position, limit=size, of=of)
            found += page.lines
        assert found == wanted[skip:], (of, size, skip)
        page = logs.read_back("r", limit=size, of=of)
        found = list(page.lines)
        while page.more:
            page = logs.read_back("r", page.position, limit=size, of=of)
            found[:0] = page.lines
        assert found == wanted, (of, size)


def check_positions_lie_between_lines(logs: LogStore, rng: Random) -> None:
    """What is before a position and what is behind it are all lines, whichever way it was found."""
    drawn = _drawn(rng, 100)
    with closing(logs.follow()):
        logs.write("r", drawn)
    every = LogFilter(unended=True)
    lines = _apart(drawn)
    for _ in range(10):
        count = rng.randint(1, len(lines))
        for position in (
            logs.read("r", limit=count, of=every).position,
            logs.read_back("r", limit=len(lines) - count, of=every).position,
        ):
            assert logs.read_back("r", position, limit=10**6, of=every).lines == lines[:count]
            assert logs.read("r", position, limit=10**6, of=every).lines == lines[count:]
    for read in (logs.read, logs.read_back):
        places = read("r", limit=10**6, of=every).positions
        assert len(places) == len(lines)
        for at in rng.sample(range(len(lines)), 5):
            assert logs.read("r", places[at], limit=1, of=every).lines == [lines[at]]
            assert logs.read_back("r", places[at], limit=10**6, of=every).lines == lines[:at]


def check_lines_arrive_while_they_are_read(logs: LogStore, rng: Random) -> None:
    """Who follows gets every line once and in order, however many are written meanwhile."""

    def write() -> None:
        for number in range(2000):
            logs.write("r", [LogLine(1.0 + number, "k", 1, "stdout", f"{number}\n{number}")])

    with closing(logs.follow()) as written:
        writer = threading.Thread(target=write)
        writer.start()
        texts: list[str] = []
        position = 0
        while len(texts) < 4000:
            page = logs.read("r", position, limit=rng.choice((1, 10, 1000)))
            texts += [each.text for each in page.lines]
            position = page.position
            if not page.lines:
                assert written.wait(60), "nothing was written for a minute"
        writer.join()
    assert texts == [str(number // 2) for number in range(4000)]


def check_a_copy_has_the_texts_alone(logs: LogStore, rng: Random) -> None:
    """In order, each with its end, whoever writes; one that cannot be made is told of, once, and fails nobody."""
    with TemporaryDirectory() as place, closing(logs.follow()):
        path = os.path.join(place, "made", "run.log")
        drawn = [each for each in _drawn(rng, 50) if "\ud800" not in each.text]
        for each in drawn:
            logs.write("r", [each], path)
        with open(path, encoding="utf-8", newline="") as file:
            assert file.read() == "".join(f"{each.text}\n" for each in drawn if each.ended)
        assert logs.read("r", limit=10**6, of=LogFilter(unended=True)).lines == _apart(drawn)
        for _ in range(2):
            logs.write("bad", [LogLine(1.0, "k", 1, "stdout", "kept")], os.path.join(path, "below", "a", "file"))
    kept, told, again = logs.read("bad").lines
    assert kept == again == LogLine(1.0, "k", 1, "stdout", "kept")
    assert path in told.text


def check_runs_and_removing(logs: LogStore, rng: Random) -> None:
    """Each run has a log of its own, and goes alone."""
    assert logs.runs() == []
    assert logs.read("r") == logs.read_back("r") == LogPage([], 0)
    assert logs.remove("r") == 0
    for run in ("a", "b"):
        logs.write(run, [LogLine(1.0, "k", 1, "stdout", run)])
    assert sorted(logs.runs()) == ["a", "b"]
    assert logs.remove("a") > 0
    assert logs.runs() == ["b"]
    logs.write("a", [LogLine(1.0, "k", 1, "stdout", "again")])
    assert [each.text for each in logs.read("a").lines] == ["again"]


CHECKS = checks_of(__name__)
