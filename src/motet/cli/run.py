"""`motet run`, `submit`, `check` and `engine`: a run is begun here, or made to be driven by a process of its own."""

from __future__ import annotations

import sys
from functools import partial

from motet import app, voices
from motet.cli import outcome, requests
from motet.cli.live import Watch
from motet.cli.requests import Request
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.errors import MotetError
from motet.executors.capture import Wrapped
from motet.kernel.program import Finish
from motet.kernel.transitions import FAILED, PENDING
from motet.ports import RunRow
from motet.ports.voice import Asked, Onward, Target, Voice
from motet.typed import TYPE_CHECKING, Any
from motet.values.errors import encode_error

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

# ---------------------------------------------------------------- run


def run_arguments(parser: ArgumentParser) -> None:
    """What is asked of the run."""
    requests.target(parser)
    requests.parameters(parser)
    requests.beginning(parser)
    requests.shown(parser)
    parser.add_argument(
        "--plan", action="store_true", help="run nothing: say which steps are cached, to run, or unknown until run"
    )
    parser.add_argument("--open", action="store_true", help="show the run in the browser, as `motet open` does")


def run(options: Namespace, terminal: Terminal) -> int:
    """Run the target here and print how its runs ended."""
    requests.show(options, terminal)
    request = Request(options, sys.argv[1:])
    target = requests.target_of(options.target)
    terminal.keep_stdout_clean()
    outcome.heed_signals()
    app.hosts.current().making = request.making
    if options.plan:
        from motet.cli import plan

        voice = voices.of_target(target)
        return plan.print_plan(app.hosts.current(), voice, target, request.asked(voice, str(target)), terminal)

    def perform(watch: Watch) -> bool:
        voice = voices.of_target(target)
        watch = outcome.opened(watch) if options.open else watch
        asked = request.asked(voice, str(target), outcome.announced(terminal, watch))
        try:
            return voice.run(app.hosts.current(), target, asked)
        except SystemExit as end:  # `sys.exit(0)` at the end of a script is an end like any other
            if end.code or target.name:
                raise
            return True

    return outcome.of(terminal, request.begun, perform)


# ---------------------------------------------------------------- submit


def submit_arguments(parser: ArgumentParser) -> None:
    """What is asked of the run."""
    requests.target(parser)
    requests.parameters(parser)
    requests.beginning(parser)
    parser.add_argument(
        "--key", default="", metavar="KEY", help="submit once: a second time gives the run that there is for the key"
    )


def submit(options: Namespace, terminal: Terminal) -> int:
    """Create the run, start a process that drives it to its end, and print its name at once."""
    from motet.cli import once

    request = Request(options, sys.argv[1:], detached=True)
    host = app.hosts.current()
    host.making = request.making
    if definition := once.registered(host.store, options.target):
        given = request.of_registered(definition.version)
        make, written = once.of_definition(host, definition, given, options.name)
        terminal.keep_stdout_clean()
    else:
        target = requests.target_of(options.target)
        terminal.keep_stdout_clean()
        voice = voices.of_target(target)
        asked = request.asked(voice, str(target))
        make, written = partial(voice.new_run, host, target, asked), once.written_down(target, asked)
    row = once.submitted(host, options.key) if options.key else None
    was = "had been submitted with this key" if row is not None else "was submitted"
    if row is None:
        row = once.submit(host, options.key, make(), written)
    elif other := once.other(host, options.key, written):
        terminal.complain(f"The run of the key {options.key!r} was asked for otherwise: {other}. It is left as it is.")
    once.start(row)
    terminal.say(f"Run {terminal.paint(row.name, 'bold')} ({row.id}) {was}.")
    terminal.say(f"To see it: motet show {row.name}; motet logs -f {row.name}")
    if options.json:
        from motet.views.documents import run_json

        terminal.json(run_json(host.store.run(row.id)))
    return 0


# ---------------------------------------------------------------- check


def check_arguments(parser: ArgumentParser) -> None:
    """What would be run, and how."""
    requests.target(parser)
    requests.parameters(parser)
    parser.add_argument(
        "--build", action="store_true", help="also fetch and build what its steps need, as `motet submit` does"
    )


def check(options: Namespace, terminal: Terminal) -> int:
    """Say what is wrong with the target and what is asked of it; 2 if anything is. No run is made."""
    request = requests.Request(options, sys.argv[1:])
    target = requests.target_of(options.target)
    terminal.keep_stdout_clean()
    voice = voices.of_target(target)
    asked = request.asked(voice, str(target))
    found = list(voice.check(app.hosts.current(), target, asked))
    if not found and options.build:
        found = _built(voice, target, asked)
    if terminal.as_json:
        wrong = [{"error": each.what, "cure": each.cure} for each in found]
        terminal.json({"target": str(target), "voice": voice.name, "wrong": wrong})
    elif not found:
        terminal.say(f"{target} is {voice.title}. Nothing is wrong with it, as far as can be seen before a run.")
    for each in found if not terminal.as_json else ():
        terminal.complain(each.what, each.cure)
    return 2 if found else 0


def _built(voice: Voice, target: Target, asked: Asked) -> list[MotetError]:
    try:
        voice.new_run(app.hosts.current(), target, asked)
    except MotetError as error:
        return [error]
    return []


# ---------------------------------------------------------------- engine


_MOST_CHARS = 1_000_000


def engine_arguments(parser: ArgumentParser) -> None:
    """The run."""
    parser.add_argument("run", metavar="RUN", help="the run's id")


def engine(options: Namespace, terminal: Terminal) -> int:
    """Drive the run. If it cannot even begin, it ends as failed, and says why. One that is parked stays so."""
    import faulthandler

    from motet import deaths

    faulthandler.enable(sys.__stderr__ or sys.stderr)  # its last word, if the interpreter crashes
    outcome.heed_signals()
    sys.stdout, sys.stderr = _Beginning(sys.stdout), _Beginning(sys.stderr)
    host = app.hosts.current()
    row = host.store.run(options.run)
    deaths.check(host.store, row, app.engine_log(row.id))
    return outcome.of(terminal, [row.id], lambda _: _drive(host, row))


def _drive(host: Host, row: RunRow) -> None:
    try:
        app.carry_on(host, row, Onward())
    except Exception as error:
        if host.store.run(row.id).status == PENDING:
            host.take_up(row.id).finish(Finish(FAILED, error=encode_error(error)))
        raise


class _Beginning(Wrapped):
    """A stream of which only the beginning is passed on: this process writes to a file without bounds, and what
    attempts write is in the log of the run anyway.
    """

    def __init__(self, real: Any) -> None:
        super().__init__(real)
        self._left = _MOST_CHARS

    def write(self, text: str) -> int:
        """Write what there is room for."""
        before, self._left = self._left, self._left - len(text)
        if before >= 0:
            self.real.write(text if self._left >= 0 else f"{text[:before]}\n(motet: the rest is in motet logs)\n")
        return len(text)
