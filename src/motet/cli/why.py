"""`motet why`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import human, lookup
from motet.cli.reasons import Reasons
from motet.cli.terminal import Terminal


def arguments(parser: ArgumentParser) -> None:
    """A step of a run."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument("step", metavar="STEP", help="key of a step, or how its key ends; scale-0[3] for an element")


def command(options: Namespace, terminal: Terminal) -> int:
    """Say why the step stands as it does, and what befell it, in order."""
    store = app.open_store(app.home())
    run = lookup.find_run(store, options.run)
    step = lookup.find_step(store, run, options.step)
    reasons = Reasons(store, run, step)
    if options.json:
        terminal.json(reasons.json())
        return 0
    cached = " (cached)" if step.cached else ""
    terminal.say(f"{terminal.paint(step.key, 'bold')}  {terminal.status(step.status)}{cached}  in run {run.name}")
    terminal.say()
    for line in reasons.why():
        terminal.say(line)
    terminal.say()
    for at, text in reasons.story():
        terminal.say(f"{terminal.paint(human.clock(at), 'grey')}  {text}")
    return 0
