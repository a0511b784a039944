"""How runs ended that a command has driven: what it prints, and its exit code; and what Ctrl-C means meanwhile."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

from motet import app, forks, voices
from motet.cli.live import Watch, shown
from motet.cli.terminal import Terminal, complain, tell
from motet.engine.driver import Driver
from motet.errors import MotetError, ReplayMismatch, ResultDamaged, RunError, TargetError
from motet.interrupts import Interrupts, Stop, driven, is_interrupted
from motet.kernel.events import Json
from motet.kernel.program import Finish
from motet.kernel.transitions import CANCELLED, CANCELLING, ENDED, FAILED, SUCCEEDED
from motet.ports import RunRow, StepRow, Store
from motet.ports.voice import Underway
from motet.typed import TYPE_CHECKING, Any
from motet.values.errors import encode_error
from motet.values.records import decode
from motet.views import human, lookup, summary

if TYPE_CHECKING:
    import signal
    from typing import TypeAlias
else:
    import _signal as signal

# ---------------------------------------------------------------- outcome


_LOADED_BYTES = 1_000_000
"""A result larger than this is not loaded only to be printed."""

_SHOWN_RUNS = 20

Further: TypeAlias = tuple[list[str], dict[str, Json]]
"""What there is to tell of a run beside how it ended: lines, and fields of its document."""

_SLOW_S = 0.5
"""Of a run that took longer, it is told which path made it so."""


def of(
    terminal: Terminal, begun: list[str], perform: Callable[[Watch], object],
    further: Callable[[RunRow], Further] | None = None,
) -> int:  # fmt: skip
    """Perform what begins runs, whose ids it adds to `begun`; print how they ended; give the exit code.

    Runs whose drivers it tells of are shown while they go on. `further` says what there is to tell of one beside how
    it ended.

    If it gives True, a script began the runs, and came to its end: how those ended whose flows give states is no
    matter of the exit code.

    Raises errors that are no outcome of a run: whoever called says them.
    """
    app.by_command = True
    stop: BaseException | None = None
    told_states = False
    try:
        with shown(terminal) as watch:
            told_states = perform(watch) is True
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - boundary: the user's program ends here
        stop = error
    rows = _rows(begun)
    told = stop is not None and _tell(stop)
    if terminal.as_json:
        if not _is_for_the_caller(stop, rows):
            told_of = {row.id: further(row)[1] if further is not None else {} for row in rows}
            terminal.json({"runs": [{**_json(row), **told_of[row.id]} for row in rows]})
    else:
        for row in rows[-_SHOWN_RUNS:]:
            if terminal.quiet and row.status == SUCCEEDED:
                continue
            _summarise(terminal, row, with_error=not told and not _gives_state(row))
            for line in further(row)[0] if further is not None else ():
                terminal.say(line)
            damaged = isinstance(row.error, dict) and row.error.get("type") == ResultDamaged.__name__
            if row.status != SUCCEEDED and not damaged and not isinstance(stop, ReplayMismatch):  # both say more
                terminal.say(f"To carry on: motet resume {name_of(app.store(), row)}")
    app.hosts.close(kill=True)  # all is recorded; a thread that was given up must not keep the process
    if is_interrupted() and any(row.status == CANCELLED for row in rows) and not isinstance(stop, KeyboardInterrupt):
        stop = SystemExit(128 + _seen())  # also where the user's code has swallowed it
    return _exit_code(stop, [row for row in rows if not (told_states and _gives_state(row))])


def announced(terminal: Terminal, watch: Watch) -> Watch:
    """Say of each run that it has begun, and go on to watch it."""

    def begin(driver: Underway) -> None:
        if not terminal.quiet and not terminal.as_json and not terminal.is_live:  # else it is seen to run
            row = driver.run
            tell(f"motet: {human.clock(time.time())[:8]} {row.name} began: {row.workflow} ({row.id})")
        watch(driver)

    return begin


def opened(watch: Watch) -> Watch:
    """Show the first run in the browser once it has begun, say where, and go on to watch it."""
    from motet.cli import browser

    links: list[str] = []

    def begin(driver: Underway) -> None:
        if not links:
            links.append(browser.link_to(driver.run.name))
            tell(f"motet: {links[0]}")
            browser.show(links[0])
        watch(driver)

    return begin


def _rows(begun: list[str]) -> list[RunRow]:
    """The runs as they stand now; none of those that could not be created or read."""
    rows = []
    for run in begun:
        try:
            rows.append(app.store().run(run))
        except MotetError:
            continue
    return lookup.with_waits(app.store(), rows)


def _gives_state(row: RunRow) -> bool:
    """Whether the flow's call gives a state, or may be asked for one (its voice has recorded so); then it has told its
    errors, too, and what comes of them is up to the script.
    """
    return bool(row.program.get("gives"))


def _exit_code(stop: BaseException | None, rows: list[RunRow]) -> int:
    bad = int(any(row.status != SUCCEEDED for row in rows))
    if stop is None:
        return bad
    if isinstance(stop, KeyboardInterrupt):
        return 130
    if isinstance(stop, SystemExit):
        return (stop.code or bad) if isinstance(stop.code, int | None) else 1
    if isinstance(stop, MotetError) and _is_for_the_caller(stop, rows):
        stop.what += _place(stop)
        raise stop
    return 1


def _is_for_the_caller(stop: BaseException | None, rows: list[RunRow]) -> bool:
    """Whether it is an error on purpose that no run's own outcome tells."""
    told_by_a_run = isinstance(stop, RunError) and any(row.status in (FAILED, CANCELLED) for row in rows)
    return isinstance(stop, MotetError) and not told_by_a_run


_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")


def _place(stop: BaseException) -> str:
    """Where the user's code was, if that is why it came about: the innermost line that is no library's."""
    place, trace = "", stop.__traceback__
    if isinstance(stop, TargetError) and stop.__cause__ is not None:
        trace = stop.__cause__.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        is_own = str(trace.tb_frame.f_globals.get("__name__", "")).startswith("motet.")
        if not is_own and not file.startswith(("<frozen ", _LIBRARY)) and "-packages" not in file:
            place = f"\n  at {file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _tell(stop: BaseException) -> bool:
    """Print, from the user's first frame on, what ended the program; False if the runs' own errors say it."""
    if isinstance(stop, SystemExit):
        if isinstance(stop.code, str):
            tell(stop.code)
        return False
    if isinstance(stop, MotetError | KeyboardInterrupt):
        return False
    sys.stdout.flush()
    tell(encode_error(stop)["traceback"])
    return True


# ---------------------------------------------------------------- one run


def tell_end(terminal: Terminal, row: RunRow) -> None:
    """Print how a run ended that was followed."""
    if terminal.as_json:
        terminal.json({"runs": [_json(row)]})
        return
    if not (terminal.quiet and row.status == SUCCEEDED):
        _summarise(terminal, row, with_error=True)
        if row.status != SUCCEEDED:
            terminal.say(f"To carry on: motet resume {name_of(app.store(), row)}")


def _summarise(terminal: Terminal, row: RunRow, *, with_error: bool) -> None:
    store = app.store()
    failed = _first_failed(store, row) if row.status == FAILED else None
    if with_error and row.status in ENDED:
        _tell_error(row, failed)
    took = human.length(lookup.duration_of(row))
    status = row.status if row.status in ENDED else "has not ended"
    head = f"Run {terminal.paint(row.name, 'bold')} ({row.id}) {terminal.status(status)}"
    at = f" at {failed.key}" if failed is not None else ""
    steps = summary.steps_of(store, row)
    counts = summary.told_counts(row, row.counts, steps)
    terminal.say(f"{head}{f' after {took}' if took else ''}{at}{f'. Steps: {counts}.' if counts else '.'}")
    slowest = summary.path_line(row, steps) if (row.ended_at or 0.0) - (row.started_at or 0.0) >= _SLOW_S else ""
    if slowest:
        terminal.say(f"Slowest path: {slowest}.")
    if row.status == SUCCEEDED:
        if row.result is not None:
            terminal.say(f"Result: {_shown(row.result)}")
        elif voices.of_run(row).puts_out:
            terminal.say(f"Its results: motet results {name_of(store, row)}")


def _tell_error(row: RunRow, failed: StepRow | None) -> None:
    """The traceback of the run's failure; where the run only says that a step failed, that step's."""
    error = (
        row.error if row.error is not None or failed is None else failed.error
    )  # a program only fails with its steps
    if not isinstance(error, dict):
        return
    sys.stdout.flush()
    if error.get("module") == "motet.errors":
        own = failed.error if failed is not None and isinstance(failed.error, dict) else {}
        if own.get("traceback") and own.get("module") != "motet.errors":
            tell(own["traceback"])
        what, _, cure = error.get("message", "").rpartition("\n")
        complain(what or cure, cure if what else "")
    else:
        tell(error.get("traceback") or lookup.error_line(error))


def _first_failed(store: Store, row: RunRow) -> StepRow | None:
    """The failed step that others failed because of: the first one without failed steps below it."""
    failed = store.steps(row.id, status=FAILED)
    for step in failed:
        below = f"{step.key}/", f"{step.key}["
        if not any(each.key.startswith(below) for each in failed):
            return store.step(row.id, step.key)
    return None


def name_of(store: Store, row: RunRow) -> str:
    """What to call the run by: its name, unless a newer one has it too."""
    return row.name if store.find_runs(row.name)[0].id == row.id else row.id


def _shown(result: Json) -> str:
    value, loaded = _loaded(result)
    if loaded and not (isinstance(result, dict) and "shown" in result):
        return human.short(value)
    from motet.views import values

    return values.told(result)


def _loaded(result: Json) -> tuple[Any, bool]:
    """The recorded value, and whether it was loaded: what is large is not."""
    if isinstance(result, dict) and result.get("size_bytes", 0) > _LOADED_BYTES:
        return None, False
    if app.server() and isinstance(result, dict) and "json" not in result:
        return None, False  # loading what another machine has pickled would run its code here
    try:
        return decode(result, app.artifacts()), True
    except MotetError:
        return None, False


def _json(row: RunRow) -> Json:
    """The run with its result as JSON where that can be, and as text."""
    import json

    from motet.views import documents

    document = {**documents.run_json(row), "result": None, "repr": None}
    if row.status == SUCCEEDED:
        value, _ = _loaded(row.result)
        document["repr"] = _shown(row.result)
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            value = None
        document["result"] = value
    if row.status in (FAILED, CANCELLED) or row.status not in ENDED:
        document["resume"] = f"motet resume {row.id}"
    return document


# ---------------------------------------------------------------- interrupts


def heed_signals() -> None:
    """See to both signals for the rest of this process. Called once, from the main thread."""
    interrupts = Interrupts((signal.SIGINT, signal.SIGTERM))
    interrupts.__enter__()
    Stop.given_up = _give_up
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    forks.own(reader, writer)
    threading.Thread(target=_watch, args=(interrupts, reader), name="motet-interrupts", daemon=True).start()


def _seen() -> int:
    """The number of the signal that has come, 0 for none."""
    return Interrupts.acting.seen if Interrupts.acting is not None else 0


def _are_stopping(reason: str) -> bool:
    """Whether the runs are being stopped already for something else than that reason: then this is the second word."""
    runs = [run.state for run in driven if isinstance(run, Driver)]
    return bool(runs) and all(each.status == CANCELLING and each.reason != reason for each in runs)


def _give_up() -> None:
    """End the runs, and the process, under code that swallows every stop."""
    for run in tuple(reversed(driven)):
        if isinstance(run, Driver):
            run.finish(Finish(CANCELLED))
    complain("the code swallows every stop; it was ended by force.", "To carry on: motet resume")
    os._exit(128 + _seen() if _seen() else 1)


def _watch(interrupts: Interrupts, reader: int) -> None:
    told = False
    while True:
        for number in os.read(reader, 256):
            if number not in (signal.SIGINT, signal.SIGTERM) or not interrupts.in_charge(number):
                continue
            if told or _are_stopping(interrupts.reason):
                sys.stderr.write("\nmotet: killed. What was recorded is safe: `motet resume` carries on.\n")
                sys.stderr.flush()
                os._exit(128 + number)
            told = True
            interrupts.urge()
            name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
            complain(f"stopping; {name} again ends it at once.")
