"""`motet events`, `motet publish` and `motet react`."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import islice

from motet import app
from motet.cli.terminal import Terminal
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import SUCCEEDED
from motet.ports import Entry, Publication, Store
from motet.ports.voice import Written
from motet.rules import is_like
from motet.values.naming import KEY_CHARS, checked, said
from motet.views import human, lookup

# ---------------------------------------------------------------- events


_LATEST = 100
_IN_ONE_COMMIT = 500
_TEXTS = ("key", "namespace", "client_key")
_AT_ONCE = 1000


def events_arguments(parser: ArgumentParser) -> None:
    """Which events, from where on; follow."""
    parser.add_argument("run", metavar="RUN", nargs="?", help="only events of that run (default: from its beginning)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as events happen, until Ctrl-C")
    parser.add_argument(
        "--after",
        type=human.whole("--after", 0),
        metavar="N",
        help=f"events beyond offset N (default: the last {_LATEST} of the journal)",
    )  # fmt: skip
    parser.add_argument("--key", help='only events with that key, such as step.failed; each "*" stands for any text')
    parser.add_argument("--namespace", metavar="N", help="only published events of that namespace")
    parser.add_argument("--sender", metavar="WHO", help="only published events that WHO sent")
    parser.add_argument("--since", metavar="WHEN", help='from then on: "15m" ago, or a time: 14:05, 2026-11-30T14:05')
    parser.add_argument("--listeners", action="store_true", help="list who listens, and how much is yet to be heard")
    parser.add_argument("--run", metavar="RUN", dest="of", help="the same as RUN")


def events(options: Namespace, terminal: Terminal) -> int:
    """Print events in the order in which they were committed."""
    if options.listeners:
        from motet.cli.listener import show

        show(terminal)
        return 0
    store = app.store()
    asked = options.run or options.of
    run = lookup.find_run(store, asked).id if asked else None
    after = _beginning(options, store, run)
    if options.follow:
        for entry in _followed(store, after, run, terminal):
            if _is_wanted(options, entry):
                _print(terminal, entry)
        return 0
    found = (each for each in _written(store, after, run) if _is_wanted(options, each))
    if options.json:
        terminal.json([_json(entry) for entry in found])
    else:
        for entry in found:
            _print(terminal, entry)
    return 0


def _beginning(options: Namespace, store: Store, run: str | None) -> int:
    """The offset after which events are wanted."""
    if options.after is not None:
        return int(options.after)
    if options.since:
        from motet.views.listing import moment_of

        return store.offset_at(moment_of("--since", options.since, time.time()))
    return 0 if run else max(0, store.head() - _LATEST)


def _is_wanted(options: Namespace, entry: Entry) -> bool:
    key, namespace, sender = options.key, options.namespace, options.sender
    return (
        (not key or is_like(entry.key, key))
        and (namespace is None or (entry.published and entry.namespace == namespace))
        and (sender is None or (entry.published and entry.sender == sender))
    )


def _written(store: Store, after: int, run: str | None) -> Iterator[Entry]:
    while entries := store.read(after, limit=_AT_ONCE, run=run):
        yield from entries
        after = entries[-1].offset


def _followed(store: Store, after: int, run: str | None, terminal: Terminal) -> Iterator[Entry]:
    follower = store.follow()
    try:
        while True:
            for entry in _written(store, after, run):
                after = entry.offset
                yield entry
            terminal.flush()
            follower.wait(None)
    finally:
        follower.close()


def _print(terminal: Terminal, entry: Entry) -> None:
    if terminal.as_json:
        terminal.json(_json(entry))
        return
    place = f"{entry.namespace}:" if entry.namespace and entry.published else ""
    key = terminal.paint(f"{place}{entry.key}", "bold")
    who = entry.run or entry.sender
    value = "" if entry.value is None else human.short_text(_told(entry), 120)
    line = f"{entry.offset:>7}  {human.clock(entry.at)}  {who[:20]:20}  {key}  {value}"
    terminal.say(line.rstrip())


def _told(entry: Entry) -> str:
    """What an event says beside its key; of what an engine records, only what tells it from others."""
    value = entry.value
    if entry.published or not isinstance(value, dict):
        import json

        return json.dumps(value, ensure_ascii=False)
    said = [str(value["key"])] if "key" in value else []
    for name in ("status", "reason", "because", "attempt", "element", "size", "owner"):
        if value.get(name) not in (None, ""):
            said.append(f"{name}={value[name]}")
    if value.get("error") is not None:
        said.append(lookup.error_line(value["error"]))
    return " ".join(said)


def _json(entry: Entry) -> Json:
    return {
        "offset": entry.offset, "run": entry.run, "seq": entry.seq, "key": entry.key, "namespace": entry.namespace,
        "value": entry.value, "at": entry.at, "sender": entry.sender, "published": entry.published,
    }  # fmt: skip


# ---------------------------------------------------------------- publish


def publish_arguments(parser: ArgumentParser) -> None:
    """A key, a value."""
    parser.add_argument("key", metavar="KEY", help="what happened, such as data_prepared; a file with --lines")
    parser.add_argument("value", metavar="VALUE", nargs="?", help="JSON; what is none is taken as text")
    parser.add_argument("--namespace", default="", metavar="N", help="whose event it is (default: nobody's)")
    parser.add_argument("--client-key", default="", metavar="K", help="publishing twice with the same key is one event")
    parser.add_argument("--run", metavar="RUN", default="", help="for that run only, given by id or name")
    parser.add_argument(
        "--lines", action="store_true",
        help='publish what stands in the file KEY, "-" for stdin, a line each: {"key": ..., "value": ...}',
    )  # fmt: skip


def publish(options: Namespace, terminal: Terminal) -> int:
    """Publish an event, or those of a file, and print its offset, or the last one's."""
    store = app.store()
    run = lookup.find_run(store, options.run).id if options.run else ""
    if options.lines:
        offsets = _publish_lines(options, run)
        terminal.say(f"Published {human.counted(len(offsets), 'event')}{f', up to {offsets[-1]}' if offsets else ''}.")
        if options.json:
            terminal.json({"offsets": offsets})
        return 0
    value = None if options.value is None else Written(options.value).read()
    namespace, client_key = options.namespace, options.client_key
    event = said(Publication(options.key, value, namespace, _sender(), run, client_key, time.time()))
    offset = store.publish([event])[0]
    terminal.say(f"Published {options.key} at offset {offset}.")
    if options.json:
        terminal.json({"offset": offset})
    return 0


def _publish_lines(options: Namespace, run: str) -> list[int]:
    """Publish what the file says, 500 events in a commit; gives the offsets. Raises UsageError for a line that is no
    event: those before it may have been published.
    """
    if options.value is not None:
        raise UsageError(f"--lines takes no value, and {options.value} is one.", "Leave it out: each line has its own.")
    store, offsets = app.store(), list[int]()
    try:
        with sys.stdin if options.key == "-" else open(options.key, encoding="utf-8") as lines:
            told = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
            while some := [_said(options, run, number, line) for number, line in islice(told, _IN_ONE_COMMIT)]:
                offsets += store.publish(some)
    except OSError as error:
        raise UsageError(f"{options.key}: {error.strerror}.", "Name a file of events, or - for stdin.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{options.key} is no text.", "Name a file of events, or - for stdin.") from None
    return offsets


def _said(options: Namespace, run: str, number: int, line: str) -> Publication:
    import json

    what = f"Line {number} of {options.key}"
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what} is not JSON: {error}.", 'Write {"key": ..., "value": ...}.') from None
    if not isinstance(told, dict) or not all(isinstance(told.get(name, "-"), str) for name in _TEXTS):
        raise UsageError(f"{what} is no event.", 'Write {"key": ..., "value": ...}.')
    client_key = told.get("client_key", "") or (f"{options.client_key}/{number}" if options.client_key else "")
    namespace = told.get("namespace", options.namespace)
    value, at = told.get("value"), time.time()
    try:
        return said(Publication(told.get("key", ""), value, namespace, _sender(), run, client_key, at))
    except UsageError as error:
        raise UsageError(f"{what}: {error.what}", error.cure) from None


def _sender() -> str:
    """The step that this is part of, in a command; else this command."""
    run, step = os.environ.get("MOTET_RUN"), os.environ.get("MOTET_STEP")
    return f"{run}/{step}"[:KEY_CHARS] if run and step else "motet publish"


# ---------------------------------------------------------------- react


def react_arguments(parser: ArgumentParser) -> None:
    """Whose flows; what the run that begins others is called; where it is driven."""
    parser.add_argument("target", metavar="TARGET", help="file.py or package.module, in which flows have `on`")
    parser.add_argument("--name", default="", metavar="NAME", help="what the run is called that begins the others")
    parser.add_argument("-b", "--background", action="store_true", help="in a process of its own, until `motet stop`")


def react(options: Namespace, terminal: Terminal) -> int:
    """Begin a run of each flow of the file or module whenever its rule fires, until this is stopped."""
    from motet import reactions
    from motet.cli.requests import target_of
    from motet.ports.voice import Onward

    deeds = reactions.of_flows(target_of(options.target))
    if not deeds:
        raise UsageError(f"No flow of {options.target} says upon what it begins.", "Write @flow(on=...) above one.")
    plan = reactions.plan_of(deeds, ends=False)
    row = reactions.begun(plan, name=checked(options.name, "--name"), workflow=options.target)
    flows = human.counted(len(plan.tasks), "flow")
    terminal.say(f"Run {row.name} begins {flows} as rules fire. To end it: motet stop {row.name}")
    terminal.flush()
    if terminal.as_json:
        terminal.json({"id": row.id, "name": row.name, "flows": list(plan.tasks)})
    if options.background:
        app.start_engine(row.id)
        return 0
    host = app.hosts.current()
    app.carry_on(host, row, Onward())
    return 0 if host.store.run(row.id).status == SUCCEEDED else 1
