"""`motet schedule` and `motet trigger`: when runs of registered workflows begin."""

from __future__ import annotations

import shlex
import time
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any

from motet import app
from motet.cli import requests
from motet.cli.register import registered
from motet.cli.requests import OWN, Request
from motet.cli.scheduler import see_to_it
from motet.cli.terminal import Terminal
from motet.errors import UsageError, near
from motet.kernel.events import Json
from motet.ports import Store
from motet.registry import definitions
from motet.scheduling import living, schedules, times, triggers
from motet.scheduling.documents import schedule_json, trigger_json
from motet.scheduling.schedules import Schedule
from motet.scheduling.triggers import Trigger
from motet.views import human

_VERBS = ("add", "ls", "show", "next", "pause", "resume", "rm")


def schedule_arguments(parser: ArgumentParser) -> None:
    """What to do, with which schedule; when it is due."""
    _shared_arguments(parser, _VERBS)
    parser.add_argument("--cron", default="", metavar="EXPRESSION", help="'30 2 * * 1-5', @daily, @hourly, ...")
    parser.add_argument("--every", default="", metavar="DURATION", help="90s, 15m, 12h, 7d")
    parser.add_argument("--at", default="", metavar="TIME", help="once: 2027-01-31T09:00, in the zone")
    parser.add_argument("--zone", default="", metavar="ZONE", help="Europe/Berlin, UTC (default: this machine's)")
    parser.add_argument("--start", default="", metavar="TIME", help="not before; intervals are counted from there")
    parser.add_argument("--end", default="", metavar="TIME", help="not after")
    parser.add_argument(
        "--catch-up", default="last", choices=times.CATCH_UP, help="what is run of times that were missed"
    )
    parser.add_argument(
        "--overlap", default="allow", choices=times.OVERLAP, help="what is done while a run of it is under way"
    )
    parser.add_argument("-n", type=human.whole("-n", 1), default=5, metavar="N", help="of next: so many times")


def schedule(options: Namespace, terminal: Terminal) -> int:
    """Add a schedule, or list, show, pause, resume or remove what there is."""
    _check_one("schedule", options)
    target = _target(options, terminal) if options.what == "add" else ""
    with closing(app.open_store(app.home())) as store:
        now = time.time()
        if options.what == "add":
            made = schedules.add(store, _schedule(options, target, store), now)
            _wanted(options)
            terminal.say(f"Schedule {terminal.paint(made.name, 'bold')}: {_when(made)}, begins {made.target}.")
            _say_next(terminal, made, now, 1)
            if terminal.as_json:
                terminal.json(schedule_json(made, now))
        elif options.what == "ls":
            _list_schedules(terminal, store, now)
        elif options.what == "show":
            _show_schedule(terminal, schedules.find(store, _named(options)), now)
        elif options.what == "next":
            _show_next(terminal, schedules.find(store, _named(options)), now, options.n)
        else:
            found = _changed(schedules, options.what)(store, _named(options), now)
            terminal.say(f"Schedule {found.name} is {_DONE[options.what]}.")
            if terminal.as_json:
                terminal.json(schedule_json(found, now))
    return 0


_DONE = {"pause": "paused", "resume": "at work again, from now on", "rm": "removed"}


def _changed(of: object, what: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(of, {"rm": "remove"}.get(what, what))
    return found


def _schedule(options: Namespace, target: str, store: Store) -> Schedule:
    zone = options.zone or times.local_zone()
    return Schedule(
        _free_name(options, target, [each.name for each in schedules.every(store)]), target, params=_params(options),
        cron=options.cron, every_s=human.seconds_of(options.every) if options.every else 0.0,
        at=_moment(options.at, zone), zone=zone,
        start_at=_moment(options.start, zone), end_at=_moment(options.end, zone),
        catch_up=options.catch_up, overlap=options.overlap,
    )  # fmt: skip


def _moment(text: str, zone: str) -> float | None:
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time.", "Write it as 2027-01-31T09:00.") from None
    return (read if read.tzinfo is not None else read.replace(tzinfo=times.zone_of(zone))).timestamp()


# ---------------------------------------------------------------- shared with triggers


def _shared_arguments(parser: ArgumentParser, verbs: tuple[str, ...]) -> None:
    parser.add_argument("what", choices=verbs, help="what to do")
    parser.add_argument(
        "target", metavar="TARGET", nargs="?", default="",
        help="with add: a registered workflow (NAME, NAME@VERSION), or a target, which is registered; else a name",
    )  # fmt: skip
    parser.add_argument("more", nargs="?", default="", help=SUPPRESS)  # so that it can be told what is wrong with it
    parser.add_argument("--name", default="", metavar="NAME", help="what it is called (default: as the workflow)")
    requests.given_parameters(parser)


def _check_one(kind: str, options: Namespace) -> None:
    """Raise UsageError for two names, or two targets, and for one that is needed and not given."""
    called, first, second = f"motet {kind} {options.what}", options.target, options.more
    if options.what == "ls" and first:
        raise UsageError(f"{called} lists all, and {first!r} was given.", f"Leave it out: motet {kind} ls")
    if second and options.what == "add":
        raise UsageError(
            f"{called} takes one TARGET, and {first!r} and {second!r} were given.",
            f"Its own name goes with --name: {called} {shlex.join([second, '--name', first])}",
        )
    if second:
        raise UsageError(f"{called} takes one name, and {first!r} and {second!r} were given.", "Name one at a time.")
    if options.what not in ("add", "ls") and not (first or options.name):
        raise UsageError(f"{called}: which one?", f"Name it; motet {kind} ls lists what there is.")


def _target(options: Namespace, terminal: Terminal) -> str:
    """The registered workflow that is meant; a file, or a module, is registered on the way."""
    if not options.target:
        raise UsageError("What is to be run?", "Name a registered workflow, or a file.py:flow or workflow.yaml.")
    from motet.cli import once

    with closing(app.open_store(app.home())) as store:
        if (found := once.registered(store, options.target)) is not None:
            return options.target if "@" in options.target else found.name
        names = [each.name for each in definitions.every(store)]
    try:
        requests.target_of(options.target)
    except UsageError:
        if meant := near(options.target, names):
            raise UsageError(f"No workflow is registered as {options.target!r}.", f"Did you mean {meant}?") from None
        raise
    asked = Namespace(**{**vars(options), "name": "", "param": [], "params": None, "root": "", "exclude": []})
    made = registered(asked, terminal)
    terminal.say(f"Registered {made.version}.")
    return made.name


def _free_name(options: Namespace, target: str, taken: list[str]) -> str:
    """The name that was given; else the workflow's, with a number where that is taken."""
    name = target.partition("@")[0]
    free = next(
        each for each in [name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))] if each not in taken
    )
    return options.name or free


def _params(options: Namespace) -> dict[str, Json]:
    plain = Namespace(params=options.params, param=options.param, name="", **{OWN: requests.NOTHING})
    return dict(Request(plain).of_registered("it"))


def _named(options: Namespace) -> str:
    name: str = options.target or options.name
    return name


def _wanted(options: Namespace) -> None:
    living.want(app.home())
    if not options.no_scheduler:
        see_to_it()


# ---------------------------------------------------------------- what is shown of schedules


def _when(found: Schedule) -> str:
    if found.cron:
        return f"{found.cron} ({found.zone})"
    return f"every {human.length(found.every_s)}" if found.every_s else f"once, {_local(found, found.at or 0.0)}"


def _local(found: Schedule, at: float) -> str:
    return f"{datetime.fromtimestamp(at, times.zone_of(found.zone)):%Y-%m-%d %H:%M:%S %Z}"


def _coming(found: Schedule, now: float) -> str:
    if found.paused:
        return "paused"
    following = times.next_due(found, now)
    return "over" if following is None else _local(found, following)


def _say_next(terminal: Terminal, found: Schedule, now: float, count: int) -> None:
    for each in schedules.next_times(found, now, count):
        terminal.say(f"Next: {_local(found, each)}")


def _show_next(terminal: Terminal, found: Schedule, now: float, count: int) -> None:
    if terminal.as_json:
        terminal.json(schedules.next_times(found, now, count))
    else:
        _say_next(terminal, found, now, count)


def _list_schedules(terminal: Terminal, store: Store, now: float) -> None:
    there = schedules.every(store)
    if there:
        living.want(app.home())  # a home that was restored has no mark yet
    if terminal.as_json:
        terminal.json([schedule_json(each, now) for each in there])
    elif not there:
        terminal.say("There are no schedules. To add one: motet schedule add TARGET --cron '30 2 * * *'")
    else:
        rows = [
            (
                each.name, each.target, _when(each), _coming(each, now), str(each.state.get("started", 0)),
                str(each.state.get("skipped", 0)),
            )
            for each in there
        ]  # fmt: skip
        terminal.table(("NAME", "WORKFLOW", "WHEN", "NEXT", "STARTED", "SKIPPED"), rows)


def _show_schedule(terminal: Terminal, found: Schedule, now: float) -> None:
    if terminal.as_json:
        terminal.json(schedule_json(found, now))
        return
    state = found.state
    terminal.say(terminal.paint(found.name, "bold"))
    lines = [
        ("begins", found.target), ("when", _when(found)), ("params", human.short(dict(found.params))),
        ("catch-up", found.catch_up), ("overlap", found.overlap), ("started", str(state.get("started", 0))),
        ("skipped", str(state.get("skipped", 0))), ("runs", ", ".join(state.get("runs", [])[-5:])),
    ]  # fmt: skip
    for name, value in lines:
        terminal.say(f"{name:10}  {value}")
    for each in state.get("told", []):
        until = f" to {_local(found, each['to'])}" if each["count"] > 1 else ""
        terminal.say(f"Skipped: {_local(found, each['from'])}{until} ({each['count']}): {each['why']}.")
    if not found.paused:
        _say_next(terminal, found, now, 1)


# ---------------------------------------------------------------- triggers


def trigger_arguments(parser: ArgumentParser) -> None:
    """What to do, with which trigger; which events count."""
    _shared_arguments(parser, ("add", "ls", "pause", "resume", "rm"))
    parser.add_argument("--key", default="", metavar="PATTERN", help="keys of events: 'data/*'")
    parser.add_argument("--namespace", metavar="PATTERN", help="their namespaces (default: any but Motet's own)")
    parser.add_argument("--sender", metavar="PATTERN", help="their senders")
    parser.add_argument(
        "--where", action="append", default=[], metavar="CONDITION", help="value.score>=0.9; of several, all must hold"
    )
    parser.add_argument(
        "--take", action="append", default=[], metavar="NAME=PART", help="a parameter from the event: path=value.path"
    )


def trigger(options: Namespace, terminal: Terminal) -> int:
    """Add a trigger, or list, pause, resume or remove what there is."""
    _check_one("trigger", options)
    if options.what == "add" and not options.key:
        raise UsageError("Which events?", "Name a pattern of their keys: --key 'data/*'.")
    target = _target(options, terminal) if options.what == "add" else ""
    with closing(app.open_store(app.home())) as store:
        now = time.time()
        if options.what == "add":
            made = triggers.add(store, _trigger(options, target, store), now)
            _wanted(options)
            terminal.say(f"Trigger {terminal.paint(made.name, 'bold')}: events {_which(made)} begin {made.target}.")
            if terminal.as_json:
                terminal.json(trigger_json(made))
        elif options.what == "ls":
            _list_triggers(terminal, triggers.every(store))
        else:
            found = _changed(triggers, options.what)(store, _named(options), now)
            terminal.say(f"Trigger {found.name} is {_DONE[options.what]}.")
            if terminal.as_json:
                terminal.json(trigger_json(found))
    return 0


def _trigger(options: Namespace, target: str, store: Store) -> Trigger:
    taken = dict(each.partition("=")[::2] for each in options.take)
    if not all(taken.values()):
        raise UsageError("--take is NAME=PART.", "Write for example --take path=value.path.")
    return Trigger(
        _free_name(options, target, [each.name for each in triggers.every(store)]), target, options.key,
        options.namespace, options.sender, options.where, _params(options), taken,
    )  # fmt: skip


def _which(found: Trigger) -> str:
    more = [f"{name} {value}" for name, value in (("namespace", found.namespace), ("sender", found.sender)) if value]
    return ", ".join([found.key, *more, *found.where])


def _list_triggers(terminal: Terminal, there: list[Trigger]) -> None:
    if terminal.as_json:
        terminal.json([trigger_json(each) for each in there])
    elif not there:
        terminal.say("There are no triggers. To add one: motet trigger add TARGET --key 'data/*'")
    else:
        rows = [
            (each.name, each.target, _which(each), "paused" if each.paused else "", str(each.state.get("started", 0)))
            for each in there
        ]
        terminal.table(("NAME", "WORKFLOW", "EVENTS", "", "STARTED"), rows)
