"""What is shown while runs go on: on a terminal, lines at its foot; without one, a line now and then on stderr."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from motet.cli.terminal import Terminal, tell
from motet.kernel import transitions as st
from motet.typed import TYPE_CHECKING
from motet.values import visible
from motet.views import human

if TYPE_CHECKING:
    from motet.cli.screen import Screen
    from motet.kernel.state import Step
    from motet.ports.voice import Underway

Watch = Callable[["Underway"], None]

_EVERY_S = 0.1
_SHARE = 0.05
"""Drawing takes at most this share of the time: a run of very many steps is drawn less often."""

_PLAIN_EVERY_S = 30.0
_BAR = 24
_RUNS = 3


@contextmanager
def shown(terminal: Terminal) -> Iterator[Watch]:
    """While entered, runs whose drivers are given to what this gives are shown as they go on."""
    view = _View(terminal)
    try:
        yield view.watch
    finally:
        view.close()


class _View:
    """Draws the runs that go on, from a thread that begins with the first of them."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._screen: Screen | None = None
        self._drivers: list[Underway] = []
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._progress: dict[str, _Progress] = {}

    def watch(self, driver: Underway) -> None:
        """From now on, show this run."""
        self._drivers.append(driver)
        if self._thread is None and not self._terminal.as_json:
            if self._terminal.is_live:
                from motet.cli.screen import Screen

                self._screen = Screen()
            self._thread = threading.Thread(target=self._go_on, name="motet-live", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Take away what is shown."""
        self._done.set()
        if self._screen is not None:
            self._screen.close()

    def _go_on(self) -> None:
        wait_s = _EVERY_S if self._screen is not None else _PLAIN_EVERY_S
        while not self._done.wait(wait_s):
            began_at = time.perf_counter()
            if self._screen is not None:
                columns, rows = self._screen.size()
                self._screen.draw([self._terminal.shown(line) for line in self._lines(columns, rows)])
                wait_s = max(_EVERY_S, (time.perf_counter() - began_at) / _SHARE)
            else:
                for driver in self._running():
                    tell(f"motet: {human.clock(time.time())[:8]} {visible.line(plain_line(driver))}")

    def _running(self) -> list[Underway]:
        self._drivers = [each for each in self._drivers if not each.finished.is_set()]
        return self._drivers[-_RUNS:]

    def _lines(self, columns: int, rows: int) -> list[str]:
        running = self._running()
        lines: list[str] = []
        for driver in running:
            progress = self._progress.setdefault(driver.run.id, _Progress(driver))
            progress.read()
            room = max(1, (rows // 2) // len(running) - 1)
            lines += run_lines(self._terminal, driver, columns, room, progress.percents)
        return lines


class _Progress:
    """How far steps say they are, read from the artifacts that the run has published."""

    def __init__(self, driver: Underway) -> None:
        self._driver = driver
        self._after = driver.run.offset
        self.percents: dict[str, float] = {}

    def read(self) -> None:
        """Read on."""
        from motet.errors import MotetError

        try:
            found = self._driver.host.store.read(self._after, run=self._driver.run.id, published=True)
        except MotetError:
            return  # whoever drives the run will say so
        for entry in found:
            self._after = entry.offset
            if entry.namespace == "artifact" and entry.value.get("type") == "progress":
                self.percents[entry.value["step"]] = entry.value["preview"]["percent"]


class _Group:
    """The steps of one task called from one body; or one map."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.size = self.done = self.bad = self.running = 0
        self.began_at: float | None = None
        self.now: Step | None = None

    def add(self, step: Step) -> None:
        """Count a step, or the elements of a map."""
        marks = step.map
        self.size += 1 if marks is None else marks.size
        self.done += int(step.ended) if marks is None else marks.ended
        self.bad += int(step.status == st.FAILED) if marks is None else marks.bad
        self.running += int(step.status == st.RUNNING) if marks is None else marks.running
        if not step.ended and step.started_at is not None:
            self.now = self.now or step
            self.began_at = step.started_at if self.began_at is None else min(self.began_at, step.started_at)


def run_lines(
    terminal: Terminal, driver: Underway, columns: int, room: int, percents: dict[str, float]
) -> list[str]:  # fmt: skip
    """A run as lines of that width: a headline, and up to `room` lines of what runs and waits."""
    state, now = driver.state, time.time()
    groups = [each for each in groups_of(list(state.steps.values())) if each.now is not None]
    took = human.length(now - (state.started_at or now))
    counts = told_counts(state.counts)
    head = f"{terminal.paint(driver.run.name, 'bold')}  {terminal.status(state.shown_status)}  {took}  {counts}"
    label = max(12, min(40, columns // 3))
    lines = [head] + [_line(terminal, each, label, columns, percents, now) for each in groups[:room]]
    if len(groups) > room:
        lines[-1] = terminal.paint(f"  ... and {len(groups) - room + 1} more", "grey")
    return lines


def groups_of(steps: Sequence[Step]) -> list[_Group]:
    """The steps in groups, in the order in which each group began. Flows count by what is below them."""
    groups: dict[str, _Group] = {}
    for step in steps:
        if step.form == "flow" or step.of:
            continue
        place = step.key if step.map is not None else f"{step.parent}/{step.task}"
        group = groups.get(place)
        if group is None:
            group = groups[place] = _Group(place.partition("/")[2] or place)
        group.add(step)
    return list(groups.values())


def _line(
    terminal: Terminal, group: _Group, label: int, columns: int, percents: dict[str, float], now: float
) -> str:  # fmt: skip
    from motet.cli.screen import fit

    step = group.now
    assert step is not None
    took = human.length(now - (group.began_at or now))
    name = f"  {fit(group.label, label):{label}}"
    if group.size == 1:
        told = terminal.status(step.status) if step.status != st.RUNNING else ""
        percent = percents.get(step.key)
        if percent is not None:
            told = f"{_bar(terminal, percent / 100, columns)} {percent:3.0f} %"
        again = f"after {step.error['type']}" if step.status == st.RETRYING and isinstance(step.error, dict) else ""
        return "  ".join(part for part in (name, told, again, took) if part)
    bad = terminal.paint(f"  {group.bad} failed", "red") if group.bad else ""
    counts = f"{group.done}/{group.size}"
    running = f"  {group.running} running" if columns >= 60 else ""
    return f"{name}  {_bar(terminal, group.done / group.size, columns)} {counts}{running}{bad}  {took}"


def _bar(terminal: Terminal, share: float, columns: int) -> str:
    """A bar filled to that share."""
    long = max(6, min(_BAR, columns // 5))
    full = round(min(1.0, max(0.0, share)) * long)
    on, off = ("━", "─") if terminal.prints("━") else ("#", "-")
    return terminal.paint(on * full, "blue") + terminal.paint(off * (long - full), "grey")


def told_counts(counts: dict[str, int]) -> str:
    """The steps by status, those that still run last."""
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)


def plain_line(driver: Underway) -> str:
    """A run on one line, for a log."""
    state, now = driver.state, time.time()
    groups = sorted(
        (each for each in groups_of(list(state.steps.values())) if each.now is not None and each.running),
        key=lambda each: each.began_at or now,
    )
    told = []
    for each in groups[:3]:
        done = f" {each.done}/{each.size}" if each.size > 1 else ""
        told.append(f"{each.label}{done} ({human.length(now - (each.began_at or now))})")
    more = f", and {len(groups) - 3} more" if len(groups) > 3 else ""
    took = human.length(now - (state.started_at or now))
    line = f"{driver.run.name} {state.shown_status} for {took}: {told_counts(state.counts)}; {', '.join(told)}{more}"
    return line.rstrip("; ")
