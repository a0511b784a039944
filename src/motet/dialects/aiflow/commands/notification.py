"""`notification`: events published, listed, counted and followed, whatever server is named."""

from __future__ import annotations

from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from motet.dialects.aiflow import messages
from motet.dialects.aiflow.commands import tables
from motet.dialects.aiflow.commands.tables import OUTPUT, Entry, moment, taking
from motet.dialects.aiflow.messages import Wanted
from motet.dialects.aiflow.model.events import Event
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.listeners import Listener, begin
from motet.ports.voice import Desk

_COLUMNS = ("offset", "key", "value", "namespace", "sender", "context", "create_time")


def arguments(parser: ArgumentParser) -> None:
    """The words of a `notification` command, which has options of its own."""
    parser.add_argument("words", nargs=REMAINDER, metavar="...", help="a command of notification")


def perform(options: Namespace, desk: Desk) -> int:
    """Carry out the `notification` command; gives its exit code."""
    return tables.perform("notification", COMMANDS, options.words, desk)


def _row(event: Event) -> dict[str, Json]:
    created = None if event.create_time is None else event.create_time / 1000
    return {
        "offset": event.offset, "key": event.key, "value": event.value, "namespace": event.namespace,
        "sender": event.sender, "context": event.context, "create_time": moment(created),
    }  # fmt: skip


def _wanted(options: Namespace, desk: Desk) -> Wanted:
    begin = options.begin_offset or 0
    if options.begin_time:
        begin = max(begin, messages.offset_at(desk.host().store, _moment(options.begin_time)))
    return Wanted(options.key, options.namespace, options.sender, begin)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--begin-time {text!r:.80} is no time.", "Write 2026-05-31T12:00:00.") from None


def _list(options: Namespace, desk: Desk) -> int:
    found = messages.find(desk.host().store, _wanted(options, desk))
    tables.show([_row(messages.event_of(each)) for each in found], _COLUMNS, options.output, desk)
    return 0


def _count(options: Namespace, desk: Desk) -> int:
    total, _ = messages.count(desk.host().store, _wanted(options, desk))
    desk.terminal.say(str(total))
    return 0


def _listen(options: Namespace, desk: Desk) -> int:
    wanted = _wanted(options, desk)
    host: Any = desk.host()  # listening needs the engine's own
    rules = messages.rules_of(wanted.key, wanted.namespace, wanted.sender)

    def call(heard: Any) -> None:
        desk.terminal.say(str(messages.event_of(heard)))

    with begin(host, Listener(call, rules, start=wanted.begin or None)) as listener:
        listener.join()
    return 0


def _send(options: Namespace, desk: Desk) -> int:
    event = Event(options.key, options.value)
    event.namespace, event.sender, event.context = options.namespace, options.sender, options.context
    host = desk.host()
    told = messages.publication_of(host.store, event, host.clock.now())
    event.offset, event.create_time = host.store.publish([told])[0], int(told.at * 1000)
    desk.terminal.say("Successfully send event")
    desk.terminal.say(str(event))
    return 0


def _nothing(options: Namespace, desk: Desk) -> int:
    desk.terminal.say(f"Nothing is needed: events are published to the store in {desk.home}, whatever server is named.")
    return 0


_KEY = taking("key", help='the key; "*" for all')
_SERVER = taking("-s", "--server-uri", default="", help="taken: events are those of this home")
_NAMESPACE = taking("-n", "--namespace", default=None, help="those of one namespace")
_SENDER = taking("--sender", default=None, help="those of one sender")
_FROM = (
    taking("--begin-offset", type=int, default=0, help="those beyond an offset"),
    taking("--begin-time", default="", help="those since a time: 2026-05-31T12:00:00"),
)

COMMANDS: Mapping[str, Entry] = {
    "version": Entry("print the version that is understood", tables.version),
    "event list": Entry("list events", _list, [_KEY, _SERVER, _NAMESPACE, *_FROM, _SENDER, OUTPUT]),
    "event count": Entry("count events", _count, [_KEY, _SERVER, _NAMESPACE, *_FROM, _SENDER]),
    "event listen": Entry("print events as they come", _listen, [_KEY, _SERVER, _NAMESPACE, *_FROM, _SENDER]),
    "event send": Entry(
        "publish an event", _send,
        [_KEY, taking("value"), _SERVER, _NAMESPACE, taking("--context", default=None), _SENDER],
    ),
    **tables.unneeded(_nothing, "config init", "config list", "config get-value", "server start", "server stop"),
    **tables.unneeded(_nothing, "db init", "db reset", "db upgrade", "db downgrade"),
}  # fmt: skip
