"""`motet events` and `motet publish`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from motet import app
from motet.cli.terminal import Terminal
from motet.kernel.events import Json
from motet.ports import Entry, Publication, Store
from motet.ports.voice import Written
from motet.values.naming import check_published
from motet.views import human, lookup

# ---------------------------------------------------------------- events


_LATEST = 100
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
    parser.add_argument("--key", help="only events with that key, such as step.failed")
    parser.add_argument("--run", metavar="RUN", dest="of", help="the same as RUN")


def events(options: Namespace, terminal: Terminal) -> int:
    """Print events in the order in which they were committed."""
    store = app.open_store(app.home())
    asked = options.run or options.of
    run = lookup.find_run(store, asked).id if asked else None
    after = options.after
    if after is None:
        after = 0 if run else max(0, store.head() - _LATEST)
    if options.follow:
        for entry in _followed(store, after, run, terminal):
            if not options.key or entry.key == options.key:
                _print(terminal, entry)
        return 0
    found = (each for each in _written(store, after, run) if not options.key or each.key == options.key)
    if options.json:
        terminal.json([_json(entry) for entry in found])
    else:
        for entry in found:
            _print(terminal, entry)
    return 0


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
    parser.add_argument("key", metavar="KEY", help="what happened, such as data_prepared")
    parser.add_argument("value", metavar="VALUE", nargs="?", help="JSON; what is none is taken as text")
    parser.add_argument("--namespace", default="", metavar="N", help="whose event it is (default: nobody's)")
    parser.add_argument("--client-key", default="", metavar="K", help="publishing twice with the same key is one event")


def publish(options: Namespace, terminal: Terminal) -> int:
    """Publish an event and print its offset."""
    value = None if options.value is None else Written(options.value).read()
    check_published(options.key, options.namespace, options.client_key, value)
    event = Publication(options.key, value, options.namespace, "motet publish", "", options.client_key, time.time())
    offset = app.open_store(app.home()).publish([event])[0]
    terminal.say(f"Published {options.key} at offset {offset}.")
    if options.json:
        terminal.json({"offset": offset})
    return 0
