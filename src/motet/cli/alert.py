"""`motet alert`: who is told when a run fails, crashes, waits or is late."""

from __future__ import annotations

import shlex
import time
from argparse import ArgumentParser, Namespace
from contextlib import closing

from motet import app
from motet.cli.scheduler import see_to_it
from motet.cli.terminal import Terminal
from motet.errors import CommandFailed, UsageError
from motet.ports import Store
from motet.scheduling import alerts, delivery, living
from motet.scheduling.alerts import Alert
from motet.scheduling.documents import alert_json
from motet.views import human


def alert_arguments(parser: ArgumentParser) -> None:
    """What to do, with which alert; what is told, of which runs, how."""
    parser.add_argument("what", choices=("add", "ls", "rm", "test"), help="what to do")
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="what the alert is called")
    parser.add_argument(
        "--on", action="append", default=[], choices=alerts.KINDS, help="what is told (default: failed, crashed)"
    )
    parser.add_argument("--workflow", default="*", metavar="PATTERN", help="of runs of which workflows")
    parser.add_argument("--tag", default="", metavar="TAG", help="of runs with that tag")
    parser.add_argument("--after", default="", metavar="DURATION", help="of late: how long after it was made a run is")
    parser.add_argument(
        "--command", default="", metavar="COMMAND", help="a program, given the message as JSON on stdin"
    )
    parser.add_argument("--mail", default="", metavar="ADDRESS", help="to whom a mail is sent")
    parser.add_argument(
        "--smtp", default="smtp://localhost", metavar="URL",
        help="by which server: smtp://USER:{secret:NAME}@HOST:587, smtps://HOST",
    )  # fmt: skip
    parser.add_argument("--sender", default="", metavar="ADDRESS", help="who the mail is from")
    parser.add_argument("--hook", default="", metavar="URL", help="where the message is posted to as JSON")
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="with the hook; {secret:NAME} is filled in",
    )


def alert(options: Namespace, terminal: Terminal) -> int:
    """Add an alert, try one, or list or remove what there is."""
    home = app.home()
    with closing(app.open_store(home)) as store:
        if options.what == "ls":
            _list(terminal, store)
        elif not options.name:
            raise UsageError(f"motet alert {options.what}: which one?", "Name it: motet alert add NAME --mail ADDRESS.")
        elif options.what == "add":
            made = alerts.add(store, home, _alert(options), time.time())
            living.want(home)
            if not options.no_scheduler:
                see_to_it()
            terminal.say(
                f"Alert {terminal.paint(made.name, 'bold')}: {_how(made)}. To try it: motet alert test {made.name}"
            )
            if terminal.as_json:
                terminal.json(alert_json(made))
        elif options.what == "rm":
            gone = alerts.remove(store, options.name, time.time())
            terminal.say(f"Alert {gone.name} is removed.")
            if terminal.as_json:
                terminal.json(alert_json(gone))
        else:
            _test(alerts.find(store, options.name), home, terminal)
    return 0


def _alert(options: Namespace) -> Alert:
    try:
        command = shlex.split(options.command)
    except ValueError as error:
        raise UsageError(f"--command {options.command!r} cannot be read: {error}.", "Close its quotes.") from None
    return Alert(
        options.name, options.on or ("failed", "crashed"), options.workflow, options.tag,
        human.seconds_of(options.after) if options.after else 0.0, command, options.mail,
        options.smtp, options.sender, options.hook, options.header,
    )  # fmt: skip


def _test(found: Alert, home: str, terminal: Terminal) -> None:
    """Tell a message of no run, now."""
    run = {"id": "none", "name": "none", "workflow": "none", "status": "none"}
    text = "This is a test of the alert: no run failed."
    message = {
        "alert": found.name,
        "kind": "test",
        "title": f"Motet: test of alert {found.name}",
        "text": text,
        "run": run,
    }
    try:
        delivery.deliver(found, message, home)
    except Exception as error:  # boundary: whatever mail servers, programs and addresses lead to
        raise CommandFailed(
            f"Alert {found.name} could not be told: {error}", "Put that right, and try again."
        ) from error
    terminal.say(f"Alert {found.name} was told: {_how(found)}.")


def _how(found: Alert) -> str:
    if found.command:
        return f"by {shlex.join(found.command)}"
    return f"by mail to {found.mail}" if found.mail else f"by {found.hook}"


def _list(terminal: Terminal, store: Store) -> None:
    there = alerts.every(store)
    if terminal.as_json:
        terminal.json([alert_json(each) for each in there])
        return
    if not there:
        terminal.say("There are no alerts. To add one: motet alert add NAME --mail ADDRESS")
        return
    rows = [
        (
            each.name, ", ".join(each.on), each.workflow, _how(each), str(each.state.get("delivered", 0)),
            str(each.state.get("failed", 0)),
        )
        for each in there
    ]  # fmt: skip
    terminal.table(("NAME", "ON", "WORKFLOW", "HOW", "TOLD", "FAILED"), rows)
    for each in alerts.undelivered(store):
        state = "given up" if each["next_at"] is None else f"tried {each['tries']} times"
        terminal.say(
            f"Not told: {each['alert']}, run {each['run']} ({each['kind']}), {state}. {each['error']}".rstrip()
        )
